"""Small pictures that live inside a page: bounded in size, named where they can't be shown."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import PurePath

from PIL import Image

from apparel_clf.errors import ImageError
from apparel_clf.images import load_image

#: Longest side of a thumbnail in pixels. Smaller pictures are not blown up.
THUMBNAIL_SIDE = 160
JPEG_QUALITY = 80

# Enough of a path to find the file again: split, class and name. The folders above it are the
# reader's own business, and differ from machine to machine.
_NAME_PARTS = 3


@dataclass(frozen=True)
class Thumbnail:
    """A picture for a page, or the reason why there is none.

    Args:
        name: split, class and file name, as far as the path has them.
        uri: the picture as a ``data:`` URI, or None.
        width: pixels across, 0 without a picture.
        height: pixels down, 0 without a picture.
        problem: why there is no picture, or None.
    """

    name: str
    uri: str | None = None
    width: int = 0
    height: int = 0
    problem: str | None = None


def thumbnail(path: str) -> Thumbnail:
    """Make the thumbnail of an image file.

    Args:
        path: the file.

    Returns:
        A JPEG of at most 160x160 pixels with its aspect ratio kept; for a file that can't be read,
        one without a picture that says why.

    Example:
        >>> thumbnail("test/jeans/x.jpg").uri[:23]
        'data:image/jpeg;base64,'
    """
    name = short_name(path)
    try:
        image = load_image(path)
    except ImageError as error:
        return Thumbnail(name, problem=error.reason)
    return picture_thumbnail(image, name)


def picture_thumbnail(image: Image.Image, name: str) -> Thumbnail:
    """Make the thumbnail of a picture that is in memory, which stays as it is.

    Args:
        image: the picture, of any mode.
        name: what to call it.

    Returns:
        A JPEG of at most 160x160 pixels with its aspect ratio kept.

    Example:
        >>> picture_thumbnail(Image.new("RGB", (320, 160)), "view 1").width
        160
    """
    small = image.convert("RGB")
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    return Thumbnail(name, _data_uri(small), *small.size)


def short_name(path: str) -> str:
    """Return the last three parts of a path: split, class and file name in a published version.

    Example:
        >>> short_name("/home/me/datasets/demo/v1/test/jeans/x.jpg")
        'test/jeans/x.jpg'
    """
    return "/".join(PurePath(path).parts[-_NAME_PARTS:])


def _data_uri(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
