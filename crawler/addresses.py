"""Which addresses may be fetched from. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import SplitResult

from w3lib.url import safe_url_string

from crawler.pages.images import split_url

#: Where marketplaces keep product pictures: public hosts, whatever shop is crawled.
MARKETPLACE_IMAGE_HOSTS = (
    "m.media-amazon.com",
    "images-*.ssl-images-amazon.com",
    "images-*.media-amazon.com",
    "ecx.images-amazon.com",
)
#: The port of an address that names none, by scheme.
USUAL_PORTS = {"http": 80, "https": 443}

# With the underscore, which names in a private network have.
_LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_WANTED = re.compile(r"(?:[a-z0-9*.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
# IPv6 addresses that hold an IPv4 address in their last 32 bits.
_ENDS_IN_IPV4 = tuple(
    ipaddress.IPv6Network(text) for text in ("::/96", "::ffff:0:0:0/96", "64:ff9b::/96")
)
# Nobody's on the internet, which not every Python that we run on knows. A network's own NAT64 is
# among them: which of its bits are the IPv4 address is that network's choice.
_NOT_GLOBAL = tuple(
    ipaddress.ip_network(text)
    for text in ("192.0.0.0/24", "64:ff9b:1::/48", "3fff::/20", "5f00::/16", "fec0::/10")
)


def is_allowed_image(url: str, hosts: Iterable[str]) -> bool:
    """Whether an image may be fetched from an address.

    It is judged as it will be asked for: Scrapy, as browsers do, takes a backslash for a slash.

    Args:
        url: the address.
        hosts: as in `is_host_pattern`; a ``*`` stands for a part without dots, one that stands
            alone for every host and port.

    Returns:
        True for http(s) on one of the hosts, without a name or password in the address.

    Example:
        >>> is_allowed_image("https://m.media-amazon.com/images/I/7.jpg", ["m.media-amazon.com"])
        True
        >>> is_allowed_image("https://m.media-amazon.com:22/7.jpg", ["m.media-amazon.com"])
        False
    """
    found = origin(url)
    if found is None:
        return False
    scheme, host, port = found
    place = host if port == USUAL_PORTS[scheme] else f"{host}:{port}"
    return any(wanted == "*" or _pattern(wanted).fullmatch(place) for wanted in hosts)


def origin(url: str) -> tuple[str, str, int] | None:
    """Return where an address leads: scheme, host and port, in one spelling.

    Returns:
        None for what is not http(s) on a host with a proper name, for an address that cannot be
        asked for, and for one that holds a name or password.

    Example:
        >>> origin("https://WWW.amazon.com/s?k=x"), origin("https://a|b.org/")
        (('https', 'www.amazon.com', 443), None)
    """
    parts = as_asked(url)
    if parts is None or parts.scheme not in USUAL_PORTS or "@" in parts.netloc:
        return None
    host = _spelled(parts.hostname or "")
    port = USUAL_PORTS[parts.scheme] if parts.port is None else parts.port
    return (parts.scheme, host, port) if host else None


def as_asked(url: str) -> SplitResult | None:
    """Split an address as a Scrapy request has it; None for one that it can't have."""
    try:
        return split_url(safe_url_string(url))
    except ValueError:
        return None


def _spelled(host: str) -> str:
    """A host as it stands in addresses, or "" where it is no proper name or IP address."""
    if ":" not in host:
        return host if _NAME.fullmatch(host) else ""
    try:
        return "" if "%" in host else f"[{ipaddress.IPv6Address(host).compressed}]"
    except ValueError:
        return ""


@lru_cache(maxsize=64)
def _pattern(wanted: str) -> re.Pattern[str]:
    return re.compile("[a-z0-9-]*".join(map(re.escape, wanted.split("*"))))


def is_host_pattern(text: str) -> bool:
    """Whether a text names hosts: with ``*`` for any part, and a port where it isn't the usual one.

    Example:
        >>> is_host_pattern("*.media-amazon.com"), is_host_pattern("[::1]:8080")
        (True, True)
        >>> is_host_pattern("https://x.org"), is_host_pattern("x.org, MAP * 10.0.0.1")
        (False, False)
    """
    return bool(_WANTED.fullmatch(text)) and split_url(f"//{text}") is not None


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
    return not meant.is_global or meant.is_multicast or any(meant in net for net in _NOT_GLOBAL)


def _unwrapped(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address that is written inside an IPv6 address, else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if any(address in network for network in _ENDS_IN_IPV4):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_odd_number(name: str) -> bool:
    last = name.rsplit(".", 1)[-1]
    return bool(re.fullmatch(r"0x[0-9a-f]*|[0-9]+", last))
