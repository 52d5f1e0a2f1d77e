"""A published version, read back from disk."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from apparel_clf.dataset.files import check_folder
from apparel_clf.dataset.plan import ManifestRow
from apparel_clf.dataset.records import Rejection
from apparel_clf.errors import DatasetError, DatasetNotFoundError
from apparel_clf.images import Keep

T = TypeVar("T")

#: Version of the format that ``datasets/README.md`` specifies.
DATASET_FORMAT = 2
MANIFEST = "manifest.jsonl"
REJECTIONS = "rejections.jsonl"
FACTS = "version.json"
CARD = "README.md"
LATEST = "latest"
#: What the last crawl did, beside the versions of a dataset.
CRAWL_SUMMARY = "crawl.json"

# What a line that isn't as it was written can raise when it is read.
_DAMAGE = (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError)
_NUMBERED = re.compile(r"v([1-9][0-9]*)")
# Of what type the facts are that this program goes by; the first four have to be there.
_TYPES: dict[str, type] = {
    "name": str,
    "number": int,
    "id": str,
    "counts": dict,
    "removed": dict,
    "rejected": dict,
    "policy": dict,
}
_NEEDED = ("name", "number", "id", "counts")
# What a dataset's folder holds before its first version.
_STAGED = {"journals", "objects"}


@dataclass(frozen=True)
class Version:
    """A dataset version: images in ``{train,val,test}/<class>/`` with a manifest.

    Args:
        path: its folder, with links resolved.
        name: dataset and number, for example ``"demo/v1"``.
        number: counts up from 1.
        id: sha256 of the sorted manifest, in hex: equal ids, equal images, labels and splits.
        facts: what ``version.json`` says: counts, policy, what was removed and turned away.
        rows: the manifest.
    """

    path: Path
    name: str
    number: int
    id: str
    facts: dict[str, Any]
    rows: tuple[ManifestRow, ...]

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Number of images, by split and class."""
        counts: dict[str, dict[str, int]] = self.facts["counts"]
        return counts

    def rejections(self) -> tuple[Rejection, ...]:
        """Read what was turned away on the way to this version, and why.

        Raises:
            DatasetError: the list cannot be read.
        """
        path = self.path / REJECTIONS
        if not path.exists():  # versions of the first format's first days have none
            return ()
        return tuple(_read_lines(path, Rejection.from_json))

    def __len__(self) -> int:
        return len(self.rows)


def is_version(folder: Path) -> bool:
    """Whether a folder is a published version."""
    return (folder / FACTS).is_file()


def open_version(path: str | os.PathLike[str]) -> Version:
    """Open a published version.

    Args:
        path: its folder, for example ``"datasets/demo/v1"`` or ``"datasets/demo/latest"``.

    Returns:
        The version with its manifest.

    Raises:
        DatasetNotFoundError: there is no such folder.
        DatasetError: it is not a version, or its manifest cannot be read.

    Example:
        >>> open_version("datasets/demo/latest").counts["test"]
        {'jeans': 39, 'saree': 39, 'trousers': 39}
    """
    given = Path(path)
    check_folder(given)
    return _open(given)


def _open(given: Path, keep: Keep = bytes) -> Version:
    folder = given.resolve()
    if not is_version(folder):
        plain = f"{given}: not a version, it has no {FACTS}.{_hint(given)}"
        raise DatasetError(unpublished(given) or plain)
    facts = _read_facts(folder / FACTS)
    return Version(
        path=folder,
        name=facts["name"],
        number=facts["number"],
        id=facts["id"],
        facts=facts,
        rows=tuple(read_manifest(folder / MANIFEST, keep)),
    )


def resolve_version(path: str | os.PathLike[str]) -> Path:
    """Return the folder of the version that is meant: a dataset's folder means its latest.

    Args:
        path: a version's folder or a dataset's, for example ``"datasets/demo"``.

    Returns:
        The version's folder. What is neither comes back as it is; `open_version` says why.

    Raises:
        DatasetError: the folder cannot be read.

    Example:
        >>> resolve_version("datasets/demo")
        PosixPath('datasets/demo/latest')
    """
    folder = Path(path)
    if folder.is_dir():
        check_folder(folder)
    if is_version(folder):
        return folder
    latest = folder / LATEST
    if latest.exists():
        return latest if is_version(latest) else folder
    numbers = version_numbers(folder)
    return folder / f"v{numbers[-1]}" if numbers else folder


