"""The person or mannequin who wears a pair of legs: shirt, arms, belt, shoes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from crawler.storefront.garments.canvas import Canvas
from crawler.storefront.garments.chance import Chance
from crawler.storefront.garments.cloth import (
    Crease,
    Light,
    add_crease,
    bell,
    flat,
    lighter,
    line,
    mix,
    rgb,
    roundness,
)
from crawler.storefront.garments.legs import Legs
from crawler.storefront.garments.ribbon import Colour, Floats, Patch, Ribbon
from crawler.storefront.garments.sewing import seam

SKINS = [rgb(c) for c in ("#f0cdb0", "#e3b490", "#c98f66", "#a56c45", "#7b4a2e", "#553222")]
DUMMIES = [rgb(c) for c in ("#e7e3dc", "#d3d0cb", "#b9b9bb", "#3a3a3c", "#cdb391")]

_TEES = [
    rgb(c)
    for c in (
        "#f2f2f0",
        "#1d1d20",
        "#8d9096",
        "#3c4a63",
        "#7c2f35",
        "#3f6f8f",
        "#3d7a55",
        "#c8553d",
        "#5b4a7a",
        "#d8c39a",
        "#6f8fa8",
    )
]
_SHIRTS = [
    rgb(c)
    for c in (
        "#f6f6f4",
        "#cfdcee",
        "#a9c3e4",
        "#e9dfe9",
        "#d7d3cc",
        "#e3e9e0",
        "#3b4256",
        "#f3d9d6",
    )
]
_LEATHERS = [rgb(c) for c in ("#1a1817", "#1f1a18", "#33211a", "#4f2f20")]
_CANVASES = [rgb(c) for c in ("#ecebe7", "#d8d8d6", "#2a2b2f", "#3a4962", "#8e3b38", "#6f6a60")]


@dataclass(frozen=True)
class Wearer:
    """What is to be seen of the person beside the garment.

    Args:
        skin: of arms and hands.
        shirt: its colour.
        stripes: None, or the second colour of a striped shirt.
        formal: a long-sleeved shirt rather than a T-shirt.
        tucked: whether the shirt goes into the waistband.
        hem: how far an untucked shirt hangs below the top of the waistband, in units.
        belt: None, or its colour.
        shoe: its colour.
        sneaker: whether the shoe has a white sole.
        arms: for the left and the right arm of the picture, ``"down"`` or ``"pocket"``.
    """

    skin: Colour
    shirt: Colour
    stripes: Colour | None
    formal: bool
    tucked: bool
    hem: float
    belt: Colour | None
    shoe: Colour
    sneaker: bool
    arms: tuple[str, str]

    @classmethod
    def of(cls, chance: Chance, formal: float) -> Wearer:
        """Dress somebody; `formal` is the probability of a shirt, belt and leather shoes."""
        smart = chance.maybe(formal)
        tucked = chance.maybe(0.85 if smart else 0.25)
        shoe = chance.pick(_LEATHERS if smart else _LEATHERS + _CANVASES)
        hand = {"down": 3.0, "pocket": 1.0}
        return cls(
            skin=chance.pick(SKINS * 2 + DUMMIES[:2]),
            shirt=chance.pick(_SHIRTS if smart else _TEES),
            stripes=chance.pick(_TEES) if chance.maybe(0.15) else None,
            formal=smart,
            tucked=tucked,
            hem=chance.between(2, 24),
            belt=chance.pick(_LEATHERS) if tucked and chance.maybe(0.75) else None,
            shoe=shoe,
            sneaker=shoe in _CANVASES,
            arms=(chance.weigh(hand), chance.weigh(hand)),
        )


def paint_shoes(canvas: Canvas, legs: Legs, wearer: Wearer, light: Light) -> None:
    """Paint both shoes; the hems go over them."""
    near = legs.stance.near
    for side in (1 - near, near):
        half = legs.halves[side]
        ankle = half.point(0.5, half.length - 12)
        out = (1 if side else -1) * 9.0 + legs.stance.feet[side] * 0.12
        if wearer.sneaker:
            sole = Ribbon.limb(
                ankle, (ankle[0] + out, ankle[1] + 46), (15, 18, 20, 19.5, 15), bow_bottom=6.0
            )
            _lay(canvas, sole, rgb("#f1f0ec"), light)
        toe = (ankle[0] + out * 0.9, ankle[1] + 41)
        narrow = 1.0 if wearer.sneaker else 0.9
        shoe = Ribbon.limb(
            ankle, toe, [w * narrow for w in (14, 16.5, 18.5, 17.5, 12)], bow_bottom=5.0
        )
        _lay(canvas, shoe, wearer.shoe, light, shine=0.25)
        if wearer.sneaker:
            laces = [shoe.path([(0.3, t), (0.7, t + 2)]) for t in (14.0, 19.0, 24.0)]
            canvas.stroke(laces, 1.6, rgb("#f4f4f2"), 0.9)


def paint_torso(canvas: Canvas, legs: Legs, wearer: Wearer, light: Light, chance: Chance) -> None:
    """Paint the shirt down to the waistband, or over it where it isn't tucked in."""
    top = legs.band.origin[1]
    end = top + (8.0 if wearer.tucked else wearer.hem)
    waist = legs.waist * (1.0 if wearer.tucked else 1.07)
    chest = legs.waist * chance.between(1.22, 1.36)
    start, length = -95.0, end + 95.0
    side = [(0.0, chest), (length * 0.60, chest * 0.97), (length, waist)]
    shirt = Ribbon.of(
        (240.0, start), length, [(t, -w) for t, w in side], side, bow_bottom=chance.between(3, 9)
    )
    patch = canvas.rasterise(shirt)
    shade = roundness(patch.across, light)
    for _ in range(7):
        add_crease(
            shade,
            patch,
            Crease(
                at=chance.between(length * 0.45, length),
                slope=chance.around(0, 26),
                width=chance.between(3, 6),
                depth=chance.between(0.03, 0.08),
                middle=chance.sign() * chance.between(0.4, 0.9),
                reach=0.6,
            ),
        )
    if not wearer.tucked:
        canvas.cast(patch, 3.0, 1.0, 4.0, 0.45)
    canvas.over(patch, np.clip(_shirt_cloth(patch, wearer) * shade, 0, 1))
    if wearer.formal:
        seam(
            canvas,
            [shirt.path([(0.47, 0), (0.47, length)]), shirt.path([(0.53, 0), (0.53, length)])],
            0.2,
        )


