"""Checks that a published version is whole: every file, every byte, every count."""

from __future__ import annotations

import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from apparel_clf._progress import progress
from apparel_clf.dataset.croissant import CROISSANT
from apparel_clf.dataset.memory import SPLITS_FILE
from apparel_clf.dataset.records import check_label
from apparel_clf.dataset.splits import SPLITS
from apparel_clf.dataset.sums import SUMS, FileHasher, parse_sums
from apparel_clf.dataset.version import (
    CARD,
    DATASET_FORMAT,
    FACTS,
    MANIFEST,
    REJECTIONS,
    Version,
    open_version,
)
from apparel_clf.errors import DatasetError

# Where a row's image is: ManifestRow.path. Reading the whole row would take three times as long.
_ROW_PATH = re.compile(rf"({'|'.join(SPLITS)})/([^/]+)/([0-9a-f]{{64}})\.jpg")
# Files that a thread takes at a time: enough that handing them over costs nothing.
_CHUNK = 64
_MAX_THREADS = 8
_DAMAGE = (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError)


# A file's sha256 and length, or why it could not be read.
_Answer: TypeAlias = "tuple[str, int] | OSError"


@dataclass(frozen=True)
class Problem:
    """Something that is wrong with a version.

    Args:
        path: the file, relative to the version.
        kind: a stable name: ``missing`` (no such file), ``changed`` (other bytes than were
            published, or a link to some), ``extra`` (nothing names this file), ``unreadable``,
            ``manifest`` (a row that cannot be read or is not in SHA256SUMS, or a group in several
            splits), ``facts`` (version.json is damaged or counts otherwise than the manifest) or
            ``sums`` (SHA256SUMS is damaged).
        reason: a sentence for a person.
    """

    path: str
    kind: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(frozen=True)
class Verification:
    """What `verify` found.

    Args:
        path: the version's folder.
        files: number of files that were read.
        size_bytes: their bytes.
        unproven: images that are there, but whose bytes nothing vouches for: those that were
            converted for a version that has no SHA256SUMS yet.
        problems: everything that is wrong, sorted by path; empty for a whole version.
    """

    path: Path
    files: int
    size_bytes: int
    unproven: int
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "path": str(self.path),
            "ok": self.ok,
            "files": self.files,
            "size_bytes": self.size_bytes,
            "unproven": self.unproven,
            "problems": [asdict(problem) for problem in self.problems],
        }

    def __str__(self) -> str:
        wrong = "whole" if self.ok else f"DAMAGED, {len(self.problems)} problems"
        unproven = (
            f"; {self.unproven} converted images could not be checked, {SUMS} is missing"
            if self.unproven
            else ""
        )
        size = f"{self.files:,} files, {self.size_bytes:,} bytes"
        return f"{self.path}: {wrong}; {size}{unproven}"


def verify(path: str | os.PathLike[str], *, show_progress: bool | None = None) -> Verification:
    """Check every byte of a published version.

    Every file that is named must be there with the bytes that were published, no other may be
    there, the manifest's sha256 must be the version's id, and all counts must agree. Permissions
    and times make no difference, nor does it matter where the version was copied to.

    Args:
        path: the version's folder, for example ``"datasets/demo/v1"`` or
            ``"datasets/demo/latest"``.
        show_progress: draw a progress bar; by default on a terminal, else a line every 20 s.

    Returns:
        What was found. A damaged version is no error: all that is wrong with it is listed.

    Raises:
        DatasetNotFoundError: there is no such folder.
        DatasetError: it is not a version at all.

    Example:
        >>> verify("datasets/demo/latest").ok
        True
    """
    folder = Path(path).resolve()
    if not any((folder / name).is_file() for name in (FACTS, MANIFEST, SUMS)):
        open_version(path)  # raises, and says what is there instead
    digests, problems = _expect(folder)
    found = _Found.of(folder)
    present = sorted(found.files & digests.keys())
    answers = _hash_all(folder, present)
    size = 0
    bar = progress(answers, total=len(present), label="verify", show=show_progress)
    for name, answer in zip(present, bar, strict=True):
        problems += _compare(name, answer, digests[name])
        size += 0 if isinstance(answer, OSError) else answer[1]
    problems += _absences(digests, found)
    return Verification(
        path=folder,
        files=len(present),
        size_bytes=size,
        unproven=sum(digests[name] is None and _is_image(name) for name in present),
        problems=tuple(sorted(problems, key=lambda p: (p.path, p.kind, p.reason))),
    )


