"""What a page can tell: its kind and, for a search page, its results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PageKind = Literal["search", "captcha", "interstitial", "error", "product", "other"]


@dataclass(frozen=True)
class Candidate:
    """One size in which a picture is offered.

    Args:
        url: absolute address.
        factor: its width against the smallest, from the srcset's descriptor: 1.0 to about 3.0.
    """

    url: str
    factor: float


@dataclass(frozen=True)
class Result:
    """One product card of a search page.

    Args:
        asin: the product.
        title: its name as plain text, without a brand line or an advertisement's prefix.
        brand: the brand line where the card has one of its own, else ``""``.
        image_id: id of the product's picture, or ``""`` where the card has none.
        image_url: address of the picture's original, or ``""``.
        candidates: the sizes offered on the page, smallest first.
        sponsored: whether it is an advertisement.
        price: as shown, with currency, or ``""``.
        position: place among the cards, from 1.
    """

    asin: str
    title: str
    brand: str
    image_id: str
    image_url: str
    candidates: tuple[Candidate, ...]
    sponsored: bool
    price: str
    position: int


@dataclass(frozen=True)
class Page:
    """A page, read.

    Args:
        kind: what it is. ``captcha`` and ``interstitial`` are blocks, ``error`` is the shop's
            own apology or a missing page.
        url: where it was fetched.
        results: the cards of a search page, in order; advertisements are among them, marked.
        next_url: address of the next page, or None at the end and past it.
        total: number of results that the page claims, or None.
        past_end: True for a page past the last, which holds advertisements alone.
        query: what the page's search box holds, or ``""``.
        no_results: whether the shop says that it found nothing and shows nothing of its own.
        block: why this page is to be asked for again, politely, or ``""``: one of the values that
            `crawler.pages.blocks` lists.
    """

    kind: PageKind
    url: str
    results: tuple[Result, ...] = ()
    next_url: str | None = None
    total: int | None = None
    past_end: bool = False
    query: str = ""
    no_results: bool = False
    block: str = ""