def _shirt_cloth(patch: Patch, wearer: Wearer) -> Floats:
    made = flat(wearer.shirt, patch.alpha)
    if wearer.stripes is not None:
        along = patch.s if wearer.formal else patch.t
        period, width = (9.0, 1.4) if wearer.formal else (21.0, 9.0)
        mix(made, wearer.stripes, line(along, period, width, 1.0))
    return made


def paint_arms(canvas: Canvas, legs: Legs, wearer: Wearer, light: Light, chance: Chance) -> None:
    """Paint both arms, in front of the hips."""
    waist = legs.band.origin[1]
    for side, pose in enumerate(wearer.arms):
        out = 1.0 if side else -1.0
        shoulder = 240 + out * legs.waist * 1.26, waist - 225.0
        if pose == "pocket":
            elbow = 240 + out * (legs.hip * 1.5 + chance.around(4, 6)), waist - 30.0
            wrist = legs.halves[side].point(0.62 if side else 0.38, 52.0)
        else:
            elbow = 240 + out * (legs.hip * 1.34 + chance.around(2, 6)), waist - 22.0
            wrist = 240 + out * (legs.hip * 1.22 + chance.around(4, 6)), waist + 62.0
        joints = [shoulder, elbow, wrist]
        if pose == "down":
            _hand(canvas, joints, wearer.skin, light)
            _arm(canvas, joints, wearer, light, None)
        else:
            outward = 1 if side else -1
            mouth = [legs.front(outward * 0.42, 14.0), legs.front(outward * 1.0, 50.0)]
            _arm(canvas, joints, wearer, light, mouth)


