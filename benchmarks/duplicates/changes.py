"""What shops do to a picture before they show it again, each as a function from picture to file."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any, Literal

from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

#: A badge's width and height, in parts of the picture's sides, and its distance from the edge.
BADGE = (0.22, 0.10)
_BADGE_MARGIN = 0.03
_QUALITY = 90
_RED, _WHITE = (200, 30, 30), (255, 255, 255)


@dataclass(frozen=True)
class Change:
    """One kind of change.

    Args:
        name: for JSON and tables.
        apply: an RGB picture to the bytes of the changed one.
        kind: how the copy is to be found.
        asked: recall is asked to be .99 or more; the others are reported.
    """

    name: str
    apply: Callable[[Image.Image], bytes]
    kind: Literal["near", "mirror"] = "near"
    asked: bool = False


def encode(image: Image.Image, form: str = "JPEG", **options: Any) -> bytes:
    """Return a picture as the bytes of a file; JPEGs of quality 90 unless told otherwise."""
    if form == "JPEG":
        options = {"quality": _QUALITY} | options
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def resized(image: Image.Image, longer: int) -> Image.Image:
    """Scale a picture until its longer side has so many pixels."""
    scale = longer / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS)


def cropped(image: Image.Image, share: float) -> Image.Image:
    """Cut this share of each side's length off at each of the four edges."""
    across, down = round(image.width * share), round(image.height * share)
    return image.crop((across, down, image.width - across, image.height - down))


def padded(image: Image.Image) -> Image.Image:
    """Lay a picture in the middle of a white one of 4:5 that just holds it."""
    width = max(image.width, round(image.height * 4 / 5))
    return ImageOps.pad(image, (width, round(width * 5 / 4)), color=_WHITE)


def badged(image: Image.Image, *, right: bool, bottom: bool, text: bool) -> Image.Image:
    """Paste a badge into a corner: red words on the picture, or a red box with white words."""
    image = image.copy()
    width, height = (round(side * part) for side, part in zip(image.size, BADGE, strict=True))
    margin = [round(side * _BADGE_MARGIN) for side in image.size]
    x = image.width - width - margin[0] if right else margin[0]
    y = image.height - height - margin[1] if bottom else margin[1]
    pen = ImageDraw.Draw(image)
    if not text:
        pen.rectangle((x, y, x + width - 1, y + height - 1), fill=_RED)
    words = "SALE" if text else "NEW"
    font = ImageFont.load_default(size=max(6, min(height * 0.8, width * 0.34)))
    middle = (x + width / 2, y + height / 2)
    pen.text(middle, words, font=font, fill=_RED if text else _WHITE, anchor="mm")
    return image


def _saved(**options: Any) -> Callable[[Image.Image], bytes]:
    return partial(encode, **options)


def _scaled(image: Image.Image, longer: int) -> bytes:
    return encode(resized(image, longer))


def _brightened(image: Image.Image, factor: float) -> bytes:
    return encode(ImageEnhance.Brightness(image).enhance(factor))


def _cropped(image: Image.Image, share: float) -> bytes:
    return encode(cropped(image, share))


def _padded(image: Image.Image) -> bytes:
    return encode(padded(image))


def _badged(image: Image.Image, **where: bool) -> bytes:
    return encode(badged(image, **where))


def _mirrored(image: Image.Image) -> bytes:
    return encode(ImageOps.mirror(image))


def _badges() -> Iterator[Change]:
    for text, bottom, right in product((True, False), (False, True), (False, True)):
        what = "words" if text else "box"
        where = f"{'bottom' if bottom else 'top'} {'right' if right else 'left'}"
        apply = partial(_badged, right=right, bottom=bottom, text=text)
        yield Change(f"badge, {what}, {where}", apply)


CHANGES: tuple[Change, ...] = (
    *(Change(f"JPEG quality {q}", _saved(quality=q), asked=True) for q in (50, 75, 90)),
    *(Change(f"WebP quality {q}", _saved(form="WEBP", quality=q), asked=True) for q in (50, 80)),
    Change("PNG", _saved(form="PNG"), asked=True),
    *(
        Change(f"longer side {side} px", partial(_scaled, longer=side), asked=True)
        for side in (160, 320, 500, 1000, 1500)
    ),
    Change("brightness +5%", partial(_brightened, factor=1.05), asked=True),
    Change("brightness -5%", partial(_brightened, factor=0.95), asked=True),
    Change("crop, 2% of each side", partial(_cropped, share=0.01), asked=True),
    Change("crop, 2% at each edge", partial(_cropped, share=0.02), asked=True),
    Change("crop, 5% of each side", partial(_cropped, share=0.025)),
    Change("crop, 5% at each edge", partial(_cropped, share=0.05)),
    Change("padding to 4:5", _padded),
    *_badges(),
    Change("mirror", _mirrored, kind="mirror"),
)
"""All kinds of change, in the order of the tables."""

#: The changes that limits decide about; the others are found at any of those tried.
HARD = (
    "brightness +5%",
    "crop, 2% at each edge",
    "crop, 5% of each side",
    "crop, 5% at each edge",
    "padding to 4:5",
    "badge, box, top left",
)
