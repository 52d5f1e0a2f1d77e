"""The pictures of the study: photos where they are at hand, and drawn garments."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from apparel_clf.dataset.files import image_files
from apparel_clf.images import Signature, sign
from benchmarks.duplicates.changes import encode
from benchmarks.duplicates.drawn import draw, garments, recolours
from benchmarks.errors import BenchmarkError

#: Names the folder of photos; its sub-folder `catalogue` is read.
VARIABLE = "APPAREL_TEST_DATA"
_SEED = 500


@dataclass(frozen=True)
class Picture:
    """A picture and what the engine knows of it.

    Args:
        name: a photo's path below the catalogue, or what a drawn garment is called.
        data: the bytes of its file.
        signature: of these bytes.
    """

    name: str
    data: bytes
    signature: Signature

    @classmethod
    def of(cls, name: str, data: bytes) -> Picture:
        """Sign a file's bytes."""
        return cls(name, data, sign(data, name))


def catalogue() -> Path | None:
    """Return the folder of photos, or None where the environment names none.

    Raises:
        BenchmarkError: it names one that isn't there.
    """
    named = os.environ.get(VARIABLE)
    if not named:
        return None
    folder = Path(named) / "catalogue"
    if not folder.is_dir():
        raise BenchmarkError(f"{VARIABLE} is set, but has no folder catalogue: {named}")
    return folder


def photos(folder: Path, count: int | None = None) -> list[Picture]:
    """Read photos.

    Args:
        folder: looked through with its sub-folders.
        count: an even selection of so many; by default all.
    """
    paths = image_files(folder)
    if count is not None and count < len(paths):
        paths = [paths[place] for place in np.linspace(0, len(paths) - 1, count).astype(int)]
    return [Picture.of(path.relative_to(folder).as_posix(), path.read_bytes()) for path in paths]


def drawn(count: int) -> list[Picture]:
    """Draw garments, no two of them the same."""
    return [Picture.of(garment.name, encode(draw(garment))) for garment in garments(count)]


def recoloured(garment_count: int, count: int) -> list[tuple[int, Picture]]:
    """Draw some of the garments in another colour.

    Args:
        garment_count: garments to choose from, as `drawn` has them.
        count: how many.

    Returns:
        Which garment it was, and its recolour.
    """
    return [
        (index, Picture.of(garment.name, encode(draw(garment))))
        for index, garment in recolours(garments(garment_count), count)
    ]


def sample(pictures: Sequence[Picture], count: int) -> list[Picture]:
    """Choose some at random, always the same ones."""
    if count >= len(pictures):
        return list(pictures)
    chosen = np.random.default_rng(_SEED).choice(len(pictures), count, replace=False)
    return [pictures[place] for place in sorted(chosen.tolist())]
