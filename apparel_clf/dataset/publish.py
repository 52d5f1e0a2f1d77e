"""Writes a planned version: beside its place first, then renamed in."""

from __future__ import annotations

import errno
import fcntl
import io
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from heapq import merge
from itertools import zip_longest
from pathlib import Path
from typing import Any

from apparel_clf._printable import json_text
from apparel_clf._progress import progress
from apparel_clf.dataset.card import render_card
from apparel_clf.dataset.croissant import CROISSANT, render_croissant
from apparel_clf.dataset.decisions import read_decisions
from apparel_clf.dataset.memory import SPLITS_FILE, read_splits, split_lines
from apparel_clf.dataset.plan import ManifestRow, Plan, Policy, plan_version
from apparel_clf.dataset.staging import ObjectStore, Staging
from apparel_clf.dataset.sums import SUMS, FileHasher, parse_sums, sums_line
from apparel_clf.dataset.verify import check_manifest
from apparel_clf.dataset.version import (
    CARD,
    DATASET_FORMAT,
    FACTS,
    LATEST,
    MANIFEST,
    REJECTIONS,
    Version,
    latest_version,
    read_manifest,
    version_numbers,
)
from apparel_clf.errors import DatasetError, DatasetNotFoundError, PublishError
from apparel_clf.images import HASH_FORMAT, BytesApart, Keep, load_image

_BUILDING = ".building-"
_NEW_LATEST = f".{LATEST}.tmp"
_JPEG_QUALITY = 95
# The file system has no hard links, has no more for this file, or the store is on another one.
_NO_LINK = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS)


def publish(
    folder: str | os.PathLike[str],
    *,
    policy: Policy | None = None,
    show_progress: bool | None = None,
) -> Version:
    """Publish what has been crawled as the next version of a dataset.

    Reads every journal in ``<folder>/journals``, the version before and what people decided
    (``decisions.jsonl``), decides duplicates, groups
    and splits (`plan_version`), and writes ``<folder>/vN`` and the link ``<folder>/latest``. No
    version that is there already is touched, whatever happens: a publisher that is killed leaves
    at most a half-built folder, which the next one removes.

    Args:
        folder: the dataset's folder, for example ``"datasets/demo"``.
        policy: shares of the splits and seed. By default .7, .15, .15 and 0.
        show_progress: draw a progress bar; by default on a terminal, else a line every 20 s.

    Returns:
        The new version.

    Raises:
        DatasetNotFoundError: the folder doesn't exist, or holds neither a journal nor a version.
        PublishError: there is no image to publish, an object is missing or damaged, the version
            before is damaged or its hashes are of another format, the disk is full, another
            publisher is at work, or something is in the way of the version.

    Example:
        >>> publish("datasets/demo").name
        'demo/v1'
    """
    dataset = Path(folder).resolve()
    staging = Staging(dataset)
    if not (staging.journal_paths() or version_numbers(dataset)):
        raise DatasetNotFoundError(
            f"{folder}: holds neither a journal nor a version. Crawl into it first: "
            f"scrapy crawl amazon_apparel -a dataset={dataset.name}; or import images that you "
            f"have: apparel-clf dataset import <images> {folder}"
        )
    keep = BytesApart().keep
    with _publishing(dataset):
        previous = _to_build_on(dataset, keep)
        number = previous.number + 1 if previous else 1
        _check_way(dataset, number)
        plan = plan_version(
            staging.journals(keep),
            previous.rows if previous else (),
            policy or Policy(),
            read_decisions(dataset),
            read_splits(previous.path) if previous else None,
        )
        if not plan.rows:
            raise PublishError(_nothing_message(folder, _by_reason(plan)))
        return _write_version(dataset, staging.objects, plan, number, previous, show_progress)


def publish_plan(
    folder: str | os.PathLike[str],
    plan: Plan,
    *,
    facts: Mapping[str, Any] | None = None,
    show_progress: bool | None = None,
) -> Version:
    """Publish a plan that was made elsewhere as the next version of a dataset.

    Args:
        folder: the dataset's folder, whose ``objects`` hold the plan's images.
        plan: what the version holds.
        facts: what ``version.json`` says beside, or in place of, what publishing says itself.
            Default None.
        show_progress: draw a progress bar; by default on a terminal, else a line every 20 s.

    Returns:
        The new version.

    Raises:
        PublishError: an object is missing or damaged, the disk is full, or another publisher is at
            work.

    Example:
        >>> publish_plan("datasets/demo", plan).id == plan.id
        True
    """
    dataset = Path(folder).resolve()
    with _publishing(dataset):
        previous = latest_version(dataset)
        number = previous.number + 1 if previous else 1
        _check_way(dataset, number)
        objects = Staging(dataset).objects
        return _write_version(dataset, objects, plan, number, previous, show_progress, facts)


def mend_latest(folder: str | os.PathLike[str]) -> None:
    """Point the link to the last version where there is none.

    A publisher may have been killed before it did, or the folder been copied without its links.

    Args:
        folder: the dataset's folder.

    Raises:
        PublishError: it can't be written, or a publisher is at work.
    """
    with _publishing(Path(folder).resolve()):
        pass


