"""Files that are small and take long: told before they are decoded.

Each scan of a progressive JPEG goes over all pixels and may take a few dozen bytes, so 200 kB can
ask for half a minute. A header of a million empty parts is read part by part, in Python, and kept.
"""

from __future__ import annotations

import io
import re

from apparel_clf.errors import ImageError

#: Passes over a JPEG's pixels. libtiff allows as many; encoders write up to 14.
MOST_SCANS = 100
#: Reads until a header is known. A photo with all that cameras and editors add takes some hundred.
MOST_READS = 10_000

# In compressed data an FF is followed by 00, by a restart marker or by fill; else a marker begins.
_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")
_SCAN, _END = 0xDA, 0xD9


class FewReads(io.BytesIO):
    """Bytes that may be read only so often until `header_is_known`.

    Args:
        data: the bytes.
        name: what to call them in an error.
    """

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self._name = name
        self._left = float(MOST_READS)

    def read(self, size: int | None = -1, /) -> bytes:
        """Read.

        Raises:
            ImageError: it was enough.
        """
        self._left -= 1
        if self._left < 0:
            raise ImageError(
                self._name,
                "its header has more parts than any picture needs; save it anew",
                "too_many_pixels",
            )
        return super().read(size)

    def header_is_known(self) -> None:
        """Allow any number of reads: pixels of a large picture come in many parts."""
        self._left = float("inf")


def check_scans(data: bytes, name: str) -> None:
    """Refuse a JPEG that paints its pixels too often.

    Args:
        data: the bytes of a JPEG.
        name: what to call it in an error.

    Raises:
        ImageError: it has more than `MOST_SCANS` scans.
    """
    # The quick look counts too many: most files never need the other one.
    if data.count(b"\xff\xda") > MOST_SCANS and _has_too_many_scans(data):
        reason = f"it paints its pixels more than {MOST_SCANS} times; save it anew"
        raise ImageError(name, reason, "too_many_pixels")


def _has_too_many_scans(data: bytes) -> bool:
    """Count scans up to the picture's end; what follows, such as a phone's film, does not count."""
    place, scans = 2, 0
    for _ in range(MOST_READS):
        found = _MARKER.search(data, place)
        if found is None or found[1][0] == _END:
            return scans > MOST_SCANS
        scans += found[1][0] == _SCAN
        place = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
    return True