def latest_version(dataset: Path, keep: Keep = bytes) -> Version | None:
    """Open the highest-numbered version in a dataset's folder, or return None if there is none.

    Args:
        dataset: its folder.
        keep: as in `Signature.from_json`.
    """
    numbers = version_numbers(dataset)
    return _open(dataset / f"v{numbers[-1]}", keep) if numbers else None


def version_numbers(dataset: Path) -> list[int]:
    """List the numbers of the versions in a dataset's folder, ascending."""
    if not dataset.is_dir():
        return []
    named = ((p, _NUMBERED.fullmatch(p.name)) for p in dataset.iterdir())
    return sorted(int(n[1]) for p, n in named if n and is_version(p) and not p.is_symlink())


def unpublished(dataset: Path) -> str:
    """Say that a dataset's folder holds no version, and what to do; "" where it is not one.

    Args:
        dataset: the folder.
    """
    names = {path.name for path in dataset.iterdir() if not path.name.startswith(".")}
    # A folder of class folders may well have a class called objects, but not that alone.
    if not names or not names <= _STAGED | {CRAWL_SUMMARY, "decisions.jsonl"}:
        return ""
    if LATEST in names or version_numbers(dataset):
        return ""
    told = f"; {CRAWL_SUMMARY} there tells what the last one met" if CRAWL_SUMMARY in names else ""
    return (
        f"{dataset}: holds no version yet: no crawl or import has published one. "
        f"Crawl or import again{told}"
    )


def _hint(given: Path) -> str:
    if (given / LATEST).exists():
        return f" Did you mean {given}/{LATEST}?"
    return f" Make one of a folder of class folders with: apparel-clf dataset import {given}"


def _read_facts(path: Path) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if facts["format"] > DATASET_FORMAT:
            raise DatasetError(
                f"{path}: format {facts['format']} is newer than this program reads; update it"
            )
        if facts["format"] < DATASET_FORMAT:
            raise DatasetError(
                f"{path}: format {facts['format']} is of an earlier version of this program. "
                "Import its images into a new dataset: apparel-clf dataset import"
            )
        problem = _problem(facts)
    except _DAMAGE as error:
        if isinstance(error, DatasetError):
            raise
        problem = str(error)
    if problem:
        raise DatasetError(
            f"{path}: damaged ({problem}); restore it, or move the version's folder away"
        )
    return facts


def _problem(facts: dict[str, Any]) -> str:
    """What facts lack, or which of them is of the wrong kind; nothing where all is well."""
    missing = sorted(set(_NEEDED) - set(facts))
    if missing:
        return f"it lacks {', '.join(missing)}"
    wrong = [n for n, kind in _TYPES.items() if n in facts and type(facts[n]) is not kind]
    if wrong:
        return f"{wrong[0]} is {facts[wrong[0]]!r:.40}"
    if not all(type(n) is int for by in facts["counts"].values() for n in by.values()):
        return "counts are no numbers by split and class"
    return ""


def read_manifest(path: Path, keep: Keep = bytes) -> Iterator[ManifestRow]:
    """Yield the rows of a manifest.

    Args:
        path: its file.
        keep: as in `Signature.from_json`.

    Raises:
        DatasetNotFoundError: there is no such file.
        DatasetError: a line is damaged or cut off.
    """
    if not path.exists():
        raise DatasetNotFoundError(f"{path}: the version's manifest is missing")
    return _read_lines(path, partial(ManifestRow.from_json, keep=keep))


def _read_lines(path: Path, read: Callable[[dict[str, Any]], T]) -> Iterator[T]:
    # In binary: titles and addresses may hold other characters that end a line of text.
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                raise DatasetError(f"{path}: damaged, its last line is cut off")
            try:
                yield read(json.loads(line.decode("utf-8", "replace")))
            except _DAMAGE as error:
                raise DatasetError(f"{path}, line {number}: damaged ({error})") from error
