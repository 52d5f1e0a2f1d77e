"""The silhouette that jeans and trousers share: waist, hips, two legs, and how they stand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crawler.storefront.garments.chance import Chance
from crawler.storefront.garments.cloth import Crease, Light, add_crease, roundness, step, texture
from crawler.storefront.garments.ribbon import Floats, Patch, Ribbon, spline

BAND = 17.0

# Half widths of a leg in units at mid-thigh, knee, calf and hem.
CUTS: dict[str, tuple[float, float, float, float]] = {
    "skinny": (33.0, 23.0, 20.5, 17.0),
    "slim": (35.0, 26.0, 23.0, 20.5),
    "tapered": (38.5, 29.0, 24.0, 19.5),
    "straight": (37.0, 30.0, 28.0, 27.0),
    "regular": (38.5, 31.0, 28.0, 26.0),
    "relaxed": (41.0, 35.0, 32.5, 31.0),
    "bootcut": (36.5, 28.0, 29.5, 34.5),
    "wide": (43.0, 40.0, 41.0, 44.0),
}

WORN_POSES = ("standing", "apart", "walking", "turned", "leaning")


@dataclass(frozen=True)
class Stance:
    """How a pair of legs stands.

    Args:
        knees: how far the left and the right knee of the picture lie from under the hip, in
            units to the right.
        feet: the same for the hems.
        lengths: of the left and the right half, as fractions of the full length.
        fly: how far the middle front lies from the middle of the waist; a turned body moves it.
        near: 0 if the left leg of the picture is in front, 1 if the right one is.
        depth: how much darker the leg behind is.
    """

    knees: tuple[float, float]
    feet: tuple[float, float]
    lengths: tuple[float, float] = (1.0, 1.0)
    fly: float = 0.0
    near: int = 1
    depth: float = 0.05


def stance(pose: str, chance: Chance) -> Stance:
    """Draw up a stance for a pose; unknown names stand straight."""
    near = chance.whole(0, 1)
    if pose == "walking":
        return _walking(near, chance)
    if pose == "turned":
        return _turned(near, chance)
    if pose == "leaning":
        return _leaning(near, chance)
    knee, foot, spread = {"apart": (13, 36, 12), "flat": (5, 12, 14)}.get(pose, (3, 7, 8))
    j = chance.around
    knees = j(-knee, knee * 0.5 + 2), j(knee, knee * 0.5 + 2)
    return Stance(knees, (j(-foot, spread), j(foot, spread)), fly=j(0, 3), near=near)


def _order(far: float, close: float, near: int) -> tuple[float, float]:
    return (far, close) if near == 1 else (close, far)


def _walking(near: int, chance: Chance) -> Stance:
    s = 1.0 if near == 1 else -1.0
    front, back = s * chance.around(-24, 14), s * chance.around(8, 12)
    return Stance(
        knees=_order(back * 0.2 - s * 3, front * 0.75, near),
        feet=_order(back, front, near),
        lengths=_order(chance.around(0.945, 0.02), 1.0, near),
        fly=s * chance.around(6, 5),
        near=near,
        depth=0.17,
    )


def _turned(near: int, chance: Chance) -> Stance:
    s, j = 1.0 if near == 1 else -1.0, chance.around
    swing = s * j(-9, 4)
    return Stance(
        knees=(swing + j(2, 3), swing + j(-2, 3)),
        feet=(swing * 2 + j(6, 5), swing * 2 - j(4, 5)),
        lengths=_order(j(0.985, 0.01), 1.0, near),
        fly=s * j(-19, 6),
        near=near,
        depth=0.10,
    )


def _leaning(near: int, chance: Chance) -> Stance:
    s, j = 1.0 if near == 1 else -1.0, chance.around
    return Stance(
        knees=_order(j(-4, 3), s * j(17, 5), near),
        feet=_order(j(-4, 4), s * j(30, 12), near),
        lengths=_order(1.0, 0.98, near),
        fly=j(0, 6),
        near=near,
    )


@dataclass(frozen=True)
class Legs:
    """The cut-out pieces of a pair of jeans or trousers.

    Args:
        halves: the left and the right half of the picture, from the waistband to the hem.
        band: the waistband.
        crotch: units from the waistband's top to where the legs part.
        stance: how they stand.
        waist: half width of the waistband.
        hip: half width of the hips.
    """

    halves: tuple[Ribbon, Ribbon]
    band: Ribbon
    crotch: float
    stance: Stance
    waist: float
    hip: float

    @property
    def length(self) -> float:
        """Units from the waistband's top to the longer hem."""
        return max(half.length for half in self.halves)

    def front(self, across: float, along: float) -> tuple[float, float]:
        """Return the sheet's point on the front above the crotch.

        Args:
            across: -1 at the left side seam, 0 at the fly, 1 at the right side seam.
            along: units below the top of the waistband.
        """
        if across < 0:
            return self.halves[0].point(1 + across, along)
        return self.halves[1].point(across, along)

    def trace(self, side: int, places: list[tuple[float, float]]) -> list[tuple[float, float]]:
        """Return a smooth line on one side of the front, -1 left or 1 right.

        Args:
            side: which side of the picture.
            places: knots ``(0 at the fly to 1 at the side seam, units below the waistband)``.
        """
        stops = np.linspace(0, len(places) - 1, 6 * len(places)).astype(np.float32)
        across = spline([(i, p[0]) for i, p in enumerate(places)], stops)
        along = spline([(i, p[1]) for i, p in enumerate(places)], stops)
        return [self.front(side * float(a), float(t)) for a, t in zip(across, along, strict=True)]


