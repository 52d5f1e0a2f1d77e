"""Features kept on disk between runs; a cache that fails costs time, never a training."""

from __future__ import annotations

import errno
import math
import os
import re
import shutil
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apparel_clf.errors import SettingsError
from apparel_clf.training.cache_store import (
    AT_ONCE,
    DAMAGED,
    FILE,
    ForeignError,
    Row,
    SpaceInfo,
    Store,
    UnfitError,
    alone,
    bytes_on_disk,
    in_use,
    is_damage,
    put_aside,
    remove,
)

#: Where the cache is and how large it may grow, if these are set.
FOLDER_VARIABLE, LIMIT_VARIABLE = "APPAREL_CLF_CACHE", "APPAREL_CLF_CACHE_GB"
DEFAULT_LIMIT_GB = 10.0

# What a file and its disk can cause.
_TROUBLE = (sqlite3.Error, OSError, UnicodeDecodeError)
# Uses are noted when there are so many of them.
_TOUCHES = 5000
# So many bytes are left free on the disk: the model must be saved too.
_RESERVE = 1 << 30
# Room is made down to this share of the limit, so that it is seldom made.
_KEPT = 0.9
_WAY_OUT = "Empty it with 'apparel-clf cache clear', or name another folder in " + FOLDER_VARIABLE
_ELSEWHERE = "Name another folder in " + FOLDER_VARIABLE

_SPACE = re.compile(r"[0-9a-f]{8,128}")
_KEY = re.compile(r"[0-9A-Za-z:._+=/-]{1,256}")


