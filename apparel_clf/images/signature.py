"""What identifies a picture: the hash of its bytes, a perceptual hash, and its colours."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from apparel_clf.images.decode import Reduced, load_reduced

#: Written beside every stored hash: hashes of different formats must not be compared. A Pillow
#: upgrade can flip bits, so the reader of old hashes needs to know how they were made.
HASH_FORMAT = "phash64+ycbcr12/2"

# Small enough that resizing by the shop averages out, large enough to tell one pair of trousers
# from the next; docs/architecture.md has the figures for 8, 12 and 16 and five filters.
_THUMBNAIL_SIDE = 12
# JPEGs are decoded at the smallest scale that leaves the shorter side this long. Over 2,412 photos
# the thumbnail is then within 0.63 of 255 (root mean square) of the full decode's and the hash
# within 4 bits, mostly equal, in a third of the time; 64 pixels would put the thumbnail further
# off, and the limit for duplicates leaves little room.
_DECODED_SIDE = 128
# Widest range of one channel over the thumbnail of a picture that shows nothing. Compression and
# noise stay below it; the faintest of 3,235 product photos, a white top on white, spans 25.
_BLANK_RANGE = 6
_HASH_SIDE = 8
_DCT_SIDE = 32
# The eight lowest rows of the DCT-II; a factor common to all coefficients changes no hash.
_DCT = np.cos(
    np.pi * np.arange(_HASH_SIDE)[:, None] * (2 * np.arange(_DCT_SIDE) + 1) / (2 * _DCT_SIDE)
)
# Coefficients are compared after rounding to this many decimals. Symmetric and flat pictures have
# many that are equal in theory, and round-off would set their bits at random.
_DCT_DECIMALS = 6
# A signature read from a file names an object; anything but a hash could name another file.
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PHASH = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Signature:
    """What the engine knows of one picture.

    Args:
        sha256: hex digest of the file's bytes.
        width: pixels across, upright.
        height: pixels down, upright.
        format: Pillow's name of the format, read from the bytes.
        size_bytes: length of the file.
        phash: 64-bit perceptual hash of the upright picture, as an integer; imagehash's `phash`.
        thumbnail: 12x12 YCbCr pixels, row by row, 432 bytes. The perceptual hash looks at shape
            alone; this tells apart what differs in colour.
        plain: True for an upright RGB JPEG, which is published as it is.
    """

    sha256: str
    width: int
    height: int
    format: str
    size_bytes: int
    phash: int
    thumbnail: bytes
    plain: bool

    @property
    def pixels(self) -> int:
        """Width times height."""
        return self.width * self.height

    @property
    def blank(self) -> bool:
        """Whether the picture shows nothing: one colour all over, give or take noise."""
        return bool(np.ptp(self.thumbnail_array(), axis=(0, 1)).max() <= _BLANK_RANGE)

    def thumbnail_array(self) -> NDArray[np.uint8]:
        """Return the thumbnail as ``uint8`` of shape ``(12, 12, 3)``, channels Y, Cb, Cr."""
        shape = (_THUMBNAIL_SIDE, _THUMBNAIL_SIDE, 3)
        return np.frombuffer(self.thumbnail, dtype=np.uint8).reshape(shape)

    def to_json(self) -> dict[str, Any]:
        """Return plain values that `from_json` turns back into an equal signature."""
        return {
            "sha256": self.sha256,
            "width": self.width,
            "height": self.height,
            "format": self.format,
            "size_bytes": self.size_bytes,
            "phash": f"{self.phash:016x}",
            "thumbnail": base64.b64encode(self.thumbnail).decode("ascii"),
            "plain": self.plain,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Signature:
        """Build a signature from what `to_json` returned.

        Raises:
            KeyError, TypeError, ValueError: a value is missing, or is not what a signature holds.
        """
        if not _SHA256.fullmatch(values["sha256"]) or not _PHASH.fullmatch(values["phash"]):
            raise ValueError("sha256 or phash is not a hash")
        thumbnail = base64.b64decode(values["thumbnail"], validate=True)
        if len(thumbnail) != 3 * _THUMBNAIL_SIDE**2:
            raise ValueError(f"a thumbnail of {len(thumbnail)} bytes")
        return cls(
            sha256=values["sha256"],
            width=int(values["width"]),
            height=int(values["height"]),
            format=str(values["format"]),
            size_bytes=int(values["size_bytes"]),
            phash=int(values["phash"], 16),
            thumbnail=thumbnail,
            plain=bool(values["plain"]),
        )


def sign(data: bytes, name: str = "bytes") -> Signature:
    """Compute the signature of an image file's bytes.

    Args:
        data: the bytes of an image file.
        name: what to call it in an error.

    Returns:
        The signature.

    Raises:
        ImageError: the bytes are not a usable image.

    Example:
        >>> sign(Path("x.jpg").read_bytes()).width
        600
    """
    reduced = load_reduced(data, name, shorter=_DECODED_SIDE)
    header = reduced.header
    return Signature(
        sha256=hashlib.sha256(data).hexdigest(),
        width=header.width,
        height=header.height,
        format=header.format,
        size_bytes=len(data),
        phash=_phash(reduced),
        thumbnail=_thumbnail(reduced),
        plain=header.plain,
    )


def _phash(picture: Reduced) -> int:
    """Hash as `imagehash.phash` does, without SciPy: which low frequencies exceed their median."""
    size = (_DCT_SIDE, _DCT_SIDE)
    grey = picture.image.convert("L").resize(size, Image.Resampling.LANCZOS, box=picture.box)
    frequencies = _DCT @ np.asarray(grey, dtype=np.float64) @ _DCT.T
    values = np.round(frequencies, _DCT_DECIMALS).ravel()
    # Above the median is above the lower of the two middle values, and this one is exact.
    bits = values > np.sort(values)[values.size // 2 - 1]
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _thumbnail(picture: Reduced) -> bytes:
    size = (_THUMBNAIL_SIDE, _THUMBNAIL_SIDE)
    small = picture.image.resize(size, Image.Resampling.BILINEAR, box=picture.box)
    return small.convert("YCbCr").tobytes()
