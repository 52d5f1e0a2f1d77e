"""Where the photo is taken: background, floor, shadow, and what the camera adds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crawler.storefront.garments.canvas import Canvas, shifted, soften
from crawler.storefront.garments.chance import Chance
from crawler.storefront.garments.cloth import flat, lighter, line, mix, rgb, step, tile
from crawler.storefront.garments.ribbon import Colour, Floats, floats

STUDIO_COLOURS: dict[str, Colour] = {
    "sand": rgb("#d9c7ad"),
    "blush": rgb("#e2c0b6"),
    "sage": rgb("#b7c2ab"),
    "sky": rgb("#b5c9da"),
    "mustard": rgb("#d8b265"),
    "clay": rgb("#b98468"),
    "lilac": rgb("#c4b8d4"),
    "teal": rgb("#6f9a9a"),
    "slate": rgb("#59626e"),
    "night": rgb("#2f333b"),
}

STANDING_SCENES = ("white", "near white", "grey", "studio", "room")
LYING_SCENES = ("white", "near white", "studio", "wood", "linen")

_WALLS = [
    rgb(c) for c in ("#e8e3da", "#d5d8d6", "#cfd8df", "#e4d3c4", "#bfc7b8", "#9aa3ab", "#c9b8a4")
]
_FLOORS = [rgb(c) for c in ("#b08d64", "#8a6a4a", "#c9b08c", "#9a9a98", "#d6d0c6", "#6b5140")]
_WOODS = [rgb(c) for c in ("#c8a67c", "#a37a52", "#8a7562", "#d9cbb6", "#5d4634")]
_LINENS = [rgb(c) for c in ("#ebe6dc", "#d8d2c4", "#c9ced2", "#e6d8d3")]


@dataclass(frozen=True)
class Ground:
    """What lies behind the garment.

    Args:
        rgb: the empty scene, ``float32`` of shape ``(3, height, width)``.
        shadow: how dark the shadow is, 0 to 1.
    """

    rgb: Floats
    shadow: float


def ground(name: str, size: tuple[int, int], chance: Chance, lying: bool) -> Ground:
    """Paint the empty scene.

    Args:
        name: one of `STANDING_SCENES` or `LYING_SCENES`; ``"studio"`` is followed by a colon and
            a key of `STUDIO_COLOURS`.
        size: width and height in pixels.
        chance: where small differences come from.
        lying: whether it is seen from above.

    Returns:
        The scene.
    """
    kind, _, colour = name.partition(":")
    if kind == "studio":
        made = _backdrop(size, STUDIO_COLOURS[colour], chance, lying, 0.16)
    elif kind == "grey":
        made = _backdrop(size, (0.80, 0.80, 0.81), chance, lying, chance.between(0.1, 0.35))
    elif kind == "near white":
        warm, base = chance.around(0, 0.02), chance.between(0.915, 0.97)
        made = _backdrop(size, (base + warm, base, base - warm), chance, lying, 0.05)
    elif kind == "room":
        made = _room(size, chance)
    elif kind == "wood":
        made = _planks(size, chance.pick(_WOODS), chance)
    elif kind == "linen":
        made = _linen(size, chance.pick(_LINENS), chance)
    else:
        made = np.ones((3, size[1], size[0]), dtype=np.float32)
    depth = {"white": 0.22, "near white": 0.3}.get(kind, 0.42)
    return Ground(made, depth * chance.between(0.7, 1.2))


def _grid(width: int, height: int) -> tuple[Floats, Floats]:
    x = np.linspace(0, 1, width, dtype=np.float32)[None, :] + np.zeros((height, 1), np.float32)
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None] + np.zeros((1, width), np.float32)
    return x, y


def _backdrop(
    size: tuple[int, int], colour: Colour, chance: Chance, lying: bool, fall: float
) -> Floats:
    x, y = _grid(size[0] // 8 + 2, size[1] // 8 + 2)
    middle = chance.between(0.3, 0.7), chance.between(0.2, 0.5)
    away = np.hypot((x - middle[0]) * 0.9, y - middle[1])
    made = flat(colour, away)
    mix(made, lighter(colour, 0.35), step(0.55, 0.0, away) * 0.6)
    mix(made, lighter(colour, -0.45), step(0.2, 1.1, away) * fall * 2)
    if not lying:
        bend = chance.between(0.78, 0.9)
        mix(made, lighter(colour, 0.3), step(bend - 0.04, bend + 0.05, y) * 0.35)
    return np.stack([_enlarge(plane, size) for plane in made])


def _enlarge(plane: Floats, size: tuple[int, int]) -> Floats:
    return np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.BILINEAR))


def _room(size: tuple[int, int], chance: Chance) -> Floats:
    wall, floor = chance.pick(_WALLS), chance.pick(_FLOORS)
    edge = int(chance.between(0.78, 0.88) * size[1])
    made = _backdrop(size, wall, chance, True, 0.12)
    if chance.maybe(0.3):
        x = np.linspace(0, 1, size[0], dtype=np.float32)[None, :]
        mix(made, lighter(wall, -0.3), line(x, 0.16, 0.006, 0.004) * 0.5)
    made[:, edge:] = _boards(size[0], size[1] - edge, floor)
    skirting = max(edge - round(0.028 * size[1]), 0)
    mix(made[:, skirting:edge], lighter(wall, 0.55), np.full((1, 1), 0.8, np.float32))
    return made


def _boards(width: int, height: int, floor: Colour) -> Floats:
    x, depth = _grid(width, height)
    vanish = (x - 0.5) / (0.55 + 0.9 * depth)
    made = flat(floor, vanish)
    mix(made, lighter(floor, -0.5), line(vanish, 0.075, 0.003, 0.003) * 0.7)
    tone = 0.5 + 0.5 * np.sin(np.floor(vanish * np.float32(1 / 0.075)) * np.float32(12.9))
    mix(made, lighter(floor, 0.25), tone * 0.4)
    mix(made, lighter(floor, -0.5), (1 - depth) * 0.25)
    return made


def _planks(size: tuple[int, int], colour: Colour, chance: Chance) -> Floats:
    wide, start = chance.between(0.14, 0.24), chance.between(0, 1)
    x, y = _grid(*size)
    along, across = (y, x) if chance.maybe(0.5) else (x, y)
    board = np.floor(across / wide + start)
    made = flat(colour, across)
    tone = np.sin(board * np.float32(78.2) + np.float32(start * 9)) * 0.4
    mix(made, lighter(colour, 0.3), np.maximum(tone, 0))
    mix(made, lighter(colour, -0.3), np.maximum(-tone, 0))
    row = (along * 90 + board * 131).astype(np.int32) & 511
    column = (across * 700).astype(np.int32) & 511
    made *= 1 + 0.06 * tile("warp")[row, column]
    mix(made, lighter(colour, -0.7), line(across / wide + start + 0.5, 1.0, 0.025, 0.02) * 0.8)
    return made


def _linen(size: tuple[int, int], colour: Colour, chance: Chance) -> Floats:
    rows, columns = np.arange(size[1])[:, None] & 511, np.arange(size[0])[None, :] & 511
    shift = chance.whole(0, 511)
    weave = 1 + 0.016 * tile("slub")[(rows + shift) & 511, columns]
    return floats(flat(colour, weave) * weave)


def compose(
    canvas: Canvas, behind: Ground, side: float, chance: Chance, lying: bool
) -> Image.Image:
    """Put the painted garment into the scene, with its shadow, and take the photo.

    Args:
        canvas: the painted garment.
        behind: the scene; its array is used up.
        side: where the light comes from, -1 left, 1 right.
        chance: noise of the sensor.
        lying: whether the garment lies or hangs on what is behind it, rather than stands on a
            floor.

    Returns:
        An RGB picture of the canvas's size.
    """
    made = behind.rgb
    made *= _shadow(canvas, behind.shadow, side, lying) * (1 - canvas.alpha)
    made += canvas.rgb
    return _expose(made, chance)


def _shadow(canvas: Canvas, depth: float, side: float, lying: bool) -> Floats:
    mask = (canvas.alpha * 255).astype(np.uint8)
    k = canvas.size[1] / 640
    if lying:
        cast = soften(shifted(mask, round(-side * 8 * k), round(8 * k)), 7 * k)
        return floats(1 - np.minimum(cast * (depth * 1.7), 0.8))
    cast = soften(shifted(mask, round(-side * 26 * k), round(10 * k)), 16 * k)
    return (1 - cast * (depth * 0.55)) * _pool(mask, k, depth)


def _pool(mask: NDArray[np.uint8], k: float, depth: float) -> Floats | float:
    rows = np.flatnonzero(mask.any(axis=1))
    bottom = int(rows[-1]) if rows.size else 0
    feet = mask[max(bottom - int(34 * k), 0) : bottom + 1]
    if bottom + 2 >= mask.shape[0]:
        return 1.0
    pool = np.zeros_like(mask)
    pool[max(bottom - int(11 * k), 0) : bottom + int(4 * k)] = feet.max(axis=0)
    return 1 - soften(pool, 7 * k) * (depth * 1.5)


def _expose(made: Floats, chance: Chance) -> Image.Image:
    _, height, width = made.shape
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] ** 2
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :] ** 2
    corner = (x + y) ** 2
    gain = np.float32(255 * chance.around(1.0, 0.03)) - corner * chance.between(0, 3.2)
    noise = chance.rng.integers(0, 256, (height, width), dtype=np.uint8).astype(np.float32)
    grain = (noise - 127.5) * np.float32(chance.between(0.008, 0.035))
    made *= gain
    made += grain
    np.clip(made, 0, 255, out=made)
    return Image.merge("RGB", [Image.fromarray(plane) for plane in made.astype(np.uint8)])
