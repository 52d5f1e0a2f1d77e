"""What identifies a picture: the hash of its bytes, perceptual hashes, and a small copy."""

from __future__ import annotations

import base64
import hashlib
import math
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from apparel_clf.images.apart import ApartBytes
from apparel_clf.images.decode import MAX_PIXELS, Reduced, load_reduced

#: Written beside every stored hash: hashes of different formats must not be compared. A Pillow
#: upgrade can flip bits, so the reader of old hashes needs to know how they were made.
HASH_FORMAT = "phash64x3+y32c12/4"
#: Sides of the small copy: of its brightness, and of its two colour planes.
LUMA_SIDE, CHROMA_SIDE = 32, 12
#: The content box is told in parts of the picture's sides, this many.
BOX_PARTS = 256

_LUMA_BYTES, _CHROMA_BYTES = LUMA_SIDE**2, CHROMA_SIDE**2
# JPEGs are decoded at the smallest scale that leaves the shorter side this long. Over photos of
# 400, 500 and 1000 pixels the hash is then within 2 bits of the full decode's, mostly equal.
_DECODED_SIDE = 60
_SMALL_SIDE = 64
# Widest range of one channel of a picture that shows nothing, over this many cells a side, in which
# noise averages out. The faintest of 3,235 product photos, a white top on white, spans 20 and more.
_BLANK_RANGE = 6
_BLANK_CELLS = 8
_HASH_SIDE = 8
_DCT_SIDE = 32
# The eight lowest rows of the DCT-II; a factor common to all coefficients changes no hash.
_DCT = np.cos(
    np.pi * np.arange(_HASH_SIDE)[:, None] * (2 * np.arange(_DCT_SIDE) + 1) / (2 * _DCT_SIDE)
)
# Cosines of a part of a picture count in steps of this: the sums are whole numbers then, equal on
# every processor in whatever order it adds.
_COSINE_STEPS = 1 << 16
# So many pairs of a side's length and the ends of a part on it are remembered, at 4 KB or so each.
_COSINES_KEPT = 256
# Turning a picture left to right changes the sign of every second frequency across.
_MIRROR = np.where(np.arange(_HASH_SIDE) % 2, -1.0, 1.0)
# Coefficients are compared after rounding to this many decimals. Symmetric and flat pictures have
# many that are equal in theory, and round-off would set their bits at random.
_DCT_DECIMALS = 6
# The middle of a picture: what a badge in a corner does not reach.
_CENTRE = (0.2 * BOX_PARTS, 0.2 * BOX_PARTS, 0.8 * BOX_PARTS, 0.8 * BOX_PARTS)
# Content is what differs by this many of 255 from the frame's own colour, on two pixels of a row.
_BOX_CONTRAST = 20
_BOX_PIXELS = 2
_WHOLE = (0, 0, BOX_PARTS, BOX_PARTS)
# A signature read from a file names an object; anything but a hash could name another file.
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HASH = re.compile(r"[0-9a-f]{16}")
_HASHES = ("phash", "phash_mirrored", "phash_content", "phash_centre")


Box: TypeAlias = "tuple[float, float, float, float]"
#: Takes bytes in, and returns what is held in their place.
Keep: TypeAlias = "Callable[[bytes], bytes | ApartBytes]"


