"""What a crawl did: in words, as a table and as ``crawl.json``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from apparel_clf import __version__
from apparel_clf._printable import json_text, printable
from apparel_clf.dataset import Version, version_numbers
from apparel_clf.dataset.staging import write_atomically
from apparel_clf.dataset.version import CRAWL_SUMMARY
from crawler import stats

_PUBLISHED = "published"
_SHOWN = 5


def counts(collector: Any, label: str) -> dict[str, int]:
    """Return what happened in a class so far, by the names in `stats.COLUMNS`."""
    return {name: stats.count(collector, label, name) for name in stats.COLUMNS}


def progress_line(
    label: str, so_far: Mapping[str, int], wanted: int, seconds: float, before: int = 0
) -> str:
    """Say where a class is.

    Args:
        label: the class.
        so_far: as from `counts`.
        wanted: images wanted.
        seconds: since this run of the crawl began.
        before: how many of the accepted images an interrupted run had fetched; they say nothing
            of the pace. Default 0.

    Example:
        >>> progress_line("jeans", counts, 300, 40.0)
        'jeans: 150 of 300 images (pages 4, duplicates 22, rejected 31, blocks 0), 3.8/s, 40 s left'
    """
    accepted = min(so_far[stats.ACCEPTED], wanted)
    told = ", ".join(f"{n} {so_far[n]}" for n in stats.COLUMNS if n != stats.ACCEPTED)
    line = f"{label}: {accepted} of {wanted} images ({told})"
    fetched = accepted - before
    if fetched <= 0 or seconds <= 0:
        return line
    rate = fetched / seconds
    left = f", {(wanted - accepted) / rate:.0f} s left" if accepted < wanted else ""
    return f"{line}, {rate:.1f}/s{left}"


def closing_table(collector: Any, config: Any, version: Version | None = None) -> str:
    """Return a line for each class: pages, accepted, duplicates, rejected, blocks, published.

    Args:
        collector: the crawl's stats.
        config: the crawl.
        version: what was published; None leaves that column out.
    """
    widths = dict(zip(stats.COLUMNS, (8, 10, 12, 10, 8), strict=True))
    widths |= {_PUBLISHED: 11} if version else {}
    first = max(16, *(len(wanted.label) for wanted in config.classes))
    head = f"{'class':<{first}}" + "".join(f"{name:>{width}}" for name, width in widths.items())
    lines = [head]
    for wanted in config.classes:
        found = counts(collector, wanted.label) | {_PUBLISHED: _published(version, wanted.label)}
        numbers = "".join(f"{found[name]:>{width}}" for name, width in widths.items())
        lines.append(f"{wanted.label:<{first}}{numbers}")
    return "\n".join(lines) + "\n"


def _published(version: Version | None, label: str) -> int:
    return sum(by.get(label, 0) for by in version.counts.values()) if version else 0


def reasons_line(collector: Any) -> str:
    """Say why results were turned away, the most frequent reason first; "" if none was."""
    by_reason = sorted(stats.reasons(collector).items(), key=lambda item: (-item[1], item[0]))
    told = ", ".join(f"{reason} {number}" for reason, number in by_reason)
    return f"turned away: {told}\n" if told else ""


def conflicts_line(version: Version) -> str:
    """Name the products that were found under two classes; "" if there are none."""
    found = conflicts(version)
    if not found:
        return ""
    first = [*found.items()][:_SHOWN]
    shown = ", ".join(f"{printable(asin)} ({', '.join(labels)})" for asin, labels in first)
    more = ", …" if len(found) > _SHOWN else ""
    return (
        f"{len(found)} products were found under two classes and are in neither: {shown}{more}. "
        f"All are in {version.path / 'rejections.jsonl'}\n"
    )


def conflicts(version: Version) -> dict[str, list[str]]:
    """Return the products that were found under several classes, with those classes."""
    found: dict[str, set[str]] = {}
    for rejection in version.rejections():
        if rejection.reason == "label_conflict":
            found.setdefault(rejection.asin or rejection.sha256[:12], set()).add(rejection.label)
    return {name: sorted(found[name]) for name in sorted(found)}


def short_classes(collector: Any, spider: Any) -> tuple[str, str]:
    """Name the classes that got fewer images than were wanted, and why.

    Returns:
        What is only worth knowing, because the search came to its end; and what failed.
    """
    ended, failed = "", ""
    for wanted in spider.config.classes:
        number = stats.count(collector, wanted.label, stats.ACCEPTED)
        if number >= spider.config.per_class:
            continue
        troubles = [printable(trouble) for trouble in spider.troubles[wanted.label]]
        for what, told in ((stats.FAILED_IMAGES, "fetched"), (stats.MISSING_IMAGES, "found")):
            if lost := stats.count(collector, wanted.label, what):
                troubles.append(f"{lost} images could not be {told}")
        short = f"{wanted.label}: {number} of {spider.config.per_class} images"
        if troubles:
            failed += (
                f"error: {short}: {'; '.join(troubles)}. What came is published; run it again\n"
            )
        else:
            ended += f"{short}, then the search ended; more queries in the classes file find more\n"
    return ended, failed


def is_unfinished(collector: Any, spider: Any) -> bool:
    """Whether a class is short of something that may be had another time: the same command then
    goes on where this one was.
    """
    return any(
        stats.count(collector, wanted.label, stats.ACCEPTED) < spider.config.per_class
        and (
            spider.troubles[wanted.label]
            or stats.count(collector, wanted.label, stats.FAILED_IMAGES)
        )
        for wanted in spider.config.classes
    )


def interrupted(spider: Any) -> str:
    """Say that a crawl was interrupted and what became of its work."""
    journal = getattr(spider, "journal", None)
    if journal is None or not journal.began:
        return "error: the crawl was interrupted before anything was fetched\n"
    return (
        "error: the crawl was interrupted. What it fetched is kept: run the same command again to "
        "go on, or publish what there is with: "
        f"apparel-clf dataset publish {spider.config.dataset_folder}\n"
    )


def published_line(version: Version) -> str:
    """Say where the version is and what it holds, and whether that is nothing new."""
    sizes = ", ".join(f"{split} {sum(by.values())}" for split, by in version.counts.items())
    told = f"published {version.path}: {len(version)} images ({sizes}), id {version.id[:12]}"
    return f"{told}{_as_before(version)}\n"


def _as_before(version: Version) -> str:
    """That a version holds what the one before it holds; "" where it doesn't."""
    if version.facts.get("parent") != version.id:
        return ""
    earlier = [n for n in version_numbers(version.path.parent) if n < version.number]
    return f" (the same images as v{earlier[-1]})" if earlier else ""