@dataclass(frozen=True)
class CacheInfo:
    """What the cache holds.

    Args:
        folder: where it is.
        rows: number of rows.
        bytes: bytes of its files.
        limit: bytes that these may take.
        spaces: the rows by space, the last used first.
    """

    folder: Path
    rows: int
    bytes: int
    limit: int
    spaces: tuple[SpaceInfo, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values under the names of the fields."""
        spaces = [
            {"space": s.space, "rows": s.rows, "bytes": s.bytes, "used": s.used.isoformat()}
            for s in self.spaces
        ]
        return {
            "folder": str(self.folder),
            "rows": self.rows,
            "bytes": self.bytes,
            "limit": self.limit,
            "spaces": spaces,
        }


class FeatureCache:
    """Rows of features on disk, shared by all runs of one user.

    Rows are kept in one SQLite file. Several processes and threads may use it at once, and a
    process that is killed leaves it whole. Where the cache can't be used (a full disk, a
    read-only folder, a damaged file) it warns once and keeps nothing, and no method but `clear`
    raises an error for it. Opening waits for the first use.

    A row that was used in this session is not removed to make room for others: a set that is
    larger than the limit would else push out its own first rows, and never find one again.

    Args:
        folder: where the file is; made with mode 0700 if it is missing.
        limit_bytes: bytes that the file may take, roughly.
        clock: seconds since 1970. Default: the machine's.

    Example:
        >>> with FeatureCache(Path("cache"), 10**10) as cache:
        ...     cache.put_many("5d41402abc", {"00ff:plain": np.zeros(512, np.float16)})
        ...     cache.get_many("5d41402abc", ["00ff:plain"], 512)["00ff:plain"].shape
        (512,)
    """

    def __init__(
        self, folder: Path, limit_bytes: int, clock: Callable[[], float] = time.time
    ) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes
        self._clock = clock
        self._started = int(clock())
        self._store: Store | None = None
        self._usable = self._storing = True
        self._renewed = False
        self._touched: set[int] = set()
        self._lock = threading.RLock()

    @classmethod
    def open_default(cls) -> FeatureCache | None:
        """Open the user's cache.

        The folder is ``$APPAREL_CLF_CACHE``, else ``$XDG_CACHE_HOME/apparel-clf``, else
        ``~/.cache/apparel-clf``. ``$APPAREL_CLF_CACHE_GB`` is the limit, by default 10.

        Returns:
            The cache, or None where ``APPAREL_CLF_CACHE`` is empty or ``off``.

        Raises:
            SettingsError: the limit is not a number above 0.

        Example:
            >>> FeatureCache.open_default().folder
            PosixPath('/home/ada/.cache/apparel-clf')
        """
        limit = _default_limit()
        try:
            folder = _default_folder()
        except RuntimeError as error:  # no home
            _warn(f"No place for the feature cache: {error}; name a folder in {FOLDER_VARIABLE}")
            return None
        return cls(folder, limit) if folder else None

    def get_many(
        self, space: str, keys: Sequence[str], width: int
    ) -> dict[str, NDArray[np.float16]]:
        """Read rows.

        Args:
            space: hex digits that name the way the features are computed.
            keys: names of the rows.
            width: features in each.

        Returns:
            The rows that are there and whole, each ``(width,)``, ``float16``, read-only.

        Raises:
            SettingsError: a space or a key is not of the expected form.

        Example:
            >>> cache.get_many("5d41402abc", ["00ff:plain", "00ff:3:a0b1"], 512).keys()
            dict_keys(['00ff:plain'])
        """
        _check(space, keys)
        found: dict[str, NDArray[np.float16]] = {}
        with self._safely() as store:
            for row in _read(store, space, keys, width) if store else ():
                found[row.key] = row.features
                if row.used < self._started:
                    self._touched.add(row.id)
        if len(self._touched) >= _TOUCHES:
            self._note_uses()
        return found

    def put_many(self, space: str, rows: Mapping[str, NDArray[np.float16]]) -> None:
        """Write rows, all or none; a row that is there already is replaced.

        Args:
            space: hex digits that name the way the features are computed.
            rows: the features by key, each 1-D, ``float16``.

        Raises:
            SettingsError: a space, a key or an array is not of the expected form.

        Example:
            >>> cache.put_many("5d41402abc", {"00ff:plain": np.zeros(512, np.float16)})
        """
        _check(space, rows)
        for key, row in rows.items():
            if row.dtype != np.float16 or row.ndim != 1:
                raise SettingsError(
                    f"Expected the features of {key} to be float16 in one dimension. "
                    f"Received: {row.dtype} of shape {row.shape}"
                )
        if not self._storing or not rows:
            return
        with self._safely(writing=True) as store:
            if store and self._has_room(store, sum(row.nbytes for row in rows.values())):
                store.write(space, rows, int(self._clock()))

    def info(self) -> CacheInfo:
        """Tell what the cache holds.

        Returns:
            Its folder, its size and its rows by space.

        Example:
            >>> cache.info().rows
            1
        """
        spaces: tuple[SpaceInfo, ...] = ()
        if self._exists():
            with self._safely() as store:
                spaces = store.spaces() if store else ()
        rows = sum(space.rows for space in spaces)
        return CacheInfo(self.folder, rows, self.bytes_on_disk(), self.limit_bytes, spaces)

    def bytes_on_disk(self) -> int:
        """Return the bytes that the cache's files take, with those of a damaged one put aside."""
        return bytes_on_disk(self.folder)

    def clear(self, space: str | None = None) -> int:
        """Remove rows and give their place on the disk back.

        Args:
            space: remove the rows of this space alone. Default None: the files themselves,
                damaged or not. Processes that use them go on with what they have open.

        Returns:
            The number of rows removed, as far as they could be counted.

        Raises:
            SettingsError: the file is another program's database, or `space` is not of the
                expected form.
            OSError: the files can't be removed.

        Example:
            >>> cache.clear()
            1
        """
        if space is not None:
            return self._clear_space(space)
        with self._lock:
            self._drop()
            if not self.folder.is_dir():
                return 0
            with alone(self.folder):
                rows = self._count()
                remove(self.folder)
            self._usable = self._storing = True
            self._renewed = False
        return rows

    def close(self) -> None:
        """Note what was used and close the file; a later call opens it again."""
        with self._lock:
            if self._store:
                self._note_uses()
            self._drop()

    def __enter__(self) -> FeatureCache:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def _safely(self, *, writing: bool = False) -> Iterator[Store | None]:
        """Give the open store, or None, and turn what goes wrong with it into a warning."""
        with self._lock:
            store = self._opened()
            try:
                yield store
            except _TROUBLE as error:
                self._recover(error, writing=writing)

    def _opened(self) -> Store | None:
        if self._store is None and self._usable:
            try:
                self._store = self._open()
            except (UnfitError, *_TROUBLE) as error:
                self._give_up(error)
        return self._store

    def _open(self) -> Store:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with alone(self.folder):
            try:
                return Store(self.folder / FILE)
            except _TROUBLE as error:
                if self._renewed or not is_damage(error):
                    raise
                self._set_aside(error)
                return Store(self.folder / FILE)

    def _recover(self, error: Exception, *, writing: bool) -> None:
        if is_damage(error) and not self._renewed:
            self._renew(error)
        elif writing and not is_damage(error):  # what is there can still be read
            self._stop_storing(_reason(error), _way_out(error))
        else:
            self._give_up(error)

    def _renew(self, error: Exception) -> None:
        """Begin anew in place of a damaged file, unless another process has already."""
        broken = self._store
        self._drop()
        try:
            with alone(self.folder):
                if broken and broken.is_in_place():
                    self._set_aside(error)
        except OSError as failure:
            self._give_up(failure)

    def _set_aside(self, error: Exception) -> None:
        self._renewed = True
        put_aside(self.folder)
        _warn(
            f"{self.folder / FILE}: the feature cache is damaged ({error}); it is now {DAMAGED} "
            "and a new one is begun. 'apparel-clf cache clear' removes both"
        )

    def _give_up(self, error: Exception) -> None:
        self._drop()
        self._usable = False
        self._stop(f"the feature cache is not used: {_reason(error)}", _way_out(error))

    def _stop_storing(self, reason: str, way_out: str = _WAY_OUT) -> None:
        self._stop(f"the feature cache takes no more: {reason}", way_out)

    def _stop(self, what: str, way_out: str) -> None:
        if self._storing:
            self._storing = False
            _warn(f"{self.folder / FILE}: {what}. All works without it, if slower. {way_out}")

    def _drop(self) -> None:
        store, self._store = self._store, None
        self._touched.clear()
        if store:
            with suppress(sqlite3.Error):
                store.close()

    def _has_room(self, store: Store, needed: int) -> bool:
        if shutil.disk_usage(self.folder).free - needed < _RESERVE:
            self._stop_storing(f"less than {_RESERVE >> 30} GiB would be left on the disk")
        elif store.bytes() + needed > self.limit_bytes:
            self._make_room(store, needed)
            if store.bytes() + needed > self.limit_bytes:
                self._stop_storing(
                    f"its {self.limit_bytes / 1e9:g} GB hold features of this run alone",
                    f"Allow more gigabytes with {LIMIT_VARIABLE}",
                )
        return self._storing

    def _make_room(self, store: Store, needed: int) -> None:
        self._mark_used(store)
        surplus = store.bytes() + needed - int(self.limit_bytes * _KEPT)
        store.evict(surplus, self._started, int(self._clock()))
        if store.bytes_of_file() > self.limit_bytes:
            store.shrink()

    def _note_uses(self) -> None:
        with self._safely(writing=True) as store:
            if store and self._storing:
                self._mark_used(store)

    def _mark_used(self, store: Store) -> None:
        store.touch(self._touched, int(self._clock()))
        self._touched.clear()

    def _clear_space(self, space: str) -> int:
        _check(space, ())
        rows = 0
        if self._exists():
            with self._safely(writing=True) as store:
                if store:
                    rows = store.remove(space)
                    store.shrink()
        return rows

    def _count(self) -> int:
        """Count the rows that are about to go; those of a file that can't be read count as 0."""
        if not self._exists():
            return 0
        try:
            store = Store(self.folder / FILE)
        except ForeignError as error:
            raise SettingsError(
                f"{self.folder / FILE}: {error}; name another folder in {FOLDER_VARIABLE}"
            ) from error
        except (UnfitError, *_TROUBLE) as error:
            if "locked" in str(error):
                raise in_use(self.folder / FILE) from error
            return 0
        try:
            return sum(space.rows for space in store.spaces())
        except _TROUBLE:
            return 0
        finally:
            store.close()

    def _exists(self) -> bool:
        return os.path.lexists(self.folder / FILE)


