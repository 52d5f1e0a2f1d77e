"""Which picture of a card is the product's, and in which sizes it is offered."""

from __future__ import annotations

import re

from crawler.pages.facts import Candidate
from crawler.pages.images import absolute_url, parse_srcset
from crawler.pages.tree import Element, Lookup, classes

_CLASSES = {"s-image", "s-access-image"}
# Badges are cut square to a fixed size, colour swatches to two digits of pixels; the shop's own
# graphics (transparent pixels, "no image") are under G, products under I.
_DECORATION = re.compile(
    r"/images/G/|\._SS\d{1,3}_\.|\._(?:AC_|SX\d+_|SY\d+_|CR[\d,]+_)*(?:US|SR|SX|SY)\d{2}_[^/]*$"
)


def pictures_of(card: Lookup) -> list[Element]:
    """Return the pictures of a card that can be its product's, in order."""
    return [picture for picture in card.of_tag("img") if _is_of_results(picture)]


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
        if not _is_decoration(picture):
            return _offered(picture, url)
    return ()


def _is_of_results(picture: Element) -> bool:
    return picture.get("data-image-latency") == "s-product-image" or not _CLASSES.isdisjoint(
        classes(picture)
    )


def _is_decoration(picture: Element) -> bool:
    """Whether all addresses of a picture are of a badge's, a swatch's or a blank's form."""
    sources = [picture.get(name, "") for name in ("srcset", "data-srcset", "data-src", "src")]
    named = [source.split()[0] for source in sources if source.split()]
    named = [address for address in named if not address.startswith("data:")]
    return bool(named) and all(_DECORATION.search(address) for address in named)


def _offered(picture: Element, url: str) -> tuple[Candidate, ...]:
    """The sizes that the srcset lists, else the one source.

    Until it is scrolled to, a picture's real addresses are in the ``data-`` attributes. A saved
    page has local files (``./…``) in src, which are nowhere on the shop.
    """
    for name in ("srcset", "data-srcset"):
        listed = parse_srcset(picture.get(name, ""), url)
        if listed:
            return listed
    for name in ("data-src", "src"):
        source = picture.get(name, "").strip()
        if source and not source.startswith(("data:", "./")):
            address = absolute_url(url, source)
            return (Candidate(address, 1.0),) if address else ()
    return ()
