"""Which files of a folder are images, in an order that does not depend on the file system."""

from __future__ import annotations

from pathlib import Path

from apparel_clf.errors import DatasetNotFoundError

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
    """
    check_folder(folder)
    return sorted(p for p in folder.rglob("*") if is_image_name(p) and p.is_file())


def check_folder(folder: Path) -> None:
    """Raise DatasetNotFoundError unless `folder` is a folder."""
    if not folder.exists():
        raise DatasetNotFoundError(
            f"{folder}: no such folder. A dataset is a version that a crawl has published "
            "(datasets/<name>/latest) or a folder with one sub-folder of images for each class"
        )
    if not folder.is_dir():
        raise DatasetNotFoundError(f"{folder}: this is a file; expected a folder of images")
