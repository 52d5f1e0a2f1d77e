"""Who wears a saree: a plain figure or a dress form, its blouse and jewellery. No faces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crawler.storefront.garments.canvas import Canvas
from crawler.storefront.garments.chance import Chance
from crawler.storefront.garments.cloth import Light, flat, lighter, rgb, roundness
from crawler.storefront.garments.figure import DUMMIES, SKINS
from crawler.storefront.garments.ribbon import Colour, Ribbon
from crawler.storefront.garments.sewing import ellipse

_HAIR = [rgb(c) for c in ("#15110f", "#231813", "#35241b")]


@dataclass(frozen=True)
class Body:
    """A figure from head to waist.

    Args:
        skin: its colour.
        hair: None for a mannequin, or the colour of the hair.
        bun: hair tied up rather than falling on the shoulders.
        blouse: colour of the blouse.
        trim: colour of the sleeves' edges.
        sleeve: length of the sleeves as a fraction of the upper arm.
        neck: shape of the neckline: ``"round"``, ``"vee"`` or ``"boat"``.
        arms: for the left and the right arm of the picture: ``"down"``, ``"hip"``, ``"out"``,
            ``"front"`` or ``"none"``.
        headless: a dress form that ends at the neck.
        jewel: colour of the jewellery.
    """

    skin: Colour
    hair: Colour | None
    bun: bool
    blouse: Colour
    trim: Colour
    sleeve: float
    neck: str
    arms: tuple[str, str]
    headless: bool
    jewel: Colour

    @classmethod
    def of(cls, pose: str, blouse: Colour, trim: Colour, chance: Chance) -> Body:
        """Choose a figure for a pose."""
        form = pose == "dress form"
        dummy = form or chance.maybe(0.3)
        left = chance.pick(["down", "down", "hip"])
        right = "out" if pose == "arm out" else chance.pick(["down", "front"])
        return cls(
            skin=chance.pick(DUMMIES if dummy else SKINS[1:5]),
            hair=None if dummy else chance.pick(_HAIR),
            bun=chance.maybe(0.5),
            blouse=blouse,
            trim=trim,
            sleeve=chance.pick([0.0, 0.45, 0.6, 0.8]),
            neck=chance.pick(["round", "vee", "boat"]),
            arms=("none", "none") if form else (left, right),
            headless=form,
            jewel=rgb("#d9b04e"),
        )


def _lay(canvas: Canvas, ribbon: Ribbon, colour: Colour, light: Light, shadow: float = 0.0) -> None:
    patch = canvas.rasterise(ribbon)
    if shadow:
        canvas.cast(patch, 3.0, -light.side, 2.5, shadow)
    canvas.over(patch, np.clip(flat(colour, patch.alpha) * roundness(patch.across, light), 0, 1))


def paint_head(canvas: Canvas, body: Body, light: Light, back: bool = False) -> None:
    """Paint hair, head and neck, from the front or the back; a dress form gets a cap."""
    if body.headless:
        _lay(canvas, Ribbon.limb((240, 92), (240, 128), (12, 12.5, 15)), body.skin, light)
        _lay(canvas, Ribbon.limb((240, 80), (240, 94), (4, 9, 12.5, 13.5)), rgb("#7a5a3c"), light)
        return
    if body.hair is not None and not body.bun and not back:
        _lay(canvas, Ribbon.limb((240, 40), (238, 176), (24, 31, 34, 37, 30, 12)), body.hair, light)
    if body.hair is not None and body.bun:
        canvas.blot([ellipse((251, 33), 15, 13)], body.hair)
    _lay(
        canvas,
        Ribbon.limb((240, 84), (240, 130), (10.5, 10, 11, 17)),
        lighter(body.skin, -0.12),
        light,
    )
    if body.hair is not None:
        _lay(canvas, Ribbon.limb((240, 27), (240, 76), (8, 20, 25.5, 27, 26, 20)), body.hair, light)
    head = Ribbon.limb(
        (240, 31), (240, 98), (9, 18, 22, 23.5, 23, 20, 14.5, 6), bow_top=-4.0, bow_bottom=2.0
    )
    if back and body.hair is not None:
        _lay(canvas, Ribbon.limb((240, 26), (240, 92), (8, 20, 24, 24, 20, 11)), body.hair, light)
        if body.bun:
            _lay(
                canvas, Ribbon.limb((240, 58), (240, 90), (8, 15, 17, 15, 8)), body.hair, light, 0.4
            )
        else:
            _lay(
                canvas,
                Ribbon.limb((240, 60), (243, 214), (22, 20, 17, 14, 11, 4)),
                body.hair,
                light,
                0.3,
            )
        return
    _lay(canvas, head, body.skin, light)
    if body.hair is not None:
        fringe = [*ellipse((240, 47), 23.5, 20)[13:], (240, 34)]
        canvas.fill([fringe], body.hair)
        canvas.fill(
            [
                [(263, 44), (264, 66), (259, 52), (243, 34)],
                [(217, 44), (216, 66), (221, 52), (237, 34)],
            ],
            body.hair,
        )
        canvas.fill([ellipse((217.5, 76), 2.2, 4), ellipse((262.5, 76), 2.2, 4)], body.jewel)


def paint_torso(canvas: Canvas, body: Body, light: Light) -> None:
    """Paint the torso and its blouse."""
    side = [
        (0.0, 24.0),
        (7.0, 42.0),
        (16.0, 50.0),
        (34.0, 47.0),
        (64.0, 44.0),
        (92.0, 37.0),
        (124.0, 33.5),
        (140.0, 38.0),
    ]
    torso = Ribbon.of((240.0, 114.0), 140.0, [(t, -w) for t, w in side], side, bow_top=-3.0)
    _lay(canvas, torso, body.skin, light)
    if body.headless:
        cover = Ribbon.of((240.0, 114.0), 140.0, [(t, -w) for t, w in side], side, bow_top=-3.0)
        _lay(canvas, cover, body.skin, light)
    blouse = [(t, w + 0.8) for t, w in side[:6]]
    _lay(
        canvas,
        Ribbon.of((240.0, 114.0), 92.0, [(t, -w) for t, w in blouse], blouse, bow_bottom=4.0),
        body.blouse,
        light,
    )
    _neckline(canvas, body)
    if body.hair is not None:
        turns = np.linspace(-1.5, 1.5, 20)
        chain = [(240 + 17 * float(np.sin(a)), 110 + 24 * float(np.cos(a))) for a in turns]
        canvas.stroke([chain], 1.8, body.jewel, 0.95)


def _neckline(canvas: Canvas, body: Body) -> None:
    low, wide, sharp = {"round": (36, 25, 2.2), "vee": (48, 25, 1.0), "boat": (15, 35, 2.6)}[
        body.neck
    ]
    k = np.linspace(-1, 1, 21)
    rim = [(240 + wide * float(a), 116 + low * (1 - abs(float(a)) ** sharp)) for a in k]
    canvas.fill([[*rim, (240 + wide - 8, 108), (240 - wide + 8, 108)]], lighter(body.skin, -0.06))
    canvas.stroke([rim], 1.8, body.trim, 0.85)


def paint_arm(canvas: Canvas, body: Body, side: int, light: Light) -> None:
    """Paint one arm: skin, sleeve, bangles and hand."""
    out = 1.0 if side else -1.0
    elbow, wrist, tip = {
        "down": ((57, 206), (62, 280), (61, 318)),
        "hip": ((84, 196), (58, 254), (40, 274)),
        "out": ((88, 194), (142, 236), (166, 258)),
        "front": ((60, 204), (24, 258), (-4, 270)),
    }[body.arms[side]]
    joints = [(240 + out * x, float(y)) for x, y in ((40, 127), elbow, wrist)]
    hand = [joints[-1], (240 + out * tip[0], float(tip[1]))]
    _lay(canvas, Ribbon.limb(hand[0], hand[1], (5, 7, 7.5, 5.5, 2.5)), body.skin, light, 0.2)
    arm = Ribbon.bent(joints, (8, 12.5, 11.5, 10, 9.5, 9, 7.5, 5.5), bow_top=-9.0)
    _lay(canvas, arm, body.skin, light, 0.22)
    if body.sleeve:
        end = tuple(joints[0][i] + (joints[1][i] - joints[0][i]) * body.sleeve for i in (0, 1))
        sleeve = Ribbon.limb(
            (joints[0][0], joints[0][1] - 3), (end[0], end[1]), (9, 13.5, 14, 13.5), bow_top=-7.0
        )
        _lay(canvas, sleeve, body.blouse, light, 0.2)
        edge = sleeve.path([(0.02, sleeve.length - 2), (0.98, sleeve.length - 2)])
        canvas.stroke([edge], 3.0, body.trim)
    if body.hair is not None:
        rings = [arm.path([(0.0, arm.length - t), (1.0, arm.length - t)]) for t in (3, 6.5, 10)]
        canvas.stroke(rings, 1.8, body.jewel)
