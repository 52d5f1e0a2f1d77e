"""The drawing board: a transparent picture, painted from back to front with soft edges."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from crawler.storefront.garments.ribbon import (
    Box,
    Colour,
    Floats,
    Patch,
    Points,
    Ribbon,
    View,
    floats,
    pixels,
    rasterise,
)

_SUPERSAMPLE = 3


class Canvas:
    """A transparent picture, painted from back to front.

    Args:
        size: width and height in pixels.
        view: the camera.

    Attributes:
        rgb: premultiplied colours 0 to 1, ``float32`` of shape ``(3, height, width)``: planes are
            several times faster to blend than pixels.
        alpha: coverage 0 to 1, ``float32`` of shape ``(height, width)``.
    """

    def __init__(self, size: tuple[int, int], view: View) -> None:
        self.size = size
        self.view = view
        self.rgb: Floats = np.zeros((3, size[1], size[0]), dtype=np.float32)
        self.alpha: Floats = np.zeros((size[1], size[0]), dtype=np.float32)

    def box_around(self, points: Points, margin: float = 2.0) -> Box:
        """Return the part of the picture that bounds points, `margin` in pixels."""
        return self._box(self.view.project(points), margin)

    def _box(self, at: Floats, margin: float) -> Box:
        x0, y0 = (at.min(axis=0) - margin).tolist()
        x1, y1 = (at.max(axis=0) + margin).tolist()
        width, height = self.size
        columns = slice(min(max(int(x0), 0), width), min(max(math.ceil(x1), 0), width))
        return slice(min(max(int(y0), 0), height), min(max(math.ceil(y1), 0), height)), columns

    def rasterise(self, ribbon: Ribbon) -> Patch:
        """Find each pixel's place on a ribbon, with soft edges."""
        margin = 2.0 + max(abs(ribbon.bow_top), abs(ribbon.bow_bottom)) * self.view.scale
        return rasterise(ribbon, self.view, self.box_around(ribbon.outline(), margin))

    def over(self, patch: Patch, rgb: Floats | Colour, opacity: float = 1.0) -> None:
        """Lay a patch on top of what is there."""
        alpha = patch.alpha if opacity == 1.0 else patch.alpha * np.float32(opacity)
        _blend(self.rgb[(slice(None), *patch.box)], rgb, alpha)
        below = self.alpha[patch.box]
        below += (1 - below) * alpha

    def shade(self, box: Box, mask: Floats, colour: Colour, opacity: float = 1.0) -> None:
        """Tint what is already painted, and nothing beside it."""
        cover = mask * np.float32(opacity)
        painted = self.alpha[box]
        for plane, value in zip(self.rgb, colour, strict=True):
            under = plane[box]
            under += (value * painted - under) * cover

    def cast(self, patch: Patch, reach: float, dx: float, dy: float, depth: float) -> None:
        """Darken what lies under a patch that is about to be laid down, softly, beside it."""
        k = self.view.scale
        margin = math.ceil(reach * 2.5 * k)
        rows, columns = patch.box
        grown = (
            slice(max(rows.start - margin, 0), min(rows.stop + margin, self.size[1])),
            slice(max(columns.start - margin, 0), min(columns.stop + margin, self.size[0])),
        )
        mask = np.zeros((grown[0].stop - grown[0].start, grown[1].stop - grown[1].start), np.uint8)
        y, x = rows.start - grown[0].start, columns.start - grown[1].start
        mask[y : y + patch.alpha.shape[0], x : x + patch.alpha.shape[1]] = patch.alpha * 255
        soft = soften(shifted(mask, round(dx * k), round(dy * k)), reach * k)
        self.shade(grown, soft, (0.05, 0.05, 0.08), depth)

    def stroke(
        self,
        paths: Sequence[Points],
        width: float,
        colour: Colour,
        opacity: float = 1.0,
        dash: tuple[float, float] | None = None,
    ) -> None:
        """Draw lines on what is already painted.

        Args:
            paths: one list of points for each line, in design units.
            width: of the line, in units.
            colour: red, green, blue, 0 to 1.
            opacity: 0 to 1.
            dash: length of a stitch and of the gap after it, in units; None draws through.
        """
        k = self.view.scale
        lines = [piece for path in paths for piece in _dashed(self.view.project(path), dash, k)]
        self._ink(lines, colour, opacity, width * k)

    def draw_over(self, paths: Sequence[Points], width: float, colour: Colour) -> None:
        """Draw lines on top, beside what is painted too."""
        self._blot(
            self._mask([self.view.project(p) for p in paths], width * self.view.scale), colour
        )

    def fill(self, shapes: Sequence[Points], colour: Colour, opacity: float = 1.0) -> None:
        """Fill polygons on what is already painted."""
        self._ink([self.view.project(shape) for shape in shapes], colour, opacity, None)

    def blot(self, shapes: Sequence[Points], colour: Colour) -> None:
        """Fill polygons on top, beside what is painted too."""
        self._blot(self._mask([self.view.project(shape) for shape in shapes], None), colour)

    def near(self, box: Box, reach: float) -> Floats:
        """Return what is painted in a box, grown by `reach` units, 0 to 1."""
        k = max(1, round(reach * self.view.scale))
        rows, columns = (slice(s.start, s.stop + 2 * k) for s in box)
        padded = np.pad(self.alpha, k)[rows, columns]
        middle = slice(k, -k)
        wide = np.maximum(padded[middle, : -2 * k], padded[middle, 2 * k :])
        high = np.maximum(padded[: -2 * k, middle], padded[2 * k :, middle])
        return np.maximum(np.maximum(wide, high), padded[middle, middle])

    def beyond(self, box: Box, line: Points, kept: tuple[float, float]) -> Floats:
        """Return 1 on the side of a line where the point `kept` lies, 0 on the other side."""
        (x0, y0), (x1, y1), (px, py) = self.view.project([*line, kept]).tolist()
        x, y = pixels(box)
        along = math.hypot(x1 - x0, y1 - y0)
        nx, ny = (y1 - y0) / along, (x0 - x1) / along
        side = math.copysign(1.0, (px - x0) * nx + (py - y0) * ny)
        away = (x - x0) * (nx * side) + (y - y0) * (ny * side)
        return floats(np.clip(away + 0.5, 0.0, 1.0))

    def _blot(self, made: tuple[Box, Floats] | None, colour: Colour) -> None:
        if made is not None:
            box, mask = made
            flat = np.zeros_like(mask)
            self.over(Patch(box, mask, flat, flat, flat, flat, 0.0, self.view.scale), colour)

    def _ink(
        self, shapes: Sequence[Floats], colour: Colour, opacity: float, width: float | None
    ) -> None:
        made = self._mask(shapes, width)
        if made is not None:
            self.shade(made[0], made[1], colour, opacity)

    def _mask(self, shapes: Sequence[Floats], width: float | None) -> tuple[Box, Floats] | None:
        kept = [shape for shape in shapes if len(shape) > 1]
        if not kept:
            return None
        points = np.concatenate(kept)
        box = self._box(points, 2.0 + (width or 0.0))
        rows, columns = box
        extent = columns.stop - columns.start, rows.stop - rows.start
        if min(extent) <= 0:
            return None
        k = _SUPERSAMPLE
        image = Image.new("L", (extent[0] * k, extent[1] * k), 0)
        pen = ImageDraw.Draw(image)
        at = ((points - floats([columns.start, rows.start])) * k).ravel().tolist()
        ends = np.cumsum([2 * len(shape) for shape in kept]).tolist()
        for start, end in zip([0, *ends], ends, strict=False):
            if width is None:
                pen.polygon(at[start:end], fill=255)
            else:
                joint = "curve" if width > 2 else None
                pen.line(at[start:end], fill=255, width=max(1, round(width * k)), joint=joint)
        return box, np.asarray(image.reduce(k), dtype=np.float32) * np.float32(1 / 255)