@contextmanager
def _publishing(dataset: Path) -> Iterator[None]:
    """Be the only publisher, in a folder without left-overs."""
    with _only_publisher(dataset):
        with _told_as_publish_error(dataset):
            _clean_up(dataset)
        yield


def _to_build_on(dataset: Path, keep: Keep) -> Version | None:
    """Open the version before, if what it says can be relied on."""
    previous = latest_version(dataset, keep)
    if previous is None:
        return None
    try:
        check_manifest(previous)
    except DatasetError as error:
        raise PublishError(str(error)) from error
    made_by = previous.facts.get("hash_format")
    if made_by != HASH_FORMAT:
        raise PublishError(
            f"{previous.path}: its hashes are of format {made_by!r} and can't be compared with "
            f"this program's ({HASH_FORMAT!r}). Import its images into a new dataset: "
            f"apparel-clf dataset import {previous.path} <new folder>"
        )
    return previous


@contextmanager
def _told_as_publish_error(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PublishError(_os_reason(place, error)) from error


@contextmanager
def _only_publisher(dataset: Path) -> Iterator[None]:
    with _told_as_publish_error(dataset):
        # Not through a link: what it leads to is somebody else's.
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        lock = os.open(dataset / ".publish.lock", flags, 0o644)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise PublishError(
                f"{dataset}: another process is publishing here. When it has finished: "
                f"apparel-clf dataset publish {dataset}"
            ) from error
        yield
    finally:
        os.close(lock)


def _clean_up(dataset: Path) -> None:
    """Remove what a publisher that was killed left half built, and finish what it left undone."""
    for left_over in dataset.glob(f"{_BUILDING}*"):
        shutil.rmtree(left_over)
    (dataset / _NEW_LATEST).unlink(missing_ok=True)
    Staging(dataset).clean()
    numbers = version_numbers(dataset)
    if numbers and not (dataset / LATEST).exists():
        _link_latest(dataset, f"v{numbers[-1]}").replace(dataset / LATEST)


def _link_latest(dataset: Path, name: str) -> Path:
    """Make a link to a version beside the place where it belongs."""
    link = dataset / _NEW_LATEST
    link.symlink_to(name)
    return link


def _check_way(dataset: Path, number: int) -> None:
    """Find out before the work, not after it, that the version can't be put in its place."""
    final, latest = dataset / f"v{number}", dataset / LATEST
    if os.path.lexists(final):
        raise PublishError(
            f"{final}: is in the way of the next version and is none itself, it has no {FACTS}; "
            "restore it or move it away"
        )
    if latest.is_dir() and not latest.is_symlink():
        raise PublishError(f"{latest}: this is a folder, expected a link; move it away")


def _write_version(
    dataset: Path,
    objects: ObjectStore,
    plan: Plan,
    number: int,
    previous: Version | None,
    show: bool | None,
    more_facts: Mapping[str, Any] | None = None,
) -> Version:
    building = dataset / f"{_BUILDING}v{number}"
    final = dataset / f"v{number}"
    facts = _facts(plan, dataset.name, number, previous) | dict(more_facts or {})
    try:
        with _told_as_publish_error(final):
            building.mkdir()
            digests = _write_images(building, objects, plan, previous, show)
            _write_lines(building / MANIFEST, plan.manifest_lines())
            _write_lines(building / REJECTIONS, plan.rejection_lines())
            _write_lines(building / SPLITS_FILE, split_lines(plan.remembered))
            (building / FACTS).write_text(_pretty(facts), encoding="utf-8")
            (building / CARD).write_text(render_card(plan, facts), "utf-8", "replace")
            (building / CROISSANT).write_text(render_croissant(plan, facts), "utf-8", "replace")
            _write_sums(building, plan, digests)
            _check_readable(building, plan)
            _put_in_place(dataset, building, final)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        with suppress(OSError):
            (dataset / _NEW_LATEST).unlink()
        raise
    return Version(final, facts["name"], number, facts["id"], facts, plan.rows)


def _put_in_place(dataset: Path, building: Path, final: Path) -> None:
    """Make a finished version a version: one rename, and one more for the link to it."""
    link = _link_latest(dataset, final.name)  # before the renames: it may take space, they don't
    # After a power cut a version is there whole or not at all. One call for all its files: to wait
    # for each image by itself would take longer than all the rest.
    os.sync()
    building.rename(final)
    link.replace(dataset / LATEST)


def _write_lines(path: Path, lines: Iterable[bytes]) -> None:
    with path.open("wb") as file:
        file.writelines(lines)


def _check_readable(building: Path, plan: Plan) -> None:
    """What can't be read back as it was meant must not become a version."""
    for row, read in zip_longest(plan.rows, read_manifest(building / MANIFEST)):
        if row is None or read is None or row.path != read.path:
            raise PublishError(f"{building / MANIFEST}: reads back otherwise than it was written")


def _write_images(
    building: Path,
    objects: ObjectStore,
    plan: Plan,
    previous: Version | None,
    show: bool | None,
) -> list[str]:
    """Link the images into place; return the sha256 of each file, in the order of the rows."""
    for split, by_class in plan.counts.items():
        for label in by_class:
            (building / split / label).mkdir(parents=True)
    checked = _Checked(objects, previous)
    digests = []
    for row in progress(plan.rows, label="publish", show=show):
        digests.append(checked.published(row))
        _link(objects.path(digests[-1]), building / row.path)
    return digests


class _Checked:
    """The stored objects, of which none is published before its bytes were checked.

    Args:
        objects: the store.
        previous: the version before, which vouches for what it holds; or None.
    """

    def __init__(self, objects: ObjectStore, previous: Version | None) -> None:
        self._objects = objects
        self._hasher = FileHasher()
        sums, self._summed = _sums_before(previous)
        self._vouched = frozenset(sums.values())
        # What converted images became: sha256 by the original's sha256.
        self._converted = {
            row.record.sha256: sums[row.path]
            for row in (previous.rows if previous else ())
            if not row.record.signature.plain and row.path in sums
        }

    def published(self, row: ManifestRow) -> str:
        """Return the object that the version shows: the original, or a JPEG made from it once."""
        original = row.record.sha256
        if not self._objects.holds(row.record.signature):
            raise PublishError(self._damage(original))
        before = self._converted.get(original)
        if before and self._is_whole(before):
            return before
        if not self._is_vouched(original) and not self._is_whole(original):
            raise PublishError(self._damage(original))
        if row.record.signature.plain:
            return original
        return self._objects.put(_as_jpeg(self._objects.path(original)))

    def _is_vouched(self, sha256: str) -> bool:
        """Whether the version before holds the object, and nobody wrote to it since."""
        path = self._objects.path(sha256)
        return sha256 in self._vouched and path.stat().st_mtime_ns < self._summed

    def _is_whole(self, sha256: str) -> bool:
        path = self._objects.path(sha256)
        # What a link leads to could change under the version.
        regular = os.path.lexists(path) and stat.S_ISREG(path.lstat().st_mode)
        return regular and self._hasher.digest(path)[0] == sha256

    def _damage(self, sha256: str) -> str:
        return (
            f"{self._objects.path(sha256)}: this object is missing or damaged. Import the same "
            "image again to restore it: apparel-clf dataset import; or, if only a journal names "
            "it, move the journal out of the folder"
        )


def _sums_before(previous: Version | None) -> tuple[dict[str, str], int]:
    """What the version before says of its files' bytes, and when it said so, in nanoseconds."""
    sums = previous.path / SUMS if previous else None
    if sums is None or not sums.is_file():
        return {}, 0
    return parse_sums(sums.read_bytes())[0], sums.stat().st_mtime_ns


def _as_jpeg(source: Path) -> bytes:
    buffer = io.BytesIO()
    load_image(source).save(buffer, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()


def _link(source: Path, target: Path) -> None:
    """Hard link, or copy where there can be none."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        shutil.copyfile(source, target)
        target.chmod(0o444)


def _write_sums(building: Path, plan: Plan, digests: Sequence[str]) -> None:
    """Note the hash of every file: of images as they are named, of all others as written."""
    hasher = FileHasher()
    others = (path for path in building.iterdir() if path.is_file())
    written = sorted((path.name, hasher.digest(path)[0]) for path in others)
    # The rows are sorted by path, too. All paths at once would take megabytes.
    images = ((row.path, digest) for row, digest in zip(plan.rows, digests, strict=True))
    _write_lines(building / SUMS, (sums_line(*file) for file in merge(images, written)))


def _facts(plan: Plan, name: str, number: int, previous: Version | None) -> dict[str, Any]:
    return {
        "format": DATASET_FORMAT,
        "name": f"{name}/v{number}",
        "number": number,
        "id": plan.id,
        "parent": previous.id if previous else None,
        "images": len(plan.rows),
        "classes": list(plan.classes),
        "counts": plan.counts,
        "removed": dict(plan.removed),
        "rejected": _by_reason(plan),
        "relabelled": plan.relabelled,
        "policy": plan.policy_values(),
        "hash_format": HASH_FORMAT,
        "checksums": SUMS,
    }


def _by_reason(plan: Plan) -> dict[str, int]:
    counts: dict[str, int] = {}
    for rejection in plan.rejections:
        counts[rejection.reason] = counts.get(rejection.reason, 0) + 1
    return dict(sorted(counts.items()))


def _nothing_message(folder: str | os.PathLike[str], reasons: Mapping[str, int]) -> str:
    why = ", ".join(f"{reason} {n}" for reason, n in reasons.items()) or "none was found"
    undo = f"; take decisions back: apparel-clf dataset curate {folder} --restore <list>"
    return f"{folder}: nothing to publish, no image was accepted ({why})" + (
        undo if "rejected_by_hand" in reasons else ""
    )


def _pretty(values: dict[str, Any]) -> str:
    return json_text(values, indent=2, sort_keys=True) + "\n"


def _os_reason(place: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{place}: the disk is full; free some space and publish again. Nothing was changed"
    return f"{place}: could not be written ({error}). Earlier versions are as they were"
