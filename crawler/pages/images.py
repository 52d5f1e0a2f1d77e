"""Addresses of product pictures: ids, originals and the sizes that a srcset offers."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit

from crawler.pages.facts import Candidate

# /images/I/<id>.<modifiers>.<extension>; the id may hold + and -, modifiers may be chained.
_IMAGE_PATH = re.compile(
    r"^(?P<base>.*/images/I/)(?P<id>[^./]+)(?:\.[^/]*)?\.(?P<ext>[A-Za-z]{2,5})$"
)

# /images/W/<experiment>/images/I/… is the same picture in another file format.
_CONVERTED = re.compile(r"/images/W/[^/]+(?=/images/I/$)")
# Some srcsets have no white space after the comma that ends a candidate.
_TIGHT_COMMA = re.compile(r"(\s\d[\d.]{0,12}[xw]),(?=\S)")

# Five sizes have a thousand letters.
_LONGEST_SRCSET = 20_000


def image_id_of(url: str) -> str:
    """Return the id in a picture's address, or ``""`` if the address is of another kind.

    Example:
        >>> image_id_of("https://m.media-amazon.com/images/I/71C8dVn7nrL._AC_UL320_.jpg")
        '71C8dVn7nrL'
    """
    parts = split_url(url)
    found = _IMAGE_PATH.match(unquote(parts.path)) if parts else None
    return found["id"] if found else ""


def split_url(url: str) -> SplitResult | None:
    """Split an address, or return None for one that is none, such as ``"http://[x"``."""
    try:
        return urlsplit(url)
    except ValueError:
        return None


def absolute_url(base: str, url: str) -> str:
    """Resolve an address against a page's, or return ``""`` if it is none.

    Example:
        >>> absolute_url("https://x.org/s?k=a", "/b"), absolute_url("https://x.org", "http://[")
        ('https://x.org/b', '')
    """
    if url.startswith("https://") and url.isascii() and "[" not in url:
        return url  # most of a page's hundreds of pictures; to split and join them takes a while
    try:
        return urljoin(base, url)
    except ValueError:
        return ""


def original_url(url: str) -> str:
    """Return the address of the picture without size modifiers.

    Args:
        url: address of a picture in any size.

    Returns:
        The original's address; `url` itself if it is not of the marketplace's form.

    Example:
        >>> original_url("https://m.media-amazon.com/images/I/71C8dVn7nrL._AC_UL320_.jpg")
        'https://m.media-amazon.com/images/I/71C8dVn7nrL.jpg'
    """
    parts = split_url(url)
    found = _IMAGE_PATH.match(parts.path) if parts else None
    if not parts or not found:
        return url
    path = f"{_CONVERTED.sub('', found['base'])}{found['id']}.{found['ext']}"
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def parse_srcset(srcset: str, base: str) -> tuple[Candidate, ...]:
    """Read a srcset of pixel-density candidates.

    Args:
        srcset: the attribute's value, for example ``"a.jpg 1x, b.jpg 2.2935x"``.
        base: address of the page, for relative candidates.

    Returns:
        The candidates, smallest first. What cannot be read is left out.

    Example:
        >>> [c.factor for c in parse_srcset("a.jpg 1x, b.jpg 2.5x", "https://x.org/")]
        [1.0, 2.5]
    """
    found = []
    # Addresses may hold commas; a candidate ends at a comma followed by white space or the end.
    for part in re.split(r",\s+|,$", _TIGHT_COMMA.sub(r"\1, ", srcset[:_LONGEST_SRCSET].strip())):
        words = part.split()
        if not words:
            continue
        factor = _factor(words[1] if len(words) > 1 else "1x")
        if factor is not None:
            found.append(Candidate(absolute_url(base, words[0]), factor))
    found = [c for c in found if c.url and not c.url.startswith("data:")]
    return tuple(sorted(found, key=lambda candidate: candidate.factor))


def _factor(descriptor: str) -> float | None:
    if not re.fullmatch(r"\d{1,3}(\.\d{1,9})?x", descriptor):
        return None
    return float(descriptor[:-1])
