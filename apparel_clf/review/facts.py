"""What the page is told, as plain values: short for all images, in full for one."""

from __future__ import annotations

from typing import Any

from apparel_clf.dataset import SPLITS, Decision, ManifestRow, Rejection
from apparel_clf.evaluation.plain import short_float
from apparel_clf.review.session import Review

#: Why an image is turned away and how a person changes that, where no picture of it was kept.
NOT_STORED = (
    "its picture was never fetched or kept, so it can't be taken back here; change the class's "
    "words or the crawl's arguments, and crawl again"
)


def overview(review: Review) -> dict[str, Any]:
    """Return all that the grid needs: an entry of a few values for each image, and the orders."""
    with review.lock:
        classes = review.classes
        place = {label: number for number, label in enumerate(classes)}
        queries = sorted({row.record.query for row in review.version.rows})
        query = {text: number for number, text in enumerate(queries)}
        group = {name: number for number, name in enumerate(sorted(review.groups))}
        return {
            "dataset": review.dataset.name,
            "version": review.version.name,
            "versionId": review.version.id,
            "classes": list(classes),
            "splits": list(SPLITS),
            "queries": queries,
            "images": [
                [
                    row.record.sha256,
                    place[row.record.label],
                    SPLITS.index(row.split),
                    group[row.group],
                    query[row.record.query],
                    row.record.title,
                ]
                for row in review.version.rows
            ],
            "orders": [_order(review, number, place) for number in range(len(review.orders))],
            "rejections": len(review.rejections),
            **state(review, None),
        }


def _order(review: Review, number: int, place: dict[str, int]) -> dict[str, Any]:
    order = review.orders[number]
    found = [order.of(row.record.sha256) for row in review.version.rows]
    return {
        "name": order.name,
        "what": order.what,
        "scores": [short_float(suspicion.score) for suspicion in found],
        "suggested": [place.get(suspicion.suggested or "", -1) for suspicion in found],
        "flagged": [int(suspicion.flagged) for suspicion in found],
    }


def rejected(review: Review) -> list[dict[str, Any]]:
    """Return what was turned away on the way to the version, by the reason's name."""
    found = sorted(review.rejections, key=lambda r: (r.reason, r.label, r.page, r.position))
    return [_rejection(review, rejection) for rejection in found]


def _rejection(review: Review, rejection: Rejection) -> dict[str, Any]:
    stored = review.is_stored(rejection)
    return {
        "sha256": rejection.sha256 if stored else "",
        "label": rejection.label,
        "reason": rejection.reason,
        "detail": rejection.detail,
        "query": rejection.query,
        "title": rejection.title,
        "asin": rejection.asin,
        "source": rejection.source,
        "page_url": rejection.page_url,
        "image_url": rejection.image_url,
        "note": "" if stored else NOT_STORED,
    }


def state(review: Review, images: tuple[str, ...] | None) -> dict[str, Any]:
    """Return what was decided.

    Args:
        review: the review.
        images: of which images, by sha256; None for all that anything holds of.

    Returns:
        States by sha256, null where nothing holds of an image; how many changes the next version
        will have, by kind; whether there is a step to undo.
    """
    with review.lock:
        changed = _decided(review) if images is None else images
        return {
            "states": {sha256: _state(review, sha256) for sha256 in changed},
            "pending": dict(review.pending()),
            "decisions": len(review.decisions),
            "canUndo": review.can_undo,
            "classes": list(review.classes),
        }


def _decided(review: Review) -> set[str]:
    every = {*review.rows, *(r.sha256 for r in review.rejections if r.sha256)}
    return {sha256 for sha256 in every if sha256 in review.ruled or review.change(sha256)}


def _state(review: Review, sha256: str) -> dict[str, str] | None:
    ruling = review.ruled.get(sha256)
    change = review.change(sha256)
    if ruling is None and not change:
        return None
    return {
        "action": ruling.action if ruling else "",
        "label": ruling.label if ruling else "",
        "words": _words(sha256, ruling) if ruling else "",
        "change": change,
    }


def _words(sha256: str, ruling: Decision) -> str:
    own = ruling.signature.sha256 == sha256
    return " · ".join(part for part in (ruling.words, "" if own else "decided on a copy") if part)


def details(review: Review, sha256: str) -> dict[str, Any]:
    """Return everything that is known of one image of the version.

    Args:
        review: the review.
        sha256: the image.

    Raises:
        KeyError: the version has no such image.
    """
    with review.lock:
        row = review.rows[sha256]
        orders = ((order.name, order.of(sha256)) for order in review.orders)
        return {
            "facts": _facts(row),
            "page_url": row.record.page_url,
            "image_url": row.record.image_url,
            "group": [s for s in review.groups[row.group] if s != sha256],
            "why": [[name, found.why] for name, found in orders if found.why],
        }


def _facts(row: ManifestRow) -> list[list[str]]:
    record = row.record
    signature = record.signature
    where = f"page {record.page}, place {record.position}" if record.page else ""
    values = {
        "title": record.title,
        "class": record.label,
        "found under": record.found_label,
        "split": row.split,
        "query": record.query,
        "source": record.source,
        "product": record.asin,
        "found at": where,
        "original": f"{signature.width}×{signature.height} {signature.format}, "
        f"{signature.size_bytes / 1000:.0f} kB",
        "stands for": f"{row.duplicates} duplicates" if row.duplicates else "",
        "sha256": record.sha256,
    }
    return [[name, value] for name, value in values.items() if value]