def check_manifest(version: Version) -> None:
    """Raise DatasetError unless a version's manifest is the one that its id is the sha256 of."""
    manifest = version.path / MANIFEST
    if FileHasher().digest(manifest)[0] != version.id:
        raise DatasetError(
            f"{manifest}: is not the manifest of version {version.id}; see what else was changed: "
            f"apparel-clf dataset verify {version.path}"
        )


def split_groups(rows: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the groups that lie in more than one split, where what is tested on may be trained on.

    Args:
        rows: group and split of each image.

    Returns:
        The splits of each such group, sorted.

    Example:
        >>> split_groups([("0a", "train"), ("0a", "test"), ("1b", "val")])
        {'0a': ['test', 'train']}
    """
    found: dict[str, set[str]] = defaultdict(set)
    for group, split in rows:
        found[group].add(split)
    return {group: sorted(splits) for group, splits in found.items() if len(splits) > 1}


def _is_image(name: str) -> bool:
    return name.partition("/")[0] in SPLITS


def _expect(folder: Path) -> tuple[dict[str, str | None], list[Problem]]:
    """What a version should hold, and what contradicts itself in what says so.

    Returns:
        The sha256 of each file, None where nothing tells it, and problems.
    """
    facts, problems = _read_facts(folder)
    rows, bad_rows = _read_rows(folder)
    sums, bad_sums = _read_sums(folder)
    problems += [*bad_rows, *bad_sums]
    if facts:
        problems += _miscounts(facts, rows)
    digests: dict[str, str | None] = dict.fromkeys((CARD, FACTS))
    digests[MANIFEST] = str(facts["id"]) if "id" in facts else None
    digests |= rows
    if sums is not None:
        problems += _take_sums(digests, sums)
    else:  # what an older version may have or not
        others = (REJECTIONS, CROISSANT, SPLITS_FILE)
        digests |= {name: None for name in others if (folder / name).exists()}
    if sums is not None or "checksums" in facts:
        digests[SUMS] = None
    return digests, problems


def _read_facts(folder: Path) -> tuple[dict[str, Any], list[Problem]]:
    try:
        facts = json.loads((folder / FACTS).read_bytes())
        if facts["format"] > DATASET_FORMAT:
            reason = f"format {facts['format']} is newer than this program reads; update it"
            return facts, [Problem(FACTS, "facts", reason)]
    except OSError:  # told where every file is read
        return {}, []
    except _DAMAGE as error:
        return {}, [Problem(FACTS, "facts", f"damaged ({_why(error)})")]
    return facts, []


def _read_rows(folder: Path) -> tuple[dict[str, str | None], list[Problem]]:
    """The sha256 that the manifest tells of each image; None for a converted one."""
    rows: dict[str, str | None] = {}
    groups: set[tuple[str, str]] = set()
    problems = []
    try:
        with (folder / MANIFEST).open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    path, digest, group = _read_row(line)
                    if path in rows:
                        raise ValueError("names the same file as a line before")
                    rows[path] = digest
                    groups.add((group, path.partition("/")[0]))
                except _DAMAGE as error:
                    reason = f"line {number}: damaged ({_why(error)})"
                    problems.append(Problem(MANIFEST, "manifest", reason))
    except OSError:  # told where every file is read
        pass
    for group, splits in split_groups(groups).items():
        reason = f"group {group!r:.80} lies in {' and '.join(splits)}, expected one split"
        problems.append(Problem(MANIFEST, "manifest", reason))
    return rows, problems


def _read_row(line: bytes) -> tuple[str, str | None, str]:
    if not line.endswith(b"\n"):
        raise ValueError("it is cut off")
    values = json.loads(line.decode("utf-8", "replace"))
    found = _ROW_PATH.fullmatch(values["path"])
    if not found or found.groups() != (values["split"], values["label"], values["sha256"]):
        raise ValueError(f"path {values['path']!r} does not fit the rest")
    check_label(found[2])
    return found[0], found[3] if values["plain"] else None, str(values["group"])


def _why(error: Exception) -> str:
    return f"it lacks {error}" if isinstance(error, KeyError) else str(error)


def _read_sums(folder: Path) -> tuple[dict[str, str] | None, list[Problem]]:
    """What SHA256SUMS says; None for a version that has none."""
    try:
        digests, bad = parse_sums((folder / SUMS).read_bytes())
    except OSError:
        return None, []
    return digests, [Problem(SUMS, "sums", f"line {n}: damaged") for n in bad]


def _miscounts(facts: dict[str, Any], rows: Iterable[str]) -> list[Problem]:
    counted = Counter(name.rpartition("/")[0] for name in rows)
    try:
        told = {
            f"{s}/{c}": n for s, by_class in facts["counts"].items() for c, n in by_class.items()
        }
    except (AttributeError, KeyError, TypeError):
        return [Problem(FACTS, "facts", "its counts cannot be read")]
    reasons = [
        f"counts {told.get(place, 0)} images in {place}, the manifest {counted[place]}"
        for place in sorted({*told, *counted})
        if told.get(place, 0) != counted[place]
    ]
    if facts.get("images") != counted.total():
        reasons.append(f"counts {facts.get('images')} images, the manifest {counted.total()}")
    return [Problem(FACTS, "facts", reason) for reason in reasons]


def _take_sums(digests: dict[str, str | None], sums: dict[str, str]) -> list[Problem]:
    """Fill in what SHA256SUMS tells. Where it contradicts the manifest, the manifest is believed:
    its own hash is the version's id.
    """
    problems = []
    for name in digests.keys() - sums.keys():
        problems.append(Problem(name, "sums", f"{SUMS} does not name this file"))
    for name, digest in sums.items():
        if name not in digests and _is_image(name):
            reason = f"{SUMS} names this file, the manifest does not"
            problems.append(Problem(name, "manifest", reason))
        if digests.setdefault(name, digest) is None:
            digests[name] = digest
        elif digests[name] != digest:
            problems.append(Problem(name, "sums", f"{SUMS} has another hash than the manifest"))
    return problems


@dataclass
class _Found:
    """The files of a folder, relative to it."""

    files: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)
    unreadable: dict[str, OSError] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path) -> _Found:
        """Look into a folder and all below it; links are not followed."""
        found, waiting = cls(), [""]
        while waiting:
            inside = waiting.pop()
            try:
                with os.scandir(folder / inside) as entries:
                    for entry in entries:
                        name = inside + entry.name
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(f"{name}/")
                        else:
                            found._of_kind(entry).add(name)
            except OSError as error:
                found.unreadable[inside] = error
        return found

    def _of_kind(self, entry: os.DirEntry[str]) -> set[str]:
        if entry.is_symlink():
            return self.links
        return self.files if entry.is_file(follow_symlinks=False) else self.others


def _absences(digests: Iterable[str], found: _Found) -> Iterator[Problem]:
    """Compare names: what is missing, what is too much, what is no file."""
    named = set(digests)
    for name in named - found.files - found.links - found.others:
        yield Problem(name, "missing", "this file is missing")
    for name in found.files - named:
        yield Problem(name, "extra", "nothing names this file")
    for name in found.links:
        kind = "changed" if name in named else "extra"
        yield Problem(name, kind, "this is a link, expected a file of the version's own")
    for name in found.others:
        kind = "unreadable" if name in named else "extra"
        yield Problem(name, kind, "this is no regular file")
    for name, error in found.unreadable.items():
        yield Problem(name, "unreadable", f"this folder cannot be read ({error.strerror})")


def _hash_all(folder: Path, names: Sequence[str]) -> Iterator[_Answer]:
    """Hash files side by side; answers come in the order of the names."""
    chunks = [names[i : i + _CHUNK] for i in range(0, len(names), _CHUNK)]
    with ThreadPoolExecutor(min(_MAX_THREADS, os.cpu_count() or 1)) as pool:
        for answers in pool.map(partial(_hash_chunk, str(folder)), chunks):
            yield from answers


def _hash_chunk(folder: str, names: Sequence[str]) -> list[_Answer]:
    hasher = FileHasher()
    answers: list[_Answer] = []
    for name in names:
        try:
            answers.append(hasher.digest(f"{folder}/{name}"))
        except OSError as error:
            answers.append(error)
    return answers


def _compare(name: str, answer: _Answer, expected: str | None) -> list[Problem]:
    if isinstance(answer, OSError):
        return [Problem(name, "unreadable", f"cannot be read ({answer.strerror})")]
    digest, size = answer
    if expected is None or digest == expected:
        return []
    if not size:
        return [Problem(name, "changed", "this file is empty")]
    return [Problem(name, "changed", f"holds other bytes: sha256 {digest}, expected {expected}")]
