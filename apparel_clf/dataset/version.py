"""A published version, read back from disk."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from apparel_clf.dataset.files import check_folder
from apparel_clf.dataset.plan import ManifestRow
from apparel_clf.dataset.records import Rejection
from apparel_clf.errors import DatasetError, DatasetNotFoundError

T = TypeVar("T")

#: Version of the format that ``datasets/README.md`` specifies.
DATASET_FORMAT = 2
MANIFEST = "manifest.jsonl"
REJECTIONS = "rejections.jsonl"
FACTS = "version.json"
CARD = "README.md"
LATEST = "latest"


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
    folder = given.resolve()
    if not is_version(folder):
        raise DatasetError(f"{given}: not a version, it has no {FACTS}.{_hint(folder)}")
    facts = _read_facts(folder / FACTS)
    return Version(
        path=folder,
        name=facts["name"],
        number=facts["number"],
        id=facts["id"],
        facts=facts,
        rows=tuple(read_manifest(folder / MANIFEST)),
    )


def latest_version(dataset: Path) -> Version | None:
    """Open the highest-numbered version in a dataset's folder, or return None if there is none."""
    numbers = version_numbers(dataset)
    return open_version(dataset / f"v{numbers[-1]}") if numbers else None


def version_numbers(dataset: Path) -> list[int]:
    """List the numbers of the versions in a dataset's folder, ascending."""
    if not dataset.is_dir():
        return []
    names = (p.name for p in dataset.iterdir() if is_version(p) and not p.is_symlink())
    return sorted(int(n[1:]) for n in names if n[:1] == "v" and n[1:].isdigit())


def _hint(folder: Path) -> str:
    if (folder / LATEST).exists():
        return f" Did you mean {folder.name}/{LATEST}?"
    return " Open a plain folder of class folders with ImageFolder"


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
        missing = {"name", "number", "id", "counts"} - set(facts)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, DatasetError):
            raise
        raise DatasetError(f"{path}: damaged ({error}); publish the version again") from error
    if missing:
        raise DatasetError(f"{path}: damaged, it lacks {', '.join(sorted(missing))}")
    return facts


def read_manifest(path: Path) -> Iterator[ManifestRow]:
    """Yield the rows of a manifest.

    Raises:
        DatasetNotFoundError: there is no such file.
        DatasetError: a line is damaged or cut off.
    """
    if not path.exists():
        raise DatasetNotFoundError(f"{path}: the version's manifest is missing")
    return _read_lines(path, ManifestRow.from_json)


def _read_lines(path: Path, read: Callable[[dict[str, Any]], T]) -> Iterator[T]:
    # In binary: titles and addresses may hold other characters that end a line of text.
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                raise DatasetError(f"{path}: damaged, its last line is cut off")
            try:
                yield read(json.loads(line.decode("utf-8", "replace")))
            except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
                raise DatasetError(f"{path}, line {number}: damaged ({error})") from error
