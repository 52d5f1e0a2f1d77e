"""Bytes, a path, a PIL image or an array becomes one thing: an upright 8-bit RGB image.

Training, prediction, hashing and publishing all read images through here, so a picture means the
same pixels everywhere: EXIF orientation applied, transparency laid on white, 16-bit scaled down
rather than clipped, the first frame of an animation.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from apparel_clf.errors import ImageError
from apparel_clf.images.costly import FewReads, check_scans

#: The formats that are read, by Pillow's names. Others are refused: each decoder is attack surface.
DECODERS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
#: Images with more pixels are refused from their header, before any of them is decoded.
MAX_PIXELS = 64_000_000
#: Files larger than this are refused before they are read.
MAX_BYTES = 100_000_000

_URL = re.compile(r"[a-z][a-z0-9+.-]{1,9}://", re.IGNORECASE)
_ORIENTATION_TAG = 0x0112
_WHITE = (255, 255, 255)
# The scales at which libjpeg decodes.
_DRAFT_SCALES = (8, 4, 2)

ImageSource: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Image.Image "
    "| NDArray[np.uint8]"
)


@dataclass(frozen=True)
class Header:
    """What an image's header says, before a pixel is decoded.

    Args:
        format: Pillow's name of the format, for example ``"JPEG"``; read from the bytes.
        width: pixels across as displayed, that is after EXIF orientation.
        height: pixels down as displayed.
        mode: Pillow's mode as stored, for example ``"RGB"`` or ``"CMYK"``.
        upright: True where the stored pixels need no turning.
    """

    format: str
    width: int
    height: int
    mode: str
    upright: bool

    @property
    def plain(self) -> bool:
        """Whether any reader shows these bytes as we do: an RGB JPEG that needs no turning."""
        return self.format == "JPEG" and self.mode == "RGB" and self.upright


@dataclass(frozen=True)
class Reduced:
    """An upright RGB picture that may have been decoded smaller than it is stored.

    Args:
        header: what the file's header says; its size is the full one.
        image: the pixels, in mode RGB.
        box: which part of `image` the picture covers, for `PIL.Image.Image.resize`. A side that
            the scale does not divide ends within the last pixel: left out, an edge would move by
            up to a pixel and everything computed from the picture with it.
    """

    header: Header
    image: Image.Image
    box: tuple[float, float, float, float]


def describe(source: object) -> str:
    """Name a source for messages: its path, or what kind of thing it is.

    Example:
        >>> describe("shop/x.jpg"), describe(b"...")
        ('shop/x.jpg', 'bytes (3 of them)')
    """
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return f"bytes ({len(source)} of them)"
    if isinstance(source, np.ndarray):
        return f"array of shape {source.shape} and dtype {source.dtype}"
    if isinstance(source, Image.Image):
        return getattr(source, "filename", "") or f"PIL image {source.size[0]}x{source.size[1]}"
    return type(source).__name__


def load_image(
    source: ImageSource, *, max_pixels: int = MAX_PIXELS, name: str | None = None
) -> Image.Image:
    """Read one image.

    Args:
        source: a path, the bytes of an image file, such a file opened for reading bytes, a PIL
            image, or a ``uint8`` array of shape
            ``(height, width, 3)``, ``(height, width, 4)``, ``(height, width, 1)`` or
            ``(height, width)`` with values 0 to 255.
        max_pixels: refuse images with more pixels than this, from their header. Default 64
            million.
        name: what to call the source in an error; by default its path or kind.

    Returns:
        A new PIL image in mode RGB, upright. What was passed in is never changed.

    Raises:
        ImageError: the source is missing, empty, truncated, too large or not an image; names the
            source and the reason.

    Example:
        >>> load_image("x.jpg").mode
        'RGB'
    """
    name = name or describe(source)
    if isinstance(source, np.ndarray):
        return _from_array(source, name)
    if isinstance(source, Image.Image):
        with _decoding(name):
            _check_pixels(source, name, max_pixels)
            return _decoded(source.copy(), name, max_pixels)
    with _opened(image_bytes(source, name), name) as image:
        return _decoded(image, name, max_pixels)


def read_header(data: bytes, name: str = "bytes", *, max_pixels: int = MAX_PIXELS) -> Header:
    """Read the header of an image file's bytes without decoding pixels.

    Args:
        data: the bytes of an image file.
        name: what to call it in an error.
        max_pixels: refuse more pixels than this.

    Returns:
        Format, size as displayed, mode and whether it is stored upright.

    Raises:
        ImageError: not an image of a known format, or too many pixels.
    """
    with _opened(data, name) as image:
        return _header(image, name, max_pixels)


def load_reduced(
    data: bytes, name: str = "bytes", *, shorter: int, max_pixels: int = MAX_PIXELS
) -> Reduced:
    """Read one image's header and pixels, the pixels no larger than the caller needs them.

    An upright JPEG is decoded at 1/2, 1/4 or 1/8 of its size where that leaves enough pixels,
    which skips most of the work. Everything else is decoded in full, as `load_image` does, and
    reduced by as much, so that the same picture in any format has the same size here.

    Args:
        data: the bytes of an image file.
        name: what to call it in an error.
        shorter: the shorter side is never reduced below this many pixels.
        max_pixels: refuse more pixels than this, before any is decoded.

    Returns:
        The header, the picture and the part of it to use.

    Raises:
        ImageError: the same errors as `load_image`, for the same bytes.

    Example:
        >>> reduced = load_reduced(Path("1500x1500.jpg").read_bytes(), shorter=128)
        >>> reduced.header.width, reduced.image.width, reduced.box
        (1500, 188, (0, 0, 187.5, 187.5))
    """
    with _opened(data, name) as image:
        header = _header(image, name, max_pixels)
        # The box of a turned picture would have to be turned too; few pictures from shops are.
        drafted = image.draft(None, (shorter, shorter)) if header.upright else None
        decoded = _decoded(image, name, max_pixels)
        if drafted:
            return Reduced(header, decoded, drafted[1])
        return _as_if_drafted(header, decoded, shorter)


def _as_if_drafted(header: Header, decoded: Image.Image, shorter: int) -> Reduced:
    """Reduce what had to be decoded in full, by as many times as a JPEG would have been."""
    width, height = decoded.size
    times = next((t for t in _DRAFT_SCALES if min(decoded.size) // shorter >= t), 1)
    image = decoded.reduce(times) if times > 1 else decoded
    return Reduced(header, image, (0, 0, width / times, height / times))


def _header(image: Image.Image, name: str, max_pixels: int) -> Header:
    _check_pixels(image, name, max_pixels)
    orientation = _orientation(image)
    turned = orientation >= 5  # 5 to 8 swap width and height
    width, height = image.size[::-1] if turned else image.size
    return Header(
        format=image.format or "",
        width=width,
        height=height,
        mode=image.mode,
        upright=orientation == 1,
    )


def image_bytes(source: ImageSource, name: str) -> bytes:
    """Return the bytes of an image file that is given as such, by its path, or opened.

    Args:
        source: a path, bytes, or a file opened for reading bytes, which is read to its end.
        name: what to call it in an error.

    Raises:
        ImageError: it is something else, isn't there, can't be read or is larger than `MAX_BYTES`.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    if hasattr(source, "read"):
        return _read_file(source, name)
    if not isinstance(source, (str, os.PathLike)):
        raise ImageError(
            name,
            "expected a path, bytes, an open file, a PIL image or a uint8 array. "
            f"Received: {type(source).__name__}",
            "unsupported_input",
        )
    text = os.fspath(source)
    if not text:
        raise ImageError("''", "an empty name; pass the path of a file", "missing")
    if _URL.match(text):
        raise ImageError(
            name,
            "this is a URL, and nothing is downloaded for you; fetch it and pass the bytes",
            "unsupported_input",
        )
    path = Path(text)
    try:
        if path.is_dir():
            raise ImageError(name, "this is a folder, not an image file", "unsupported_input")
        if path.stat().st_size > MAX_BYTES:
            raise ImageError(name, f"larger than {MAX_BYTES:,} bytes", "too_many_pixels")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ImageError(name, "no such file", "missing") from error
    except OSError as error:
        raise ImageError(name, f"cannot be read ({error.strerror})", "missing") from error
    except ImageError:
        raise
    except ValueError as error:
        raise ImageError(name, f"no file can have this name ({error})", "missing") from error


