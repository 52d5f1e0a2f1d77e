"""Where a crawl puts what it fetched: an append-only journal and a content-addressed store.

Both survive being killed at any moment. An object is written beside its place and renamed in; a
journal is appended to line by line, and a torn last line is skipped when it is read.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import itertools
import json
import os
import stat
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from apparel_clf._printable import json_text
from apparel_clf.dataset.records import ImageRecord, PageRecord, Rejection
from apparel_clf.errors import DatasetError
from apparel_clf.images import Keep, Signature

#: Version of the journal's lines; a reader refuses what it doesn't know.
JOURNAL_FORMAT = 2

_LEFT_OVER_SECONDS = 3600.0
_DAMAGE = (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError)
_TAIL = 1 << 16
_COUNTER = itertools.count()


class ObjectStore:
    """Bytes by their sha256, each stored once.

    Args:
        folder: where the objects are; made when the first one is stored.

    Example:
        >>> store = ObjectStore(Path("datasets/demo/objects"))
        >>> store.path(store.put(b"...")).read_bytes()
        b'...'
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, sha256: str) -> Path:
        """Return where an object is or would be. Its name is its hash, never a page's word."""
        return self.folder / sha256[:2] / sha256

    def __contains__(self, sha256: str) -> bool:
        return self.path(sha256).exists()

    def holds(self, signature: Signature) -> bool:
        """Whether a picture's bytes are here, whole."""
        return _size(self.path(signature.sha256)) == signature.size_bytes

    def clean(self, older_than: float = _LEFT_OVER_SECONDS) -> None:
        """Remove half-written files that a killed process left.

        Args:
            older_than: age in seconds below which a file may still be somebody's work. Default an
                hour.
        """
        _remove_old(self.folder.glob("*/.tmp-*"), older_than)

    def put(self, data: bytes) -> str:
        """Store bytes, unless they are there already. A damaged object is replaced.

        Returns:
            The sha256 of `data`, in hex.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        final = self.path(sha256)
        # Compared byte by byte: something else may have damaged the object and left its length.
        if _size(final) != len(data) or final.read_bytes() != data:
            write_atomically(final, data, read_only=True)
        return sha256


def _size(path: Path) -> int | None:
    """The length of a regular file. What a link leads to is not the store's own."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _remove_old(paths: Iterable[Path], older_than: float) -> None:
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime >= older_than:
                path.unlink()


def write_atomically(final: Path, data: bytes, *, read_only: bool = False) -> None:
    """Write a file beside its place and rename it in: a reader sees all of it or none.

    Args:
        final: where the file goes; one that is there is replaced. Its folder is made.
        data: what it holds.
        read_only: take away write permission, so that a tool that edits in place can't reach
            what other names link to.
    """
    beside = final.with_name(f".tmp-{os.getpid()}-{next(_COUNTER)}")
    try:
        descriptor = _new_file(beside)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), 0o444 if read_only else 0o644)
        beside.replace(final)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()
        raise