def no_images(spider: Any) -> str:
    """Say why a crawl ended without an image, as far as the stats tell."""
    collector = spider.crawler.stats
    config, agent = spider.config, spider.crawler.settings["USER_AGENT"]
    refused = collector.get_value("robotstxt/forbidden", 0)
    pages = sum(stats.count(collector, c.label, stats.PAGES) for c in config.classes)
    if refused and collector.get_value(stats.ROBOTS_UNREADABLE):
        return (
            f"{config.base_url}: its robots.txt could not be read, which forbids everything "
            "until it can. Try again later"
        )
    if refused and not pages:
        return (
            f"{config.base_url}: its robots.txt refuses its search pages to '{agent}', and it is "
            "obeyed. No page was fetched"
        )
    met = [*stats.blocks(collector).items(), *stats.reasons(collector).items()]
    troubles = [trouble for told in spider.troubles.values() for trouble in told]
    if not met and not troubles:
        return (
            f"{config.base_url}: no image was accepted: the shop has nothing for these searches. "
            "See them with --dry-run, and choose others in the classes file (CLASSES_FILE)"
        )
    why = ", ".join(f"{name} {number}" for name, number in met) or printable(troubles[0])
    asked = any(name in ("captcha", "interstitial") for name, _ in met)
    hint = ". The shop asks for a CAPTCHA, which is never answered; try again much later"
    return (
        f"{config.base_url}: no image was accepted ({why}){hint if asked else ''}. "
        "See more with -L INFO"
    )


def write(spider: Any, reason: str) -> None:
    """Write ``crawl.json`` beside the versions: what this run did, for a person or a program.

    Args:
        spider: the spider of a crawl that is over.
        reason: Scrapy's word for why it is over.
    """
    values = _values(spider, reason)
    text = json_text(values, indent=2, sort_keys=True) + "\n"
    path = Path(spider.config.dataset_folder) / CRAWL_SUMMARY
    write_atomically(path, text.encode("utf-8", "replace"))


def _values(spider: Any, reason: str) -> dict[str, Any]:
    collector, config, version = spider.crawler.stats, spider.config, spider.version
    began: datetime = collector.get_value("start_time")
    return {
        "program": f"apparel-clf {__version__}",
        "user_agent": spider.crawler.settings["USER_AGENT"],
        "began": began.astimezone(timezone.utc).isoformat(timespec="seconds"),
        "ended": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
        "finish_reason": reason,
        "problem": spider.problem,
        "resumed": spider.journal.resumed,
        "journal": spider.journal.name,
        "shop": config.base_url,
        "language": config.language,
        "per_class": config.per_class,
        "pages": config.pages,
        "sponsored": config.sponsored,
        "classes": {
            wanted.label: counts(collector, wanted.label)
            | {
                "queries": list(wanted.queries),
                "failed_images": stats.count(collector, wanted.label, stats.FAILED_IMAGES),
                "missing_images": stats.count(collector, wanted.label, stats.MISSING_IMAGES),
                "troubles": spider.troubles[wanted.label],
            }
            for wanted in config.classes
        },
        "rejected": stats.reasons(collector),
        "blocked": stats.blocks(collector),
        "label_conflicts": conflicts(version) if version else {},
        "version": {"name": version.name, "id": version.id, "images": len(version)}
        if version
        else None,
    }