def _read_file(source: Any, name: str) -> bytes:
    try:
        data = source.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # a closed file is a ValueError
        raise ImageError(name, f"cannot be read ({error})", "missing") from error
    if not isinstance(data, (bytes, bytearray)):
        raise ImageError(name, "opened as text; open it with mode 'rb'", "unsupported_input")
    if len(data) > MAX_BYTES:
        raise ImageError(name, f"larger than {MAX_BYTES:,} bytes", "too_many_pixels")
    return bytes(data)


@contextmanager
def _opened(data: bytes, name: str) -> Iterator[Image.Image]:
    """Open bytes with the allowed decoders; any failure inside becomes an ImageError."""
    if not data:
        raise ImageError(name, "the file is empty", "empty")
    with _decoding(name, data):
        file = FewReads(data, name)
        with Image.open(file, formats=DECODERS) as image:
            file.header_is_known()
            if image.format == "JPEG":
                check_scans(data, name)
            yield image


@contextmanager
def _decoding(name: str, data: bytes = b"") -> Iterator[None]:
    """Turn whatever a decoder trips over into an ImageError that names the source."""
    try:
        yield
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(name, "its header claims too many pixels", "too_many_pixels") from error
    except UnidentifiedImageError as error:
        raise ImageError(name, _looks_like(data), "not_an_image") from error
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, IndexError) as error:
        raise ImageError(
            name, f"truncated or damaged ({error}); fetch it again", "truncated"
        ) from error
    except (TypeError, KeyError, AttributeError, OverflowError, MemoryError) as error:
        # Decoders meet hostile bytes; whatever they trip over is the file's fault, not a crash.
        raise ImageError(name, f"damaged ({type(error).__name__}: {error})", "truncated") from error


