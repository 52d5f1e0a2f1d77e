"""Looks names up, and refuses those that lead into this machine or a private network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from scrapy.resolver import CachingThreadedResolver
from twisted.internet.defer import Deferred
from twisted.internet.error import DNSLookupError

from crawler.addresses import is_private

# One for the process, as is the resolver itself: Scrapy builds it before it knows of any spider.
_ALLOWED: set[str] = set()


def allow_private(hosts: Iterable[str]) -> None:
    """Let these hosts be private from now on: a shop's own, where it is there."""
    _ALLOWED.update(hosts)


class PublicResolver(CachingThreadedResolver):
    """Scrapy's resolver, for public addresses and those of `allow_private` alone.

    A page may name an image host that its owner points at 127.0.0.1 or at a neighbour of this
    machine. The answer is checked, and the answer is what is connected to.
    """

    def getHostByName(self, name: str, timeout: Any = ()) -> Deferred[str]:  # noqa: N802 - Twisted's
        """Look a name up.

        Returns:
            What becomes the address, or fails with ``DNSLookupError`` where there is none or a
            private one.
        """
        found = super().getHostByName(name, timeout)
        if name not in _ALLOWED:
            found.addCallback(self._public, name)
        return found

    @staticmethod
    def _public(address: str, name: str) -> str:
        if is_private(address):
            raise DNSLookupError(f"{name} leads to {address}, an address in a private network")
        return address
