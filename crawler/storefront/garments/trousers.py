"""Trousers: chinos, formal, pleated, five-pocket and cargo; creases, slant pockets, checks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crawler.storefront.garments.canvas import Canvas
from crawler.storefront.garments.chance import Chance
from crawler.storefront.garments.cloth import (
    Light,
    bell,
    flat,
    lighter,
    line,
    luma,
    mix,
    rgb,
    roundness,
    step,
    texture,
)
from crawler.storefront.garments.legs import BAND, Legs, add_folds, body_light
from crawler.storefront.garments.ribbon import Colour, Floats, Patch, Ribbon
from crawler.storefront.garments.sewing import STOPS, belt_loops, button, moved, seam, stitch

COLOURS: dict[str, Colour] = {
    "Navy": rgb("#20283d"),
    "Dark Blue": rgb("#2a3a5c"),
    "Airforce Blue": rgb("#4d6482"),
    "Powder Blue": rgb("#93a9c1"),
    "Black": rgb("#18181a"),
    "Charcoal": rgb("#393b40"),
    "Grey": rgb("#6f7276"),
    "Light Grey": rgb("#a3a6a9"),
    "Khaki": rgb("#a58f66"),
    "Beige": rgb("#c9b596"),
    "Stone": rgb("#c3bcae"),
    "Off White": rgb("#e2ded4"),
    "Tan": rgb("#b07f4c"),
    "Brown": rgb("#4b382c"),
    "Coffee": rgb("#6a5243"),
    "Olive": rgb("#54553c"),
    "Bottle Green": rgb("#27382f"),
    "Sage": rgb("#8b947b"),
    "Maroon": rgb("#552830"),
    "Rust": rgb("#94502f"),
    "Taupe": rgb("#857766"),
}

WEAVES: dict[str, tuple[str, float, float]] = {
    "Cotton Twill": ("twill", 0.028, 0.2),
    "Stretch Cotton": ("grain", 0.014, 0.3),
    "Poly-Viscose": ("grain", 0.012, 0.9),
    "Wool Blend": ("slub", 0.030, 0.8),
    "Linen Blend": ("slub", 0.055, 0.6),
    "Corduroy": ("warp", 0.030, 0.2),
    "Cotton": ("slub", 0.018, 0.3),
}

PATTERNS = ("solid", "pinstripe", "windowpane", "glen check", "houndstooth", "melange", "tartan")


@dataclass(frozen=True)
class Suiting:
    """The cloth of one pair.

    Args:
        ground: its main colour.
        weave: key of `WEAVES`.
        pattern: one of `PATTERNS`.
        line: colour of stripes and checks.
        pitch: units from stripe to stripe.
        offset: shifts the textures.
    """

    ground: Colour
    weave: str
    pattern: str
    line: Colour
    pitch: float
    offset: int

    @classmethod
    def of(cls, colour: str, weave: str, pattern: str, chance: Chance) -> Suiting:
        """Choose the cloth."""
        ground = lighter(COLOURS[colour], chance.around(0.0, 0.10))
        away = chance.between(0.24, 0.42)
        contrast = lighter(ground, away if luma(ground) < 0.6 else -away)
        wide = {
            "pinstripe": (6, 11),
            "windowpane": (26, 40),
            "glen check": (24, 36),
            "tartan": (30, 44),
        }
        low, high = wide.get(pattern, (5, 7))
        return cls(
            ground, weave, pattern, contrast, chance.between(low, high), chance.whole(0, 500)
        )

    @property
    def main(self) -> Colour:
        """The colour that one would name."""
        return self.ground

    @property
    def softness(self) -> float:
        """0 for stiff cloth, 1 for cloth that flows."""
        return WEAVES[self.weave][2]

    def colours(self, patch: Patch, x: Floats) -> Floats:
        """Weave the cloth; `x` is the distance from the middle of the leg in units."""
        kind, depth, _ = WEAVES[self.weave]
        made = flat(self.ground, patch.alpha)
        self._draw_pattern(made, x, patch.t)
        yarn = texture(kind, patch.s, patch.t, self.offset)
        if self.weave == "Corduroy":
            yarn = yarn * 0.5 + 3.0 * np.sin(x * np.float32(2 * np.pi / 3.2))
        return made * (1 + depth * yarn)

    def _draw_pattern(self, made: Floats, x: Floats, y: Floats) -> None:
        p = self.pitch
        if self.pattern == "pinstripe":
            mix(made, self.line, line(x, p, 0.9, 0.9) * 0.75)
        elif self.pattern == "windowpane":
            mix(
                made, self.line, np.maximum(line(x, p, 1.2, 1.0), line(y, p * 1.25, 1.2, 1.0)) * 0.7
            )
        elif self.pattern == "tartan":
            mix(made, lighter(self.ground, -0.4), line(x, p, p * 0.36, 1.2) * 0.5)
            mix(made, lighter(self.ground, -0.4), line(y, p, p * 0.36, 1.2) * 0.5)
            mix(made, self.line, line(x + p / 2, p, 1.4, 1.0) * 0.8)
            mix(made, self.line, line(y + p / 2, p, 1.4, 1.0) * 0.8)
        elif self.pattern == "glen check":
            fine = np.maximum(line(x, 3.0, 1.3, 1.0), line(y, 3.0, 1.3, 1.0))
            mix(made, self.line, fine * line(x, p, p * 0.5, 2.0) * 0.45)
            mix(made, self.line, fine * line(y, p, p * 0.5, 2.0) * 0.45)
        elif self.pattern == "houndstooth":
            mix(made, self.line, line(x + y, p, p * 0.45, 1.0) * line(y - x, p, p * 0.6, 1.0) * 0.7)
        elif self.pattern == "melange":
            mix(made, self.line, np.clip(0.35 + 0.3 * texture("warp", x, y, self.offset + 5), 0, 1))


def paint_front(
    canvas: Canvas, legs: Legs, cloth: Suiting, style: str, light: Light, chance: Chance
) -> None:
    """Paint a pair seen from the front.

    Args:
        canvas: where to.
        legs: the cut-out pieces.
        cloth: what they are made of.
        style: ``"chino"``, ``"formal"``, ``"pleated"``, ``"five-pocket"`` or ``"cargo"``.
        light: where the light comes from.
        chance: where folds fall.
    """
    _paint_halves(canvas, legs, cloth, style, light, chance)
    thread = _thread(cloth)
    if style == "five-pocket":
        _scoops(canvas, legs, cloth, thread)
    else:
        _slants(canvas, legs, thread, style, chance)
    _fly(canvas, legs, thread, style)
    if style == "cargo":
        _cargo_pockets(canvas, legs, cloth, thread, chance)
    paint_band(canvas, legs, cloth, light)
    if style != "formal":
        at = legs.band.point(0.5 + legs.stance.fly / (2 * legs.waist) + 0.015, 9.5)
        button(canvas, at, 3.6, lighter(cloth.ground, 0.3 if luma(cloth.ground) < 0.5 else -0.3))


def paint_back(
    canvas: Canvas, legs: Legs, cloth: Suiting, style: str, light: Light, chance: Chance
) -> None:
    """Paint a pair seen from behind: darts and welt pockets."""
    _paint_halves(canvas, legs, cloth, style, light, chance)
    low = chance.between(50, 60)
    for side in (-1, 1):
        _welt(canvas, legs, cloth, side, low)
    seam(canvas, [[legs.front(0.0, float(t)) for t in np.linspace(BAND, legs.crotch, 12)]])
    if style == "cargo":
        _cargo_pockets(canvas, legs, cloth, _thread(cloth), chance)
    paint_band(canvas, legs, cloth, light)


def paint_folded_details(
    canvas: Canvas, legs: Legs, cloth: Suiting, light: Light, chance: Chance
) -> None:
    """Paint what a folded pair shows: a back pocket and the waistband."""
    _welt(canvas, legs, cloth, 1, chance.between(58, 72))
    paint_band(canvas, legs, cloth, light)


def _welt(canvas: Canvas, legs: Legs, cloth: Suiting, side: int, low: float) -> None:
    corners = ((0.24, low), (0.82, low - 3), (0.82, low + 2), (0.24, low + 5))
    welt = [legs.front(side * a, t) for a, t in corners]
    seam(canvas, [[legs.front(side * 0.52, t) for t in (BAND, low)]], 0.3)
    canvas.fill([welt], lighter(cloth.ground, -0.25), 0.8)
    seam(canvas, [[*welt, welt[0]]], 0.6)
    button(canvas, legs.front(side * 0.53, low + 10), 2.4, lighter(cloth.ground, -0.35))


def _thread(cloth: Suiting) -> Colour:
    return lighter(cloth.ground, 0.2 if luma(cloth.ground) < 0.35 else -0.25)


def _paint_halves(
    canvas: Canvas, legs: Legs, cloth: Suiting, style: str, light: Light, chance: Chance
) -> None:
    near = legs.stance.near
    pressed = {"formal": 1.0, "pleated": 0.9, "chino": 0.35 * chance.whole(0, 1)}.get(style, 0.0)
    turned_up = style in ("chino", "pleated") and chance.maybe(0.18)
    for side in (1 - near, near):
        half = legs.halves[side]
        patch = canvas.rasterise(half)
        shade = body_light(patch, legs, side, light)
        add_folds(shade, patch, legs, side, chance, cloth.softness)
        _press(shade, patch, legs, side, pressed)
        if style == "pleated":
            _pleats(shade, patch, legs, side)
        if side == near:
            canvas.cast(patch, 5.0, -2.0 if side else 2.0, 3.0, 0.35)
        x = patch.across * patch.width * 0.5
        canvas.over(patch, np.clip(cloth.colours(patch, x) * shade, 0, 1))
        _hem(canvas, half, cloth, turned_up)


def _press(shade: Floats, patch: Patch, legs: Legs, side: int, amount: float) -> None:
    if not amount:
        return
    outward = 1.0 if side else -1.0
    x = (patch.across - outward * 0.04) * patch.width * 0.5
    length = step(45, legs.crotch * 0.9, patch.t)
    shade += amount * length * (0.13 * bell(x, -1.2, 2.2) - 0.15 * bell(x, 1.8, 2.6))
    shade += amount * length * 0.05 * np.tanh(-x * 0.12)


def _pleats(shade: Floats, patch: Patch, legs: Legs, side: int) -> None:
    outward = 1.0 if side else -1.0
    for place in (0.30, 0.52):
        at = outward * (2 * place - 1)
        x = (patch.across - at) * patch.width * 0.5
        fall = step(legs.crotch * 0.8, BAND, patch.t)
        shade += fall * (0.14 * bell(x, -1.5 * outward, 2.0) - 0.24 * bell(x, 1.0 * outward, 1.8))


def _hem(canvas: Canvas, half: Ribbon, cloth: Suiting, turned_up: bool) -> None:
    high = 17.0 if turned_up else 9.0
    edge = half.path([(a, half.length - high + half.bow_bottom * 4 * a * (1 - a)) for a in STOPS])
    if turned_up:
        seam(canvas, [edge], 0.7)
        canvas.stroke([moved(edge, 0, 1.8)], 1.2, lighter(cloth.ground, 0.35), 0.6)
    else:
        canvas.stroke([edge], 0.8, lighter(cloth.ground, -0.4), 0.30)


def _slants(canvas: Canvas, legs: Legs, thread: Colour, style: str, chance: Chance) -> None:
    start, low = chance.between(0.50, 0.66), chance.between(0.13, 0.165) * legs.length
    for side in (-1, 1):
        mouth = legs.trace(side, [(start, BAND), ((start + 0.98) / 2, low * 0.62), (0.985, low)])
        canvas.stroke([moved(mouth, side * 1.6, 0.6)], 2.4, (0, 0, 0), 0.22)
        seam(canvas, [mouth], 0.65)
        canvas.stroke([moved(mouth, -side * 1.0, 0.4)], 0.9, lighter(thread, 0.3), 0.35)
        if style in ("chino", "cargo"):
            stitch(canvas, [moved(mouth, -side * 3.2, 0.6)], thread, 0.7)


def _scoops(canvas: Canvas, legs: Legs, cloth: Suiting, thread: Colour) -> None:
    for side in (-1, 1):
        mouth = legs.trace(
            side, [(0.45, BAND), (0.55, BAND + 23), (0.76, BAND + 34), (1.02, BAND + 37)]
        )
        canvas.fill([[*mouth, legs.front(side, BAND)]], lighter(cloth.ground, -0.3), 0.3)
        seam(canvas, [mouth])
        stitch(canvas, [moved(mouth, 0, 2.3), moved(mouth, 0, 4.4)], thread, 0.8)


def _fly(canvas: Canvas, legs: Legs, thread: Colour, style: str) -> None:
    end = BAND + (legs.crotch - BAND) * 0.68
    curve = legs.trace(1, [(0.17, BAND), (0.17, end * 0.66), (0.14, end * 0.88), (0.0, end)])
    if style == "formal":
        canvas.stroke([curve], 0.9, thread, 0.35)
    else:
        stitch(canvas, [curve], thread, 0.75)
    seam(canvas, [[legs.front(0.0, float(t)) for t in np.linspace(BAND, legs.crotch, 14)]], 0.6)


def _cargo_pockets(
    canvas: Canvas, legs: Legs, cloth: Suiting, thread: Colour, chance: Chance
) -> None:
    top, deep = legs.length * chance.between(0.43, 0.47), chance.between(62, 74)
    for side in (0, 1):
        half = legs.halves[side]
        near, far = (0.45, 1.0) if side else (0.55, 0.0)
        box = half.path([(near, top), (far, top), (far, top + deep), (near, top + deep)])
        flap = half.path(
            [
                (near, top - 3),
                (far, top - 3),
                (far, top + 17),
                ((near + far) / 2, top + 23),
                (near, top + 17),
            ]
        )
        canvas.fill([moved(box, 1, 3)], (0, 0, 0), 0.28)
        canvas.fill([box], lighter(cloth.ground, 0.04), 0.9)
        canvas.fill([moved(flap, 0, 2.5)], (0, 0, 0), 0.3)
        canvas.fill([flap], lighter(cloth.ground, 0.07), 0.95)
        seam(canvas, [[*box, box[0]], [*flap, flap[0]]], 0.5)
        stitch(canvas, [moved(flap[2:], 0, -3)], thread, 0.8)
        button(canvas, ((flap[3][0]), flap[3][1] - 6), 2.2, lighter(cloth.ground, -0.3))


def paint_band(canvas: Canvas, legs: Legs, cloth: Suiting, light: Light) -> None:
    """Paint the waistband and its loops."""
    patch = canvas.rasterise(legs.band)
    shade = roundness(patch.across, light)
    canvas.cast(patch, 1.5, 0.0, 1.5, 0.4)
    canvas.over(patch, np.clip(cloth.colours(patch, patch.s) * shade, 0, 1))
    front = 0.5 + legs.stance.fly / (2 * legs.waist)
    seam(canvas, [legs.band.path([(front, 4), (front, BAND + 4)])], 0.6)
    loops = belt_loops(legs.band, 0.014)
    canvas.fill([moved(loop, 1.2, 1.0) for loop in loops], (0, 0, 0), 0.35)
    canvas.fill(loops, lighter(cloth.ground, 0.05))
