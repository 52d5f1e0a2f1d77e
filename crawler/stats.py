"""Names of this project's stats, in one place."""

from __future__ import annotations

from scrapy.statscollectors import StatsCollector

PAGES = "pages"
ACCEPTED = "accepted"
DUPLICATES = "duplicates"
REJECTED = "rejected"
# Images of a class that could not be fetched: what the shop or the network did, not a choice.
FAILED_IMAGES = "failed_images"


def stat_name(label: str, what: str) -> str:
    """Return the stat that counts something of a class.

    Example:
        >>> stat_name("jeans", ACCEPTED)
        'apparel/jeans/accepted'
    """
    return f"apparel/{label}/{what}"


def count(stats: StatsCollector, label: str, what: str) -> int:
    """Return how often something happened in a class so far."""
    return int(stats.get_value(stat_name(label, what), 0))


def increase(stats: StatsCollector, label: str, what: str) -> None:
    """Count something of a class once more."""
    stats.inc_value(stat_name(label, what))


def reason_name(reason: str) -> str:
    """Return the stat that counts rejections for one reason."""
    return f"apparel/rejected/{reason}"


def block_name(kind: str) -> str:
    """Return the stat that counts block pages of one kind."""
    return f"apparel/blocked/{kind}"
