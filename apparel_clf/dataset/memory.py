"""Which split every image has had, also those that are not in the version: they may come back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from apparel_clf.dataset.splits import SPLITS
from apparel_clf.errors import DatasetError

#: The file in a version.
SPLITS_FILE = "splits.jsonl"


def split_lines(remembered: Mapping[str, str]) -> Iterator[bytes]:
    """Yield the file's lines: an image by its sha256, and its split.

    Args:
        remembered: splits by sha256.
    """
    for sha256 in sorted(remembered):
        line = json.dumps({"sha256": sha256, "split": remembered[sha256]}, sort_keys=True)
        yield f"{line}\n".encode()


def read_splits(version: Path) -> dict[str, str]:
    """Read the splits of images that a version remembers but doesn't hold.

    Args:
        version: its folder.

    Returns:
        Splits by sha256; none where there is no such file.

    Raises:
        DatasetError: a line is damaged.
    """
    path = version / SPLITS_FILE
    if not path.exists():
        return {}
    return dict(_read(path))


def _read(path: Path) -> Iterable[tuple[str, str]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                values = json.loads(line)
                sha256, split = str(values["sha256"]), values["split"]
                if split not in SPLITS:
                    raise ValueError(f"a split {split!r}")
            except (KeyError, TypeError, ValueError, RecursionError) as error:
                raise DatasetError(f"{path}, line {number}: damaged ({error})") from error
            yield sha256, split
