"""Cloth seen close: yarn, weave, folds, light on a round body, stripes and checks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from crawler.storefront.garments.ribbon import Colour, Floats, Patch, floats

_TILE = 512
_TEXELS_PER_UNIT = 1.5


@dataclass(frozen=True)
class Light:
    """Where the light comes from.

    Args:
        side: -1 from the left of the picture, 1 from the right.
        contrast: how dark the side away from it gets, around 0.3 for a soft studio light.
    """

    side: float
    contrast: float


@lru_cache(maxsize=8)
def tile(kind: str) -> Floats:
    """Return a repeating texture with mean 0 and deviation 1.

    Args:
        kind: ``"grain"`` is even noise, ``"warp"`` has threads that run along the cloth,
            ``"twill"`` has diagonal ribs, ``"slub"`` uneven threads both ways, ``"cloud"`` large
            soft spots.

    Returns:
        ``float32`` of shape ``(512, 512)``.
    """
    seed = {"grain": 1, "warp": 2, "twill": 3, "slub": 4, "cloud": 5}[kind]
    noise = np.random.default_rng(seed).standard_normal((_TILE, _TILE), dtype=np.float32)
    weave = {"warp": _warp, "twill": _twill, "slub": _slub, "cloud": _cloud}.get(kind)
    made = weave(noise) if weave else noise
    return floats((made - made.mean()) / made.std())


def _smear(noise: Floats, down: int, right: int) -> Floats:
    total = np.zeros_like(noise)
    for k in range(max(abs(down), abs(right))):
        total += np.roll(noise, (k * int(np.sign(down)), k * int(np.sign(right))), axis=(0, 1))
    return total


def _warp(noise: Floats) -> Floats:
    return _smear(noise, 9, 0)


def _slub(noise: Floats) -> Floats:
    return _smear(noise, 15, 0) + _smear(noise[::-1], 0, 15)


def _twill(noise: Floats) -> Floats:
    y, x = np.mgrid[0:_TILE, 0:_TILE].astype(np.float32)
    ribs = 0.7 * np.sin((x + y) * (2 * np.pi / 4.0))
    return floats(_smear(noise, 7, -7) / 2.6 + ribs + 0.6 * tile("warp"))


def _cloud(noise: Floats) -> Floats:
    cycles = np.hypot(*np.meshgrid(np.fft.fftfreq(_TILE), np.fft.fftfreq(_TILE)))
    kept = np.exp(-((cycles * _TILE / 12) ** 2))
    return floats(np.fft.ifft2(np.fft.fft2(noise) * kept).real)


def texture(kind: str, x: Floats, y: Floats, offset: int = 0, scale: float = 1.0) -> Floats:
    """Look a texture up at places on the cloth.

    Args:
        kind: see `tile`.
        x: units across the cloth.
        y: units along it.
        offset: shifts the texture, so that two garments differ.
        scale: above 1 makes it coarser.

    Returns:
        Values around 0 with deviation 1, of the shape of `x` and `y`.
    """
    k = _TEXELS_PER_UNIT / scale
    column = (x * np.float32(k) + np.float32(4 * _TILE + offset * 37)).astype(np.int32)
    row = (y * np.float32(k) + np.float32(4 * _TILE + offset * 91)).astype(np.int32)
    place = ((row & (_TILE - 1)) << 9) | (column & (_TILE - 1))
    return floats(tile(kind).ravel()[place])


def step(low: float, high: float, x: Floats) -> Floats:
    """Rise smoothly from 0 at `low` to 1 at `high`."""
    r = np.clip((x - low) / (high - low), 0.0, 1.0)
    return floats(r * r * (3 - 2 * r))


def bell(x: Floats, middle: Floats | float, width: float) -> Floats:
    """Return a soft bump of height 1 around `middle`."""
    r = (x - middle) * (1 / width)
    return np.exp(-r * r)


def roundness(across: Floats, light: Light) -> Floats:
    """Shade a round body: brightest towards the light, dark where it turns away.

    Args:
        across: -1 at the left edge of the body, 1 at the right one.
        light: where the light comes from.

    Returns:
        Factors around 1.
    """
    n = np.clip(across, -1.0, 1.0) * 0.96
    facing = np.sqrt(1 - n * n)
    return floats(1 + light.contrast * (facing - 0.80 + 0.55 * light.side * n))


@dataclass(frozen=True)
class Crease:
    """One fold across a leg or a skirt.

    Args:
        at: distance along the cloth of its middle, in units.
        slope: how much lower it ends on the right than on the left, in units.
        bow: how much lower its middle lies than its ends, in units.
        width: half its height, in units.
        depth: how strong it is, 0.1 is plain to see.
        middle: where it is strongest, -1 left edge, 1 right edge.
        reach: how far it goes from there; 1 is half the width.
    """

    at: float
    slope: float = 0.0
    bow: float = 0.0
    width: float = 4.0
    depth: float = 0.1
    middle: float = 0.0
    reach: float = 0.8


def add_crease(shade: Floats, patch: Patch, crease: Crease) -> None:
    """Add a fold to a patch's shading, in place: lit above, dark below."""
    span = abs(crease.slope) + abs(crease.bow) + 3 * crease.width
    rows = patch.rows(crease.at - span, crease.at + span)
    if rows.start == rows.stop:
        return
    c = patch.across[rows]
    line = crease.at + crease.slope * c + crease.bow * (1 - c * c)
    r = (patch.t[rows] - line) * (1 / crease.width)
    away = (c - crease.middle) * (1 / crease.reach)
    shade[rows] -= crease.depth * r * np.exp(0.5 - r * r - away * away * 1.2)


