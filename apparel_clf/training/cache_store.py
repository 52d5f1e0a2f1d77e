"""The feature cache's SQLite file and its place: all SQL is here, and errors are let through."""

from __future__ import annotations

import errno
import fcntl
import math
import os
import sqlite3
import stat
import time
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

#: The file, where a damaged one goes, and the lock for both.
FILE = "features.sqlite"
DAMAGED = f"{FILE}.damaged"
_LOCK = "features.lock"
_BESIDE = (f"{FILE}-wal", f"{FILE}-shm")

# "acfc", and the number of the layout below.
_APPLICATION, _FORMAT = 0x61636663, 1
# The rows' facts lie apart from their bytes: sums, ages and evictions need not read gigabytes.
_LAYOUT = (
    "CREATE TABLE entry (id INTEGER PRIMARY KEY, space TEXT NOT NULL, key TEXT NOT NULL,"
    " width INTEGER NOT NULL, crc INTEGER NOT NULL, used INTEGER NOT NULL, UNIQUE (space, key))",
    "CREATE TABLE payload (id INTEGER PRIMARY KEY REFERENCES entry (id) ON DELETE CASCADE,"
    " data BLOB NOT NULL)",
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {_FORMAT}",
)
_PAGE = 16384
#: So many rows are asked for at once, and so many pages given back.
AT_ONCE = 500
_FLOAT = np.dtype("<f2")

#: Another process is waited for so many seconds.
PATIENCE = 20.0


@dataclass(frozen=True)
class SpaceInfo:
    """What the cache holds of one way to compute features.

    Args:
        space: the caller's name for that way.
        rows: number of rows.
        bytes: bytes of these rows' features.
        used: when one of them was last read or written.
    """

    space: str
    rows: int
    bytes: int
    used: datetime


class UnfitError(Exception):
    """A file in the cache's place that is not to be used."""


class ForeignError(UnfitError):
    """Another program's database, which is not to be removed either."""


@dataclass(frozen=True)
class Row:
    """A row as it was read, and when it was used before."""

    id: int
    key: str
    used: int
    features: NDArray[np.float16]


