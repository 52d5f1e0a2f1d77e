"""Reads a search page: its cards, its next page, its claims."""

from __future__ import annotations

import re

from parsel import Selector, SelectorList

from crawler.pages.facts import Candidate, Page, Result
from crawler.pages.images import absolute_url, image_id_of, original_url, parse_srcset
from crawler.pages.kinds import LEGACY_CARDS, RESULT_CARDS, page_kind

# The product's own picture is the card's first s-image; later ones are badges and swatches.
_PICTURE = "img.s-image, img.s-access-image"
# Inside a link until 2024 the other way round; certifications and brands have no link.
_TITLE = "a h2, h2 a, a.s-access-detail-page h2"
_PRICE = ".a-price .a-offscreen::text, .s-price::text, .sx-price-whole::text"
_NEXT = "a.s-pagination-next:not(.s-pagination-disabled), a#pagnNextLink"
_INFO_BAR = '[data-component-type="s-result-info-bar"] h1, #s-result-count'
_SPONSORED_PREFIX = re.compile(r"^\s*Sponsored Ad\s*[-–—]\s*", re.IGNORECASE)
_RANGE = re.compile(r"(\d[\d.,\s]*)\s*[-–]\s*(\d[\d.,]*)")
_NUMBER = re.compile(r"\d[\d.,\u00a0\u202f ]*")


def parse_page(html: str, url: str, status: int = 200) -> Page:
    """Read a page of the marketplace.

    Args:
        html: the page's source, as served or as a browser holds it.
        url: where it was fetched; relative addresses are resolved against it.
        status: the HTTP status that came with it.

    Returns:
        Its kind and, for a search page, the results, next page and total. Never raises: what is
        not there is empty.

    Example:
        >>> parse_page("<html></html>", "https://www.amazon.com/s?k=jeans").kind
        'other'
    """
    page = Selector(html or "<html></html>", type="html")
    kind = page_kind(page, status)
    if kind != "search":
        return Page(kind, url)
    cards = [card for card in _cards(page) if card.attrib.get("data-asin", "").strip()]
    results = tuple(_result(card, url, place) for place, card in enumerate(cards, 1))
    bar = _text(page.css(_INFO_BAR)[:1])
    past_end = _is_past_end(bar)
    return Page(
        kind=kind,
        url=url,
        results=results,
        next_url=None if past_end else _next_url(page, url),
        total=_total(bar),
        past_end=past_end,
    )


def _cards(page: Selector) -> SelectorList[Selector]:
    return page.css(RESULT_CARDS) or page.css(LEGACY_CARDS)


def _result(card: Selector, url: str, position: int) -> Result:
    candidates = _candidates(card, url)
    best = candidates[-1].url if candidates else ""
    title = _title(card)
    return Result(
        asin=card.attrib["data-asin"].strip(),
        title=title,
        brand=_brand(card, title),
        image_id=image_id_of(best),
        image_url=original_url(best) if image_id_of(best) else best,
        candidates=candidates,
        sponsored=_is_sponsored(card),
        price=_squeeze(card.css(_PRICE).get("")),
        position=position,
    )


def _candidates(card: Selector, url: str) -> tuple[Candidate, ...]:
    """The sizes of the card's picture; a saved page has local files in src, so srcset leads."""
    picture = card.css(_PICTURE)[:1]
    if not picture:
        return ()
    listed = parse_srcset(picture[0].attrib.get("srcset", ""), url)
    source = picture[0].attrib.get("src", "").strip()
    if listed or not source or source.startswith("data:"):
        return listed
    address = absolute_url(url, source)
    return (Candidate(address, 1.0),) if address else ()


def _title(card: Selector) -> str:
    text = _text(card.css(_TITLE)[:1]) or _text(card.css("h2")[:1])
    if not text:
        text = card.css(_PICTURE)[:1].attrib.get("alt", "") if card.css(_PICTURE) else ""
    return _SPONSORED_PREFIX.sub("", _squeeze(text))


def _brand(card: Selector, title: str) -> str:
    """The first heading, where it is not the title: apparel cards lead with the brand."""
    first = _text(card.css("h2")[:1])
    return first if first != title and not card.css("h2")[:1].css("a") else ""


def _is_sponsored(card: Selector) -> bool:
    return "AdHolder" in card.attrib.get("class", "").split() or bool(
        card.css(
            '.AdHolder, a[href*="/sspa/"], .puis-sponsored-label-text, .s-sponsored-label-text, '
            ".s-sponsored-header"
        )
    )


def _next_url(page: Selector, url: str) -> str | None:
    target = page.css(_NEXT)[:1].attrib.get("href", "") if page.css(_NEXT) else ""
    if not target or target.startswith(("javascript:", "#")):
        return None
    return absolute_url(url, target) or None


def _is_past_end(bar: str) -> bool:
    """A range that runs backwards ("321-306 of …") is the shop's way of saying past the end."""
    found = _RANGE.search(bar)
    return found is not None and _number(found[1]) > _number(found[2])


def _total(bar: str) -> int | None:
    """The largest number before the quoted query is the total in every language seen."""
    before_query = re.split(r"[\"“„«]", bar)[0]
    numbers = [_number(n) for n in _NUMBER.findall(before_query)]
    return max(numbers, default=None)


def _number(text: str) -> int:
    digits = re.sub(r"\D", "", text)[:18]  # no shop has more; a hostile page may
    return int(digits) if digits else 0


def _text(nodes: SelectorList[Selector]) -> str:
    return _squeeze(" ".join(nodes.css("::text").getall()))


def _squeeze(text: str) -> str:
    return " ".join(text.split())
