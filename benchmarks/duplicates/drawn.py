"""Plain garments drawn from a seed: many that differ a little in proportion, and recolours.

What a hash of shape finds hardest: garments without pattern, one at a time, in the middle of a
white picture. Of these, unlike of photos, it is known for certain which two are different.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter

#: Width and height.
SIZE = (300, 400)
#: Colours in which plain garments are sold, dark and pale ones among them.
PALETTE = {
    "black": (28, 28, 30),
    "charcoal": (62, 64, 68),
    "grey": (128, 130, 134),
    "silver": (192, 194, 197),
    "white": (240, 240, 238),
    "cream": (236, 226, 206),
    "beige": (212, 193, 163),
    "camel": (181, 137, 89),
    "brown": (98, 66, 48),
    "rust": (166, 82, 45),
    "burgundy": (104, 28, 44),
    "red": (186, 33, 44),
    "coral": (232, 116, 97),
    "pink": (226, 132, 164),
    "blush": (234, 200, 198),
    "lilac": (184, 168, 206),
    "plum": (88, 48, 92),
    "navy": (30, 40, 72),
    "indigo": (46, 62, 108),
    "denim": (84, 112, 150),
    "sky": (160, 194, 222),
    "teal": (24, 104, 112),
    "mint": (178, 216, 196),
    "forest": (34, 72, 50),
    "olive": (98, 98, 58),
    "khaki": (158, 148, 110),
    "mustard": (206, 158, 46),
    "yellow": (240, 214, 100),
}

_SEED = 20261
# Drawn at this many times the size, for smooth edges.
_FINER = 2
# How much darker cloth gets towards its edge, and from fold to fold.
_ROUND = 0.3
_FOLD = 0.05
_FOLDS = 4

Point = tuple[float, float]
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Garment:
    """One garment on white.

    Args:
        kind: a name in `KINDS`.
        parts: its proportions, each from 0 to 1 between the least and the most that are worn.
        colour: a name in `PALETTE`.
        folds: seed of its folds.
    """

    kind: str
    parts: tuple[float, ...]
    colour: str
    folds: int

    @property
    def name(self) -> str:
        """What it is called in lists of pairs."""
        return f"drawn {self.colour} {self.kind} {self.folds}"


@dataclass(frozen=True)
class Pattern:
    """A garment's lines, in a frame from -1 to 1 across and 0 to 1 down.

    Args:
        right: outline of the right half from the middle of the top to the middle of the bottom.
        seams: lines on the right half; each is drawn on the left half as well.
        middle: lines drawn once.
    """

    right: Sequence[Point]
    seams: Sequence[Sequence[Point]] = ()
    middle: Sequence[Sequence[Point]] = ()


def garments(count: int) -> list[Garment]:
    """Make up garments, no two alike; the first ones are the same for any count.

    Proportions come in families, as in a shop: half of the garments share all but two of theirs
    with an earlier one of their kind.

    Args:
        count: how many.
    """
    rng = np.random.default_rng(_SEED)
    made: list[Garment] = []
    kinds, colours = list(KINDS), list(PALETTE)
    for number in range(count):
        kind = kinds[number % len(kinds)]
        parts = rng.random(_PARTS)
        relatives = [garment for garment in made if garment.kind == kind]
        if relatives and rng.random() < 0.5:
            relative = relatives[int(rng.integers(len(relatives)))]
            changed = rng.choice(_PARTS, 2, replace=False)
            parts = np.where(np.isin(np.arange(_PARTS), changed), parts, relative.parts)
        colour = colours[int(rng.integers(len(colours)))]
        made.append(Garment(kind, tuple(np.round(parts, 3).tolist()), colour, number))
    return made


def recolours(originals: Sequence[Garment], count: int) -> list[tuple[int, Garment]]:
    """Dye some garments: everything but the colour stays.

    Args:
        originals: garments to choose from.
        count: how many; no garment is chosen twice.

    Returns:
        Which garment it was, and its recolour.
    """
    rng = np.random.default_rng(_SEED + 1)
    chosen = sorted(rng.choice(len(originals), min(count, len(originals)), replace=False).tolist())
    pairs = []
    for index in chosen:
        others = [colour for colour in PALETTE if colour != originals[index].colour]
        colour = others[int(rng.integers(len(others)))]
        pairs.append((index, replace(originals[index], colour=colour)))
    return pairs


def draw(garment: Garment) -> Image.Image:
    """Draw a garment.

    Returns:
        An RGB picture of `SIZE`.
    """
    pattern = KINDS[garment.kind](*garment.parts)
    fine = (SIZE[0] * _FINER, SIZE[1] * _FINER)
    mask, seams = Image.new("L", fine), Image.new("L", fine)
    outline = [*pattern.right, *_mirrored(pattern.right)[::-1]]
    ImageDraw.Draw(mask).polygon(_pixels(outline, fine), fill=255)
    lines = [*pattern.seams, *map(_mirrored, pattern.seams), *pattern.middle]
    for line in lines:
        ImageDraw.Draw(seams).line(_pixels(line, fine), fill=255, width=2 * _FINER)
    small = mask.resize(SIZE, Image.Resampling.BOX)
    dark = ImageChops.multiply(seams.resize(SIZE, Image.Resampling.BOX), small)
    return _shaded(small, dark, PALETTE[garment.colour], garment.folds)


def _shaded(mask: Image.Image, seams: Image.Image, colour: Colour, seed: int) -> Image.Image:
    soft = np.asarray(mask.filter(ImageFilter.GaussianBlur(SIZE[0] / 16)), np.float32) / 255
    light = 1 - _ROUND * (1 - soft) + _folds(seed)
    light -= 0.25 * np.asarray(seams, np.float32) / 255
    # Dark cloth shines where light falls; without that, black has no folds at all.
    cloth = np.array(colour, np.float32) * light[..., None] + 18 * (light[..., None] - 0.8)
    cover = np.asarray(mask, np.float32)[..., None] / 255
    pixels = 255 * (1 - cover) + np.clip(cloth, 0, 255) * cover
    return Image.fromarray(np.round(pixels).astype(np.uint8))


def _folds(seed: int) -> NDArray[np.float32]:
    """Soft folds, mostly falling down: a sum of slanted waves."""
    rng = np.random.default_rng((_SEED, seed))
    x, y = np.meshgrid(np.linspace(-1, 1, SIZE[0]), np.linspace(0, 1, SIZE[1]))
    waves = np.zeros_like(x)
    for _ in range(_FOLDS):
        across, down, phase = rng.uniform(3, 14), rng.uniform(-6, 6), rng.uniform(0, 2 * np.pi)
        waves += np.sin(across * x + down * y + phase)
    return (_FOLD / _FOLDS * 2 * waves).astype(np.float32)


def _mirrored(points: Sequence[Point]) -> list[Point]:
    return [(-x, y) for x, y in points]


def _pixels(points: Sequence[Point], size: tuple[int, int]) -> list[Point]:
    """Fit the frame of a pattern into the picture; it leaves a margin of 6%."""
    width, height = size
    return [(width / 2 + x * height * 0.4, height * (0.06 + 0.88 * y)) for x, y in points]


def _between(part: float, least: float, most: float) -> float:
    return least + part * (most - least)


def _top(
    length: float, chest: float, shoulder: float, sleeve: float, cuff: float, neck: float
) -> list[Point]:
    """A top's right half: neck, shoulder, sleeve, armpit, hem."""
    armpit = 0.2 + 0.6 * cuff
    end = (shoulder + 0.75 * sleeve, 0.08 + sleeve)
    inner = (end[0] - 0.9 * cuff, end[1] + 0.5 * cuff)
    return [
        (0, 0.05 + neck / 3),
        (0.75 * neck, 0.04 + neck / 6),
        (neck, 0.0),
        (shoulder, 0.07),
        end,
        inner,
        (chest, armpit),
        (0.96 * chest, (armpit + length) / 2),
        (chest, length),
        (0, length),
    ]