class Store:
    """An open file.

    Args:
        path: the file; made if it is missing. Hold `alone` meanwhile.

    Raises:
        UnfitError: it is not to be used.
        sqlite3.Error: it can't be opened, or is damaged.
        OSError: its folder can't be read.

    Example:
        >>> with alone(folder):
        ...     store = Store(folder / FILE)
    """

    def __init__(self, path: Path) -> None:
        _refuse_strange_files(path)
        self._path = path
        self._db = sqlite3.connect(
            path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare()
            self._file = _identity(path)
        except BaseException:
            self._db.close()
            raise

    def _prepare(self) -> None:
        # What is no text in a damaged file is no error either: it is no row's name.
        self._db.text_factory = lambda raw: raw.decode(errors="replace")
        new = not self._number("SELECT count(*) FROM sqlite_master")
        application, version = map(self._pragma, ("application_id", "user_version"))
        if application != _APPLICATION and not (new and application == 0):
            raise ForeignError("is another program's database")
        if version != _FORMAT and not new:
            raise UnfitError(f"has format {version}; this version of apparel_clf knows {_FORMAT}")
        if new:  # in this order, and before all that writes
            self._db.execute(f"PRAGMA page_size = {_PAGE}")
            self._db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        self._db.execute("PRAGMA journal_mode = WAL").fetchall()
        # A power cut may take the last rows, and no more than these.
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA foreign_keys = ON")
        if new:
            with self._transaction():
                for statement in _LAYOUT:
                    self._db.execute(statement)

    def read(self, space: str, keys: Sequence[str], width: int) -> Iterator[Row]:
        """Yield those of at most `AT_ONCE` rows that are there and whole."""
        marks = ",".join("?" * len(keys))
        found = self._db.execute(
            "SELECT id, key, used, crc, data FROM entry JOIN payload USING (id) "  # noqa: S608 # marks are question marks
            f"WHERE space = ? AND width = ? AND key IN ({marks})",
            (space, width, *keys),
        )
        for number, key, used, crc, data in found:
            # A damaged file can hold values of any type.
            whole = isinstance(data, bytes) and len(data) == width * _FLOAT.itemsize
            if whole and isinstance(used, int) and _crc(space, key, data) == crc:
                features = np.frombuffer(data, _FLOAT).astype(np.float16, copy=False)
                yield Row(number, key, used, features)

    def write(self, space: str, rows: Mapping[str, NDArray[np.float16]], now: int) -> None:
        """Write all rows or none."""
        with self._transaction():
            for key, row in rows.items():
                data = row.astype(_FLOAT, copy=False).tobytes()
                facts = (space, key, len(row), _crc(space, key, data), now)
                # What is replaced takes its bytes with it.
                number = self._db.execute(
                    "INSERT OR REPLACE INTO entry (space, key, width, crc, used) "
                    "VALUES (?, ?, ?, ?, ?)",
                    facts,
                ).lastrowid
                self._db.execute("INSERT OR REPLACE INTO payload VALUES (?, ?)", (number, data))

    def touch(self, numbers: Collection[int], now: int) -> None:
        """Note that rows were used."""
        if not numbers:
            return
        with self._transaction():
            self._db.executemany(
                "UPDATE entry SET used = ? WHERE id = ?", [(now, number) for number in numbers]
            )

    def evict(self, surplus: int, since: int, now: int) -> None:
        """Remove the rows unused for longest, so many bytes of them, but none used `since` then."""
        with self._transaction():
            oldest = self._db.execute(
                "SELECT id, ifnull(CAST(width AS INTEGER), 0) FROM entry "
                "WHERE used NOT BETWEEN ? AND ? ORDER BY used, id",
                (since, max(since, now)),
            )
            gone = []
            for number, width in oldest:
                if surplus <= 0:
                    break
                gone.append((number,))
                surplus -= width * _FLOAT.itemsize
            oldest.close()
            self._db.executemany("DELETE FROM entry WHERE id = ?", gone)

    def remove(self, space: str) -> int:
        """Remove a space's rows and return their number."""
        with self._transaction():
            return self._db.execute("DELETE FROM entry WHERE space = ?", (space,)).rowcount

    def shrink(self) -> None:
        """Give free pages back to the disk."""
        for _ in range(math.ceil(self._pragma("freelist_count") / AT_ONCE)):
            # As a script, or Python would stop after the first page.
            self._db.executescript(f"PRAGMA incremental_vacuum({AT_ONCE})")
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def spaces(self) -> tuple[SpaceInfo, ...]:
        """Count rows and bytes of each space, the last used first."""
        found = self._db.execute(
            "SELECT CAST(space AS TEXT), count(*), CAST(total(width) AS INTEGER), "
            "CAST(max(used) AS INTEGER) FROM entry GROUP BY space ORDER BY max(used) DESC, space"
        )
        return tuple(
            SpaceInfo(str(space), rows, width * _FLOAT.itemsize, _moment(used))
            for space, rows, width, used in found.fetchall()
        )

    def bytes(self) -> int:
        """Return the bytes of the file that are in use."""
        pages = self._pragma("page_count") - self._pragma("freelist_count")
        return pages * self._pragma("page_size")

    def bytes_of_file(self) -> int:
        """Return the bytes of the file."""
        return self._pragma("page_count") * self._pragma("page_size")

    def is_in_place(self) -> bool:
        """Tell whether the file that was opened still has its name."""
        try:
            return _identity(self._path) == self._file
        except FileNotFoundError:
            return False

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._db:  # commits, or rolls back
            self._db.execute("BEGIN IMMEDIATE")
            yield

    def _pragma(self, name: str) -> int:
        return self._number(f"PRAGMA {name}")

    def _number(self, query: str) -> int:
        return int(self._db.execute(query).fetchone()[0])


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let one process at a time open, put aside or remove the files of a folder.

    Raises:
        OSError: the folder can't be written, or another process keeps the lock.
    """
    path = folder / _LOCK
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        _wait_for(handle, path)
        yield
    finally:
        os.close(handle)


def put_aside(folder: Path) -> None:
    """Rename a damaged file, in place of an earlier one; hold `alone` meanwhile."""
    (folder / FILE).replace(folder / DAMAGED)
    _remove_beside(folder)


def remove(folder: Path) -> None:
    """Remove the file and a damaged one; hold `alone` meanwhile.

    Processes that have them open keep them. SQLite sees that its file is gone, and leaves alone
    what has its name by then.
    """
    for name in (FILE, DAMAGED):
        (folder / name).unlink(missing_ok=True)
    _remove_beside(folder)


def bytes_on_disk(folder: Path) -> int:
    """Return the bytes of all files of a cache, 0 if there are none."""
    total = 0
    for name in (FILE, DAMAGED, *_BESIDE):
        with suppress(OSError):
            total += (folder / name).lstat().st_size
    return total


def is_damage(error: Exception) -> bool:
    """Tell whether an error says that the file is malformed."""
    # Python has no class of its own for it, and names it by number since 3.11 only. All that a
    # sound file can cause has a subclass. SQLite's message may quote what is no text.
    return type(error) is sqlite3.DatabaseError or isinstance(error, UnicodeDecodeError)


def in_use(path: Path) -> OSError:
    """Make the error for a file that another process keeps."""
    return BlockingIOError(errno.EAGAIN, "in use by another process", str(path))


def _wait_for(handle: int, path: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise in_use(path) from error
            time.sleep(0.02)


def _remove_beside(folder: Path) -> None:
    # After the file itself: SQLite drops what it finds beside a file that is not there.
    for name in _BESIDE:
        (folder / name).unlink(missing_ok=True)


def _refuse_strange_files(path: Path) -> None:
    """Refuse links, which would lead our writing elsewhere, and what is no file at all."""
    for file in (path, *(path.with_name(name) for name in _BESIDE)):
        try:
            mode = file.lstat().st_mode
        except FileNotFoundError:
            continue
        if stat.S_ISLNK(mode):
            raise UnfitError(f"{file.name} is a symbolic link")
        if not stat.S_ISREG(mode):
            raise UnfitError(f"{file.name} is not a regular file")


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _crc(space: str, key: str, data: bytes) -> int:
    """Sum a row with its name: whole bytes under another row's name are no good either."""
    return zlib.crc32(data, zlib.crc32(f"{space} {key}".encode()))


def _moment(used: int) -> datetime:
    try:
        return datetime.fromtimestamp(used, timezone.utc)
    except (TypeError, OverflowError, ValueError, OSError):  # a damaged number
        return datetime.fromtimestamp(0, timezone.utc)
