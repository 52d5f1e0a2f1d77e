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
    page has, or an empty search box. A next link has to hold all that was asked for: whatever
    page answers it then answers the first search too, however many pages lie between.

    Args:
        asked_url: the search's address.
        page: what came.

    Returns:
        ``""`` if it does, else a sentence that says what differs.

    Example:
        >>> answers("https://x.org/s?k=jeans&rh=n:1", Page("search", "https://x.org/s?k=jeans"))
        'the shop dropped rh=n:1'
    """
    asked = _deciding(_filters(asked_url))
    differences = (
        *_address_differences("the shop", asked, page.url if _is_search(page.url) else None),
        *_address_differences("the next page", asked, page.next_url),
        *_box_differences(asked, page),
    )
    return next(iter(differences), "")


def _deciding(filters: list[Filter]) -> list[Filter]:
    """Without the departments above the last one: of such a path only a part is kept."""
    last = [found for found in filters if _is_department(found)][-1:]
    return [found for found in filters if found in last or not _is_department(found)]


def _is_department(found: Filter) -> bool:
    name, value = found
    return name == "rh" and value.startswith("n:")


def _address_differences(who: str, asked: list[Filter], url: str | None) -> Iterator[str]:
    """What an address lacks of a search; only differences of the shop's making count."""
    if not url:
        return
    found = set(_filters(url))
    for name, value in sorted(set(asked) - found):
        if value not in _DEFAULTS and not _is_moved(name, value, found):
            yield f"{who} {_changed(name, found)} {name}={value}"


def _is_moved(name: str, value: str, found: set[Filter]) -> bool:
    """Whether a filter is there in another form: as a refinement, or as the limits of a price."""
    if name in ("low-price", "high-price"):
        return any(other.startswith("p_36:") for _, other in found)
    if name == "rh" and value.startswith("p_36:"):
        return _has("low-price", found) or _has("high-price", found)
    return name.startswith("p_") and ("rh", _refinement(f"{name}:{value}")) in found


def _box_differences(asked: list[Filter], page: Page) -> Iterator[str]:
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


def _filters(url: str) -> list[Filter]:
    """The parameters that decide what is found; all others only say where a click came from."""
    parts = split_url(url)
    try:
        pairs = parse_qsl(parts.query) if parts else []
    except ValueError:  # more parameters than Python is willing to read
        pairs = []
    return [found for name, value in pairs for found in _parsed(_ALIASES.get(name, name), value)]


def _parsed(name: str, value: str) -> Iterator[Filter]:
    if not _FILTERS.fullmatch(name):
        return
    if name == "node":  # a department, which next links hold among the refinements
        name, value = "rh", ",".join(f"n:{part}" for part in value.split(",") if part.strip())
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