@dataclass(frozen=True, slots=True)
class Signature:
    """What the engine knows of one picture.

    Args:
        sha256: hex digest of the file's bytes.
        width: pixels across, upright.
        height: pixels down, upright.
        format: Pillow's name of the format, read from the bytes.
        size_bytes: length of the file.
        plain: True for an upright RGB JPEG, which is published as it is.
        phash: 64-bit perceptual hash of the upright picture, as an integer; imagehash's `phash`.
        phash_mirrored: the same of the picture turned left to right.
        phash_content: the same of what is inside `content_box`: padding and cropping leave it.
        phash_centre: the same of the middle 60% of both sides: a badge in a corner leaves it.
        content_box: left, top, right, bottom of what is not background, in 256ths.
        sharpness: variance of the Laplacian of the picture at 64 to 127 pixels a side, in squared
            levels; to compare pictures of one size (Pech-Pacheco and others, 2000).
        thumbnail: 1,312 bytes, row by row: brightness at 32x32, then Cb and Cr at 12x12. The
            hashes look at shape alone, and coarsely; this tells apart what they take for equal.
            Where many signatures are held, an `ApartBytes`, from which ``bytes()`` reads them.
    """

    sha256: str
    width: int
    height: int
    format: str
    size_bytes: int
    plain: bool
    phash: int
    phash_mirrored: int
    phash_content: int
    phash_centre: int
    content_box: tuple[int, int, int, int]
    sharpness: float
    thumbnail: bytes | ApartBytes

    @property
    def pixels(self) -> int:
        """Width times height."""
        return self.width * self.height

    @property
    def blank(self) -> bool:
        """Whether the picture shows nothing: one colour all over, give or take noise."""
        each = LUMA_SIDE // _BLANK_CELLS
        cells = self.luma().reshape(_BLANK_CELLS, each, _BLANK_CELLS, each)
        sums = cells.sum(axis=(1, 3), dtype=np.int32)
        if int(sums.max() - sums.min()) > _BLANK_RANGE * each**2:
            return False
        return bool(np.ptp(self.chroma().reshape(2, -1), axis=1).max() <= _BLANK_RANGE)

    def luma(self) -> NDArray[np.uint8]:
        """Return the thumbnail's brightness, ``uint8`` of shape ``(32, 32)``."""
        plane = np.frombuffer(bytes(self.thumbnail), dtype=np.uint8, count=_LUMA_BYTES)
        return plane.reshape(LUMA_SIDE, LUMA_SIDE)

    def chroma(self) -> NDArray[np.uint8]:
        """Return the thumbnail's colour, ``uint8`` of shape ``(2, 12, 12)``: Cb and Cr."""
        planes = np.frombuffer(bytes(self.thumbnail), dtype=np.uint8, offset=_LUMA_BYTES)
        return planes.reshape(2, CHROMA_SIDE, CHROMA_SIDE)

    def to_json(self) -> dict[str, Any]:
        """Return plain values that `from_json` turns back into an equal signature."""
        hashes = {name: f"{getattr(self, name):016x}" for name in _HASHES}
        return {
            "sha256": self.sha256,
            "width": self.width,
            "height": self.height,
            "format": self.format,
            "size_bytes": self.size_bytes,
            "plain": self.plain,
            **hashes,
            "content_box": list(self.content_box),
            "sharpness": self.sharpness,
            "thumbnail": base64.b64encode(bytes(self.thumbnail)).decode("ascii"),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any], keep: Keep = bytes) -> Signature:
        """Build a signature from what `to_json` returned.

        Args:
            values: from `to_json`.
            keep: what to hold in place of the thumbnail's bytes, for example what
                `BytesApart.keep` returns. Default the bytes themselves.

        Raises:
            KeyError, TypeError, ValueError: a value is missing, or is not what a signature holds.
        """
        hashes = {name: values[name] for name in _HASHES}
        if not _SHA256.fullmatch(values["sha256"]) or not all(
            map(_HASH.fullmatch, hashes.values())
        ):
            raise ValueError("sha256 or a perceptual hash is not a hash")
        thumbnail = base64.b64decode(values["thumbnail"], validate=True)
        if len(thumbnail) != _LUMA_BYTES + 2 * _CHROMA_BYTES:
            raise ValueError(f"a thumbnail of {len(thumbnail)} bytes")
        sizes = {name: int(values[name]) for name in ("width", "height", "size_bytes")}
        sharpness = float(values["sharpness"])
        if min(sizes.values()) < 1 or not (math.isfinite(sharpness) and sharpness >= 0):
            raise ValueError(f"no picture has a sharpness of {sharpness} and {sizes}")
        return cls(
            sha256=values["sha256"],
            **sizes,
            format=sys.intern(str(values["format"])),
            plain=bool(values["plain"]),
            **{name: int(text, 16) for name, text in hashes.items()},
            content_box=_box(values["content_box"]),
            sharpness=sharpness,
            thumbnail=keep(thumbnail),
        )


