"""Which picture of a card is the product's, and in which sizes it is offered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, islice

from crawler.pages.facts import Candidate
from crawler.pages.images import absolute_url, parse_srcset
from crawler.pages.tree import Element, Lookup, classes

_CLASSES = {"s-image", "s-access-image"}
# Badges are cut square to a fixed size, colour swatches to two digits of pixels; the shop's own
# graphics (transparent pixels, "no image") are under G, products under I.
_DECORATION = re.compile(
    r"/images/G/|\._SS\d{1,3}_\.|\._(?:AC_|SX\d+_|SY\d+_|CR[\d,]+_)*(?:US|SR|SX|SY)\d{2}_[^/]*$"
)
# Logos and badges in a line of text; a product's picture says nothing of its height, or more.
_LOW = re.compile(r"\s*\d{1,2}\s*(?:px)?\s*")

# Until it is scrolled to, a picture's real addresses are in the ``data-`` attributes.
_LISTS = ("srcset", "data-srcset", "data-search-image-source-set")
_SINGLES = ("data-src", "data-search-image-source", "src")
# Whoever fetches pictures says of each address elsewhere, file:// and all, why it is none.
_ON_SHOP = re.compile(r"[a-z][a-z0-9+.-]*://|/", re.IGNORECASE)

# A card has a handful.
_MOST_PICTURES = 40
_MOST_SOURCES = 10


def pictures_of(card: Lookup) -> list[Element]:
    """Return the pictures of a card that can be its product's, the most likely first.

    Newer pages mark the one; else it is the first.
    """
    found = [picture for picture in card.of_tag("img") if is_of_results(picture)]
    return sorted(found[:_MOST_PICTURES], key=lambda picture: not _is_marked(picture))


def candidates_of(card: Lookup, url: str) -> tuple[Candidate, ...]:
    """Return the sizes of the product's picture, smallest first.

    The product's picture is the card's first; badges and swatches come later, or alone where the
    product has none.

    Args:
        card: what a result holds.
        url: address of the page, for relative addresses.

    Returns:
        The sizes; none where the card has no picture of the product.
    """
    for picture in pictures_of(card):
        named = _named(picture)
        if named and not _is_decoration(picture, named):
            return _offered(picture, url)
    return ()


def is_of_results(picture: Element) -> bool:
    """Tell whether a picture is of the kind that results have."""
    return _is_marked(picture) or not _CLASSES.isdisjoint(classes(picture))


def _is_marked(picture: Element) -> bool:
    return picture.get("data-image-latency") == "s-product-image"


def _lists(picture: Element) -> Iterator[str]:
    """The srcsets of a picture, and of the sources that a browser prefers to it."""
    yield from (picture.get(name, "") for name in _LISTS)
    for source in _sources(picture):
        yield from (source.get(name, "") for name in _LISTS[:2])


def _sources(picture: Element) -> list[Element]:
    """The sources of a ``<picture>``; the parser takes what follows one for its content."""
    round_it = islice(picture.iterancestors(), _MOST_SOURCES)
    holder = next((holder for holder in round_it if holder.tag != "source"), None)
    if holder is None or holder.tag != "picture":
        return []
    return list(islice(holder.iter("source"), _MOST_SOURCES))


def _named(picture: Element) -> list[str]:
    """The first address of each attribute that can hold one."""
    values = (*_lists(picture), *(picture.get(name, "") for name in _SINGLES))
    return [value.split(None, 1)[0] for value in values if value.strip()]


def _is_decoration(picture: Element, named: list[str]) -> bool:
    """Whether a picture is low, or all its addresses are of a badge's, swatch's or blank's form."""
    served = [address for address in named if not address.startswith("data:")]
    if served and all(_DECORATION.search(address) for address in served):
        return True
    return not _is_marked(picture) and bool(_LOW.fullmatch(picture.get("height", "")))


def _offered(picture: Element, url: str) -> tuple[Candidate, ...]:
    """The sizes that a srcset lists, else the one source."""
    listed = (parse_srcset(value, "") for value in _lists(picture))
    named = (picture.get(name, "").strip() for name in _SINGLES)
    single = ((Candidate(address, 1.0),) for address in named)
    return next(filter(None, (_on_shop(sizes, url) for sizes in chain(listed, single))), ())


def _on_shop(sizes: tuple[Candidate, ...], url: str) -> tuple[Candidate, ...]:
    """Those that the shop serves.

    A saved page names files of its own folder, which are nowhere on the shop.
    """
    served = [size for size in sizes if _ON_SHOP.match(size.url)]
    found = [Candidate(absolute_url(url, size.url), size.factor) for size in served]
    return tuple(size for size in found if "://" in size.url)
