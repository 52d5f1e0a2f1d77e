"""Why an item goes no further: drop reasons, which are the names of stats."""

from __future__ import annotations

from scrapy.exceptions import DropItem, IgnoreRequest

from crawler.breaker import ForbiddenRun

#: Reason of an item whose image was not asked for any more. No decision, so not journalled.
STOPPED = "stopped"


class Stopping(IgnoreRequest):
    """A request that is not sent because the crawl is being stopped."""


class Rejected(DropItem):
    """A result or image that is turned away.

    Args:
        reason: a stable name, for example ``"sponsored"``; becomes a stat and a journal line.
        detail: a sentence for a person.
        failed: True where nothing was decided: the image could not be had.
        sha256: the stored object, or ``""`` where none was stored.
        forbidden: the answers in a row that decide whether it counts as failed; None where that is
            known.
    """

    def __init__(
        self,
        reason: str,
        detail: str = "",
        *,
        failed: bool = False,
        sha256: str = "",
        forbidden: ForbiddenRun | None = None,
    ) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
        self.failed = failed
        self.sha256 = sha256
        self.forbidden = forbidden

    def fresh(self) -> Rejected:
        """Return an equal one that was not raised yet.

        What was raised leads to the frames that it went through, and so to the picture's bytes
        and to the whole search page: too much to keep, or to raise once more.
        """
        return Rejected(
            self.reason,
            self.detail,
            failed=self.failed,
            sha256=self.sha256,
            forbidden=self.forbidden,
        )


class Duplicate(DropItem):
    """A picture that has been seen before in its class; the journal has it, the count does not.

    Args:
        kind: ``"exact"`` or ``"near"``.
    """

    def __init__(self, kind: str) -> None:
        super().__init__(f"{kind} duplicate")
        self.kind = kind
