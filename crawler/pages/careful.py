"""Makes the rare page readable that the parser chokes on.

The parser stops for good where two thousand elements lie in each other, and needs minutes for a
tag with a hundred thousand attributes, because it walks along them for each one more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from itertools import islice
from typing import Any

from lxml import etree

# Many times what a page of the shop has.
_MOST_TAGS = 200_000
# The shop's tags have up to fifty attributes and lie up to fifty deep; the longest piece of a
# script that could be taken for a tag holds four hundred words.
_MOST_ATTRIBUTES = 500
_DEEPEST = 1500
_FRAME = {"html", "body"}
_RAW = {"script", "style", "iframe", "noembed", "noframes", "xmp"}
_VOID = {"area", "base", "br", "col", "embed", "frame", "hr", "img", "input", "link", "meta"}
_VOID |= {"param", "source", "track", "wbr"}

# What may be one tag of that many attributes. A browser escapes what else would end it early.
_LONG_TAG = re.compile(r"<[a-zA-Z][^>]{1500,}")
_ATTRIBUTE = re.compile(r"""[^\s"'>/=][^\s>/=]*(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>]*))?""")


def cut(markup: str) -> str:
    """Return a page up to a number of tags that no page of the shop comes near.

    Sixteen million letters can be five million elements, each of which is looked at often.
    """
    if markup.count("<") <= _MOST_TAGS:
        return markup
    return "<".join(markup.split("<", _MOST_TAGS)[:-1])


def has_crowded_tag(markup: str) -> bool:
    """Tell whether a tag may have more attributes than the parser gets through in time.

    Example:
        >>> has_crowded_tag("<p id='a' class='b'>"), has_crowded_tag("<p" + " wide" * 5000 + ">")
        (False, True)
    """
    return any(
        sum(1 for _ in _ATTRIBUTE.finditer(tag[0])) > _MOST_ATTRIBUTES
        for tag in _LONG_TAG.finditer(markup)
    )


def tamed(markup: str) -> str:
    """Write a page anew with the first attributes of each tag, and with none too deep.

    Args:
        markup: the page.

    Returns:
        The same page, well-formed, without comments.

    Example:
        >>> tamed("<p id=a>blue <b>jeans")
        '<html><body><p id="a">blue <b>jeans</b></p></body></html>'
    """
    writer: Any = _Writer()  # a target may leave out what it has no use for; the stubs deny it
    parser = etree.HTMLParser(recover=True, encoding="utf-8", huge_tree=True, target=writer)
    parser.feed(markup.encode(errors="replace"))
    parser.close()
    return "".join(writer.written)


class _Writer:
    """Writes down what the parser tells of a page, which it does without building a tree.

    Where elements lie too deep, as on a page that leaves its tags open, all but the root and the
    body are closed, and what follows begins anew in the body.
    """

    def __init__(self) -> None:
        self.written: list[str] = []
        self._open: list[str] = []
        self._closed_early = 0

    def start(self, tag: str, attrib: Mapping[str, str]) -> None:
        if tag in _FRAME and tag in self._open[:2]:
            return
        if len(self._open) >= _DEEPEST:
            self._begin_anew()
        kept = islice(attrib.items(), _MOST_ATTRIBUTES)
        listed = "".join(f' {name}="{escape(value)}"' for name, value in kept)
        self.written.append(f"<{tag}{listed}>")
        self._open.append(tag)

    def end(self, tag: str) -> None:
        if tag in _FRAME:  # things may follow
            return
        if len(self._open) > 2 or not self._closed_early:
            self._close()
        else:
            self._closed_early -= 1

    def data(self, data: str) -> None:
        is_raw = self._open and self._open[-1] in _RAW
        self.written.append(data if is_raw else escape(data, quote=False))

    def close(self) -> None:
        while self._open:
            self._close()

    def _begin_anew(self) -> None:
        self._closed_early += len(self._open) - 2
        while len(self._open) > 2:
            self._close()

    def _close(self) -> None:
        tag = self._open.pop() if self._open else ""
        if tag and tag not in _VOID:
            self.written.append(f"</{tag}>")
