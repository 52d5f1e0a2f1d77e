"""Which addresses may be fetched from. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from crawler.pages.images import split_url

_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
#: The port of an address that names none, by scheme.
USUAL_PORTS = {"http": 80, "https": 443}


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
    if parts is None or parts.scheme not in USUAL_PORTS or "@" in parts.netloc:
        return False
    try:
        port = parts.port
    except ValueError:
        return False
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else (parts.hostname or "")
    place = host if port in (None, USUAL_PORTS[parts.scheme]) else f"{host}:{port}"
    # fnmatch would read the brackets of an IPv6 address as a set of characters.
    return any(place == wanted or fnmatchcase(place, wanted) for wanted in hosts)


def is_private(host: str) -> bool:
    """Whether a host, as spelled in an address, is this machine or in a private network.

    Names are judged when they are looked up; here only those that say it themselves.

    Example:
        >>> is_private("127.0.0.1"), is_private("localhost"), is_private("www.amazon.com")
        (True, True, False)
    """
    name = host.strip("[]").rstrip(".").lower()
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        # Addresses in other spellings, such as 0x7f000001 or 127.1, are names to everyone but C.
        return name == "localhost" or name.endswith(".localhost") or _is_odd_number(name)
    meant = _unwrapped(address)
    return not meant.is_global or meant.is_multicast


def _unwrapped(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address that is written inside an IPv6 address, else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _TRANSLATED or address in _COMPATIBLE:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_odd_number(name: str) -> bool:
    last = name.rsplit(".", 1)[-1]
    return bool(re.fullmatch(r"0x[0-9a-f]*|[0-9]+", last))
