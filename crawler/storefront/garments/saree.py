"""Sarees on a figure: the pleated skirt, the blouse, the pallu across the body and down."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from crawler.storefront.garments.canvas import Canvas
from crawler.storefront.garments.chance import Chance
from crawler.storefront.garments.cloth import (
    Crease,
    Light,
    add_crease,
    lighter,
    pleats,
    roundness,
    step,
    wobble,
)
from crawler.storefront.garments.mannequin import Body, paint_arm, paint_head, paint_torso
from crawler.storefront.garments.ribbon import Ribbon
from crawler.storefront.garments.silk import Silk

WAIST = 236.0
HEM = 600.0


@dataclass(frozen=True)
class Drape:
    """How one saree is worn.

    Args:
        sway: how far the hips lie from the middle, in units.
        flare: half width of the skirt at the floor.
        fall: units that the pallu hangs down from the shoulder.
        swing: how far the pallu hangs outwards, in radians.
        spread: half width of the hanging pallu at its end.
        folds: number of folds in the pallu across the body.
        reveal: how far the pallu's upper edge lies below the shoulder line at the left hip.
    """

    sway: float
    flare: float
    fall: float
    swing: float
    spread: float
    folds: int
    reveal: float

    @classmethod
    def of(cls, pose: str, chance: Chance) -> Drape:
        """Drape for a pose."""
        out = pose == "arm out"
        return cls(
            sway=chance.around(0, 9),
            flare=chance.between(58, 84),
            fall=chance.between(215, 400) if not out else chance.between(230, 300),
            swing=chance.between(0.02, 0.14) if not out else chance.between(0.30, 0.5),
            spread=chance.between(34, 58) if not out else chance.between(60, 85),
            folds=chance.whole(4, 7),
            reveal=chance.between(-18, 16),
        )


def paint(
    canvas: Canvas, silk: Silk, body: Body, drape: Drape, light: Light, chance: Chance
) -> None:
    """Paint a worn saree.

    Args:
        canvas: where to.
        silk: the cloth.
        body: who wears it.
        drape: how.
        light: where the light comes from.
        chance: where folds fall.
    """
    _paint_fall(canvas, silk, drape, light, chance)
    paint_head(canvas, body, light)
    paint_torso(canvas, body, light)
    if body.arms[1] != "none":
        paint_arm(canvas, body, 1, light)
    _paint_skirt(canvas, silk, drape, light, chance)
    _paint_front(canvas, silk, drape, light)
    if body.arms[0] != "none":
        paint_arm(canvas, body, 0, light)


def _skirt(drape: Drape) -> Ribbon:
    length = HEM - WAIST
    sway = drape.sway
    side = [(0.0, 35.0), (30.0, 46.0), (70.0, 56.0), (200.0, 52.0), (length, drape.flare)]
    lean = [(0.0, 0.0), (70.0, sway), (length, sway * 0.3)]
    return Ribbon.of(
        (240.0, WAIST),
        length,
        [(t, -w + _at(lean, t)) for t, w in side],
        [(t, w + _at(lean, t)) for t, w in side],
        bow_top=3.0,
        bow_bottom=7.0,
    )


def _at(knots: list[tuple[float, float]], t: float) -> float:
    return float(np.interp(t, [k[0] for k in knots], [k[1] for k in knots]))


def _paint_skirt(canvas: Canvas, silk: Silk, drape: Drape, light: Light, chance: Chance) -> None:
    ribbon = _skirt(drape)
    patch = canvas.rasterise(ribbon)
    shade = roundness(patch.across, light)
    down = patch.t * (1 / ribbon.length)
    middle = chance.around(0.05, 0.25)
    fan = (patch.across - middle) / (0.26 + 0.20 * down)
    inside = step(1.25, 0.9, np.abs(fan))
    count = chance.between(1.7, 2.7)
    phase = fan * count + 0.16 * wobble(patch.t, silk.offset)
    shade += pleats(phase, 0.75) * inside * (0.20 + 0.06 * down)
    loose = patch.across * 3.6 + 0.5 * wobble(patch.t, silk.offset + 3)
    shade += pleats(loose, 0.2) * (1 - inside) * 0.13 * step(0.05, 0.75, down)
    for k in range(chance.whole(3, 5)):
        add_crease(
            shade,
            patch,
            Crease(
                at=24 + 24 * k + chance.around(0, 8),
                slope=-chance.between(14, 34),
                bow=chance.between(2, 10),
                width=chance.between(4, 7),
                depth=chance.between(0.05, 0.11),
                middle=-0.45,
                reach=0.8,
            ),
        )
    edge = ribbon.length + ribbon.bow_bottom * (1 - patch.across**2) - patch.t
    x = patch.across * patch.width * 0.5 + 3.5 * np.sin(phase * np.float32(2 * np.pi)) * inside
    made = silk.colours(patch, x, patch.t, edge, skirt=True)
    canvas.cast(patch, 2.0, 0.0, -1.0, 0.3)
    canvas.over(patch, silk.lit(made, shade))


def _paint_fall(canvas: Canvas, silk: Silk, drape: Drape, light: Light, chance: Chance) -> None:
    spread, length = drape.spread, drape.fall
    inner = [(0.0, -16.0), (length * 0.4, -spread * 0.55), (length, -spread * 0.85)]
    outer = [(0.0, 12.0), (length * 0.25, spread * 0.55), (length, spread)]
    ribbon = Ribbon.of(
        (240.0 + 44.0, 130.0),
        length,
        inner,
        outer,
        angle=drape.swing,
        bow_bottom=chance.around(0, 14),
    )
    _paint_pallu(canvas, silk, ribbon, drape, light)


def _paint_pallu(canvas: Canvas, silk: Silk, ribbon: Ribbon, drape: Drape, light: Light) -> None:
    length = ribbon.length
    patch = canvas.rasterise(ribbon)
    wavy = 0.3 * wobble(patch.t, silk.offset + 6)
    phase = (patch.across * 0.5 + 0.5) * (drape.folds * 0.8) + wavy
    shade = 0.95 + pleats(phase, 0.35) * 0.15 + 0.05 * light.side * patch.across
    shade -= 0.14 * step(0.1, -1.0, patch.across)
    rest = ribbon.length + ribbon.bow_bottom * (1 - patch.across**2) - patch.t
    ruffle = rest + 3.5 * pleats(phase, 0.0)
    patch = replace(patch, alpha=patch.alpha * np.clip(ruffle * canvas.view.scale - 3, 0, 1))
    edge = np.minimum(1 - patch.across, 1 + patch.across) * patch.width * 0.5
    x = patch.across * patch.width * 0.5 + 3.0 * np.sin(phase * np.float32(2 * np.pi))
    made = silk.colours(patch, x, patch.t, edge, skirt=False)
    silk.end(made, patch, x, rest, min(68.0, length * 0.3))
    canvas.cast(patch, 5.0, -light.side * 3.0, 4.0, 0.40)
    canvas.over(patch, silk.lit(made, shade))
    tassels(canvas, ribbon, silk, 3.5)


def tassels(canvas: Canvas, ribbon: Ribbon, silk: Silk, short: float) -> None:
    """Paint the threads at the end of a pallu, `short` units above its end."""
    threads = []
    for a in np.linspace(0.02, 0.98, 30):
        low = ribbon.length + ribbon.bow_bottom * 4 * a * (1 - a) - short
        threads.append([ribbon.point(float(a), low - 4), ribbon.point(float(a) + 0.004, low + 7)])
    canvas.draw_over(threads, 1.2, lighter(silk.metal, -0.1))


def paint_back(
    canvas: Canvas, silk: Silk, body: Body, drape: Drape, light: Light, chance: Chance
) -> None:
    """Paint a worn saree from behind, the pallu falling over the back.

    Args:
        canvas: where to.
        silk: the cloth.
        body: who wears it.
        drape: how.
        light: where the light comes from.
        chance: where folds fall.
    """
    for side in (0, 1):
        paint_arm(canvas, replace(body, arms=("down", "down")), side, light)
    paint_torso(canvas, body, light)
    _paint_skirt(canvas, silk, drape, light, chance)
    wide = drape.spread * 0.5
    left = [(0.0, -22.0), (90.0, -24.0), (drape.fall, -wide * 1.1)]
    right = [(0.0, 8.0), (60.0, 34.0), (120.0, 46.0), (drape.fall, wide * 1.5)]
    ribbon = Ribbon.of((240.0 - 30.0, 117.0), drape.fall, left, right, bow_top=-4.0)
    _paint_pallu(canvas, silk, ribbon, drape, light)
    paint_head(canvas, body, light, back=True)


def _front(drape: Drape) -> Ribbon:
    low = drape.reveal
    upper = [
        (-96.0, 262.0 + low),
        (-40.0, 212.0 + low),
        (-20.0, 186.0 + low * 0.6),
        (4.0, 150.0),
        (20.0, 113.0),
    ]
    lower = [
        (-110.0, 352.0),
        (-66.0, 322.0),
        (-22.0, 288.0),
        (26.0, 232.0),
        (50.0, 172.0),
        (59.0, 131.0),
    ]
    return Ribbon.between(
        [(240 + x, y) for x, y in lower], [(240 + x, y) for x, y in upper], bow_bottom=7.0
    )


def _paint_front(canvas: Canvas, silk: Silk, drape: Drape, light: Light) -> None:
    ribbon = _front(drape)
    patch = canvas.rasterise(ribbon)
    patch = replace(patch, alpha=patch.alpha * canvas.near(patch.box, 3.0))
    wavy = 0.25 * wobble(patch.t, silk.offset + 2)
    phase = (patch.across * 0.5 + 0.5) * drape.folds + wavy
    shade = 1.03 + pleats(phase, 0.45) * 0.13
    shade += 0.10 * step(0.0, ribbon.length, patch.t) - 0.08
    edge = np.minimum((1 - patch.across), 1 + patch.across) * patch.width * 0.5
    x = patch.across * patch.width * 0.5
    made = silk.colours(patch, x, patch.t, edge, skirt=False)
    canvas.cast(patch, 4.0, -light.side * 2.0, 3.0, 0.40)
    canvas.over(patch, silk.lit(made, shade))
