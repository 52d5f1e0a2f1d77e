"""What a crawl turned away and a person takes back: it becomes an image like any other.

Pure, as the plan is. A crawl keeps the bytes of what it turned away for its looks; where a person
names such a picture's class, it is wanted after all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields

from apparel_clf.dataset.decisions import Decision, in_force
from apparel_clf.dataset.records import ImageRecord, Rejection
from apparel_clf.dataset.staging import Journal
from apparel_clf.images import Signature

# What a rejection and an image have in common: what the shop said of the result, and where.
_FACTS = sorted({f.name for f in fields(ImageRecord)} & {f.name for f in fields(Rejection)})


def taken_back(crawls: Sequence[Journal], decisions: Iterable[Decision]) -> Journal:
    """Return what people took back as a journal of its own.

    It has no limit of images a class: what a person takes in pushes nothing out.

    Args:
        crawls: the journals.
        decisions: what people decided, oldest first.

    Returns:
        A record for each result that showed such a picture, under the class it was found for.
    """
    named = {d.signature.sha256: d.signature for d in in_force(decisions) if d.action == "relabel"}
    found = _shas(crawls)
    back = (
        _as_found(rejection, named[rejection.sha256])
        for rejection in _stored_rejections(crawls)
        if rejection.sha256 in named and rejection.sha256 not in found
    )
    return Journal(images=list(back))


def still_known(
    previous: Iterable[ImageRecord], journals: Sequence[Journal]
) -> Iterator[ImageRecord]:
    """Leave out what was in the version before by a decision that holds no longer.

    Args:
        previous: the records of the version before.
        journals: all journals, that of `taken_back` among them.

    Yields:
        The records that stay known.
    """
    away = {rejection.sha256 for rejection in _stored_rejections(journals)} - _shas(journals)
    for record in previous:
        if not (record.found_label and record.sha256 in away):
            yield record


def _as_found(rejection: Rejection, signature: Signature) -> ImageRecord:
    told = {name: getattr(rejection, name) for name in _FACTS}
    return ImageRecord(signature=signature, **told)


def _stored_rejections(journals: Iterable[Journal]) -> Iterator[Rejection]:
    for journal in journals:
        yield from (r for r in journal.rejections if r.sha256 and not r.failed)


def _shas(journals: Iterable[Journal]) -> frozenset[str]:
    return frozenset(record.sha256 for journal in journals for record in journal.images)
