"""Jeans: denim that fades where it rubs, and the five pockets, yoke, rivets and orange thread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crawler.storefront.garments.canvas import Canvas
from crawler.storefront.garments.chance import Chance
from crawler.storefront.garments.cloth import (
    Crease,
    Light,
    add_crease,
    bell,
    blend,
    flat,
    lighter,
    luma,
    mix,
    rgb,
    roundness,
    step,
    texture,
)
from crawler.storefront.garments.legs import BAND, Legs, add_folds, body_light
from crawler.storefront.garments.ribbon import Colour, Floats, Patch, Ribbon
from crawler.storefront.garments.sewing import (
    STOPS,
    belt_loops,
    button,
    ellipse,
    moved,
    seam,
    stitch,
)

# What the cloth is dyed, and what shows where the dye has rubbed off.
WASHES: dict[str, tuple[Colour, Colour]] = {
    "Raw Indigo": (rgb("#1a2339"), rgb("#2f3f60")),
    "Dark Indigo": (rgb("#212e4b"), rgb("#4d6690")),
    "Washed Indigo": (rgb("#33486d"), rgb("#8aa5c6")),
    "Mid Blue": (rgb("#43628c"), rgb("#a3bbd5")),
    "Classic Blue": (rgb("#2f5184"), rgb("#7397c2")),
    "Light Blue": (rgb("#7f9fc1"), rgb("#ccdbe9")),
    "Ice Blue": (rgb("#a9bfd3"), rgb("#e2ebf2")),
    "Vintage Blue": (rgb("#46586a"), rgb("#a7b7bb")),
    "Black": (rgb("#17181b"), rgb("#3a3c42")),
    "Washed Black": (rgb("#26272b"), rgb("#71747a")),
    "Charcoal": (rgb("#383b41"), rgb("#74787e")),
    "Grey": (rgb("#72767b"), rgb("#b5b8bb")),
    "Khaki": (rgb("#8c7b5b"), rgb("#b9aa89")),
    "Olive": (rgb("#4a4c37"), rgb("#7b7c60")),
    "Brown": (rgb("#48372d"), rgb("#7c6555")),
    "Off White": (rgb("#dcdad2"), rgb("#f1f0ea")),
}

THREADS: dict[str, Colour] = {
    "tobacco": rgb("#c68a45"),
    "gold": rgb("#d9ab56"),
    "white": rgb("#d9dbdc"),
    "red": rgb("#a5473c"),
}

FADES: dict[str, tuple[float, float]] = {
    "clean": (0.05, 0.0),
    "light fade": (0.35, 0.35),
    "heavy fade": (0.75, 0.7),
    "whiskered": (0.55, 1.0),
    "ripped": (0.6, 0.6),
    "acid wash": (0.3, 0.1),
}

_COPPER = rgb("#a9744a")
_STEEL = rgb("#b9bbbd")


@dataclass(frozen=True)
class Denim:
    """The cloth of one pair.

    Args:
        dyed: colour of the unworn cloth.
        worn: colour where it has faded.
        thread: colour of the topstitching.
        rubbed: how far thighs and knees have faded, 0 to 1.
        whiskers: how plain the fade lines at the hips are, 0 to 1.
        blotchy: True for acid wash.
        offset: shifts the textures.
    """

    dyed: Colour
    worn: Colour
    thread: Colour
    rubbed: float
    whiskers: float
    blotchy: bool
    offset: int

    @classmethod
    def of(cls, wash: str, thread: str, pattern: str, chance: Chance) -> Denim:
        """Choose the cloth for a wash, a thread (``"tonal"`` for none that shows) and a fade."""
        dyed, worn = WASHES[wash]
        drift = chance.around(0.0, 0.10)
        dyed, worn = lighter(dyed, drift), lighter(worn, drift)
        rubbed, whiskers = FADES[pattern]
        tonal = lighter(dyed, 0.25 if luma(dyed) < 0.5 else -0.25)
        return cls(
            dyed,
            worn,
            tonal if thread == "tonal" else THREADS[thread],
            rubbed * chance.between(0.7, 1.15),
            whiskers * chance.between(0.6, 1.1),
            pattern == "acid wash",
            chance.whole(0, 500),
        )

    @property
    def main(self) -> Colour:
        """The colour that one would name."""
        return blend(self.dyed, self.worn, 0.3)

    def colours(self, patch: Patch, fade: Floats | float) -> Floats:
        """Weave the cloth, `fade` of it worn off."""
        twill = texture("twill", patch.s, patch.t, self.offset)
        cloud = texture("cloud", patch.s * 1.6, patch.t * 0.5, self.offset + 9)
        amount = np.clip(fade + 0.045 * cloud + 0.055 * twill, 0.0, 1.0).astype(np.float32)
        if self.blotchy:
            spots = texture("cloud", patch.s * 5.0, patch.t * 4.0, self.offset + 4)
            fine = texture("cloud", patch.s * 13.0, patch.t * 12.0, self.offset + 8)
            amount = np.clip(amount + 0.7 * step(-0.6, 2.6, spots + 0.8 * fine), 0.0, 1.0)
        made = flat(self.dyed, patch.alpha)
        mix(made, self.worn, amount)
        return made * (1 + 0.035 * twill)


def paint_front(
    canvas: Canvas, legs: Legs, denim: Denim, light: Light, chance: Chance, ripped: bool
) -> None:
    """Paint a pair seen from the front.

    Args:
        canvas: where to.
        legs: the cut-out pieces.
        denim: the cloth.
        light: where the light comes from.
        chance: where folds and wear fall.
        ripped: whether the knees are torn.
    """
    _paint_halves(canvas, legs, denim, light, chance, ripped)
    _pockets(canvas, legs, denim, chance)
    _fly(canvas, legs, denim)
    paint_band(canvas, legs, denim, light)
    stitch(canvas, [legs.band.path([(k, 3.0) for k in STOPS])], denim.thread, 0.9)
    button(
        canvas, legs.band.point(0.5 + legs.stance.fly / (2 * legs.waist) + 0.012, 9.5), 4.8, _STEEL
    )


def paint_back(canvas: Canvas, legs: Legs, denim: Denim, light: Light, chance: Chance) -> None:
    """Paint a pair seen from behind: yoke, patch pockets, leather label."""
    _paint_halves(canvas, legs, denim, light, chance, ripped=False)
    drop, dip = chance.between(36, 44), chance.between(56, 68)
    for side in (-1, 1):
        yoke = legs.trace(side, [(0.0, dip), (0.5, (drop + dip) / 2), (1.0, drop)])
        seam(canvas, [yoke])
        stitch(canvas, [yoke, [(x, y + 2.4) for x, y in yoke]], denim.thread, 0.9)
        _back_pocket(canvas, legs, denim, side, dip + chance.between(4, 9), chance)
    middle = [legs.front(0.0, t) for t in np.linspace(BAND, legs.crotch, 12)]
    seam(canvas, [middle])
    stitch(canvas, [[(x + 2.4, y) for x, y in middle]], denim.thread, 0.9)
    paint_band(canvas, legs, denim, light)
    _label(canvas, legs, chance)


def paint_folded_details(
    canvas: Canvas, legs: Legs, denim: Denim, light: Light, chance: Chance
) -> None:
    """Paint what a folded pair shows: a back pocket, the yoke, the waistband and its label."""
    dip = chance.between(46, 56)
    yoke = legs.trace(1, [(0.0, dip), (0.5, dip - 7), (1.0, dip - 16)])
    seam(canvas, [yoke])
    stitch(canvas, [yoke, moved(yoke, 0, 2.4)], denim.thread)
    _back_pocket(canvas, legs, denim, 1, dip + 6, chance, size=1.25)
    paint_band(canvas, legs, denim, light)
    _label(canvas, legs, chance)


def _label(canvas: Canvas, legs: Legs, chance: Chance) -> None:
    label = legs.band.path([(0.66, -1), (0.83, -1), (0.83, 17), (0.66, 17)])
    leather = chance.pick([rgb("#a9713f"), rgb("#7a4a2a"), rgb("#c7a475"), rgb("#33251f")])
    canvas.fill([label], leather)
    canvas.stroke([[*label, label[0]]], 0.8, lighter(leather, -0.4))


def _paint_halves(
    canvas: Canvas, legs: Legs, denim: Denim, light: Light, chance: Chance, ripped: bool
) -> None:
    near = legs.stance.near
    cuffed = chance.maybe(0.14)
    for side in (1 - near, near):
        half = legs.halves[side]
        patch = canvas.rasterise(half)
        fade = _fade(patch, legs, side, denim, chance)
        shade = body_light(patch, legs, side, light)
        add_folds(shade, patch, legs, side, chance, softness=0.0)
        _pucker(shade, patch, half, denim)
        if side == near:
            canvas.cast(patch, 5.0, -2.0 if side else 2.0, 3.0, 0.35)
        canvas.over(patch, np.clip(denim.colours(patch, fade) * shade, 0, 1))
        _seams(canvas, legs, side, denim)
        if ripped:
            _rip(canvas, half, denim, chance)
        if cuffed:
            _cuff(canvas, half, denim, light)


def _fade(patch: Patch, legs: Legs, side: int, denim: Denim, chance: Chance) -> Floats:
    full, toward = legs.length, -0.12 if side else 0.12
    x, v = patch.across, patch.t * (1 / full)
    thigh = bell(x, toward, 0.52) * bell(v, 0.37, 0.15)
    knee = bell(x, toward, 0.6) * bell(v, 0.60, 0.07)
    shin = bell(x, 0.0, 0.5) * bell(v, 0.78, 0.12)
    fade = denim.rubbed * (0.85 * thigh + 0.55 * knee + 0.25 * shin + 0.12)
    if denim.whiskers > 0.1:
        fade = fade + denim.whiskers * _whiskers(patch, legs, side, chance)
    return np.asarray(fade, dtype=np.float32)


def _whiskers(patch: Patch, legs: Legs, side: int, chance: Chance) -> Floats:
    total = np.zeros_like(patch.alpha)
    inward = -1.0 if side else 1.0
    for k in range(chance.whole(2, 4)):
        at = legs.crotch - 34 + 13 * k + chance.around(0, 4)
        rise, depth, width = (
            chance.between(8, 20),
            chance.between(0.16, 0.34),
            chance.between(1.8, 3.2),
        )
        rows = patch.rows(at - rise - 6, at + rise + 11)
        c = patch.across[rows]
        mark = bell(patch.t[rows], at + inward * c * rise + 5 * c * c, width)
        total[rows] += depth * mark * bell(c, inward * 0.25, 0.55)
    return total


def _pucker(shade: Floats, patch: Patch, half: Ribbon, denim: Denim) -> None:
    reach = np.minimum(1 - np.abs(patch.across), 1.0) * patch.width * 0.5
    wave = np.sin(patch.t * 1.05 + texture("cloud", patch.t, patch.s, denim.offset))
    shade += 0.05 * wave * step(9.0, 1.0, reach)
    hem = half.length - patch.t
    shade += 0.07 * np.sin(patch.s * 1.25) * bell(hem, 5.0, 4.0)


def _seams(canvas: Canvas, legs: Legs, side: int, denim: Denim) -> None:
    half, inner = legs.halves[side], 0.0 if side else 1.0
    sign = 1.0 if side else -1.0
    runs = np.linspace(legs.crotch + 6, half.length - 3, 40)
    inseam = [half.point(inner, float(t)) for t in runs]
    lines = [[(x + sign * gap, y) for x, y in inseam] for gap in (2.6, 4.8)]
    low = [half.point(1 - inner, float(t)) for t in np.linspace(62, legs.crotch + 70, 20)]
    lines.append([(x - sign * 3.4, y) for x, y in low])
    hem = [half.point(a, half.length - 8 + half.bow_bottom * 4 * a * (1 - a)) for a in STOPS]
    stitch(canvas, [*lines, hem], denim.thread, 0.8)


def _pockets(canvas: Canvas, legs: Legs, denim: Denim, chance: Chance) -> None:
    deep, start = chance.between(32, 42), chance.between(0.40, 0.5)
    curve = [(0.0, BAND), (0.1, BAND + deep * 0.62), (0.30, BAND + deep * 0.92)]
    knots = [*((start + a, t) for a, t in curve), (1.02, BAND + deep)]
    mouths = [legs.trace(side, knots) for side in (-1, 1)]
    bags = [[*m, legs.front(s, BAND)] for m, s in zip(mouths, (-1, 1), strict=True)]
    canvas.fill(bags, lighter(denim.dyed, -0.25), 0.35)
    coin = legs.trace(-1, [(0.56, BAND + deep * 0.38), (0.93, BAND + deep * 0.32)])
    seam(canvas, [coin, *mouths])
    doubled = [moved(mouth, 0, gap) for mouth in mouths for gap in (2.2, 4.4)]
    stitch(canvas, [moved(coin, 0, 2.2), *doubled], denim.thread, 0.95)
    ends = [(x, y + 2.5) for mouth in mouths for x, y in (mouth[1], mouth[-4])]
    canvas.fill([ellipse(at, 1.7, 1.7) for at in ends], _COPPER)


def _fly(canvas: Canvas, legs: Legs, denim: Denim) -> None:
    end = BAND + (legs.crotch - BAND) * 0.66
    knots = [(0.20, BAND), (0.20, end * 0.62), (0.17, end * 0.85), (0.0, end)]
    curve = legs.trace(1, knots)
    stitch(canvas, [curve, [(x + 2.3, y + 0.8) for x, y in curve]], denim.thread, 0.9)
    front = [legs.front(0.0, float(t)) for t in np.linspace(BAND, legs.crotch, 14)]
    seam(canvas, [front])
    stitch(canvas, [[(x - 2.0, y) for x, y in front[8:]]], denim.thread, 0.8)


def paint_band(canvas: Canvas, legs: Legs, denim: Denim, light: Light) -> None:
    """Paint the waistband with its stitching and loops."""
    patch = canvas.rasterise(legs.band)
    shade = roundness(patch.across, light) * 1.02
    canvas.cast(patch, 1.5, 0.0, 1.5, 0.5)
    canvas.over(patch, np.clip(denim.colours(patch, 0.12) * shade, 0, 1))
    edge = legs.band.path([(a, BAND + legs.band.bow_bottom * 4 * a * (1 - a) - 2) for a in STOPS])
    stitch(canvas, [edge], denim.thread, 0.9)
    loops = belt_loops(legs.band, 0.02)
    canvas.fill([moved(loop, 1.2, 1.0) for loop in loops], (0, 0, 0), 0.35)
    canvas.fill(loops, blend(denim.dyed, denim.worn, 0.25))
    sides = [[loop[a], loop[b]] for loop in loops for a, b in ((0, 3), (1, 2))]
    stitch(canvas, sides, denim.thread, 0.7)


def _back_pocket(
    canvas: Canvas,
    legs: Legs,
    denim: Denim,
    side: int,
    top: float,
    chance: Chance,
    size: float = 1.0,
) -> None:
    deep = 62.0 * size
    corners = [
        (0.24, top + 3),
        (0.80, top - 5),
        (0.77, top + deep * 0.76),
        (0.53, top + deep),
        (0.27, top + deep * 0.82),
    ]
    shape = [legs.front(side * a, t) for a, t in corners]
    canvas.fill([[(x + 1.5, y + 2.5) for x, y in shape]], (0, 0, 0), 0.25)
    canvas.fill([shape], blend(denim.dyed, denim.worn, min(denim.rubbed, 0.6) * 0.7), 0.65)
    seam(canvas, [[*shape, shape[0]]])
    mx = sum(p[0] for p in shape) / 5
    my = sum(p[1] for p in shape) / 5
    inner = [(mx + (x - mx) * 0.9, my + (y - my) * 0.92) for x, y in shape]
    stitch(canvas, [[*inner, inner[0]]], denim.thread, 0.95)
    mouth = [
        ((inner[0][0] * (1 - k) + inner[1][0] * k), (inner[0][1] * (1 - k) + inner[1][1] * k) + 6)
        for k in (0, 1)
    ]
    stitch(canvas, [mouth], denim.thread, 0.95)
    stitch(canvas, _flourish(inner, chance.whole(0, 3) if side < 0 else 1), denim.thread, 0.95)


def _flourish(inner: list[tuple[float, float]], kind: int) -> list[list[tuple[float, float]]]:
    (x0, y0), (x1, y1) = inner[0], inner[1]
    height = inner[3][1] - y0
    ks = np.linspace(0, 1, 13)
    drop = {0: np.abs(ks - 0.5), 1: 0.35 - np.abs(ks - 0.5) * 0.7, 2: ks * 0.5, 3: 0.2 + 0 * ks}[
        kind
    ]
    return [
        [
            (
                x0 + (x1 - x0) * float(k),
                y0 + (y1 - y0) * float(k) + height * (0.3 + 0.5 * float(d)) + gap,
            )
            for k, d in zip(ks, drop, strict=True)
        ]
        for gap in (0.0, 3.2)
    ]


def _rip(canvas: Canvas, half: Ribbon, denim: Denim, chance: Chance) -> None:
    for _ in range(chance.whole(1, 3)):
        v, a = half.length * chance.around(0.53, 0.14), chance.around(0.5, 0.18)
        wide, high = chance.between(0.14, 0.26), chance.between(5, 15)
        turns = np.linspace(0, 2 * np.pi, 22)
        rough = [1 + chance.around(0, 0.25) for _ in turns]
        hole = [
            half.point(a + wide * float(np.cos(r)) * k, v + high * float(np.sin(r)) * k)
            for r, k in zip(turns, rough, strict=True)
        ]
        canvas.fill([hole], lighter(denim.worn, 0.25), 0.9)
        canvas.fill([[(x, y + 1.5) for x, y in hole]], (0.30, 0.21, 0.17), 0.35)
        threads = [
            half.path([(a - wide * 0.95, v + k), (a, v + k + 1), (a + wide * 0.95, v + k)])
            for k in np.arange(-high * 0.8, high * 0.8, 2.3)
        ]
        canvas.stroke(threads, 1.0, lighter(denim.worn, 0.6), 0.85)


def _cuff(canvas: Canvas, half: Ribbon, denim: Denim, light: Light) -> None:
    high = 24.0
    start, end = half.edges(half.length - high), half.edges(half.length)
    roll = Ribbon.of(
        (half.origin[0], half.origin[1] + half.length - high),
        high + 2,
        [(0, start[0] - 2.5), (high, end[0] - 2.5)],
        [(0, start[1] + 2.5), (high, end[1] + 2.5)],
        bow_top=4.0,
        bow_bottom=5.0,
    )
    patch = canvas.rasterise(roll)
    shade = roundness(patch.across, light)
    add_crease(shade, patch, Crease(at=high * 0.5, width=high * 0.5, depth=0.06, reach=2.0))
    inside = blend(denim.worn, (0.9, 0.91, 0.92), 0.35)
    canvas.cast(patch, 2.0, 0.0, -1.5, 0.4)
    twill = texture("twill", patch.s, patch.t, denim.offset)
    canvas.over(patch, np.clip(flat(inside, twill) * (shade * (1 + 0.05 * twill)), 0, 1))
    edge = roll.path([(a, high - 3 + 4 * 4 * a * (1 - a)) for a in STOPS])
    stitch(canvas, [edge], denim.thread, 0.6)
