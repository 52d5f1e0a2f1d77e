"""Sharing a version without its images: the addresses and hashes to make it again from.

What is read here may come from anybody, so every size is bounded and nothing is unpacked.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
import os
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

from apparel_clf.dataset.plan import ManifestRow, Plan, Policy
from apparel_clf.dataset.records import check_labels
from apparel_clf.dataset.splits import SPLITS
from apparel_clf.dataset.staging import write_atomically
from apparel_clf.dataset.verify import check_manifest, split_groups
from apparel_clf.dataset.version import (
    CARD,
    DATASET_FORMAT,
    FACTS,
    MANIFEST,
    open_version,
)
from apparel_clf.errors import DatasetError, DatasetNotFoundError
from apparel_clf.images import HASH_FORMAT

# A row takes about three kilobytes.
_MAX_LINE = 1 << 16
_MAX_MANIFEST = 4 << 30
_MAX_FACTS = 16 << 20
# Manifests are deflated to a third or a quarter.
_MAX_RATIO = 50
_ANY_SIZE = 1 << 20
_MAX_NAME = 200
# Of pages, places and duplicates; numbers without a bound take long to write out.
_MAX_COUNT = 10**9
_GROUP = re.compile(r"[0-9a-f]{16}")
# Other methods can ask for much memory to be decompressed with.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ZIP_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
_DAMAGE = (ArithmeticError, AttributeError, KeyError, RecursionError, TypeError, ValueError)


@dataclass(frozen=True)
class Shared:
    """What a shared manifest says, checked.

    Args:
        id: the version's id, the sha256 of the manifest.
        rows: the manifest.
        hash_format: how its hashes were made.
        removed: pictures that another stands for, by kind.
        policy: the choices that the version was made by.
        license: what the publisher gives as the licence, or ``""``.
    """

    id: str
    rows: tuple[ManifestRow, ...]
    hash_format: str
    removed: dict[str, int]
    policy: Policy
    license: str = ""


def export_manifest(
    version: str | os.PathLike[str], output: str | os.PathLike[str], *, overwrite: bool = False
) -> Path:
    """Write what others need to make a version again, without its images.

    That is the manifest (addresses, hashes, titles, the small copies that duplicates are found
    with), ``version.json`` and the card. Images and what was turned away are left out.

    Args:
        version: the version's folder, for example ``"datasets/demo/latest"``.
        output: a name that ends in ``.zip``, or a folder. The same version gives the same bytes.
        overwrite: replace an output that is there. Default False.

    Returns:
        The output's path.

    Raises:
        DatasetNotFoundError: there is no such version.
        DatasetError: it is damaged, or the output is there already.

    Example:
        >>> export_manifest("datasets/demo/latest", "demo.zip")
        PosixPath('demo.zip')
    """
    opened, target = open_version(version), Path(output)
    files = {name: opened.path / name for name in (MANIFEST, FACTS, CARD)}
    check_manifest(opened)
    _check_free(target, overwrite)
    target.parent.mkdir(parents=True, exist_ok=True)
    if _is_zip(target):
        write_atomically(target, _zipped(files))
        return target
    for name, path in files.items():
        if path.is_file():
            write_atomically(target / name, path.read_bytes())
    return target


def _is_zip(target: Path) -> bool:
    return target.suffix.lower() == ".zip"


def _check_free(target: Path, overwrite: bool) -> None:
    if _is_zip(target) and target.is_dir():
        raise DatasetError(f"{target}: this is a folder; give the name of a file or another folder")
    if not _is_zip(target) and target.is_file():
        raise DatasetError(f"{target}: this is a file; give a name that ends in .zip, or a folder")
    if not overwrite and (target.is_file() or (target.is_dir() and any(target.iterdir()))):
        raise DatasetError(
            f"{target}: exists already; choose another name, or have it replaced (overwrite, "
            "--force)"
        )


def _zipped(files: dict[str, Path]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, path in files.items():
            if path.is_file():
                # A fixed time: the same version is the same file.
                member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                member.external_attr = 0o644 << 16
                archive.writestr(member, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def read_shared(path: str | os.PathLike[str]) -> Shared:
    """Read what `export_manifest` wrote; it need not be trusted.

    Args:
        path: the zip file or folder.

    Returns:
        Its rows and facts.

    Raises:
        DatasetNotFoundError: there is nothing at `path`.
        DatasetError: it is not a shared manifest, is damaged, was changed, is of a newer format,
            has hashes of another format, or is larger than any manifest.

    Example:
        >>> len(read_shared("demo.zip").rows)
        900
    """
    given = Path(path)
    if not given.exists():
        raise DatasetNotFoundError(f"{given}: no such file or folder")
    try:
        with _opened(given) as archive:
            facts = _read_facts(archive)
            digest = hashlib.sha256()
            rows = tuple(_rows(_lines(archive, digest)))
        return _checked(facts, rows, digest.hexdigest())
    except DatasetError as error:
        raise DatasetError(f"{given}: {error}") from error
    except _ZIP_DAMAGE as error:
        raise DatasetError(f"{given}: cannot be unpacked ({error})") from error


class _Folder:
    """A folder as a place to read members from."""

    limit = _MAX_MANIFEST

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, name: str) -> IO[bytes]:
        path = self._folder / name
        if not path.is_file():
            raise DatasetError(f"is not a shared version, it has no {name}")
        return path.open("rb")


class _Zip:
    """A zip file as a place to read members from; none is ever unpacked to a file."""

    def __init__(self, archive: zipfile.ZipFile, size: int) -> None:
        self._archive = archive
        self.limit = min(_MAX_MANIFEST, _ANY_SIZE + _MAX_RATIO * size)

    def open(self, name: str) -> IO[bytes]:
        try:
            member = self._archive.getinfo(name)
        except KeyError:
            raise DatasetError(f"is not a shared version, it has no {name}") from None
        if member.compress_type not in _METHODS:
            raise DatasetError(f"{name}: is compressed by a method other than deflate")
        return self._archive.open(member)


@contextmanager
def _opened(path: Path) -> Iterator[_Folder | _Zip]:
    if path.is_dir():
        yield _Folder(path)
        return
    if not path.is_file():
        raise DatasetError("is neither a file nor a folder")
    with zipfile.ZipFile(path) as archive:
        yield _Zip(archive, path.stat().st_size)


def _lines(archive: _Folder | _Zip, digest: Any) -> Iterator[bytes]:
    """The manifest's lines, as many as are read adding to the digest."""
    left = archive.limit
    with contextlib.closing(archive.open(MANIFEST)) as file:
        while line := file.readline(_MAX_LINE + 1):
            left -= len(line)
            if len(line) > _MAX_LINE or left < 0:
                raise DatasetError(f"{MANIFEST}: larger than any manifest")
            digest.update(line)
            yield line


