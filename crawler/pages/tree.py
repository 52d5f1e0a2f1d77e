"""From a page's text to a tree, and the few questions that are put to one.

Selectors are compiled once, when a module is loaded: on a page of 60 cards, translating them for
each card took longer than reading the page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, TypeAlias

from cssselect import HTMLTranslator
from lxml import etree

from crawler.pages.careful import cut, has_crowded_tag, tamed

Element: TypeAlias = etree._Element
Finder: TypeAlias = Callable[[Element], list[Element]]

_STREAM = re.compile(r"\s*(&&&\s*)?\[\s*\"dispatch\"")
_BETWEEN_CHUNKS = re.compile(r"&&&\s*(?=\[|&&&|$)")
# Many times what the shop sends for a page.
_MOST_CHUNKS = 10_000


def read_tree(text: str) -> Element:
    """Parse a whole page, a fragment of one, or the shop's stream of fragments.

    Args:
        text: what was served; anything else than HTML gives an empty tree.

    Returns:
        The root.

    Example:
        >>> read_tree("<p>jeans").tag
        'html'
    """
    markup = cut(_markup(text).replace("\x00", "").strip())
    root, is_whole = _parsed(tamed(markup) if has_crowded_tag(markup) else markup)
    if not is_whole:
        root, _ = _parsed(tamed(markup))
    return etree.Element("html") if root is None else root


def _parsed(markup: str) -> tuple[Element | None, bool]:
    """The root, and whether the parser came to the end."""
    # A parser of its own each time, because one must not be shared between threads.
    parser = etree.HTMLParser(
        recover=True, encoding="utf-8", huge_tree=True, no_network=True, collect_ids=False
    )
    try:
        root: Element | None = etree.fromstring(markup.encode(errors="replace"), parser)
    except (etree.LxmlError, ValueError):
        root = None
    last = parser.error_log.last_error
    return root, last is None or last.type != etree.ErrorTypes.ERR_RESOURCE_LIMIT


def css(selector: str) -> Finder:
    """Compile a CSS selector to a function from an element to what it holds, in order.

    Example:
        >>> [e.tag for e in css("p, b")(read_tree("<p>a<b>c</b>"))]
        ['p', 'b']
    """
    return xpath(HTMLTranslator().css_to_xpath(selector))


def xpath(path: str) -> Callable[[Element], Any]:
    """Compile an XPath to a function from an element to what it evaluates to."""
    return etree.XPath(path, smart_strings=False)


def has_class(name: str) -> str:
    """Return the XPath condition that an element is of a class."""
    return f'contains(concat(" ", normalize-space(@class), " "), " {name} ")'


def text_of(element: Element) -> str:
    """Return an element's text without markup and superfluous white space.

    Example:
        >>> text_of(read_tree("<p>Slim  <b>jeans</b><!-- new --></p>"))
        'Slim jeans'
    """
    return squeeze(" ".join(map(str, element.itertext())))


def squeeze(text: str) -> str:
    """Return the text with single spaces between its words and none around it."""
    return " ".join(text.split())


def classes(element: Element) -> list[str]:
    """Return the names in an element's class attribute."""
    return (element.get("class") or "").split()


class Lookup:
    """What an element holds, by class and by tag.

    It walks the element once, where a selector would walk it for each question.

    Args:
        element: where to look; it is not looked at itself.
        tags: the tags to look at, because a page's many ``div`` answer few questions.

    Example:
        >>> held = Lookup(read_tree("<p class='s-price now'>9</p>"), "p", "a")
        >>> [e.text for e in held.of_class("s-price")], len(held.of_tag("p"))
        (['9'], 1)
    """

    def __init__(self, element: Element, *tags: str) -> None:
        self.classes: dict[str, list[Element]] = {}
        self._tags: dict[str, list[Element]] = {}
        for held in element.iter(*tags):
            if held is element:
                continue
            self._tags.setdefault(held.tag, []).append(held)
            names = held.get("class")
            for name in names.split() if names else ():
                self.classes.setdefault(name, []).append(held)

    def of_class(self, name: str) -> list[Element]:
        """Return the elements of a class, in order."""
        return self.classes.get(name, [])

    def of_tag(self, tag: str) -> list[Element]:
        """Return the elements of a kind, in order."""
        return self._tags.get(tag, [])


def _markup(text: str) -> str:
    """The HTML in a stream of ``["dispatch", slot, {"html": …}]`` chunks; other text as it is."""
    if not _STREAM.match(text):
        return text
    chunks = _BETWEEN_CHUNKS.split(text, _MOST_CHUNKS)
    return "\n".join(map(_chunk_html, chunks[:_MOST_CHUNKS]))


def _chunk_html(chunk: str) -> str:
    try:
        parts = json.loads(chunk)
    except (ValueError, RecursionError):
        return ""
    payloads = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    return "".join(p["html"] for p in payloads if isinstance(p.get("html"), str))
