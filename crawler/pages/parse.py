"""Reads a page: its kind, its results, and what it says about the search."""

from __future__ import annotations

from dataclasses import replace

from crawler.pages.blocks import block_of
from crawler.pages.cards import read_cards, result_cards
from crawler.pages.claims import (
    claim_of,
    is_past_end,
    next_url_of,
    query_of,
    says_no_results,
    total_of,
)
from crawler.pages.facts import Page
from crawler.pages.kinds import page_kind
from crawler.pages.tree import Element, read_tree


def parse_page(html: str, url: str, status: int = 200) -> Page:
    """Read a page of the marketplace.

    Args:
        html: the page's source, as served or as a browser holds it; also a piece of one, or the
            stream of pieces that the shop sends to its own scripts.
        url: where it was fetched; relative addresses are resolved against it.
        status: the HTTP status that came with it.

    Returns:
        Its kind, why it is no answer if it is none, and for a search page the results, next page
        and total. No text makes it raise: what is not there is empty.

    Example:
        >>> page = parse_page("<html></html>", "https://www.amazon.com/s?k=jeans")
        >>> page.kind, page.block
        ('other', 'empty')
    """
    tree = read_tree(html)
    cards = result_cards(tree)
    page = Page(page_kind(tree, status, bool(cards)), url, query=query_of(tree))
    if page.kind == "search":
        page = _read_search(page, tree, html, cards)
    return replace(page, block=block_of(page, tree, html, status))


def _read_search(page: Page, tree: Element, source: str, cards: list[Element]) -> Page:
    claim = claim_of(tree)
    past_end = is_past_end(claim)
    next_url = None if past_end else next_url_of(tree, page.url)
    # Last, because it takes apart cards that lie in each other.
    results = read_cards(cards, page.url)
    total = total_of(claim, source)
    only_ads = all(result.sponsored for result in results)
    return replace(
        page,
        results=results,
        next_url=next_url,
        total=total,
        past_end=past_end,
        no_results=only_ads and not past_end and (total == 0 or says_no_results(tree)),
    )