def pleats(phase: Floats, sharpness: float) -> Floats:
    """Shade regular folds.

    Args:
        phase: position counted in folds; each whole number is one fold.
        sharpness: 0 for soft waves, 1 for pressed pleats with a dark line behind each edge.

    Returns:
        Values from about -1 (in the fold) to 1 (on its crest).
    """
    part = phase - np.floor(phase)
    wave = np.sin(part * np.float32(2 * np.pi))
    pressed = 1.6 * part - 1.0 + 0.4 * step(0.0, 0.12, part)
    return floats((1 - sharpness) * wave + sharpness * pressed)


def wobble(t: Floats, offset: int) -> Floats:
    """Return a slow wave along the cloth, about -1 to 1, so that no fold is ruled with a ruler."""
    slow = np.sin(t * np.float32(1 / 43) + np.float32(offset))
    return floats(0.6 * slow + 0.4 * np.sin(t * np.float32(1 / 19) + np.float32(offset * 1.7)))


def mix(under: Floats, colour: Colour, amount: Floats) -> None:
    """Blend a colour into an array of colours, in place."""
    for plane, value in zip(under, colour, strict=True):
        plane += (value - plane) * amount


def flat(colour: Colour, like: Floats) -> Floats:
    """Return one colour for every pixel of `like`."""
    plain = np.empty((3, *like.shape), dtype=np.float32)
    for plane, value in zip(plain, colour, strict=True):
        plane[:] = value
    return plain


def line(x: Floats, period: float, width: float, soft: float) -> Floats:
    """Return repeating stripes: 1 on the stripe, 0 beside it.

    Args:
        x: units across the stripes.
        period: units from stripe to stripe.
        width: units of a stripe.
        soft: units of its soft edge.
    """
    away = np.abs((x / period) % 1.0 - 0.5) * period
    return floats(np.clip((width / 2 - away) / soft + 0.5, 0.0, 1.0))


def lighter(colour: Colour, amount: float) -> Colour:
    """Move a colour towards white (positive amount) or black (negative), by a fraction."""
    goal = 1.0 if amount > 0 else 0.0
    r, g, b = (v + (goal - v) * abs(amount) for v in colour)
    return r, g, b


def blend(one: Colour, other: Colour, amount: float) -> Colour:
    """Return the colour `amount` of the way from `one` to `other`."""
    r, g, b = (a + (c - a) * amount for a, c in zip(one, other, strict=True))
    return r, g, b


def luma(colour: Colour) -> float:
    """Return how bright a colour looks, 0 to 1."""
    return 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]


def rgb(code: str) -> Colour:
    """Read a colour such as ``"#1d3a6b"``."""
    r, g, b = (int(code[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return r, g, b
