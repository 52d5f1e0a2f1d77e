"""Which files of a folder are images, in an order that does not depend on the file system."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

from apparel_clf.errors import DatasetError, DatasetNotFoundError

#: File names that are taken for images; what they hold is decided by their bytes.
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")


def is_image_name(path: Path) -> bool:
    """Whether a file's name says that it is an image; hidden files never are."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def image_files(folder: Path) -> list[Path]:
    """List the images in a folder and all its sub-folders, sorted by path.

    Args:
        folder: where to look. Links to folders are not followed.

    Raises:
        DatasetNotFoundError: there is no such folder.
        DatasetError: it, or a folder in it, cannot be read.
    """
    check_folder(folder)
    found: list[Path] = []
    for parent, _, names in os.walk(folder, onerror=_unreadable):
        paths = (Path(parent, name) for name in names)
        found += (path for path in paths if is_image_name(path) and _is_file(path))
    return sorted(found)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:  # its folder can be listed, but not entered
        _unreadable(error, path.parent)


def check_folder(folder: Path) -> None:
    """Raise DatasetNotFoundError unless `folder` is a folder, DatasetError if it can't be read."""
    try:
        os.scandir(folder).close()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DatasetNotFoundError(_missing(folder)) from error
    except OSError as error:
        _unreadable(error)


def _missing(folder: Path) -> str:
    if folder.is_file():
        return f"{folder}: this is a file; expected a folder of images"
    return (
        f"{folder}: no such folder. A dataset is a version that a crawl has published "
        "(datasets/<name>/latest) or a folder with one sub-folder of images for each class"
    )


def _unreadable(error: OSError, folder: Path | None = None) -> NoReturn:
    raise DatasetError(
        f"{folder or error.filename}: this folder cannot be read ({error.strerror}). "
        "Make it readable, or move it away to leave its images out"
    ) from error
