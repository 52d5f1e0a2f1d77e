"""The small pictures that no dataset may hold: a sustainability badge and colour swatches."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PIL import Image, ImageDraw

from crawler.storefront import naming

_SWATCHES = (
    ("Indigo", (46, 58, 102)),
    ("Sand", (206, 187, 150)),
    ("Olive", (98, 104, 62)),
    ("Charcoal", (62, 62, 66)),
    ("Maroon", (116, 32, 46)),
    ("Teal", (24, 112, 116)),
)


@dataclass(frozen=True)
class Sundry:
    """One small picture.

    Args:
        key: name of the source picture.
        image_id: its id in the URL.
        name: what the picture's alt text says.
        read: returns the bytes of its PNG file.
    """

    key: str
    image_id: str
    name: str
    read: Callable[[], bytes]


def listings() -> tuple[Sundry, ...]:
    """Return the badge and the swatches, the same in every shop."""
    return (BADGE, *SWATCHES)


def _badge() -> bytes:
    image = Image.new("RGB", (240, 240), "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((12, 12, 228, 228), fill=(222, 240, 224))
    draw.pieslice((60, 40, 240, 220), 135, 270, fill=(46, 132, 74))
    draw.pieslice((0, 60, 180, 240), 270, 405, fill=(46, 132, 74))
    draw.line((78, 196, 150, 92), fill=(222, 240, 224), width=9)
    return _png(image)


def _swatch(colour: tuple[int, int, int]) -> bytes:
    image = Image.new("RGB", (120, 120), colour)
    draw = ImageDraw.Draw(image)
    lighter = tuple(min(255, channel + 26) for channel in colour)
    for offset in range(-120, 120, 12):
        draw.line((offset, 0, offset + 120, 120), fill=lighter, width=3)
    return _png(image)


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


BADGE = Sundry("sundry/badge", naming.image_id("badge"), "Sustainability feature", _badge)
SWATCHES = tuple(
    Sundry(f"sundry/swatch/{name}", naming.image_id("swatch", name), name, partial(_swatch, colour))
    for name, colour in _SWATCHES
)
