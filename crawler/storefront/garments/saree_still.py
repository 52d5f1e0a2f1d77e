"""Sarees with nobody in them: folded as they come from the shop, or hung over a rod."""

from __future__ import annotations

import numpy as np

from crawler.storefront.garments.canvas import Canvas
from crawler.storefront.garments.chance import Chance
from crawler.storefront.garments.cloth import Light, flat, pleats, rgb, roundness, step, wobble
from crawler.storefront.garments.ribbon import Ribbon
from crawler.storefront.garments.saree import tassels
from crawler.storefront.garments.silk import Silk


def paint_folded(canvas: Canvas, silk: Silk, light: Light, chance: Chance) -> None:
    """Paint a folded saree seen from above: a stack of layers, the pallu and the blouse piece."""
    wide, tall = chance.between(270, 340), chance.between(200, 300)
    x, y = 240 - wide / 2, 315 - tall / 2
    gap = chance.between(4, 7)
    for k in (3, 2, 1, 0):
        _sheet(canvas, silk, (x + gap * 0.4 * k, y + gap * k), (wide, tall), light, 1.0 - 0.06 * k)
    strip = wide * chance.between(0.30, 0.42)
    left = (
        x + wide - strip - chance.between(8, 26) if chance.maybe(0.6) else x + chance.between(8, 60)
    )
    _pallu(canvas, silk, (left, y + 3), (strip, tall + chance.between(18, 60)), light, chance)


def _sheet(
    canvas: Canvas,
    silk: Silk,
    at: tuple[float, float],
    size: tuple[float, float],
    light: Light,
    tone: float,
) -> None:
    wide, tall = size
    ribbon = Ribbon.of(at, tall, [(0.0, 0.0), (tall, 0.0)], [(0.0, wide), (tall, wide)])
    patch = canvas.rasterise(ribbon)
    shade = tone + 0.02 * wobble(patch.t + patch.s, silk.offset)
    shade -= 0.16 * step(tall - 12, tall, patch.t) + 0.10 * step(0.96, 1.0, np.abs(patch.across))
    shade += 0.05 * light.side * patch.across
    for crease in (0.34, 0.67):
        shade += (
            0.05
            * np.tanh((patch.s - wide * crease) * 0.25)
            * step(0.4, 0.0, np.abs(patch.s / wide - crease) * 4)
        )
    made = silk.colours(patch, patch.s, patch.t, tall - patch.t, skirt=False)
    canvas.cast(patch, 3.0, 1.0, 3.0, 0.4)
    canvas.over(patch, silk.lit(made, shade))


def _pallu(
    canvas: Canvas,
    silk: Silk,
    at: tuple[float, float],
    size: tuple[float, float],
    light: Light,
    chance: Chance,
) -> None:
    wide, tall = size
    ribbon = Ribbon.of(at, tall, [(0.0, 0.0), (tall, -3.0)], [(0.0, wide), (tall, wide + 3.0)])
    patch = canvas.rasterise(ribbon)
    wavy = 0.3 * wobble(patch.t, silk.offset)
    shade = 1.02 + 0.10 * pleats((patch.across * 0.5 + 0.5) * chance.whole(3, 5) + wavy, 0.4)
    edge = np.minimum(1 - patch.across, 1 + patch.across) * patch.width * 0.5
    made = silk.colours(patch, patch.s, patch.t, edge, skirt=False)
    silk.end(made, patch, patch.s, ribbon.length - patch.t, min(110.0, tall * 0.45))
    canvas.cast(patch, 5.0, -2 * light.side, 4.0, 0.5)
    canvas.over(patch, silk.lit(made, shade))
    tassels(canvas, ribbon, silk, 0.0)


def paint_hanging(canvas: Canvas, silk: Silk, light: Light, chance: Chance) -> None:
    """Paint a saree hung over a rod, its border down one side and the pallu's end below."""
    wide, top = chance.between(72, 105), chance.between(62, 84)
    rod = Ribbon.limb((240 - wide - 46, top), (240 + wide + 46, top), (5.5, 5.5))
    patch = canvas.rasterise(rod)
    wood = chance.pick([rgb("#8a6240"), rgb("#c9a878"), rgb("#3b3b3e"), rgb("#b99a4e")])
    canvas.over(patch, np.clip(flat(wood, patch.alpha) * roundness(patch.across, light), 0, 1))
    lengths = chance.between(440, 520), chance.between(330, 450)
    _hang(canvas, silk, (top - 5, lengths[0]), (wide, wide * 1.15), light, chance, 0.82)
    _hang(canvas, silk, (top - 7, lengths[1]), (wide * 0.97, wide * 1.04), light, chance, 1.0)


def _hang(
    canvas: Canvas,
    silk: Silk,
    span: tuple[float, float],
    widths: tuple[float, float],
    light: Light,
    chance: Chance,
    tone: float,
) -> None:
    top, length = span
    side = [
        (0.0, widths[0]),
        (length * 0.4, widths[0] * chance.between(0.86, 0.98)),
        (length, widths[1]),
    ]
    ribbon = Ribbon.of(
        (240 + chance.around(0, 10), top),
        length,
        [(t, -w) for t, w in side],
        side,
        bow_bottom=chance.around(2, 10),
    )
    patch = canvas.rasterise(ribbon)
    wavy = 0.35 * wobble(patch.t * 0.4, silk.offset)
    phase = patch.across * chance.between(2.6, 4.2) + wavy
    shade = tone + pleats(phase, 0.3) * 0.15 + 0.25 * light.contrast * light.side * patch.across
    shade += 0.18 * step(16, 3, patch.t) - 0.15 * step(0, 30, patch.t) * step(80, 30, patch.t)
    edge = np.minimum(1 - patch.across, 1 + patch.across) * patch.width * 0.5
    x = patch.across * patch.width * 0.5 + 4 * np.sin(phase * np.float32(2 * np.pi))
    made = silk.colours(patch, x, patch.t, edge, skirt=False)
    rest = ribbon.length + ribbon.bow_bottom * (1 - patch.across**2) - patch.t
    silk.end(made, patch, x, rest, chance.between(60, 110))
    canvas.cast(patch, 5.0, -light.side * 3, 4.0, 0.4)
    canvas.over(patch, silk.lit(made, shade))
    tassels(canvas, ribbon, silk, 0.0)
