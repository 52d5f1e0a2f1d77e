"""Which addresses an image may be fetched from. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from crawler.pages.images import split_url

_USUAL_PORTS = {"http": 80, "https": 443}


def is_allowed_image(url: str, hosts: Iterable[str]) -> bool:
    """Whether an image may be fetched from an address.

    Args:
        url: the address.
        hosts: host names, with ``*`` for any part, and with a port where it isn't the scheme's
            usual one.

    Returns:
        True for http(s) on one of the hosts, without a name or password in the address.

    Example:
        >>> is_allowed_image("https://m.media-amazon.com/images/I/7.jpg", ["m.media-amazon.com"])
        True
        >>> is_allowed_image("https://m.media-amazon.com:22/7.jpg", ["m.media-amazon.com"])
        False
    """
    parts = split_url(url)
    if parts is None or parts.scheme not in _USUAL_PORTS or "@" in parts.netloc:
        return False
    try:
        port = parts.port
    except ValueError:
        return False
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else (parts.hostname or "")
    place = host if port in (None, _USUAL_PORTS[parts.scheme]) else f"{host}:{port}"
    # fnmatch would read the brackets of an IPv6 address as a set of characters.
    return any(place == wanted or fnmatchcase(place, wanted) for wanted in hosts)
