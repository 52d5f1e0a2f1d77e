"""Pictures for the page, made when they are asked for and kept in bounded memory."""

from __future__ import annotations

import io
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from apparel_clf.images import image_bytes
from apparel_clf.images.decode import load_reduced

#: Longest side in pixels of a picture in the grid, and in the large view. None is blown up.
SMALL, LARGE = 192, 1600
#: Memory for pictures that were made.
KEPT_BYTES = 64_000_000
_QUALITY = 82


class Pictures:
    """JPEGs of images by name and size.

    What a browser gets was decoded here and encoded anew, so no byte of a file from the web
    reaches it.

    Args:
        kept_bytes: memory for pictures that were made. Default 64 MB.
    """

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._limit = kept_bytes
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._lock = threading.Lock()
        # Decoding takes memory and a core each; a browser asks for many at a time.
        self._decoders = threading.Semaphore(os.cpu_count() or 1)

    @property
    def kept_bytes(self) -> int:
        """Memory in use for pictures."""
        with self._lock:
            return sum(map(len, self._kept.values()))

    def get(self, sha256: str, side: int, find: Callable[[str], Path]) -> bytes:
        """Return a picture.

        Args:
            sha256: names the image.
            side: longest side in pixels.
            find: where the image's file is.

        Returns:
            The bytes of a JPEG.

        Raises:
            ImageError: the file is gone or no image.
        """
        key = sha256, side
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        with self._decoders:
            made = _jpeg(find(sha256), side)
        with self._lock:
            self._kept[key] = made
            total = sum(map(len, self._kept.values()))
            while total > self._limit and len(self._kept) > 1:
                total -= len(self._kept.popitem(last=False)[1])
        return made


def _jpeg(path: Path, side: int) -> bytes:
    picture = load_reduced(image_bytes(path, path.name), path.name, shorter=side)
    width, height = picture.header.width, picture.header.height
    scale = min(1.0, side / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    buffer = io.BytesIO()
    made = picture.image.resize(size, Image.Resampling.LANCZOS, box=picture.box)
    made.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
