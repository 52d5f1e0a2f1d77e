"""What the shop sells: products, the pictures under their image ids, and the planted duplicates.

Pure: a catalogue is made from listings and a seed, and the same two make the same catalogue. What
was planted is written down in it, so that a test knows the truth that a crawl has to find again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from crawler.storefront import naming, sundries
from crawler.storefront.images import Edit

Plant = Literal["same_id", "exact", "recompressed", "resized"]

#: The ways in which a picture is used again, in the order in which they are dealt out.
PLANTS: tuple[Plant, ...] = ("same_id", "exact", "recompressed", "resized")
#: Share of all products that show a picture which another product of their class shows already.
PLANTED_SHARE = 0.15
#: Share of products without a price, as on real pages.
PRICELESS_SHARE = 0.09


@dataclass(frozen=True)
class Listing:
    """One unique picture with the words that sell it, before the shop gives it ids.

    Args:
        key: name of the source picture, unique in the catalogue; never shown in a URL.
        label: class of the picture.
        title: product title without the brand.
        brand: name of the maker.
        price: in the shop's currency.
        extension: ``"jpg"`` or ``"png"``, what the picture's URL ends in.
        read: returns the bytes of the picture's file; called when somebody asks for them.
    """

    key: str
    label: str
    title: str
    brand: str
    price: float
    extension: str
    read: Callable[[], bytes] = field(repr=False, compare=False)


@dataclass(frozen=True)
class Picture:
    """What lies under one image id.

    Args:
        image_id: the id in the URL, eleven characters.
        key: the source picture.
        extension: what the URL ends in.
        edit: how the file differs from the source picture's; None where it is that file itself.
    """

    image_id: str
    key: str
    extension: str
    edit: Edit | None = None


@dataclass(frozen=True)
class Product:
    """One thing on sale.

    Args:
        asin: its number, ten characters.
        label: class of its picture.
        title: without the brand.
        brand: name of the maker.
        price: None where the card shows none.
        image_id: id of its picture.
        picture: key of the source picture, the same for all that show the same picture.
        extension: what the picture's URL ends in.
        plant: how its picture repeats another product's; None for the first that shows it.
    """

    asin: str
    label: str
    title: str
    brand: str
    price: float | None
    image_id: str
    picture: str
    extension: str
    plant: Plant | None = None


@dataclass(frozen=True)
class Catalogue:
    """Everything that the shop knows about its goods.

    Args:
        seed: what all choices follow from.
        products: in the order in which a search shows them.
        fillers: for each class, advertisements whose picture is of that class. They have image ids
            of their own and are shown only among results of other classes.
        pictures: image id to picture, of products, fillers, badges and swatches.
        originals: key of a source picture to the function that reads its file.

    Example:
        >>> catalogue = drawn_catalogue(seed=0, per_class=20)
        >>> {product.plant for product in catalogue.of("jeans")} >= {None, "exact"}
        True
    """

    seed: int
    products: tuple[Product, ...]
    fillers: Mapping[str, tuple[Product, ...]]
    pictures: Mapping[str, Picture] = field(repr=False)
    originals: Mapping[str, Callable[[], bytes]] = field(repr=False, compare=False)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The classes that a search can find, sorted."""
        return tuple(sorted({product.label for product in self.products}))

    @cached_property
    def by_asin(self) -> Mapping[str, Product]:
        """Every product and filler by its ASIN."""
        fillers = [product for shelf in self.fillers.values() for product in shelf]
        return {product.asin: product for product in [*fillers, *self.products]}

    @cached_property
    def filler_ids(self) -> frozenset[str]:
        """Image ids that no dataset may hold: advertisements, badges and swatches."""
        organic = {product.image_id for product in self.products}
        return frozenset(self.pictures) - organic

    def of(self, *labels: str) -> tuple[Product, ...]:
        """Return the products of these classes, in the order in which a search shows them."""
        return tuple(product for product in self.products if product.label in labels)

    def fillers_beside(self, labels: Iterable[str]) -> tuple[Product, ...]:
        """Return the fillers that may stand among results of `labels`: of all other classes."""
        shown = set(labels)
        return tuple(
            product
            for label, shelf in sorted(self.fillers.items())
            if label not in shown
            for product in shelf
        )


