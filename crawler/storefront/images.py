"""URL modifiers to image bytes: reads `_AC_UL320_QL65_FMwebp_`, scales and encodes as it says."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, replace

from PIL import Image

from apparel_clf.images import load_image

#: Quality of a scaled picture whose URL asks for none.
DEFAULT_QUALITY = 85
#: A modifier text longer than this is no picture's address.
MAX_MODIFIERS = 160

_NAME = re.compile(
    r"(?P<id>[0-9A-Za-z+\-]{8,16})(?:\._(?P<modifiers>[0-9A-Za-z_.,+\-]*)_)?\.(?P<extension>[a-z]{3,4})"
)
_SIZED = re.compile(r"(UL|SL|UX|SX|UY|SY|SS|US|SR|QL)(\d{1,9})(?:,(\d{1,9}))?", re.IGNORECASE)
_FORMAT = re.compile(r"FM(webp|jpg|png)", re.IGNORECASE)
_FORMATS = {"webp": "WEBP", "jpg": "JPEG", "png": "PNG"}
_MAGIC = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
)


@dataclass(frozen=True)
class Edit:
    """How a planted file differs from its source picture.

    Args:
        quality: JPEG quality, 1 to 95.
        scale: new side over old side, at most 1.
    """

    quality: int
    scale: float = 1.0


@dataclass(frozen=True)
class Modifiers:
    """What a URL asks of a picture. None stands for what the URL leaves open.

    Args:
        width: largest width in pixels.
        height: largest height in pixels.
        square: side of the white square that the picture is laid in the middle of.
        quality: 1 to 100.
        format: Pillow's name of the format to encode in.
    """

    width: int | None = None
    height: int | None = None
    square: int | None = None
    quality: int | None = None
    format: str | None = None


@dataclass(frozen=True)
class ImageName:
    """The last part of an image's URL, taken apart.

    Args:
        image_id: the id.
        modifiers: what is asked of the picture; None where the original is meant.
        extension: without the dot.
    """

    image_id: str
    modifiers: Modifiers | None
    extension: str


def parse_name(name: str) -> ImageName | None:
    """Take the last part of an image's URL apart.

    Args:
        name: for example ``"71C8dVn7nrL._AC_UL320_.jpg"``.

    Returns:
        Its parts, or None where it is no image's name.

    Example:
        >>> parse_name("71C8dVn7nrL._AC_UL320_.jpg").modifiers
        Modifiers(width=320, height=320, square=None, quality=None, format=None)
    """
    match = _NAME.fullmatch(name) if len(name) <= MAX_MODIFIERS else None
    if match is None:
        return None
    text = match["modifiers"]
    modifiers = None if text is None else parse_modifiers(text)
    return ImageName(match["id"], modifiers, match["extension"])


def parse_modifiers(text: str) -> Modifiers | None:
    """Read chained modifiers, in any case; unknown ones mean nothing.

    Args:
        text: for example ``"AC_UL320_SR160,134"``.

    Returns:
        What is asked for, or None where nothing is that would change the file.

    Example:
        >>> parse_modifiers("ac_uy218_QL65_fmWEBP")
        Modifiers(width=None, height=218, square=None, quality=65, format='WEBP')
    """
    found = Modifiers()
    for part in re.split(r"[_.]+", text):
        if sized := _SIZED.fullmatch(part):
            found = _with(found, sized[1].upper(), int(sized[2]), int(sized[3] or sized[2]))
        elif shape := _FORMAT.fullmatch(part):
            found = replace(found, format=_FORMATS[shape[1].lower()])
    return None if found == Modifiers() else found


def _with(found: Modifiers, name: str, value: int, second: int) -> Modifiers:
    if value == 0 or second == 0:
        return found
    if name == "QL":
        return replace(found, quality=min(value, 100))
    if name in ("SS", "US"):
        return replace(found, square=value)
    if name in ("UL", "SL", "SR"):
        return replace(found, width=value, height=second)
    return replace(found, width=value) if name in ("UX", "SX") else replace(found, height=value)


def scaled(data: bytes, modifiers: Modifiers) -> bytes:
    """Make the file that a URL with modifiers stands for.

    Args:
        data: bytes of the original file.
        modifiers: what is asked for.

    Returns:
        The encoded picture. It is never larger than the original.

    Raises:
        ImageError: `data` is no image.

    Example:
        >>> Image.open(io.BytesIO(scaled(original, Modifiers(width=320, height=320)))).size
        (240, 320)
    """
    image = load_image(data, name="the picture")
    shape = modifiers.format or ("PNG" if content_type(data) == "image/png" else "JPEG")
    small = _within(image, modifiers.width, modifiers.height)
    if modifiers.square:
        small = _in_square(small, modifiers.square)
    return encode(small, shape, modifiers.quality or DEFAULT_QUALITY)


def edited(data: bytes, edit: Edit) -> bytes:
    """Make a planted file: the picture again, smaller or at another quality.

    Args:
        data: bytes of the source picture.
        edit: what to change.

    Returns:
        Bytes of a JPEG file.

    Raises:
        ImageError: `data` is no image.
    """
    image = load_image(data, name="the picture")
    width, height = (max(1, int(side * edit.scale)) for side in image.size)
    return encode(_within(image, width, height), "JPEG", edit.quality)


def encode(image: Image.Image, shape: str, quality: int) -> bytes:
    """Encode a picture; same picture, same bytes.

    Args:
        image: any RGB picture.
        shape: ``"JPEG"``, ``"WEBP"`` or ``"PNG"``.
        quality: 1 to 100; means nothing for PNG.

    Returns:
        The file's bytes.
    """
    out = io.BytesIO()
    image.save(out, shape, quality=quality)
    return out.getvalue()


def content_type(data: bytes) -> str:
    """Tell what a file is from its first bytes.

    Example:
        >>> content_type(b"RIFF....WEBPVP8 ")
        'image/webp'
    """
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    kinds = (kind for magic, kind in _MAGIC if data.startswith(magic))
    return next(kinds, "application/octet-stream")


def _within(image: Image.Image, width: int | None, height: int | None) -> Image.Image:
    limits = ((width, image.width), (height, image.height))
    factor = min([1.0, *(limit / side for limit, side in limits if limit)])
    if factor == 1.0:
        return image
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _in_square(image: Image.Image, side: int) -> Image.Image:
    small = _within(image, side, side)
    side = min(side, max(image.size))
    canvas = Image.new("RGB", (side, side), "white")
    canvas.paste(small, ((side - small.width) // 2, (side - small.height) // 2))
    return canvas
