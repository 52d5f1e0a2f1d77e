"""The two kinds of goods: drawn garments, and a folder of photos with one folder a class."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Protocol

from PIL import Image

from apparel_clf.errors import DatasetError, DatasetNotFoundError, SettingsError
from crawler.storefront import naming
from crawler.storefront.catalogue import Catalogue, Listing, build
from crawler.storefront.images import encode
from crawler.storefront.search import tokens

#: Unique pictures a class in the drawn catalogue.
PER_CLASS = 320
#: Pictures a class that only advertisements show.
FILLERS = 24
#: Width and height of a drawn picture: more than a network of 256 pixels takes in.
DRAWN_SIZE = (384, 512)
#: Quality of a drawn picture's file.
DRAWN_QUALITY = 90
#: Endings of the files that a folder of photos is searched for.
EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp")


class Drawable(Protocol):
    """What the shop reads of a designed garment."""

    @property
    def title(self) -> str:
        """Product title without the brand."""

    @property
    def brand(self) -> str:
        """Name of the maker."""

    @property
    def price(self) -> float:
        """Price in the shop's currency."""


@dataclass(frozen=True)
class Studio:
    """Who designs and draws the garments.

    Args:
        classes: the classes that can be drawn, two or more.
        design: class and seed to a garment.
        draw: garment to an RGB picture; the same garment gives the same picture.
    """

    classes: Sequence[str]
    design: Callable[[str, int], Drawable]
    draw: Callable[..., Image.Image]


def house_studio() -> Studio:
    """Return the studio that draws the garments of this package."""
    from crawler.storefront.garments import GARMENT_CLASSES, design, draw

    return Studio(tuple(GARMENT_CLASSES), design, draw)


def drawn_catalogue(
    seed: int = 0, per_class: int = PER_CLASS, studio: Studio | None = None
) -> Catalogue:
    """Make the catalogue of drawn garments. Nothing is drawn before somebody asks for a picture.

    Args:
        seed: what garments, ids, duplicates and order follow from.
        per_class: unique pictures a class; planted duplicates come on top. Default 320.
        studio: who draws; by default this package's own garments.

    Returns:
        The catalogue.

    Raises:
        SettingsError: `per_class` is below 1.

    Example:
        >>> len({product.picture for product in drawn_catalogue(per_class=20).of("jeans")})
        20
    """
    _check_per_class(per_class)
    studio = studio or house_studio()
    goods = [
        _drawn(studio, label, "product", index, seed)
        for label in studio.classes
        for index in range(per_class)
    ]
    return build(goods, _drawn_fillers(studio, studio.classes, seed), seed)


def folder_catalogue(
    directory: str | PathLike[str],
    seed: int = 0,
    per_class: int | None = None,
    studio: Studio | None = None,
) -> Catalogue:
    """Make a catalogue of real photos: one folder a class, files served byte for byte.

    Args:
        directory: holds ``<class>/*.jpg``, ``.jpeg``, ``.png`` or ``.webp``.
        seed: what ids, duplicates and order follow from.
        per_class: take the first so many photos of a class, by name; None (default) takes all.
        studio: who draws advertisements where there is one class alone and so none to borrow from.

    Returns:
        The catalogue. Links that lead out of `directory` are left out; file names reach no URL.

    Raises:
        DatasetNotFoundError: `directory` does not exist.
        DatasetError: it holds no class folders, or a class folder holds no photos.
        SettingsError: `per_class` is below 1.

    Example:
        >>> folder_catalogue("photos").labels
        ('jeans', 'saree', 'trousers')
    """
    _check_per_class(per_class)
    files = _photos(Path(directory))
    goods = [
        _photo(label, index, path, seed)
        for label, paths in files.items()
        for index, path in enumerate(paths[:per_class], start=1)
    ]
    if len(files) > 1:
        return build(goods, _borrowed_fillers(goods, seed), seed)
    studio = studio or house_studio()
    own = set().union(*map(tokens, files))
    others = [label for label in studio.classes if not tokens(label) <= own]
    return build(goods, _drawn_fillers(studio, others, seed), seed)


def _check_per_class(per_class: int | None) -> None:
    if per_class is not None and per_class < 1:
        raise SettingsError(f"Expected per_class to be 1 or more. Received: {per_class}")


def _drawn(studio: Studio, label: str, role: str, index: int, seed: int) -> Listing:
    garment_seed = naming.number("garment", seed, role, label, index) % 2**32
    garment = studio.design(label, garment_seed)
    return Listing(
        key=f"drawn/{role}/{label}/{index}",
        label=label,
        title=garment.title,
        brand=garment.brand,
        price=garment.price,
        extension="jpg",
        read=partial(_draw, studio, garment),
    )


def _draw(studio: Studio, garment: Drawable) -> bytes:
    return encode(studio.draw(garment, DRAWN_SIZE), "JPEG", DRAWN_QUALITY)


def _drawn_fillers(studio: Studio, labels: Sequence[str], seed: int) -> list[Listing]:
    return [
        _drawn(studio, label, "filler", index, seed) for label in labels for index in range(FILLERS)
    ]


def _borrowed_fillers(goods: Sequence[Listing], seed: int) -> list[Listing]:
    """Let advertisements show photos of the catalogue itself, of the classes not searched for."""
    rng = random.Random(f"{seed}/fillers")
    labels = sorted({listing.label for listing in goods})
    shelves = [[listing for listing in goods if listing.label == label] for label in labels]
    return [listing for shelf in shelves for listing in rng.sample(shelf, min(FILLERS, len(shelf)))]


def _photo(label: str, index: int, path: Path, seed: int) -> Listing:
    key = f"photo/{label}/{path.name}"
    return Listing(
        key=key,
        label=label,
        title=f"{_spoken(label)} No. {index}",
        brand=naming.brand(seed, key),
        price=19 + naming.number("price", seed, key) % 6000 / 100,
        extension="png" if path.suffix.lower() == ".png" else "jpg",
        read=path.read_bytes,
    )


def _spoken(label: str) -> str:
    return " ".join(label.replace("_", " ").replace("-", " ").split()).title()


def _photos(directory: Path) -> dict[str, list[Path]]:
    if not directory.is_dir():
        raise DatasetNotFoundError(
            f"{directory}: no such folder of photos. Give one that holds a folder for each class."
        )
    root = directory.resolve()
    classes = [path for path in _visible(root) if path.is_dir()]
    if not classes:
        raise DatasetError(
            f"{directory}: holds no class folders. Put the photos of each class into a folder "
            "with the class's name."
        )
    return {path.name: _class_photos(path, root) for path in classes}


def _class_photos(folder: Path, root: Path) -> list[Path]:
    photos = [
        path
        for path in _visible(folder, root)
        if path.suffix.lower() in EXTENSIONS and path.is_file()
    ]
    if not photos:
        raise DatasetError(
            f"{folder}: holds no photos. Put some there that end in {', '.join(EXTENSIONS)}, "
            "or take the folder away."
        )
    return photos


def _visible(folder: Path, root: Path | None = None) -> Iterator[Path]:
    """Yield what lies in a folder, sorted; no hidden files, no links that lead out of `root`."""
    root = root or folder
    for path in sorted(folder.iterdir()):
        if not path.name.startswith(".") and path.resolve().is_relative_to(root):
            yield path
