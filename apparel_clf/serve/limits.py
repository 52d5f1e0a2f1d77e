"""How much a service takes at once: one frozen object, checked when it is made."""

from __future__ import annotations

import os
from dataclasses import dataclass

from apparel_clf.errors import SettingsError
from apparel_clf.images.decode import MAX_PIXELS
from apparel_clf.model.checks import check_whole

_WHOLE = ("body", "files", "pixels", "workers", "waiting", "memory", "connections", "slowest")


@dataclass(frozen=True)
class Limits:
    """What one request may bring, and how many are served at a time.

    Args:
        body: bytes of one request. More is refused (413) while it comes in. Default 32 MB.
        files: pictures in one request, or more is refused (413). Default 64.
        pixels: of one picture, told from its header before any is decoded. Default 40 million; at
            most 64 million, as everywhere in this package.
        workers: requests that are computed at a time, each in a thread of its own. Default 2.
        waiting: requests that may wait for a worker; the next is refused (503). Default 32.
        memory: bytes of all uploads that are held at a time, or more is refused (503). Default
            256 MB.
        connections: open connections; what comes on top is refused (503). Default 256.
        patience: seconds until a request's head must be there, and within which a body must
            begin and end, but for the time that `slowest` adds. Default 10.
        slowest: bytes per second that a sender must manage; slower ones are refused (408).
            Default 50,000.

    Raises:
        SettingsError: a limit is out of range, or two contradict each other.

    Example:
        >>> Limits(files=1, body=5_000_000)
        Limits(body=5000000, files=1, ...)
    """

    body: int = 32_000_000
    files: int = 64
    pixels: int = 40_000_000
    workers: int = 2
    waiting: int = 32
    memory: int = 256_000_000
    connections: int = 256
    patience: float = 10.0
    slowest: int = 50_000

    def __post_init__(self) -> None:
        for name in _WHOLE:
            check_whole(name, getattr(self, name), 0 if name == "waiting" else 1)
        if not 0 < self.patience < float("inf"):
            raise SettingsError(
                f"Expected patience to be seconds above 0. Received: {self.patience!r}"
            )
        if self.pixels > MAX_PIXELS:
            raise SettingsError(
                f"Expected pixels to be at most {MAX_PIXELS:,}. Received: {self.pixels:,}"
            )
        if self.memory < self.body:
            raise SettingsError(
                f"Expected memory to hold one body of {self.body:,} bytes at least. "
                f"Received: {self.memory:,}"
            )
        if self.workers > 8 * (os.cpu_count() or 1):
            raise SettingsError(
                f"Expected workers to be a few for each processor. Received: {self.workers}"
            )

    def seconds(self, received: int) -> float:
        """Return how long a sender may have taken once so many bytes are there.

        Example:
            >>> Limits(patience=10, slowest=50_000).seconds(1_000_000)
            30.0
        """
        return self.patience + received / self.slowest
