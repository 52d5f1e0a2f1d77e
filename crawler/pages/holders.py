"""What lies round an element: the card that holds it, and whether that is no place for a result."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from crawler.pages.pictures import is_of_results
from crawler.pages.tree import Element, classes

# What scripts replace, and what they make copies of: neither is shown.
_UNSEEN = {"noscript", "template"}


def is_aside(element: Element) -> bool:
    """Whether results in this element are none of the page's list."""
    return (
        element.tag in _UNSEEN
        or "carousel" in (element.get("data-component-type") or "")
        or any(name.startswith(("a-carousel", "s-carousel")) for name in classes(element))
    )


class Holders:
    """What lies round the elements of a page.

    Each element on the way up is looked at once, however many lie in it: where a page leaves its
    tags open, all of them lie in each other.

    Args:
        cards: the elements that are asked about.
    """

    def __init__(self, cards: Iterable[Element]) -> None:
        self._cards = dict.fromkeys(cards)
        self._within: dict[Element, tuple[Element | None, bool]] = {}

    def card_round(self, element: Element) -> Element | None:
        """Return the nearest card that holds an element."""
        return self._round(element)[0]

    def is_aside(self, element: Element) -> bool:
        """Tell whether an element lies where no results are."""
        return self._round(element)[1]

    @cached_property
    def with_picture(self) -> set[Element]:
        """The cards with a product's picture, in none of the cards that they hold."""
        pictures = filter(is_of_results, _all_of(self._cards, "img"))
        return {card for card in map(self.card_round, pictures) if card is not None}

    def _round(self, element: Element) -> tuple[Element | None, bool]:
        way = []
        holder = element.getparent()
        while holder is not None and holder not in self._within:
            way.append(holder)
            holder = holder.getparent()
        card, aside = (None, False) if holder is None else self._within[holder]
        for holder in reversed(way):
            card = holder if holder in self._cards else card
            aside = aside or is_aside(holder)
            self._within[holder] = card, aside
        return card, aside


def _all_of(elements: Iterable[Element], tag: str) -> Iterable[Element]:
    """All elements of a kind on the page that these are of."""
    first = next(iter(elements), None)
    return () if first is None else first.getroottree().iter(tag)
