"""What was asked of the shop, for tests that want to know what a crawler really fetched."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

#: Requests that are remembered; the oldest go first.
REMEMBERED = 200_000

RequestKind = Literal["home", "search", "fragment", "image", "product", "robots", "static", "other"]


@dataclass(frozen=True)
class Request:
    """One request that the shop answered.

    Args:
        path: path and query, as asked for.
        kind: what it was for.
        user_agent: what the client called itself; empty where it did not say.
        at: seconds since the shop opened.
        status: the answer's HTTP status.
    """

    path: str
    kind: RequestKind
    user_agent: str
    at: float
    status: int


class RequestLog:
    """A list of requests that may be read while the shop writes it.

    Example:
        >>> with Storefront() as shop:
        ...     fetch(shop.url + "/robots.txt")
        ...     shop.requests.counts["robots"], shop.requests.paths("robots")
        (1, ['/robots.txt'])
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: deque[Request] = deque(maxlen=REMEMBERED)

    def add(self, request: Request) -> None:
        """Remember a request."""
        with self._lock:
            self._requests.append(request)

    def entries(self, kind: RequestKind | None = None) -> list[Request]:
        """Return the requests so far, the first first; all of them or those of one kind."""
        with self._lock:
            requests = list(self._requests)
        return [request for request in requests if kind in (None, request.kind)]

    def paths(self, kind: RequestKind | None = None) -> list[str]:
        """Return the paths that were asked for; all of them or those of one kind."""
        return [request.path for request in self.entries(kind)]

    @property
    def counts(self) -> Counter[str]:
        """How many requests of each kind there were."""
        return Counter(request.kind for request in self.entries())

    def clear(self) -> None:
        """Forget all requests."""
        with self._lock:
            self._requests.clear()

    def __len__(self) -> int:
        with self._lock:
            return len(self._requests)

    def __iter__(self) -> Iterator[Request]:
        return iter(self.entries())


def kind_of(path: str) -> RequestKind:
    """Tell what a path is for.

    Args:
        path: without the query.

    Example:
        >>> kind_of("/s"), kind_of("/images/I/71C8dVn7nrL.jpg")
        ('search', 'image')
    """
    exact: dict[str, RequestKind] = {
        "/": "home",
        "/s": "search",
        "/s/query": "fragment",
        "/robots.txt": "robots",
    }
    if path in exact:
        return exact[path]
    if path.startswith("/images/I/"):
        return "image"
    if path.startswith("/static/"):
        return "static"
    return "product" if "/dp/" in path else "other"
