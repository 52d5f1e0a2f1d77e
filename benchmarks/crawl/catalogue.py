"""Pictures to sell: drawn from a seed once for each size, then kept for later runs."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.crawl.searches import SEARCHES

#: Width and height.
SIZE = (384, 512)
#: JPEG quality with which a picture of blocks has about 25 KB.
QUALITY = 88
#: Rows and columns of colour blocks. So many random colours make no two pictures look alike.
BLOCKS = (16, 12)
#: Where catalogues are kept between runs.
CACHE = Path(tempfile.gettempdir()) / "apparel-clf-benchmarks"
#: Part of a catalogue's name; another way of drawing needs another one.
_VERSION = "v1"


def shares(images: int) -> dict[str, int]:
    """Deal a number of images out to the classes.

    Args:
        images: unique images, all classes together.

    Returns:
        Class to number; no two differ by more than one.

    Example:
        >>> shares(100)
        {'jeans': 34, 'trousers': 33, 'saree': 33}
    """
    share, rest = divmod(images, len(SEARCHES))
    return {label: share + (place < rest) for place, label in enumerate(SEARCHES)}


def catalogue(images: int, cache: Path = CACHE) -> Path:
    """Return a folder with one folder a class, drawn now or by an earlier run.

    Args:
        images: unique pictures, all classes together.
        cache: where catalogues are kept.

    Returns:
        The folder ``<cache>/<name>``; the same number gives the same bytes.
    """
    folder = cache / f"catalogue-{_VERSION}-{images}"
    if not folder.is_dir():
        _draw_catalogue(folder, images)
    return folder


def draw(seed: tuple[int, int]) -> Image.Image:
    """Draw one picture: random colour blocks with soft edges.

    Args:
        seed: class and number; another seed gives another picture.

    Returns:
        An RGB picture of `SIZE`.
    """
    blocks = np.random.default_rng(seed).integers(0, 256, (*BLOCKS, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize(SIZE, Image.Resampling.BICUBIC)


def _draw_catalogue(folder: Path, images: int) -> None:
    """Draw beside the final place: an interrupted run must leave no half catalogue behind."""
    unfinished = folder.with_name(f"{folder.name}.{secrets.token_hex(4)}.part")
    try:
        for place, (label, count) in enumerate(shares(images).items()):
            (unfinished / label).mkdir(parents=True)
            for number in range(count):
                path = unfinished / label / f"{number:05}.jpg"
                draw((place, number)).save(path, "JPEG", quality=QUALITY)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