def _box(values: Any) -> tuple[int, int, int, int]:
    left, top, right, bottom = (int(value) for value in values)
    return _checked_box(left, top, right, bottom)


@lru_cache(maxsize=1024)  # most pictures have one of few
def _checked_box(left: int, top: int, right: int, bottom: int) -> tuple[int, int, int, int]:
    if not (0 <= left < right <= BOX_PARTS and 0 <= top < bottom <= BOX_PARTS):
        raise ValueError(f"a content box of {(left, top, right, bottom)}")
    return left, top, right, bottom


def sign(data: bytes, name: str = "bytes", *, max_pixels: int = MAX_PIXELS) -> Signature:
    """Compute the signature of an image file's bytes, in one decode.

    Args:
        data: the bytes of an image file.
        name: what to call it in an error.
        max_pixels: refuse more pixels than this, before any is decoded. Default 64 million.

    Returns:
        The signature.

    Raises:
        ImageError: the bytes are not a usable image.

    Example:
        >>> sign(Path("x.jpg").read_bytes()).width
        600
    """
    picture = load_reduced(data, name, shorter=_DECODED_SIDE, max_pixels=max_pixels)
    header = picture.header
    small = _Small.of(picture)
    frequencies = _frequencies(small.planes[0], small.box)
    content_box = small.content_box()
    return Signature(
        sha256=hashlib.sha256(data).hexdigest(),
        width=header.width,
        height=header.height,
        format=header.format,
        size_bytes=len(data),
        plain=header.plain,
        phash=_phash(frequencies),
        phash_mirrored=_phash(frequencies * _MIRROR),
        phash_content=_phash(small.frequencies_of(content_box)),
        phash_centre=_phash(small.frequencies_of(_CENTRE)),
        content_box=content_box,
        sharpness=_sharpness(small.grey),
        thumbnail=small.thumbnail(),
    )