def _rows(lines: Iterable[bytes]) -> Iterator[ManifestRow]:
    for number, line in enumerate(lines, 1):
        try:
            yield ManifestRow.from_json(json.loads(line))
        except _DAMAGE as error:
            raise DatasetError(f"{MANIFEST}, line {number}: damaged ({error})") from error


def _read_facts(archive: _Folder | _Zip) -> dict[str, Any]:
    with contextlib.closing(archive.open(FACTS)) as file:
        data = file.read(_MAX_FACTS + 1)
    if len(data) > _MAX_FACTS:
        raise DatasetError(f"{FACTS}: larger than any version's")
    try:
        facts = _object(json.loads(data))
        newer = int(facts["format"]) > DATASET_FORMAT
        hash_format = "" if newer else _text(facts["hash_format"])
    except _DAMAGE as error:
        raise DatasetError(f"{FACTS}: damaged ({error})") from error
    if newer:
        raise DatasetError(f"{FACTS}: its format is newer than this program reads; update it")
    if hash_format != HASH_FORMAT:
        raise DatasetError(
            f"{FACTS}: was made with another version of this program, whose hashes are of format "
            f"{hash_format!r}, expected {HASH_FORMAT!r}; fetch it with that version"
        )
    return facts


def _checked(facts: dict[str, Any], rows: tuple[ManifestRow, ...], digest: str) -> Shared:
    try:
        shared = Shared(
            id=digest,
            rows=rows,
            hash_format=_text(facts["hash_format"]),
            removed=_counts(facts.get("removed", {})),
            policy=_policy(facts.get("policy", {})),
            license=_text(facts.get("license") or ""),
        )
        given = facts["id"]
    except _DAMAGE as error:
        raise DatasetError(f"{FACTS}: damaged ({error})") from error
    if given != digest:
        raise DatasetError(f"{MANIFEST}: was changed, it is not that of the version in {FACTS}")
    if not rows:
        raise DatasetError(f"{MANIFEST}: has no image")
    _check_rows(shared)
    return shared


def _check_rows(shared: Shared) -> None:
    if any(one.path >= next_.path for one, next_ in pairwise(shared.rows)):
        raise DatasetError(f"{MANIFEST}: is not sorted by path")
    if len({row.record.sha256 for row in shared.rows}) < len(shared.rows):
        raise DatasetError(f"{MANIFEST}: names an image twice")
    check_labels(row.record.label for row in shared.rows)
    for row in shared.rows:
        _check_row(row)
    for group, splits in split_groups((row.group, row.split) for row in shared.rows).items():
        raise DatasetError(f"{MANIFEST}: group {group} lies in {' and '.join(splits)}")
    if Plan(shared.rows, {}, (), shared.policy).id != shared.id:
        raise DatasetError(
            f"{MANIFEST}: is not written as this program writes it, so its version could not be "
            "made again"
        )


def _check_row(row: ManifestRow) -> None:
    """What a group, split and numbers are; `ManifestRow` itself takes any text and number."""
    record = row.record
    if not _GROUP.fullmatch(row.group):
        raise DatasetError(f"{MANIFEST}: {row.path}: has a group of {row.group!r:.80}")
    if record.given_split not in ("", *SPLITS):
        raise DatasetError(f"{MANIFEST}: {row.path}: has a split of {record.given_split!r:.80}")
    if not all(0 <= n < _MAX_COUNT for n in (row.duplicates, record.page, record.position)):
        raise DatasetError(f"{MANIFEST}: {row.path}: has a number that no image has")


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _MAX_NAME or not value.isprintable():
        raise TypeError(f"expected a line of text. Received: {value!r:.80}")
    return value


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"expected an object. Received: {value!r:.80}")
    return value


def _counts(values: Any) -> dict[str, int]:
    counts = {_text(name): value for name, value in _object(values).items()}
    if not all(type(value) is int and 0 <= value < 1 << 53 for value in counts.values()):
        raise TypeError("expected numbers of images")
    return counts


def _policy(values: Any) -> Policy:
    """The choices that this program knows; each has to be of its default's kind."""
    known = {}
    values = _object(values)
    for field in dataclasses.fields(Policy):
        if field.name in values and field.default is not dataclasses.MISSING:
            known[field.name] = _of_kind(values[field.name], field.default)
    return Policy(**known)


def _of_kind(value: Any, default: Any) -> Any:
    if isinstance(default, float) and type(value) is int:
        value = float(value)
    kinds = (type(None), int, float, str) if default is None else (type(default),)
    if type(value) not in kinds:
        raise TypeError(f"policy: {value!r:.80}")
    return _text(value) if isinstance(value, str) else value
