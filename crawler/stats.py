"""Names of this project's stats, in one place."""

from __future__ import annotations

from scrapy.statscollectors import StatsCollector

PAGES = "pages"
ACCEPTED = "accepted"
DUPLICATES = "duplicates"
REJECTED = "rejected"
BLOCKS = "blocks"
# Images of a class that could not be fetched: what the shop or the network did, not a choice.
FAILED_IMAGES = "failed_images"
# Images of a class that are not there, in any size.
MISSING_IMAGES = "missing_images"

#: Counts a robots.txt that could not be read, and so forbids everything.
ROBOTS_UNREADABLE = "apparel/robotstxt_unreadable"

#: What is told of each class, in this order.
COLUMNS = (PAGES, ACCEPTED, DUPLICATES, REJECTED, BLOCKS)

_REASONS = "apparel/rejected/"
_BLOCKED = "apparel/blocked/"


def stat_name(label: str, what: str) -> str:
    """Return the stat that counts something of a class.

    Example:
        >>> stat_name("jeans", ACCEPTED)
        'apparel/class/jeans/accepted'
    """
    # Apart from the other families: a class may well be called "rejected".
    return f"apparel/class/{label}/{what}"


def count(stats: StatsCollector, label: str, what: str) -> int:
    """Return how often something happened in a class so far."""
    return int(stats.get_value(stat_name(label, what), 0))


def increase(stats: StatsCollector, label: str, what: str) -> None:
    """Count something of a class once more."""
    stats.inc_value(stat_name(label, what))


def reason_name(reason: str) -> str:
    """Return the stat that counts rejections for one reason."""
    return f"{_REASONS}{reason}"


def block_name(kind: str) -> str:
    """Return the stat that counts block pages of one kind."""
    return f"{_BLOCKED}{kind}"


def reasons(stats: StatsCollector) -> dict[str, int]:
    """Return how many results were turned away, by reason."""
    return _under(stats, _REASONS)


def blocks(stats: StatsCollector) -> dict[str, int]:
    """Return how many blocks were met, by kind."""
    return _under(stats, _BLOCKED)


def _under(stats: StatsCollector, prefix: str) -> dict[str, int]:
    values = stats.get_stats()
    return {n.removeprefix(prefix): values[n] for n in sorted(values) if n.startswith(prefix)}