def _t_shirt(*p: float) -> Pattern:
    length, chest = _between(p[0], 0.68, 0.98), _between(p[1], 0.34, 0.52)
    right = _top(
        length,
        chest,
        chest + _between(p[2], -0.02, 0.06),
        _between(p[3], 0.12, 0.3),
        _between(p[4], 0.13, 0.22),
        _between(p[5], 0.12, 0.24),
    )
    return Pattern(right, [[(0, length - 0.02), (chest, length - 0.02)], [right[3], right[6]]])


def _shirt(*p: float) -> Pattern:
    length, chest = _between(p[0], 0.72, 0.99), _between(p[1], 0.33, 0.48)
    right = _top(
        length,
        chest,
        chest + _between(p[2], -0.03, 0.04),
        _between(p[3], 0.48, 0.62),
        _between(p[4], 0.1, 0.15),
        _between(p[5], 0.1, 0.16),
    )
    collar = [right[2], (0.1, 0.12), (0, 0.05 + right[2][0] / 3)]
    return Pattern(right, [collar, [right[3], right[6]]], [[(0, 0.08), (0, length)]])


def _dress(*p: float) -> Pattern:
    waist, hem = _between(p[0], 0.18, 0.3), _between(p[1], 0.28, 0.62)
    bust, strap = waist + _between(p[2], 0.02, 0.1), _between(p[3], 0.1, 0.2)
    length, middle = _between(p[4], 0.72, 1), _between(p[5], 0.34, 0.46)
    right = [
        (0, 0.14),
        (strap - 0.06, 0.1),
        (strap, 0),
        (strap + 0.07, 0),
        (bust - 0.02, 0.16),
        (bust, 0.24),
        (waist, middle),
        ((waist + hem) / 2 + 0.02, (middle + length) / 2),
        (hem, length),
        (0, length),
    ]
    return Pattern(right, [[(0, middle), (waist, middle)]])


