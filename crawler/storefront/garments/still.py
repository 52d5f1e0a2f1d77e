"""Jeans and trousers with nobody in them: on a hanger, empty, laid flat, folded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from crawler.storefront.garments.canvas import Canvas
from crawler.storefront.garments.chance import Chance
from crawler.storefront.garments.cloth import Light, flat, lighter, rgb, roundness, step, texture
from crawler.storefront.garments.legs import BAND, Legs, Stance
from crawler.storefront.garments.ribbon import Colour, Floats, Patch, Ribbon
from crawler.storefront.garments.sewing import ellipse, seam

Weave = Callable[[Patch], Floats]

_WOOD = rgb("#b58a5c")
_STEEL = rgb("#a9abae")


def paint_inside(canvas: Canvas, legs: Legs, colour: Colour, chance: Chance) -> None:
    """Paint the inside of the waistband's back, behind the front."""
    x, y = legs.band.origin
    dip = chance.between(7, 13)
    canvas.blot([ellipse((x, y + 2), legs.waist * 0.985, dip)], lighter(colour, -0.35))
    canvas.blot([ellipse((x, y + 4.5), legs.waist * 0.96, dip - 1.5)], lighter(colour, -0.55))
    label = [(x - 13, y - dip + 6), (x + 13, y - dip + 6), (x + 13, y + 6), (x - 13, y + 6)]
    canvas.fill([label], chance.pick([rgb("#e9e3d6"), rgb("#2a2523"), rgb("#8a5c35")]), 0.9)


def paint_hanger(canvas: Canvas, legs: Legs, light: Light, chance: Chance) -> None:
    """Paint a hanger with two clips that hold the waistband."""
    x, y = legs.band.origin
    wooden = chance.maybe(0.5)
    colour = _WOOD if wooden else _STEEL
    turns = np.linspace(-0.4, np.pi, 16)
    hook = [(x + 13 * float(np.cos(a)) - 0, y - 74 - 13 * float(np.sin(a))) for a in turns]
    canvas.draw_over(
        [[*hook[::-1], (x + 11, y - 62), (x, y - 52), (x, y - 30)]], 3.0, lighter(_STEEL, -0.2)
    )
    reach = legs.waist * 0.95
    bar = Ribbon.limb(
        (x - reach, y - 26), (x + reach, y - 26), (4.5, 5.5, 5.5, 4.5) if wooden else (2.2, 2.2)
    )
    patch = canvas.rasterise(bar)
    canvas.over(patch, np.clip(flat(colour, patch.alpha) * roundness(patch.across, light), 0, 1))
    for side in (-1, 1):
        at = x + side * legs.waist * 0.72
        clip = [(at - 5, y - 30), (at + 5, y - 30), (at + 6, y + 13), (at - 6, y + 13)]
        canvas.blot([clip], lighter(_STEEL, -0.15))
        canvas.fill(
            [[(at - 2, y - 28), (at + 2, y - 28), (at + 2, y + 11), (at - 2, y + 11)]],
            lighter(_STEEL, 0.5),
            0.7,
        )


def folded(chance: Chance) -> Legs:
    """Return a pair folded lengthwise and then across: the right half, and nothing on the left."""
    wide, tall = chance.between(150, 185), chance.between(270, 330)
    x, y = 240 - wide / 2, 320 - tall / 2
    right = [(0.0, wide * 0.86), (tall * 0.35, wide), (tall, wide * 0.97)]
    half = Ribbon.of((x, y), tall, [(0.0, 0.0), (tall, 2.0)], right, bow_bottom=1.5)
    nothing = Ribbon.of((x, y), tall, [(0.0, -0.5), (tall, -0.5)], [(0.0, 0.0), (tall, 0.0)])
    edge = [(0.0, wide * 0.85), (BAND, wide * 0.88)]
    band = Ribbon.of((x, y), BAND, [(0.0, -1.0), (BAND, -1.0)], edge)
    stance = Stance((0.0, 0.0), (0.0, 0.0))
    return Legs((nothing, half), band, tall * 0.95, stance, wide * 0.43, wide)


def paint_folded(canvas: Canvas, legs: Legs, weave: Weave, light: Light, chance: Chance) -> None:
    """Paint the layers of a folded pair, without its details."""
    half = legs.halves[1]
    gap = chance.between(4, 7)
    for k in (2, 1):
        under = half.moved(gap * k * 0.5, gap * k)
        _layer(canvas, under, weave, light, 0.80 + 0.06 * (2 - k))
    _layer(canvas, half, weave, light, 1.0)
    fold = half.path([(0.0, half.length - 3), (1.0, half.length - 3)])
    seam(canvas, [fold], 0.15)


def _layer(canvas: Canvas, ribbon: Ribbon, weave: Weave, light: Light, tone: float) -> None:
    patch = canvas.rasterise(ribbon)
    shade = tone + 0.012 * texture("cloud", patch.s, patch.t) + 0.05 * light.side * patch.across
    shade -= 0.22 * step(ribbon.length - 12, ribbon.length, patch.t)
    shade -= 0.14 * step(0.93, 1.0, np.abs(patch.across))
    canvas.cast(patch, 2.5, 1.0, 3.0, 0.45)
    canvas.over(patch, np.clip(weave(patch) * shade, 0, 1))
