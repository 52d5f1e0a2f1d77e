"""The commands ``apparel-clf cache …``: arguments in, library calls, text or JSON out.

What is imported at the top is loaded by ``--help`` too; the library is imported in each command.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from apparel_clf._outcome import Outcome

if TYPE_CHECKING:
    import argparse

    from apparel_clf.training.cache import CacheInfo

# The spaces' names are long, and their beginnings tell them apart.
_DIGITS = 12


def _info(args: argparse.Namespace) -> Outcome:  # noqa: ARG001 # as every command
    from apparel_clf.training.cache import FeatureCache

    cache = FeatureCache.open_default()
    if cache is None:
        return _off()
    with cache:
        info = cache.info()
    return Outcome("\n".join(_lines(info)), {"enabled": True, **info.to_json()})


def _lines(info: CacheInfo) -> list[str]:
    from apparel_clf._columns import columns

    lines = [
        str(info.folder),
        f"{_size(info.bytes)} of {_size(info.limit)}, {info.rows:,} rows",
    ]
    if info.spaces:
        table = [
            (s.space[:_DIGITS], f"{s.rows:,}", _size(s.bytes), f"{s.used.astimezone():%Y-%m-%d}")
            for s in info.spaces
        ]
        lines += columns([("space", "rows", "size", "last used"), *table])
    return lines


def _clear(args: argparse.Namespace) -> Outcome:  # noqa: ARG001 # as every command
    from apparel_clf.training.cache import FeatureCache

    cache = FeatureCache.open_default()
    if cache is None:
        return _off()
    before = cache.bytes_on_disk()
    rows = cache.clear()
    freed = before - cache.bytes_on_disk()
    document = {"enabled": True, "folder": str(cache.folder), "rows": rows, "freed": freed}
    return Outcome(f"{cache.folder}: {rows:,} rows removed, {_size(freed)} freed", document)


def _off() -> Outcome:
    from apparel_clf.training.cache import FOLDER_VARIABLE

    return Outcome(f"no cache: {FOLDER_VARIABLE} is empty or off", {"enabled": False})


def _size(count: int) -> str:
    """Write a number of bytes as people do."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} bytes"


CACHE_COMMANDS: dict[str, Callable[[argparse.Namespace], Outcome]] = {
    "cache info": _info,
    "cache clear": _clear,
}
