"""Motifs and borders of sarees: one repeat each, drawn once and kept as a pair of masks."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from crawler.storefront.garments.ribbon import Floats, floats

MOTIFS = (
    "plain",
    "buti",
    "paisley",
    "dots",
    "jaal",
    "ikat",
    "checks",
    "stripes",
    "floral",
    "leheriya",
    "bandhani",
    "diamond",
)
BORDERS = ("zari", "temple", "diamonds", "lines", "waves", "flowers")

_FINE = 256

Pen = ImageDraw.ImageDraw
Masks = tuple[Floats, Floats]


def _drawn(paint: Callable[[Pen, Pen], None], side: int) -> Masks:
    images = [Image.new("L", (_FINE, _FINE), 0) for _ in range(2)]
    paint(ImageDraw.Draw(images[0]), ImageDraw.Draw(images[1]))
    first, second = (_small(image, side) for image in images)
    return first, second


def _small(image: Image.Image, side: int) -> Floats:
    mask = np.asarray(image.reduce(_FINE // side), dtype=np.float32) / 255
    for axis in (0, 1):
        mask = 0.5 * mask + 0.25 * (np.roll(mask, 1, axis) + np.roll(mask, -1, axis))
    return floats(mask)


def texels(units: float, scale: float) -> int:
    """Return how fine a repeat `units` wide has to be drawn at `scale` pixels per unit."""
    wanted = max(units * scale * 1.2, 1.0)
    return int(min(max(2 ** np.ceil(np.log2(wanted)), 8), 128))


def _oval(pen: Pen, x: float, y: float, wide: float, high: float, fill: int = 255) -> None:
    k = _FINE
    pen.ellipse([(x - wide) * k, (y - high) * k, (x + wide) * k, (y + high) * k], fill=fill)


def _shape(pen: Pen, points: list[tuple[float, float]], fill: int = 255) -> None:
    k = _FINE
    pen.polygon([(x * k, y * k) for x, y in points], fill=fill)


def _flower(one: Pen, two: Pen, x: float, y: float, size: float, petals: int) -> None:
    for k in range(petals):
        a = 2 * np.pi * k / petals - np.pi / 2
        _oval(one, x + size * 0.6 * np.cos(a), y + size * 0.6 * np.sin(a), size * 0.36, size * 0.36)
    _oval(one, x, y, size * 0.4, size * 0.4, 0)
    _oval(two, x, y, size * 0.32, size * 0.32)


def _mango(one: Pen, two: Pen, x: float, y: float, size: float, flip: float) -> None:
    turns = np.linspace(0, 2 * np.pi, 40)
    for scale, pen, ink in ((1.0, one, 255), (0.66, one, 0), (0.5, two, 255)):
        shape = []
        for a in turns:
            reach = size * scale * (0.62 + 0.0 * a)
            px, py = reach * np.sin(a), -reach * np.cos(a) * 0.95
            lift = max(0.0, -py / reach) ** 3
            shape.append(
                (
                    x + flip * (px * (1 - 0.75 * lift) + size * scale * 0.5 * lift),
                    y + py - size * scale * 0.55 * lift + size * 0.2,
                )
            )
        _shape(pen, shape, ink)


def _half_drop(stamp: Callable[[float, float, float], None]) -> None:
    stamp(0.25, 0.25, 1.0)
    stamp(0.75, 0.75, -1.0)


def _paint_buti(one: Pen, two: Pen) -> None:
    def stamp(x: float, y: float, flip: float) -> None:
        _flower(one, two, x, y - 0.05, 0.11, 5)
        _shape(
            one,
            [
                (x - 0.012, y + 0.05),
                (x + 0.012, y + 0.05),
                (x + 0.012, y + 0.2),
                (x - 0.012, y + 0.2),
            ],
        )
        _oval(one, x + flip * 0.05, y + 0.13, 0.05, 0.018)

    _half_drop(stamp)


def _paint_paisley(one: Pen, two: Pen) -> None:
    _half_drop(lambda x, y, flip: _mango(one, two, x, y, 0.24, flip))


def _paint_dots(one: Pen, two: Pen) -> None:
    for x, y in ((0.125, 0.125), (0.625, 0.125), (0.375, 0.375), (0.875, 0.375)):
        for down in (0.0, 0.5):
            _oval(one, x, y + down, 0.055, 0.055)
            _oval(two, x, y + down, 0.022, 0.022)


def _paint_jaal(one: Pen, two: Pen) -> None:
    k = _FINE
    t = np.linspace(-0.1, 1.1, 60)
    for phase in (0.0, 0.5):
        wave = 0.25 + phase + 0.14 * np.sin(2 * np.pi * (t + phase))
        one.line(
            [(x * k, y * k) for x, y in zip(wave, t, strict=True)], fill=255, width=int(0.02 * k)
        )
        for y in (0.1, 0.35, 0.6, 0.85):
            x = 0.25 + phase + 0.14 * np.sin(2 * np.pi * (y + phase))
            _oval(one, x + 0.09, y + 0.02, 0.075, 0.03)
            _oval(two, x - 0.09, y - 0.04, 0.045, 0.045)


def _paint_ikat(one: Pen, two: Pen) -> None:
    for size, pen, ink in ((0.46, one, 255), (0.30, one, 0), (0.20, two, 255)):
        steps = np.linspace(-size, size, 25)
        rough = 0.03 * np.sin(steps * 190.0)
        right = [(0.5 + (size - abs(s)) + r, 0.5 + s) for s, r in zip(steps, rough, strict=True)]
        left = [(1 - x, y) for x, y in right[::-1]]
        _shape(pen, right + left, ink)


def _paint_checks(one: Pen, two: Pen) -> None:
    for at in (0.0, 0.5):
        _shape(one, [(at, 0), (at + 0.06, 0), (at + 0.06, 1), (at, 1)])
        _shape(one, [(0, at), (1, at), (1, at + 0.06), (0, at + 0.06)])
    _oval(two, 0.28, 0.28, 0.06, 0.06)
    _oval(two, 0.78, 0.78, 0.06, 0.06)


def _paint_stripes(one: Pen, two: Pen) -> None:
    for at, pen, wide in (
        (0.1, one, 0.16),
        (0.34, two, 0.05),
        (0.55, one, 0.06),
        (0.75, two, 0.12),
    ):
        _shape(pen, [(0, at), (1, at), (1, at + wide), (0, at + wide)])


def _paint_floral(one: Pen, two: Pen) -> None:
    for x, y, size in ((0.3, 0.28, 0.24), (0.78, 0.74, 0.2), (0.8, 0.2, 0.1), (0.22, 0.8, 0.12)):
        for k in range(3):
            a = 2.1 * k + 9 * x
            _oval(
                two,
                x + size * 1.05 * np.cos(a),
                y + size * 1.05 * np.sin(a),
                size * 0.42,
                size * 0.2,
            )
        _flower(one, two, x, y, size, 6)


def _paint_leheriya(one: Pen, two: Pen) -> None:
    x = np.linspace(0, 1, 60)
    zig = 0.25 * np.abs((x * 2) % 1.0 - 0.5) * 2
    for at, pen, wide in ((0.0, one, 0.13), (0.5, one, 0.13), (0.27, two, 0.08), (0.77, two, 0.08)):
        for wrap in (-1.0, 0.0):
            top = [(a, at + b + wrap) for a, b in zip(x, zig, strict=True)]
            _shape(pen, top + [(a, b + wide) for a, b in top[::-1]])


def _paint_bandhani(one: Pen, two: Pen) -> None:
    for k in range(16):
        a = 2 * np.pi * k / 16
        _oval(one, 0.5 + 0.36 * np.cos(a), 0.5 + 0.36 * np.sin(a), 0.032, 0.032)
        if k % 2:
            _oval(two, 0.5 + 0.2 * np.cos(a), 0.5 + 0.2 * np.sin(a), 0.03, 0.03)
    for x, y in ((0, 0), (1, 0), (0, 1), (1, 1), (0.5, 0.5), (0.07, 0.5), (0.5, 0.05)):
        _oval(one, x, y, 0.04, 0.04)


def _paint_diamond(one: Pen, two: Pen) -> None:
    for x, y in ((0.25, 0.25), (0.75, 0.75)):
        _shape(one, [(x, y - 0.16), (x + 0.11, y), (x, y + 0.16), (x - 0.11, y)])
        _shape(two, [(x, y - 0.08), (x + 0.055, y), (x, y + 0.08), (x - 0.055, y)])


_PAINTERS: dict[str, Callable[[Pen, Pen], None]] = {
    "buti": _paint_buti,
    "paisley": _paint_paisley,
    "dots": _paint_dots,
    "jaal": _paint_jaal,
    "ikat": _paint_ikat,
    "checks": _paint_checks,
    "stripes": _paint_stripes,
    "floral": _paint_floral,
    "leheriya": _paint_leheriya,
    "bandhani": _paint_bandhani,
    "diamond": _paint_diamond,
}


@lru_cache(maxsize=64)
def motif(name: str, side: int) -> Masks:
    """Return one repeat of a motif, `side` texels wide: where its two colours lie."""
    return _drawn(_PAINTERS[name], side)


@lru_cache(maxsize=64)
def border(name: str, side: int) -> Masks:
    """Return one repeat of a border, rows from the edge inwards: metal and second colour."""

    def paint(one: Pen, two: Pen) -> None:
        for at, wide in ((0.0, 0.10), (0.86, 0.06)):
            _shape(one, [(0, at), (1, at), (1, at + wide), (0, at + wide)])
        _BORDER_PAINTERS[name](one, two)

    return _drawn(paint, side)


def _band(pen: Pen, low: float, high: float, fill: int = 255) -> None:
    _shape(pen, [(0, low), (1, low), (1, high), (0, high)], fill)


def _border_zari(one: Pen, two: Pen) -> None:
    _band(one, 0.18, 0.78)
    for k in range(4):
        _oval(one, 0.125 + k * 0.25, 0.48, 0.07, 0.16, 0)
        _oval(two, 0.125 + k * 0.25, 0.48, 0.04, 0.10)


def _border_temple(one: Pen, two: Pen) -> None:
    _band(one, 0.0, 0.42)
    _band(two, 0.16, 0.24)
    for k in range(4):
        _shape(one, [(k * 0.25, 0.42), (k * 0.25 + 0.25, 0.42), (k * 0.25 + 0.125, 0.86)])


def _border_diamonds(one: Pen, two: Pen) -> None:
    for k in range(4):
        x = 0.125 + 0.25 * k
        _shape(one, [(x, 0.18), (x + 0.12, 0.48), (x, 0.78), (x - 0.12, 0.48)])
        _shape(two, [(x, 0.32), (x + 0.06, 0.48), (x, 0.64), (x - 0.06, 0.48)])


def _border_lines(one: Pen, two: Pen) -> None:
    for at in (0.2, 0.5, 0.68):
        _band(one, at, at + 0.09)
    _band(two, 0.34, 0.44)


def _border_waves(one: Pen, two: Pen) -> None:
    x = np.linspace(0, 1, 50)
    for phase, pen in ((0.0, one), (np.pi, two)):
        top = [(a, 0.44 + 0.2 * float(np.sin(4 * np.pi * a + phase))) for a in x]
        _shape(pen, top + [(a, b + 0.1) for a, b in top[::-1]])


def _border_flowers(one: Pen, two: Pen) -> None:
    for k in range(3):
        _flower(one, two, 1 / 6 + k / 3, 0.48, 0.2, 6)
        _oval(two, k / 3, 0.48, 0.05, 0.12)


_BORDER_PAINTERS: dict[str, Callable[[Pen, Pen], None]] = {
    "zari": _border_zari,
    "temple": _border_temple,
    "diamonds": _border_diamonds,
    "lines": _border_lines,
    "waves": _border_waves,
    "flowers": _border_flowers,
}


def look_up(masks: Masks, x: Floats, y: Floats) -> Masks:
    """Look a repeat up at places on the cloth, counted in repeats."""
    side = masks[0].shape[0]
    column = (x * np.float32(side) + np.float32(side * 64)).astype(np.int32) & (side - 1)
    row = (y * np.float32(side) + np.float32(side * 64)).astype(np.int32) & (side - 1)
    place = row * side + column
    return masks[0].ravel()[place], masks[1].ravel()[place]
