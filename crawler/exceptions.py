"""Why an item goes no further: drop reasons, which are the names of stats."""

from __future__ import annotations

from scrapy.exceptions import DropItem


class Rejected(DropItem):
    """A result or image that is turned away.

    Args:
        reason: a stable name, for example ``"sponsored"``; becomes a stat and a journal line.
        detail: a sentence for a person.
        failed: True where nothing was decided: the image could not be had.
    """

    def __init__(self, reason: str, detail: str = "", *, failed: bool = False) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
        self.failed = failed


class Duplicate(DropItem):
    """A picture that has been seen before in its class; the journal has it, the count does not.

    Args:
        kind: ``"exact"`` or ``"near"``.
    """

    def __init__(self, kind: str) -> None:
        super().__init__(f"{kind} duplicate")
        self.kind = kind
