"""Which elements of a page are its results, and what each of them says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, islice

from lxml import etree

from crawler.pages.facts import Result
from crawler.pages.holders import Holders, is_aside
from crawler.pages.images import image_id_of, original_url
from crawler.pages.pictures import candidates_of, pictures_of
from crawler.pages.tree import Element, Lookup, classes, css, has_class, squeeze, text_of, xpath

_MODERN = css('[data-component-type="s-search-result"]')
# The first months of that layout: no component type yet.
_EARLY = xpath('//div[contains(@class, "s-result-list")]/div[@data-asin and @data-index]')
# Before 2020; tiles of carousels have the class too, but are no items of the list.
_LEGACY = xpath(
    f'//*[@data-asin and (starts-with(@id, "result_") or self::li[{has_class("s-result-item")}])]'
)

_OFFSCREEN = xpath('descendant::*[contains(@class, "a-offscreen")]')
_SHOWN = xpath('descendant::*[@aria-hidden="true"]//text()')
_LEGACY_PRICE_PARTS = {"sx-price-currency", "sx-price-whole", "sx-price-fractional"}

# Between the ends of a range.
_TO = re.compile(r"\s[-–—]\s")

# A page has sixty cards at most, and a card a few prices and headings: to look at each of a hostile
# page's thousands, which lie in each other, takes time that grows with their square.
_MOST_CARDS = 1000
_MOST_PRICES = 3
_MOST_HEADINGS = 10
_MOST_LINKS = 5

_AD_HOLDER = xpath(
    'boolean(self::*[contains(@class, "AdHolder")] | descendant::div[contains(@class, "AdHolder") '
    'or contains(@class, "-sponsored-label") or @data-component-type="sp-sponsored-result"])'
)
_AD_CLASSES = {
    "s-sponsored-header",
    "s-sponsored-list-header",
    "s-sponsored-label-text",
    "s-sponsored-label-info-icon",
    "puis-sponsored-label-text",
    "puis-sponsored-label-info-icon",
}
_AD_LINKS = ("/sspa/", "/gp/slredirect/")
_AD_WORDS = (
    "sponsored ad",
    "sponsored",
    "gesponserte anzeige",
    "gesponsert",
    "anzeige",
    "anuncio patrocinado",
    "patrocinado",
    "anúncio patrocinado",
    "publicité sponsorisée",
    "sponsorisé",
    "annuncio sponsorizzato",
    "sponsorizzato",
    "gesponsorde advertentie",
    "gesponsord",
    "sponsrad annons",
    "sponsrad",
    "reklama sponsorowana",
    "sponsorowane",
    "sponsorlu reklam",
    "sponsorlu",
    "スポンサー広告",
    "スポンサー プロダクト",
    "赞助广告",
    "贊助廣告",
    "廣告",
    "广告",
    "إعلان مُموَّل",
    "إعلان ممول",
    "प्रायोजित विज्ञापन",
)
_WORDS = "|".join(re.escape(word) for word in _AD_WORDS)
_AD_PREFIX = re.compile(
    rf"^[\s\u200e\u200f]*(?:\[\s*(?:{_WORDS})\s*\]\s*[-–—]?|(?:{_WORDS})(?:\s*[-–—:]\s|\s+[-–—]))\s*",
    re.IGNORECASE,
)


def result_cards(page: Element) -> list[Element]:
    """Return the cards of a page's results, in order, of the first layout that has any.

    Slots without a product, tiles of carousels, what is shown only without scripts, and a card
    within a card of the same product are none.
    """
    for layout in (_MODERN, _LEGACY, _EARLY):
        found = layout(page)[:_MOST_CARDS]
        holders = Holders(card for card in found if _asin(card))
        cards = [card for card in found if _is_result(card, holders)]
        if cards:
            return cards
    return []


def read_cards(cards: list[Element], url: str) -> tuple[Result, ...]:
    """Read cards.

    Args:
        cards: what `result_cards` found. A card that lies in another, as where a page leaves its
            tags open, is taken out of it, so that none is read with another's picture.
        url: address of the page.

    Returns:
        A result for each card.
    """
    holders = Holders(cards)
    inner = [card for card in cards if holders.card_round(card) is not None]
    for card in reversed(inner):  # the innermost first: what is taken out is walked through
        _take_out(card)
    return tuple(_result(card, url, place) for place, card in enumerate(cards, 1))


def without_ad_prefix(title: str) -> str:
    """Return a title without the words that mark an advertisement, in the languages known.

    Example:
        >>> without_ad_prefix("Sponsored Ad – Slim Jeans"), without_ad_prefix("[Gesponsert] Jeans")
        ('Slim Jeans', 'Jeans')
    """
    return _AD_PREFIX.sub("", squeeze(title))


def _asin(card: Element) -> str:
    return (card.get("data-asin") or "").strip()


def _is_result(card: Element, holders: Holders) -> bool:
    if not _asin(card) or is_aside(card) or holders.is_aside(card):
        return False
    holder = holders.card_round(card)
    if holder is None or _asin(holder) != _asin(card):
        return True
    # An advertisement left open, and the product's own card after it; else a copy or a frame.
    return {holder, card} <= holders.with_picture


def _take_out(card: Element) -> None:
    holder = card.getparent()
    if holder is not None:
        holder.remove(card)


def _result(card: Element, url: str, position: int) -> Result:
    held = Lookup(card, "a", "h2", "h5", "img", "span")
    candidates = candidates_of(held, url)
    best = candidates[-1].url if candidates else ""
    heading = _title_heading(held)
    return Result(
        asin=_asin(card),
        title=_title(held, heading),
        brand=_brand(held, heading),
        image_id=image_id_of(best),
        image_url=original_url(best),
        candidates=candidates,
        sponsored=_is_sponsored(card, held),
        price=_price(held),
        position=position,
    )


def _is_sponsored(card: Element, held: Lookup) -> bool:
    """The label's words differ by language and year; classes and links of advertisements don't."""
    return (
        not _AD_CLASSES.isdisjoint(held.classes)
        or any(mark in link.get("href", "") for link in held.of_tag("a") for mark in _AD_LINKS)
        or bool(_AD_HOLDER(card))
    )


def _title_heading(held: Lookup) -> Element | None:
    headings = (h for h in held.of_tag("h2")[:_MOST_HEADINGS] if _is_linked(h))
    return next((heading for heading in headings if _heading_text(heading)), None)


def _is_linked(heading: Element) -> bool:
    """Whether it lies in a link (since 2024) or a link lies in it (before).

    Brands and certifications have headings as well, without a link.
    """
    return any(True for _ in heading.iterancestors("a")) or any(True for _ in heading.iter("a"))


def _heading_text(heading: Element) -> str:
    links = islice(heading.iter("a"), _MOST_LINKS)
    link = next((link for link in links if text_of(link)), heading)
    shown = squeeze(" ".join(_shown_texts(link))) if _OFFSCREEN(link) else text_of(link)
    return shown or (heading.get("aria-label") or "").strip()


def _shown_texts(element: Element) -> Iterator[str]:
    """Texts without those for the blind alone, such as "[Sponsored]" before a title.

    From element to element, because where thousands lie in each other a selector takes its time.
    """
    hidden = [False]
    for event, part in etree.iterwalk(element, ("start", "end", "comment")):
        if event == "start":
            hidden.append("a-offscreen" in part.get("class", ""))
            text = part.text
        else:
            if event == "end":
                hidden.pop()
            text = part.tail if part is not element else None
        if text and not hidden[-1]:
            yield text


def _title(held: Lookup, heading: Element | None) -> str:
    """The linked heading, else what comes nearest to it."""
    headings = held.of_tag("h2")[:_MOST_HEADINGS] if heading is None else [heading]
    named = [_heading_text(heading) for heading in headings]
    if not any(named):
        named += [link.get("title", "") for link in held.of_class("s-access-detail-page")]
        named += [picture.get("alt", "") for picture in pictures_of(held)[:1]]
    return next(filter(None, map(without_ad_prefix, named)), "")


def _brand(held: Lookup, heading: Element | None) -> str:
    """The brand line over the title that apparel cards lead with."""
    if heading is None:
        return ""
    lines = [line for line in held.of_tag("h5") if "s-line-clamp-1" in classes(line)]
    first = next(iter(held.of_tag("h2")))
    if first is not heading and not _is_linked(first):
        lines.append(first)
    return next(filter(None, map(text_of, lines)), "")


def _price(held: Lookup) -> str:
    """The first price that is neither a former one, struck through, nor one per piece.

    Of a range it is the lower end.
    """
    prices = held.of_class("a-price")
    current = [price for price in prices if "a-text-price" not in classes(price)] or prices
    old = held.of_class("s-price") + held.of_class("sx-price")
    shown = chain(map(_price_text, current[:_MOST_PRICES]), map(_legacy_price, old[:_MOST_PRICES]))
    return _TO.split(next(filter(None, shown), ""))[0]


def _price_text(price: Element) -> str:
    spoken = map(text_of, _OFFSCREEN(price))
    return next(filter(None, spoken), "") or squeeze("".join(_SHOWN(price)))


def _legacy_price(price: Element) -> str:
    """``$29.95``, or its three parts, of which the last is printed small and has no point."""
    parts: dict[str, str] = {}
    for part in price.iter("sup", "span"):
        kind = next(iter(_LEGACY_PRICE_PARTS.intersection(classes(part))), "")
        if kind in parts:  # the upper end of a range begins
            break
        if kind:
            parts[kind] = text_of(part)
    if len(parts) < 3:
        return text_of(price)
    *whole, fraction = parts.values()
    return f"{''.join(whole)}.{fraction}"
