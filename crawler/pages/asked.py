"""Whether a page answers the search that was asked for, or one that the shop put in its place.

A shop that drops a filter, or searches for other words, shows a good page of wrong products.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import TypeAlias
from urllib.parse import parse_qsl, unquote_plus

from crawler.pages.facts import Page
from crawler.pages.images import split_url

#: A parameter of a search's address that decides what is found, and its value.
Filter: TypeAlias = "tuple[str, str]"

# Names of one parameter, in addresses of different years.
_ALIASES = {"field-keywords": "k", "keywords": "k", "url": "i"}
_FILTERS = re.compile(
    r"k|i|s|rh|bbn|node|me|srs|emi|low-price|high-price|hidden-keywords|field-.+|p_.+"
)
# What the shop does anyway: it may leave them out.
_DEFAULTS = {"aps", "relevanceblender", "relevancerank", "relevance-rank", "featured-rank"}
_SEARCH_PATH = re.compile(r"^(?:/.+)?/s(?:/.*)?$|^(?:/-/[^/]+)?/(?:b|gp/search|gp/browse)\b")


def answers(asked_url: str, page: Page) -> str:
    """Tell whether a page answers a search.

    What the page does not say is no difference: an address that is none of a search, as a saved
    page has, or an empty search box.

    Args:
        asked_url: the search's address.
        page: what came.

    Returns:
        ``""`` if it does, else a sentence that says what differs.

    Example:
        >>> answers("https://x.org/s?k=jeans&rh=n:1", Page("search", "https://x.org/s?k=jeans"))
        'the shop dropped rh=n:1'
    """
    asked = _filters(asked_url)
    differences = (
        *_served_differences(asked, page),
        *_next_differences(asked, page),
        *_box_differences(asked, page),
    )
    return next(iter(differences), "")


def _served_differences(asked: set[Filter], page: Page) -> Iterator[str]:
    if not _is_search(page.url):
        return
    served = _filters(page.url)
    for name, value in _missing(asked, served):
        if value not in _DEFAULTS:
            yield f"the shop {_changed(name, served)} {name}={value}"


def _next_differences(asked: set[Filter], page: Page) -> Iterator[str]:
    if not page.next_url or not _is_search(page.next_url):
        return
    following = _filters(page.next_url)
    for name, value in _missing(asked, following):
        # The next page may well leave out the words, but not have others.
        if name == "rh" or (name == "k" and _has(name, following)):
            yield f"the next page {_changed(name, following)} {name}={value}"


def _missing(asked: set[Filter], found: set[Filter]) -> list[Filter]:
    """What was asked for and isn't there, but for what is there in another form."""
    departments = {(name, value) for name, value in asked if value.startswith("n:")}
    if departments & found:  # of a path of departments only a part is kept
        asked = asked - departments
    return [
        (name, value)
        for name, value in sorted(asked - found)
        if not _is_moved_price(name, value, found)
    ]


def _is_moved_price(name: str, value: str, found: set[Filter]) -> bool:
    """Whether this is a limit of a price, which moves between parameters and refinements."""
    if name in ("low-price", "high-price"):
        return any(other.startswith("p_36:") for _, other in found)
    if name == "rh" and value.startswith("p_36:"):
        return _has("low-price", found) or _has("high-price", found)
    return False


def _box_differences(asked: set[Filter], page: Page) -> Iterator[str]:
    words = {value for name, value in asked if name == "k"}
    shown = _plain(page.query)
    if words and shown and shown not in words:
        yield f"the search box shows {shown!r}, asked was {min(words)!r}"


def _changed(name: str, filters: set[Filter]) -> str:
    return "changed" if name != "rh" and _has(name, filters) else "dropped"


def _has(name: str, filters: set[Filter]) -> bool:
    return any(name == known for known, _ in filters)


def _is_search(url: str) -> bool:
    parts = split_url(url)
    return bool(parts and _SEARCH_PATH.match(parts.path))


def _filters(url: str) -> set[Filter]:
    """The parameters that decide what is found; all others only say where a click came from."""
    parts = split_url(url)
    try:
        pairs = parse_qsl(parts.query) if parts else []
    except ValueError:  # more parameters than Python is willing to read
        pairs = []
    return {found for name, value in pairs for found in _parsed(_ALIASES.get(name, name), value)}


def _parsed(name: str, value: str) -> Iterator[Filter]:
    if not _FILTERS.fullmatch(name):
        return
    if name != "rh":
        yield from _named(name, value)
        return
    for part in value.split(","):
        # Old addresses hold the words and the department among the refinements.
        short, _, rest = unquote_plus(part).partition(":")
        if short in ("k", "i"):
            yield from _named(short, rest)
        elif part.strip():
            yield "rh", _refinement(part)


def _named(name: str, value: str) -> Iterator[Filter]:
    plain = _plain(value.removeprefix("search-alias=") if name == "i" else value)
    if plain:
        yield name, plain


def _refinement(part: str) -> str:
    """One of ``rh``'s parts, such as ``p_89:Levi's|Wrangler``, with its choices in order."""
    name, _, choices = _plain(unquote_plus(part)).partition(":")
    return f"{name}:{'|'.join(sorted(choices.split('|')))}"


def _plain(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    return " ".join(plain.split())