def soften(mask: NDArray[np.uint8], radius: float) -> Floats:
    """Blur a mask at a quarter of its size.

    Args:
        mask: 0 to 255.
        radius: of the blur in pixels.

    Returns:
        The blurred mask, 0 to 1, of the same shape.
    """
    image = Image.fromarray(mask)
    small = image.reduce(4) if min(mask.shape) >= 8 else image
    small = small.filter(ImageFilter.BoxBlur(radius * small.width / image.width))
    small = small.filter(ImageFilter.BoxBlur(radius * small.width / image.width))
    large = small.resize(image.size, Image.Resampling.BILINEAR)
    return np.asarray(large, dtype=np.float32) * np.float32(1 / 255)


def shifted(mask: NDArray[np.uint8], right: int, down: int) -> NDArray[np.uint8]:
    """Move a mask by whole pixels; what leaves the picture is gone."""
    moved = np.zeros_like(mask)
    height, width = mask.shape
    to = slice(max(down, 0), height + min(down, 0)), slice(max(right, 0), width + min(right, 0))
    back = slice(max(-down, 0), height - max(down, 0)), slice(max(-right, 0), width - max(right, 0))
    moved[to] = mask[back]
    return moved


def _blend(under: Floats, rgb: Floats | Colour, alpha: Floats) -> None:
    for plane, value in zip(under, rgb, strict=True):
        plane += (value - plane) * alpha


def _dashed(at: Floats, dash: tuple[float, float] | None, scale: float) -> list[Floats]:
    if dash is None or len(at) < 2:
        return [at]
    run = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(at, axis=0).T))])
    starts = np.arange(0.0, run[-1], sum(dash) * scale)
    ends = np.minimum(starts + dash[0] * scale, run[-1])
    corners = [np.interp(v, run, at[:, i]) for v in (starts, ends) for i in (0, 1)]
    return list(np.stack(corners, axis=1).reshape(-1, 2, 2).astype(np.float32))