def _new_file(path: Path) -> int:
    """Open a file that must not be there yet; most folders are there, so they are made late."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        return os.open(path, flags, 0o600)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:  # of a killed process that had this one's number
        path.unlink()
    return os.open(path, flags, 0o600)


@dataclass
class Journal:
    """What one crawl recorded.

    Args:
        images: the images that it stored, duplicates among them.
        rejections: what it turned away.
        per_class: how many images of a class that crawl wanted, or None for all.
        crawl: what tells this crawl from others: equal for the same command, ``""`` if unknown.
        pages: the search pages that it read, where they were asked for.
        version: number of the version that it went into when it had come to its end; None while
            it has not.
    """

    images: list[ImageRecord] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    per_class: int | None = None
    crawl: str = ""
    pages: list[PageRecord] = field(default_factory=list)
    version: int | None = None


class JournalWriter:
    """Appends to a journal; each line is on its way to the disk before the call returns.

    One writer at a time: the file is locked while it is open.

    Args:
        path: the journal's file; its folder is made. One that is there is gone on with.
        per_class: as in `Journal`; told in the first line of a new journal.
        crawl: as in `Journal`.

    Raises:
        DatasetError: another process is writing to this journal.

    Example:
        >>> with JournalWriter(Path("journals/1.jsonl"), per_class=300) as journal:
        ...     journal.image(record)
    """

    def __init__(self, path: Path, *, per_class: int | None = None, crawl: str = "") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file: TextIO = path.open("a", encoding="utf-8", errors="replace")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise DatasetError(f"{path}: another crawl is writing to it") from error
        drop_torn_end(path)
        if path.stat().st_size == 0:
            header = {"format": JOURNAL_FORMAT, "per_class": per_class, "crawl": crawl}
            self._write("crawl", header)

    def image(self, record: ImageRecord) -> None:
        """Append an image."""
        self._write("image", record.to_json())

    def rejection(self, rejection: Rejection) -> None:
        """Append something that was turned away."""
        self._write("rejection", rejection.to_json())

    def page(self, record: PageRecord) -> None:
        """Append a search page that was read, before anything that stood on it."""
        self._write("page", record.to_json())

    def end(self, version: int) -> None:
        """Note that the crawl has come to its end, and in which version it will be."""
        self._write("end", {"version": version})

    def sync(self) -> None:
        """Wait until what was appended has reached the disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file. More can be appended by a new writer."""
        self._file.close()

    def __enter__(self) -> JournalWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _write(self, kind: str, values: dict[str, Any]) -> None:
        line = json_text({"type": kind} | values, sort_keys=True)
        self._file.write(line + "\n")
        self._file.flush()


def drop_torn_end(path: Path) -> None:
    """Cut off half a line that a crash left at the end of a file, so that the next one is whole."""
    with path.open("rb+") as file:
        end = file.seek(0, os.SEEK_END)
        keep = 0
        while end and not keep:
            start = max(0, end - _TAIL)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            keep, end = (start + found + 1 if found >= 0 else 0), start
        file.truncate(keep)


def read_journal(path: Path, *, with_pages: bool = False, keep: Keep = bytes) -> Journal:
    """Read a journal.

    Args:
        path: its file.
        with_pages: read the search pages too. Default False: publishing needs none.
        keep: as in `Signature.from_json`.

    Returns:
        What it holds. A last line that was cut off by a crash is left out.

    Raises:
        DatasetError: a whole line cannot be read, or is of a newer format.
    """
    journal = Journal()
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):  # torn by a crash
                break
            if line == b"\n":
                continue
            try:
                _take(journal, json.loads(line.decode("utf-8", "replace")), with_pages, keep)
            except _DAMAGE as error:
                raise DatasetError(
                    f"{path}, line {number}: not a journal line ({error}). "
                    "Move the file out of the folder to publish without it"
                ) from error
    return journal


def _take(journal: Journal, values: dict[str, Any], with_pages: bool, keep: Keep) -> None:
    kind = values.pop("type")
    if kind == "crawl":
        if values["format"] > JOURNAL_FORMAT:
            raise ValueError(f"format {values['format']} is newer than this program")
        if values["format"] < JOURNAL_FORMAT:
            raise ValueError(
                f"format {values['format']} is of an earlier version of this program, whose "
                "hashes can't be compared with today's"
            )
        journal.per_class = values["per_class"]
        journal.crawl = str(values.get("crawl", ""))
    elif kind == "image":
        journal.images.append(ImageRecord.from_json(values, keep))
    elif kind == "rejection":
        journal.rejections.append(Rejection.from_json(values))
    elif kind == "page" and with_pages:
        journal.pages.append(PageRecord.from_json(values))
    elif kind == "end":
        journal.version = int(values["version"])


@dataclass(frozen=True)
class Staging:
    """The folder of one dataset: journals, objects and versions side by side.

    Args:
        folder: for example ``Path("datasets/demo")``.
    """

    folder: Path

    @property
    def objects(self) -> ObjectStore:
        """The store of original bytes."""
        return ObjectStore(self.folder / "objects")

    @property
    def journals_folder(self) -> Path:
        """Where each crawl's journal is."""
        return self.folder / "journals"

    def journal_paths(self) -> list[Path]:
        """Where the journals are, sorted by name."""
        return sorted(path for path in self.journals_folder.glob("*.jsonl") if path.is_file())

    def clean(self, older_than: float = _LEFT_OVER_SECONDS) -> None:
        """Remove half-written objects and journals that a killed process left.

        Args:
            older_than: as in `ObjectStore.clean`.
        """
        self.objects.clean(older_than)
        _remove_old(self.journals_folder.glob("*.part"), older_than)

    def journals(self, keep: Keep = bytes) -> Iterable[Journal]:
        """Read every journal, without its pages.

        Args:
            keep: as in `Signature.from_json`.
        """
        for path in self.journal_paths():
            yield read_journal(path, keep=keep)