def _read(store: Store, space: str, keys: Sequence[str], width: int) -> Iterator[Row]:
    for start in range(0, len(keys), AT_ONCE):
        yield from store.read(space, keys[start : start + AT_ONCE], width)


def _default_folder() -> Path | None:
    given = os.environ.get(FOLDER_VARIABLE)
    if given is not None:
        off = given.strip().lower() in ("", "off")
        return None if off else Path(given).expanduser()
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The specification says to ignore a relative one.
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "apparel-clf"


def _default_limit() -> int:
    text = os.environ.get(LIMIT_VARIABLE) or str(DEFAULT_LIMIT_GB)
    try:
        limit = float(text)
    except ValueError:
        limit = math.nan
    if not 0 < limit < math.inf:
        raise SettingsError(
            f"Expected {LIMIT_VARIABLE} to be a number of gigabytes above 0. Received: {text!r}"
        )
    return int(limit * 1e9)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _way_out(error: Exception) -> str:
    """What a person can do. A place that can't be written to can't be emptied either."""
    no_room = isinstance(error, OSError) and error.errno == errno.ENOSPC
    shut = any(words in str(error) for words in ("readonly", "unable to open"))
    if isinstance(error, ForeignError) or shut or (isinstance(error, OSError) and not no_room):
        return _ELSEWHERE
    return _WAY_OUT


def _check(space: str, keys: Iterable[str]) -> None:
    if not _SPACE.fullmatch(space):
        raise SettingsError(f"Expected a space of 8 to 128 hex digits. Received: {space!r}")
    for key in keys:
        if not _KEY.fullmatch(key):
            raise SettingsError(
                f"Expected a key of 1 to 256 letters, digits and :._+=/-. Received: {key!r}"
            )


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=3)
