"""The journal of this crawl: what it did before it was interrupted, and what it does now."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from apparel_clf.dataset import (
    ImageRecord,
    Journal,
    JournalWriter,
    PageRecord,
    Place,
    Rejection,
    Staging,
    read_journal,
    version_numbers,
)
from apparel_clf.errors import DatasetError
from crawler.config import CrawlConfig
from crawler.known import KnownPictures
from crawler.pages import Candidate, Page, Result

_PAGE_FIELDS = tuple(f.name for f in fields(Page))
_RESULT_FIELDS = tuple(f.name for f in fields(Result))


class CrawlJournal:
    """What is known when a crawl begins, and where it writes what it does.

    A crawl that was interrupted, in whatever way, is gone on with by the same command: its pages
    are taken from the journal as they were read then, and only what is missing is fetched. That
    is what makes its version equal to that of a crawl that never stopped.

    The file is begun with the first line for it, so a crawl that comes to nothing leaves nothing.

    Args:
        config: the crawl.

    Attributes:
        known: signature of every stored image by its address, from all earlier crawls of the
            dataset.
        resumed: whether this crawl goes on with an earlier one.
    """

    def __init__(self, config: CrawlConfig) -> None:
        self._config = config
        self._staging = Staging(config.dataset_folder)
        self._staging.objects.clean()
        self.known = KnownPictures[str]()
        self._writer: JournalWriter | None = None
        self._given_up: list[Path] = []
        path, before = self._look_through(self._staging.journal_paths())
        self.resumed = path is not None
        self._path = path or self._staging.journals_folder / f"{_new_name()}.jsonl"
        self._pages = {(p.label, p.query, p.page): p.facts for p in before.pages}
        objects = self._staging.objects
        self._images = {r.place: r for r in before.images if objects.holds(r.signature)}
        self._rejections = {r.place: r for r in before.rejections if not r.failed}

    @property
    def before(self) -> str:
        """What an earlier run of this crawl got done, in words."""
        return f"{len(self._pages)} pages and {len(self._images)} images"

    @property
    def began(self) -> bool:
        """Whether there is anything to publish or to go on with."""
        return self.resumed or self._writer is not None

    @property
    def name(self) -> str:
        """The journal's file name."""
        return self._path.name

    def page(self, label: str, query: str, number: int) -> Page | None:
        """Return a search page as it was read before the interruption, or None."""
        facts = self._pages.get((label, query, number))
        return None if facts is None else page_from_facts(facts)

    def image(self, place: Place) -> ImageRecord | None:
        """Return the image that was stored for a result before the interruption, or None."""
        return self._images.get(place)

    def rejection(self, place: Place) -> Rejection | None:
        """Return why a result was turned away before the interruption, or None."""
        return self._rejections.get(place)

    def add_page(self, label: str, query: str, number: int, page: Page) -> None:
        """Write down a search page, unless it is there already."""
        if (label, query, number) not in self._pages:
            self._open().page(PageRecord(label, query, number, page_facts(page)))

    def add_image(self, record: ImageRecord) -> None:
        """Write down a stored image, unless it is there already."""
        if record.place not in self._images:
            self._open().image(record)

    def add_rejection(self, rejection: Rejection) -> None:
        """Write down a rejection, unless it is there already."""
        if rejection.place not in self._rejections:
            self._open().rejection(rejection)

    def end(self, *, published: bool) -> None:
        """Note that the crawl has come to its end: the same command begins a new one.

        Args:
            published: whether a version is about to be made of it. Until that version is there,
                the crawl counts as interrupted.
        """
        if self.began:
            numbers = version_numbers(self._config.dataset_folder)
            self._open().end(1 + max(numbers, default=0) if published else 0)

    def close(self) -> None:
        """Let go of the file, and of what was read from it."""
        if self._writer is not None:
            self._writer.close()
        self.known.clear()
        for known in (self._pages, self._images, self._rejections):
            known.clear()

    def _open(self) -> JournalWriter:
        if self._writer is None:
            self._end_given_up()
            self._writer = JournalWriter(
                self._path, per_class=self._config.per_class, crawl=self._config.key
            )
        return self._writer

    def _end_given_up(self) -> None:
        """A crawl that was begun anew by choice is not gone on with later."""
        for path in self._given_up:
            with suppress(DatasetError), JournalWriter(path) as journal:
                journal.end(0)

    def _look_through(self, paths: Iterable[Path]) -> tuple[Path | None, Journal]:
        """Learn every journal's images; return the one that this crawl goes on with, if any."""
        latest = max(version_numbers(self._config.dataset_folder), default=0)
        found: Path | None = None
        for path in paths:
            journal = read_journal(path)
            self._learn(journal)
            over = journal.version is not None and journal.version <= latest
            if journal.crawl != self._config.key or over:
                continue
            if self._config.resume:
                found = path
            else:
                self._given_up.append(path)
        if found is None or not self._can_write(found):
            return None, Journal()
        return found, read_journal(found, with_pages=True)

    def _learn(self, journal: Journal) -> None:
        objects = self._staging.objects
        for record in journal.images:
            if record.image_url not in self.known and objects.holds(record.signature):
                self.known[record.image_url] = record.signature

    def _can_write(self, path: Path) -> bool:
        """Take hold of an interrupted crawl's journal, unless that crawl is still running."""
        try:
            self._writer = JournalWriter(path)
        except DatasetError:
            return False
        return True


def _new_name() -> str:
    """A name that no other crawl takes; publishing does not look at it."""
    return f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(4)}"


def page_facts(page: Page) -> dict[str, Any]:
    """Return a page as plain values that `page_from_facts` turns back into an equal page.

    Example:
        >>> page_from_facts(page_facts(page)) == page
        True
    """
    # Not asdict, which copies every text of every result on the way.
    facts = {name: getattr(page, name) for name in _PAGE_FIELDS}
    return facts | {"results": [_result_facts(result) for result in page.results]}


def _result_facts(result: Result) -> dict[str, Any]:
    facts = {name: getattr(result, name) for name in _RESULT_FIELDS}
    return facts | {"candidates": [[c.url, c.factor] for c in result.candidates]}


def page_from_facts(facts: Mapping[str, Any]) -> Page:
    """Build a page from the plain values that the journal keeps of it.

    Raises:
        KeyError, TypeError: the values are not those of a page.
    """
    results = tuple(_result(values) for values in facts["results"])
    return Page(**(dict(facts) | {"results": results}))


def _result(values: Mapping[str, Any]) -> Result:
    candidates = tuple(Candidate(url, factor) for url, factor in values["candidates"])
    return Result(**(dict(values) | {"candidates": candidates}))