def _hand(canvas: Canvas, joints: list[tuple[float, float]], skin: Colour, light: Light) -> None:
    (elbow_x, _), (x, y) = joints[1:]
    tip = x + (x - elbow_x) * 0.12, y + 40
    palm = Ribbon.limb((x, y - 3), tip, (7.5, 10.5, 12.0, 10.0, 5.5), bow_bottom=4.0)
    _lay(canvas, palm, skin, light, shadow=0.25)
    fingers = [palm.path([(k, 24), (k - 0.02, 41)]) for k in (0.36, 0.58, 0.78)]
    canvas.stroke(fingers, 0.9, lighter(skin, -0.4), 0.6)


def _arm(
    canvas: Canvas,
    joints: list[tuple[float, float]],
    wearer: Wearer,
    light: Light,
    pocket: list[tuple[float, float]] | None,
) -> None:
    widths = (
        (25, 22, 20, 18.5, 16.5, 13.5, 10.5)
        if wearer.formal
        else (20, 18.5, 16.5, 14.5, 13.5, 10.5, 8)
    )
    arm = Ribbon.bent(joints, widths)
    colour = wearer.shirt if wearer.formal else wearer.skin
    _lay(canvas, arm, colour, light, folds=6 * wearer.formal, pocket=pocket, kept=joints[1])
    if wearer.formal:
        cuff = arm.length - 11
        if pocket is None:
            seam(canvas, [arm.path([(0, cuff), (1, cuff)])], 0.25)
        return
    (x0, y0), (x1, y1) = joints[:2]
    end = x0 + (x1 - x0) * 0.74, y0 + (y1 - y0) * 0.74
    sleeve = Ribbon.limb((x0, y0), end, (25, 24.5, 24), bow_bottom=3.0)
    _lay(canvas, sleeve, wearer.shirt, light, folds=2)


def paint_belt(canvas: Canvas, legs: Legs, colour: Colour, light: Light, buckle: bool) -> None:
    """Paint a belt over the waistband, with its buckle where it is seen from the front."""
    edge = [(0.0, legs.waist * 1.01), (12.0, legs.waist * 1.03)]
    belt = Ribbon.of(
        (240.0, legs.band.origin[1] + 3.0),
        12.0,
        [(t, -w) for t, w in edge],
        edge,
        bow_top=legs.band.bow_top,
        bow_bottom=legs.band.bow_bottom,
    )
    _lay(canvas, belt, colour, light, shine=0.2)
    if not buckle:
        return
    x, y = belt.point(0.5 + legs.stance.fly / (2 * legs.waist), 6.0 + legs.band.bow_top)
    frame = [(x - 10, y - 7.5), (x + 10, y - 7.5), (x + 10, y + 7.5), (x - 10, y + 7.5)]
    canvas.stroke([[*frame, frame[0]]], 2.4, rgb("#c9c6bf"))
    canvas.stroke([[(x - 9, y), (x + 5, y)]], 1.6, rgb("#dcd9d2"))


def _lay(
    canvas: Canvas,
    ribbon: Ribbon,
    colour: Colour,
    light: Light,
    shine: float = 0.0,
    shadow: float = 0.35,
    folds: int = 0,
    pocket: list[tuple[float, float]] | None = None,
    kept: tuple[float, float] = (0.0, 0.0),
) -> None:
    patch = canvas.rasterise(ribbon)
    if pocket is not None:
        patch = replace(patch, alpha=patch.alpha * canvas.beyond(patch.box, pocket, kept))
    shade = roundness(patch.across, light)
    for k in range(folds):
        at, slope = ribbon.length * (0.45 + 0.09 * k), 9.0 if k % 2 else -7.0
        add_crease(shade, patch, Crease(at, slope, width=3.5, depth=0.07, reach=0.9))
    made = flat(colour, shade) * shade
    if shine:
        gloss = bell(patch.across, 0.4 * light.side, 0.3) * np.float32(shine)
        mix(made, (1.0, 1.0, 1.0), gloss * np.clip(patch.t / max(ribbon.length, 1), 0, 1))
    canvas.cast(patch, 2.5, 0.5, 2.0, shadow)
    canvas.over(patch, np.clip(made, 0, 1))
