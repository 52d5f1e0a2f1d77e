"""When to ask a shop again that has refused: back off, pause, and in the end stop. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

#: Two refusals in a row without a good answer between them are the shop's, not one page's.
PAUSE_FROM = 2
#: One picture may be forbidden, in each of its up to seven sizes, and another that is asked for at
#: the same time. So many answers in a row without another one between them are the host's.
FORBIDDEN_FROM = 30


@dataclass
class Breaker:
    """A circuit breaker over one kind of request to one shop.

    Args:
        limit: refusals of one request, or rounds of refusals in a row, after which it is over.
        backoff: seconds before the first new try; doubled with each.
        longest: seconds that no pause goes beyond.

    Attributes:
        streak: rounds of refusals since the last good answer. Requests that were under way at the
            same time are one round: they say the same thing once.

    Example:
        >>> breaker = Breaker(limit=6, backoff=15.0, longest=600.0)
        >>> breaker.refused(sent_at=0)
        >>> breaker.streak, breaker.wait(tries=3)
        (1, 60.0)
    """

    limit: int
    backoff: float
    longest: float
    streak: int = 0

    def good(self) -> None:
        """Note a good answer."""
        self.streak = 0

    def refused(self, sent_at: int) -> None:
        """Note a refusal.

        Args:
            sent_at: `streak` when the request was sent.
        """
        if sent_at == self.streak:
            self.streak += 1

    def wait(self, tries: int, retry_after: float = 0.0) -> float:
        """Return the seconds to wait before a request is sent again.

        Args:
            tries: how often it has been refused by now, from 1.
            retry_after: seconds that the shop asked for, 0 for none; never undercut.
        """
        doubled = self.backoff * 2.0 ** min(max(tries, self.streak) - 1, 30)
        return max(min(doubled, self.longest), retry_after)

    @property
    def pauses_all(self) -> bool:
        """Whether the whole shop is to be left alone for a while, not one page of it."""
        return self.streak >= PAUSE_FROM

    @property
    def is_over(self) -> bool:
        """Whether the shop has refused so often that the crawl should stop."""
        return self.streak >= self.limit


@dataclass
class ForbiddenRun:
    """Images of a host that were forbidden (403) one after the other.

    What it means for each of them is known later: when another answer comes, or when there are so
    many that it is no matter of pictures.

    Args:
        length: how many there are by now.
        over: whether another answer has come since.

    Example:
        >>> run = ForbiddenRun(length=30)
        >>> run.is_the_hosts, run.is_judged
        (True, True)
    """

    length: int = 0
    over: bool = False

    @property
    def is_the_hosts(self) -> bool:
        """Whether the host lets nobody in: its pictures are to be asked for another time."""
        return self.length >= FORBIDDEN_FROM

    @property
    def is_judged(self) -> bool:
        """Whether more answers change nothing."""
        return self.over or self.is_the_hosts


def retry_after_seconds(header: str, now: datetime | None = None) -> float:
    """Read a Retry-After header.

    Args:
        header: its value: seconds or an HTTP date; ``""`` if there is none.
        now: the present moment, with a time zone; by default the clock's.

    Returns:
        Seconds from now, 0.0 for what says nothing.

    Example:
        >>> retry_after_seconds("120")
        120.0
    """
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    try:
        seconds = (moment - (now or datetime.now(timezone.utc))).total_seconds()
    except OverflowError:
        return 0.0
    return seconds if math.isfinite(seconds) and seconds > 0 else 0.0
