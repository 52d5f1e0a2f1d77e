"""What `predict` is given: one image, several, a folder or a pattern."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from apparel_clf.dataset.files import image_files
from apparel_clf.errors import DatasetError, ImageError

_ONE = (str, bytes, bytearray, memoryview, os.PathLike, Image.Image, np.ndarray)


def is_single(images: Any) -> bool:
    """Whether an argument of `predict` is one image rather than several.

    Example:
        >>> is_single("x.jpg"), is_single(["x.jpg"]), is_single("photos/*.jpg")
        (True, False, False)
    """
    if isinstance(images, (str, os.PathLike)):
        return not _leads_to_several(os.fspath(images))
    if isinstance(images, np.ndarray):
        return not _is_batch(images)
    return isinstance(images, _ONE) or hasattr(images, "read") or not isinstance(images, Iterable)


def sources_of(images: Any) -> Iterable[Any]:
    """Return images as sources; a folder or pattern becomes its files, samples their paths.

    Args:
        images: one image, a folder, a pattern such as ``"inbox/**/*.webp"``, a list, an array of
            shape ``(n, height, width, 3)``, an `ImageSet`, or any other iterable of images or
            samples.

    Returns:
        The sources; an `ImageError` for a folder or pattern that holds no image. What can be asked
        for its length keeps one.
    """
    if is_single(images):
        return [images]
    if isinstance(images, (str, os.PathLike)):
        return find_images([os.fspath(images)])
    if hasattr(images, "samples"):
        return [sample.path for sample in images.samples]
    if isinstance(images, (list, tuple, np.ndarray)):
        return [_source(item) for item in images]
    return map(_source, images)


def find_images(given: Iterable[str]) -> list[str | ImageError]:
    """Turn files, folders and patterns into files, in order.

    Args:
        given: names of files and folders, and patterns of the shell's kind, ``**`` included.

    Returns:
        The files; an `ImageError` for each folder or pattern that leads to none.

    Example:
        >>> find_images(["photos"])
        ['photos/1.jpg', 'photos/2.png']
    """
    found: list[str | ImageError] = []
    for text in given:
        found += _expanded(text)
    return found


def _expanded(text: str) -> Iterator[str | ImageError]:
    if is_folder(text):
        yield from _files(text)
    elif _is_pattern(text):
        matches = _matches(text)
        if not matches:
            yield ImageError(text, "no file matches this pattern", "missing")
        yield from matches
    else:
        yield text


def _files(folder: str) -> Iterator[str | ImageError]:
    try:
        files = image_files(Path(folder))
    except DatasetError as error:
        yield ImageError(folder, str(error).removeprefix(f"{folder}: "), "missing")
        return
    if not files:
        yield ImageError(folder, "this folder holds no image", "missing")
    yield from map(str, files)


def _leads_to_several(text: str) -> bool:
    return is_folder(text) or _is_pattern(text)


def _is_batch(array: np.ndarray[Any, Any]) -> bool:
    """Whether an array holds several pictures, or names of files, rather than one picture."""
    return array.ndim == 4 or (array.ndim == 1 and array.dtype.kind in "OU")


def _is_pattern(text: str) -> bool:
    # A file may have a name with brackets or stars.
    return glob.has_magic(text) and "://" not in text and not _exists(text)


def _exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):
        return False


def is_folder(name: str | Path) -> bool:
    """Whether there is such a folder; names that no file can have, and none, are none."""
    try:
        return bool(str(name)) and Path(name).is_dir()  # '' would be this very one
    except (OSError, ValueError):  # a name that no file can have is reported when it is read
        return False


def _matches(pattern: str) -> list[str]:
    # Path.glob takes no absolute pattern.
    return sorted(m for m in glob.glob(pattern, recursive=True) if Path(m).is_file())  # noqa: PTH207


def _source(item: Any) -> Any:
    # A sample is told by its label: a path has none.
    return item.path if hasattr(item, "label") and hasattr(item, "path") else item