def _looks_like(data: bytes) -> str:
    head = data[:512].lstrip().lower()
    page = head.startswith((b"<!doctype", b"<html"))
    kind = "not an image but an HTML page" if page else "not an image in a known format"
    return f"{kind}; readable are {', '.join(DECODERS)}"


def _check_pixels(image: Image.Image, name: str, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise ImageError(
            name,
            f"{width}x{height} is more than the {max_pixels:,} pixels allowed",
            "too_many_pixels",
        )


def _orientation(image: Image.Image) -> int:
    value = image.getexif().get(_ORIENTATION_TAG, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _decoded(image: Image.Image, name: str, max_pixels: int) -> Image.Image:
    _check_pixels(image, name, max_pixels)
    image.load()
    if _orientation(image) != 1:
        image = ImageOps.exif_transpose(image)
    return _to_rgb(image)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image if type(image) is Image.Image else image.copy()
    if image.mode.startswith("I;16") or image.mode == "I":
        # Pillow's own conversion clips at 255 and turns 16-bit greys white.
        pixels = np.asarray(image).clip(0, 65_535).astype(np.uint32)
        pixels += 128  # to the nearest, in place: these pictures may have 40 million pixels
        pixels //= 257
        return Image.fromarray(pixels.astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        flat = Image.new("RGB", image.size, _WHITE)
        flat.paste(image, mask=image.getchannel("A"))
        return flat
    return image.convert("RGB")


def _from_array(array: NDArray[np.uint8], name: str) -> Image.Image:
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or channels not in (1, 3, 4):
        raise ImageError(
            name,
            "expected a uint8 array of shape (height, width, 3), values 0 to 255",
            "unsupported_input",
        )
    if array.size == 0:
        raise ImageError(name, "the array is empty", "empty")
    if array.ndim == 3 and channels == 1:
        array = array[:, :, 0]
    return _to_rgb(Image.fromarray(array))