def _skirt(*p: float) -> Pattern:
    waist, hip = _between(p[0], 0.24, 0.36), _between(p[1], 0.04, 0.14)
    hem, length = _between(p[2], 0.3, 0.75), _between(p[3], 0.5, 0.98)
    band, fullness = _between(p[4], 0.03, 0.08), _between(p[5], -0.04, 0.06)
    right = [
        (0, 0.02),
        (waist, 0.0),
        (waist + hip, 0.22),
        ((waist + hip + hem) / 2 + fullness, (0.22 + length) / 2),
        (hem, length - 0.02),
        (0, length),
    ]
    return Pattern(right, [[(0, band + 0.02), (waist + 0.02, band)]])


def _legs(
    waist: float, hip: float, rise: float, hem: float, length: float, stance: float
) -> Pattern:
    right = [
        (0, 0.015),
        (waist, 0.0),
        (hip, rise * 0.75),
        (stance + hem, length),
        (stance - hem, length),
        (0, rise),
    ]
    return Pattern(right, [[(0, 0.05), (waist + 0.01, 0.04)]], [[(0, 0.05), (0, rise)]])


def _trousers(*p: float) -> Pattern:
    waist, hem = _between(p[0], 0.22, 0.3), _between(p[3], 0.06, 0.15)
    return _legs(
        waist,
        waist + _between(p[1], 0.02, 0.1),
        _between(p[2], 0.24, 0.34),
        hem,
        _between(p[4], 0.84, 1.0),
        hem + _between(p[5], 0.03, 0.14),
    )


def _shorts(*p: float) -> Pattern:
    waist, hem = _between(p[0], 0.34, 0.48), _between(p[3], 0.18, 0.27)
    return _legs(
        waist,
        waist + _between(p[1], 0.02, 0.12),
        _between(p[2], 0.34, 0.46),
        hem,
        _between(p[4], 0.56, 0.86),
        hem + _between(p[5], 0.02, 0.1),
    )


_PARTS = 6
#: Name to the function that turns six proportions into lines.
KINDS: dict[str, Callable[..., Pattern]] = {
    "t-shirt": _t_shirt,
    "shirt": _shirt,
    "dress": _dress,
    "skirt": _skirt,
    "trousers": _trousers,
    "shorts": _shorts,
}
