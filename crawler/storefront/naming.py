"""Names that a shop needs and nobody owns: image ids, ASINs, brands; same thing, same name."""

from __future__ import annotations

import hashlib
import string

_ID_ALPHABET = string.ascii_letters + string.digits + "+-"
_ASIN_ALPHABET = string.ascii_uppercase + string.digits
_ID_PREFIXES = ("51", "61", "71", "81", "91")

#: Brands that nobody sells under.
BRANDS = (
    "Tarnwick",
    "Oldefell",
    "Merrowby",
    "Quillhaven",
    "Harthollow",
    "Brambleigh",
    "Fenwether",
    "Loomsby",
    "Corrindale",
    "Ashgarrow",
    "Pellimore",
    "Wrenthorpe",
)


def number(*parts: object) -> int:
    """Turn any parts into one large number that always is the same for the same parts.

    Args:
        parts: what the number stands for; their text counts, and where one ends.

    Returns:
        An integer of up to 256 bits.

    Example:
        >>> number("jeans", 1) == number("jeans", 1), number("jeans", 1) == number("jeans1")
        (True, False)
    """
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest(), "big")


def image_id(*parts: object) -> str:
    """Make an image id in the marketplace's form: eleven characters, `+` and `-` among them.

    Example:
        >>> len(image_id(0, "jeans", 1))
        11
    """
    value = number("image", *parts)
    prefix = _ID_PREFIXES[value % len(_ID_PREFIXES)]
    return prefix + _spelled(value // 997, _ID_ALPHABET, 8) + "L"


def asin(*parts: object) -> str:
    """Make an ASIN: ``B0`` and eight capitals or digits.

    Example:
        >>> asin(0, "jeans", 1)[:2]
        'B0'
    """
    return "B0" + _spelled(number("asin", *parts), _ASIN_ALPHABET, 8)


def brand(*parts: object) -> str:
    """Choose one of the invented brands.

    Example:
        >>> brand(0, "jeans", 1) in BRANDS
        True
    """
    return BRANDS[number("brand", *parts) % len(BRANDS)]


def _spelled(value: int, alphabet: str, length: int) -> str:
    letters = []
    for _ in range(length):
        value, remainder = divmod(value, len(alphabet))
        letters.append(alphabet[remainder])
    return "".join(letters)