def build(cut: str, pose: str, chance: Chance, top: float, length: float) -> Legs:
    """Cut out a pair.

    Args:
        cut: a key of `CUTS`.
        pose: one of `WORN_POSES`; anything else stands straight.
        chance: where small differences come from.
        top: where the waistband begins, units from the top of the sheet.
        length: units from there to the hem.

    Returns:
        The pieces, around the middle of the sheet.
    """
    stand = stance(pose, chance)
    size = chance.around(1.0, 0.10)
    hip = size * (74.0 + 0.35 * (CUTS[cut][0] - 33.0)) * (0.95 if pose == "turned" else 1.0)
    waist = hip * chance.around(0.835, 0.03)
    crotch = length * chance.around(0.275, 0.02)
    shape = [w * size for w in CUTS[cut]]
    halves = tuple(
        _half(side, shape, stand, (waist, hip, crotch), (240.0, top), length) for side in (0, 1)
    )
    edge = [(0.0, waist * 0.985), (BAND, waist * 1.02)]
    sag = chance.between(1.0, 6.0) if pose != "flat" else chance.between(-1.0, 1.0)
    band = Ribbon.of(
        (240.0, top), BAND, [(t, -w) for t, w in edge], edge, bow_top=sag, bow_bottom=sag
    )
    return Legs((halves[0], halves[1]), band, crotch, stand, waist, hip)


def _half(
    side: int,
    shape: list[float],
    stand: Stance,
    body: tuple[float, float, float],
    origin: tuple[float, float],
    full: float,
) -> Ribbon:
    waist, hip, crotch = body
    sign = 1.0 if side else -1.0
    length = full * stand.lengths[side]
    at_crotch = (hip * sign + stand.fly) / 2, abs(hip * sign - stand.fly) / 2
    stops = [crotch, full * 0.42, full * 0.60, full * 0.78, length]
    knee, foot = stand.knees[side], stand.feet[side]
    rest = sign * hip * 0.5
    middles = [at_crotch[0], rest + knee * 0.45, rest + knee, rest + (knee + foot) / 2, rest + foot]
    widths = [at_crotch[1], *shape]
    outer_leg = [(t, m + sign * w) for t, m, w in zip(stops, middles, widths, strict=True)]
    inner_leg = [(t, m - sign * w) for t, m, w in zip(stops, middles, widths, strict=True)]
    sides = [(0.0, sign * waist), (full * 0.09, sign * (waist * 0.35 + hip * 0.65))]
    outer = [*sides, (full * 0.17, sign * hip), (crotch, sign * hip), *outer_leg[1:]]
    along = np.arange(0.0, length + 0.25, 0.25, dtype=np.float32)
    inside = np.where(along < crotch, np.float32(stand.fly), spline(inner_leg, along))
    outside = spline(outer, along)
    left, right = (inside, outside) if side else (outside, inside)
    return Ribbon(origin, 0.0, left, right, bow_bottom=4.0)


def body_light(patch: Patch, legs: Legs, side: int, light: Light) -> Floats:
    """Shade one half: hips as one round body, then the leg on its own.

    Args:
        patch: the rasterised half.
        legs: what it is a half of.
        side: 0 left, 1 right.
        light: where the light comes from.

    Returns:
        Factors around 1.
    """
    hips = (patch.across + (1 if side else -1)) / 2
    parted = step(legs.crotch - 45, legs.crotch + 30, patch.t)
    shade = roundness(hips + (patch.across - hips) * parted, light)
    inner = patch.across * (1 if side else -1)
    shade -= 0.16 * parted * step(0.15, 1.0, -inner) * step(legs.length, legs.crotch, patch.t)
    if legs.stance.near != side:
        shade -= legs.stance.depth * parted
    return shade


def add_folds(
    shade: Floats, patch: Patch, legs: Legs, side: int, chance: Chance, softness: float
) -> None:
    """Add what gravity and knees do to a half, in place.

    Args:
        shade: factors to change.
        patch: the rasterised half.
        legs: what it is a half of.
        side: 0 left, 1 right.
        chance: where the folds fall.
        softness: 0 for stiff cloth with sharp creases, 1 for soft cloth.
    """
    for crease in (*_crotch_folds(legs, side, chance), *_leg_folds(legs, chance, softness)):
        add_crease(shade, patch, crease)
    offset = chance.whole(0, 500)
    shade += 0.022 * texture("cloud", patch.s * 2.4, patch.t * 0.5, offset)


def _crotch_folds(legs: Legs, side: int, chance: Chance) -> list[Crease]:
    outward = 1.0 if side else -1.0
    folds = []
    for k in range(chance.whole(2, 4)):
        rise = chance.between(8, 26)
        folds.append(
            Crease(
                at=legs.crotch - 22 + 15 * k + chance.around(0, 5),
                slope=-outward * rise,
                bow=chance.between(0, 6),
                width=chance.between(2.5, 4.5),
                depth=chance.between(0.04, 0.10),
                middle=-outward * 0.75,
                reach=chance.between(0.5, 1.0),
            )
        )
    return folds


def _leg_folds(legs: Legs, chance: Chance, softness: float) -> list[Crease]:
    full = legs.length
    spots = [(0.58, 0.06, chance.whole(2, 4), 0.06), (0.93, 0.06, chance.whole(2, 6), 0.09)]
    folds = []
    for middle, spread, count, depth in spots:
        for _ in range(count):
            folds.append(
                Crease(
                    at=full * chance.around(middle, spread),
                    slope=chance.around(0, 11),
                    bow=chance.around(0, 7),
                    width=chance.between(2.2, 4.0) * (1 + softness),
                    depth=depth * chance.between(0.5, 1.2) * (1 - 0.3 * softness),
                    middle=chance.around(0, 1.0),
                    reach=chance.between(0.5, 1.2),
                )
            )
    return folds