def build(listings: Sequence[Listing], fillers: Sequence[Listing], seed: int) -> Catalogue:
    """Make a catalogue: give ids, plant duplicates, shuffle.

    Args:
        listings: the unique pictures, any order within a class counts.
        fillers: what advertisements show. A key may be one of `listings` too.
        seed: what every choice follows from.

    Returns:
        The catalogue. About 15% of its products are planted duplicates, never across classes.

    Example:
        >>> build(listings, [], seed=0).labels
        ('jeans', 'saree', 'trousers')
    """
    unique = [_listed(listing, seed) for listing in listings]
    planted = [pair for label in _labels(listings) for pair in _plants(unique, label, seed)]
    advertised = [_listed(listing, seed, "filler") for listing in fillers]
    small = sundries.listings()
    pairs = [*unique, *planted, *advertised]
    pictures = {picture.image_id: picture for _, picture in pairs}
    pictures |= {item.image_id: Picture(item.image_id, item.key, "png") for item in small}
    originals = {listing.key: listing.read for listing in [*fillers, *listings]}
    originals |= {item.key: item.read for item in small}
    products = [product for product, _ in [*unique, *planted]]
    random.Random(f"{seed}/order").shuffle(products)
    shelves = _by_label(product for product, _ in advertised)
    return Catalogue(seed, tuple(products), shelves, pictures, originals)


def _labels(listings: Iterable[Listing]) -> list[str]:
    return sorted({listing.label for listing in listings})


def _by_label(products: Iterable[Product]) -> dict[str, tuple[Product, ...]]:
    shelves: dict[str, list[Product]] = {}
    for product in products:
        shelves.setdefault(product.label, []).append(product)
    return {label: tuple(shelf) for label, shelf in shelves.items()}


def _listed(listing: Listing, seed: int, role: str = "product") -> tuple[Product, Picture]:
    name = (seed, role, listing.key)
    picture = Picture(naming.image_id(*name), listing.key, listing.extension)
    product = Product(
        asin=naming.asin(*name),
        label=listing.label,
        title=listing.title,
        brand=listing.brand,
        price=_price(listing.price, *name),
        image_id=picture.image_id,
        picture=listing.key,
        extension=listing.extension,
    )
    return product, picture


def _price(price: float, *name: object) -> float | None:
    shown = naming.number("price", *name) % 1000 >= PRICELESS_SHARE * 1000
    return price if shown else None


def _plants(
    unique: Sequence[tuple[Product, Picture]], label: str, seed: int
) -> list[tuple[Product, Picture]]:
    """Repeat pictures of one class under other ASINs, all four kinds in equal numbers."""
    own = [pair for pair in unique if pair[0].label == label]
    count = round(len(own) * PLANTED_SHARE / (1 - PLANTED_SHARE))
    rng = random.Random(f"{seed}/plants/{label}")
    planted = []
    for index in range(count):
        product, picture = rng.choice(own)
        plant = PLANTS[index % len(PLANTS)]
        planted.append(_planted(product, picture, plant, rng, (seed, label, index)))
    return planted


def _planted(
    product: Product, picture: Picture, plant: Plant, rng: random.Random, name: tuple[object, ...]
) -> tuple[Product, Picture]:
    copy = picture if plant == "same_id" else _copied(picture, plant, rng, name)
    again = replace(
        product,
        asin=naming.asin("plant", *name),
        brand=product.brand if plant == "same_id" else naming.brand("plant", *name),
        price=_price(round(19 + rng.random() * 60, 2), "plant", *name),
        image_id=copy.image_id,
        extension=copy.extension,
        plant=plant,
    )
    return again, copy


def _copied(
    picture: Picture, plant: Plant, rng: random.Random, name: tuple[object, ...]
) -> Picture:
    fresh = naming.image_id("plant", *name)
    if plant == "exact":
        return replace(picture, image_id=fresh)
    scale = rng.uniform(0.75, 0.95) if plant == "resized" else 1.0
    edit = Edit(quality=rng.randint(50, 70), scale=scale)
    return Picture(fresh, picture.key, "jpg", edit)