@dataclass(frozen=True)
class _Small:
    """A picture of about a hundred pixels a side, from which hashes and thumbnail are made.

    Args:
        planes: brightness as `imagehash` has it, and the two colour planes, in mode L.
        image: the same in RGB.
        box: which part of the pixels the picture covers.
    """

    planes: tuple[Image.Image, ...]
    image: Image.Image
    box: Box

    @cached_property
    def grey(self) -> NDArray[np.float64]:
        """The brightness as numbers, of shape ``(height, width)``."""
        return np.asarray(self.planes[0]).astype(np.float64)

    @classmethod
    def of(cls, picture: Reduced) -> _Small:
        """Reduce a picture by a whole number of times, which is quick and exact."""
        times = max(1, min(picture.image.size) // _SMALL_SIDE)
        image = picture.image.reduce(times) if times > 1 else picture.image
        left, top, right, bottom = (side / times for side in picture.box)
        box = (left, top, min(right, image.width), min(bottom, image.height))
        _, blue, red = image.convert("YCbCr").split()
        return cls((image.convert("L"), blue, red), image, box)

    def frequencies_of(self, part: Box) -> NDArray[np.float64]:
        """The lowest frequencies of a part, told in parts of the picture's sides."""
        x, y, right, bottom = self.box
        across, down = (right - x) / BOX_PARTS, (bottom - y) / BOX_PARTS
        width, height = self.image.size
        columns = _cosines(width, x + part[0] * across, x + part[2] * across)
        rows = _cosines(height, y + part[1] * down, y + part[3] * down)
        return np.asarray(rows @ self.grey @ columns.T)

    def content_box(self) -> tuple[int, int, int, int]:
        """Where the picture differs from the colour of its frame; all of it if nowhere."""
        planes = np.ascontiguousarray(np.asarray(self.image).transpose(2, 0, 1))
        frame = np.concatenate(
            [planes[:, 0], planes[:, -1], planes[:, :, 0], planes[:, :, -1]], axis=1
        )
        frame.partition(frame.shape[1] // 2, axis=1)
        colour = frame[:, frame.shape[1] // 2].tolist()
        differs = np.any([_far(*pair) for pair in zip(planes, colour, strict=True)], axis=0)
        rows = np.flatnonzero(differs.sum(axis=1) >= _BOX_PIXELS)
        columns = np.flatnonzero(differs.sum(axis=0) >= _BOX_PIXELS)
        if not rows.size or not columns.size:
            return _WHOLE
        left, right = _parts(int(columns[0]), int(columns[-1]) + 1, self.box[0], self.box[2])
        top, bottom = _parts(int(rows[0]), int(rows[-1]) + 1, self.box[1], self.box[3])
        return left, top, right, bottom

    def thumbnail(self) -> bytes:
        """Brightness and colour at their sides."""
        sides = (LUMA_SIDE, CHROMA_SIDE, CHROMA_SIDE)
        return b"".join(
            plane.resize((side, side), Image.Resampling.BILINEAR, box=self.box).tobytes()
            for plane, side in zip(self.planes, sides, strict=True)
        )


def _far(plane: NDArray[np.uint8], colour: int) -> NDArray[np.bool_]:
    """Which pixels of a plane differ from a colour by more than the contrast of content."""
    darkest, lightest = max(colour - _BOX_CONTRAST, 0), min(colour + _BOX_CONTRAST, 255)
    # What is darker than the darkest wraps around to the bright end: one comparison for both sides.
    return (plane - np.uint8(darkest)) > (lightest - darkest)


def _parts(first: int, last: int, start: float, end: float) -> tuple[int, int]:
    """Ends in pixels as parts of the side between `start` and `end`, to the nearest."""
    parts = [round((place - start) / (end - start) * BOX_PARTS) for place in (first, last)]
    low = min(max(parts[0], 0), BOX_PARTS - 1)
    return low, min(max(parts[1], low + 1), BOX_PARTS)


@lru_cache(_COSINES_KEPT)
def _cosines(length: int, start: float, end: float) -> NDArray[np.float64]:
    """The eight lowest rows of the DCT-II of the pixels between two ends, the rest left out."""
    edges = np.clip(np.arange(length + 1), start, end)
    middles = (edges[1:] + edges[:-1]) / 2 - start
    waves = np.cos(np.pi / (end - start) * np.arange(_HASH_SIDE)[:, None] * middles)
    return np.rint(waves * np.diff(edges) / (end - start) * _COSINE_STEPS)


def _frequencies(grey: Image.Image, box: Box) -> NDArray[np.float64]:
    """The lowest frequencies of a part of a picture, as `imagehash.phash` has them."""
    part = grey.resize((_DCT_SIDE, _DCT_SIDE), Image.Resampling.LANCZOS, box=box)
    return np.asarray(_DCT @ np.asarray(part, dtype=np.float64) @ _DCT.T)


def _phash(frequencies: NDArray[np.float64]) -> int:
    """Hash as `imagehash.phash` does: which low frequencies exceed their median."""
    values = np.round(frequencies, _DCT_DECIMALS).ravel()
    # Above the median is above the lower of the two middle values, and this one is exact.
    bits = values > np.sort(values)[values.size // 2 - 1]
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _sharpness(grey: NDArray[np.float64]) -> float:
    """Variance of the Laplacian: edges that compression or enlarging has softened have less."""
    if min(grey.shape) < 3:
        return 0.0
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    # Sums of whole numbers, which are the same in whatever order a processor adds; not as a dot
    # product, for which the library would wake a thread that then waits at full speed.
    edges = 4 * grey[1:-1, 1:-1] - around
    squares, total = float(np.square(edges).sum()), float(edges.sum())
    variance = squares / edges.size - (total / edges.size) ** 2
    return float(round(variance, 1))
