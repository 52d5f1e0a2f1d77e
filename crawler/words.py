"""Title rules: which words a class's results must or must not hold. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache


def tokens(text: str) -> list[str]:
    """Split a text into words, in one spelling.

    Args:
        text: any text; case, width and composition of characters make no difference.

    Returns:
        Its words, case-folded, without punctuation.

    Example:
        >>> tokens("Men's T-Shirt, BLUE")
        ['mens', 't', 'shirt', 'blue']
    """
    plain = unicodedata.normalize("NFKC", text).casefold().replace("'", "").replace("’", "")
    return re.findall(r"[^\W_]+", plain)


def found_phrase(title: str, phrases: Iterable[str]) -> str:
    """Return the first phrase that a title holds, or ``""``.

    Args:
        title: a product's title.
        phrases: words or runs of words. A ``*`` stands for any part of a word, which languages
            that write words together need: ``"*jeans"`` finds "Herrenjeans".

    Example:
        >>> found_phrase("Women's denim skirt", ["short skirt", "skirt"])
        'skirt'
    """
    words = tokens(title)
    return next((phrase for phrase in phrases if _holds(words, _pattern(phrase))), "")


@lru_cache(maxsize=1024)
def _pattern(phrase: str) -> tuple[str, ...]:
    """The phrase's words, stars kept."""
    return tuple(word for part in phrase.split() for word in _starred_tokens(part))


def _starred_tokens(part: str) -> list[str]:
    # A star is no word character; one that is stands in for it while the text is split.
    return [word.replace("ǂ", "*") for word in tokens(part.replace("*", "ǂ"))]


def _holds(words: Sequence[str], pattern: Sequence[str]) -> bool:
    length = len(pattern)
    if length == 1 and "*" not in pattern[0]:
        return pattern[0] in words
    return length > 0 and any(
        all(map(fnmatchcase, words[start : start + length], pattern))
        for start in range(len(words) - length + 1)
    )
