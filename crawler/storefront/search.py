"""Which products a query finds, and what stands where on a page of results."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from crawler.storefront.catalogue import Catalogue, Product

#: Advertisements among the results of one page.
ADS = 4
#: Advertisements on a page past the end, which holds nothing else.
ADS_PAST_END = 6
#: Tiles in the carousel.
TILES = 6
#: From this many results on, every second page shows one of them twice.
REPEAT_FROM = 8

_WORD = re.compile(r"[^\W_]+(?:['’]s\b)?")

SlotKind = Literal["card", "ad", "carousel", "header", "related", "nothing"]


@dataclass(frozen=True)
class Slot:
    """One place on a page of results.

    Args:
        kind: ``"card"`` and ``"ad"`` show one product; ``"carousel"`` a row of products that are
            no results; ``"header"``, ``"related"`` and ``"nothing"`` (found) only words.
        products: what it shows.
        rank: number of a card among all results, from 1; 0 for everything else.
    """

    kind: SlotKind
    products: tuple[Product, ...] = ()
    rank: int = 0


@dataclass(frozen=True)
class ResultPage:
    """One page of results.

    Args:
        query: the words that were searched for.
        number: the page, from 1.
        pages: how many pages hold results; 0 where nothing was found.
        first: number of the first result on the page, from 1.
        last: number of the last one; below `first` on a page past the end.
        total: how many results there are.
        slots: what the page shows, in order.
    """

    query: str
    number: int
    pages: int
    first: int
    last: int
    total: int
    slots: tuple[Slot, ...]

    @property
    def past_end(self) -> bool:
        """Whether the page lies past the last one that holds results."""
        return self.number > self.pages


def tokens(text: str) -> frozenset[str]:
    """Split text into lower-case words without plural or possessive s.

    Args:
        text: a query or the name of a class folder.

    Returns:
        The words.

    Example:
        >>> sorted(tokens("Men's jeans")), sorted(tokens("track_pants"))
        (['jean', 'men'], ['pant', 'track'])
    """
    words = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    return frozenset(_singular(re.sub(r"['’]s$", "", word)) for word in words)


def _singular(word: str) -> str:
    return word[:-1] if word.endswith("s") and len(word) > 2 else word


def found_labels(labels: Iterable[str], query: str) -> tuple[str, ...]:
    """Return the classes all of whose words stand in the query.

    Args:
        labels: names of classes.
        query: what was searched for.

    Returns:
        The classes found, in the order given.

    Example:
        >>> found_labels(["jeans", "track_pants"], "men's jeans")
        ('jeans',)
    """
    words = tokens(query)
    return tuple(label for label in labels if tokens(label) and tokens(label) <= words)


def result_page(catalogue: Catalogue, query: str, number: int, page_size: int) -> ResultPage:
    """Lay out one page of results.

    Args:
        catalogue: what there is to find.
        query: what was searched for.
        number: the page, from 1; may lie past the end.
        page_size: results a page, advertisements not counted.

    Returns:
        The page. The same arguments give the same page.

    Example:
        >>> page = result_page(catalogue, "men's jeans", 1, 48)
        >>> page.first, page.last, sum(slot.kind == "ad" for slot in page.slots)
        (1, 48, 4)
    """
    labels = found_labels(catalogue.labels, query)
    results = catalogue.of(*labels)
    rng = random.Random(f"{catalogue.seed}/{labels}/{number}")
    fillers = _shuffled(catalogue.fillers_beside(labels), rng)
    start = (number - 1) * page_size
    organic = results[start : start + page_size]
    if organic:
        slots = _layout(organic, start, fillers, number, rng)
    else:
        slots = _past_end(fillers) if results else _nothing(fillers)
    pages = -(-len(results) // page_size)
    last = min(len(results), number * page_size)
    return ResultPage(query, number, pages, start + 1, last, len(results), tuple(slots))


def _shuffled(products: Sequence[Product], rng: random.Random) -> list[Product]:
    return rng.sample(products, len(products))


def _layout(
    organic: Sequence[Product],
    start: int,
    fillers: Sequence[Product],
    number: int,
    rng: random.Random,
) -> list[Slot]:
    slots = [Slot("card", (item,), start + place) for place, item in enumerate(organic, start=1)]
    if number % 2 == 1 and len(organic) >= REPEAT_FROM:
        slots.insert(len(slots) - 2, slots[rng.randrange(len(slots) // 2)])
    if tiles := tuple(fillers[ADS : ADS + TILES]):
        slots.insert(len(slots) // 2, Slot("carousel", tiles))
    for place, filler in enumerate(fillers[:ADS]):
        slots.insert(0 if place == 0 else rng.randrange(1, len(slots) + 1), Slot("ad", (filler,)))
    return [Slot("header"), *slots, Slot("related")]


def _past_end(fillers: Sequence[Product]) -> list[Slot]:
    return [Slot("header"), *(Slot("ad", (filler,)) for filler in fillers[:ADS_PAST_END])]


def _nothing(fillers: Sequence[Product]) -> list[Slot]:
    return [Slot("nothing"), Slot("carousel", tuple(fillers[:TILES]))]
