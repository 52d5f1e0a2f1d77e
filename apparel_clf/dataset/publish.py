"""Writes a planned version: beside its place first, then renamed in."""

from __future__ import annotations

import errno
import fcntl
import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any

from apparel_clf._progress import progress
from apparel_clf.dataset.card import render_card
from apparel_clf.dataset.plan import ManifestRow, Plan, Policy, plan_version
from apparel_clf.dataset.staging import ObjectStore, Staging
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
)
from apparel_clf.errors import DatasetNotFoundError, PublishError
from apparel_clf.images import HASH_FORMAT, load_image

_BUILDING = ".building-"
_JPEG_QUALITY = 95


def publish(
    folder: str | os.PathLike[str],
    *,
    policy: Policy | None = None,
    show_progress: bool | None = None,
) -> Version:
    """Publish what has been crawled as the next version of a dataset.

    Reads every journal in ``<folder>/journals`` and the version before, decides duplicates, groups
    and splits (`plan_version`), and writes ``<folder>/vN`` and the link ``<folder>/latest``. No
    version that is there already is touched, whatever happens.

    Args:
        folder: the dataset's folder, for example ``"datasets/demo"``.
        policy: shares of the splits and seed. By default .7, .15, .15 and 0.
        show_progress: draw a progress bar; by default on a terminal only.

    Returns:
        The new version.

    Raises:
        DatasetNotFoundError: the folder doesn't exist or holds no journal.
        PublishError: there is no image to publish, an object is missing, the disk is full, or
            another publisher is at work.

    Example:
        >>> publish("datasets/demo").name
        'demo/v1'
    """
    dataset = Path(folder).resolve()
    staging = Staging(dataset)
    if not staging.journals_folder.is_dir():
        raise DatasetNotFoundError(
            f"{folder}: holds no journals folder. Crawl into it first: "
            f"scrapy crawl amazon_apparel -a dataset={dataset.name}"
        )
    with _only_publisher(dataset):
        _clean_up(dataset)
        previous = latest_version(dataset)
        plan = plan_version(
            staging.journals(), previous.rows if previous else (), policy or Policy()
        )
        if not plan.rows:
            why = ", ".join(f"{reason} {n}" for reason, n in _by_reason(plan).items())
            raise PublishError(
                f"{folder}: nothing to publish, no image was accepted ({why or 'none was found'})"
            )
        number = previous.number + 1 if previous else 1
        return _write_version(dataset, staging.objects, plan, number, previous, show_progress)


@contextmanager
def _only_publisher(dataset: Path) -> Iterator[None]:
    with (dataset / ".publish.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise PublishError(
                f"{dataset}: another process is publishing here. When it has finished: "
                f"apparel-clf dataset publish {dataset}"
            ) from error
        yield


def _clean_up(dataset: Path) -> None:
    """Remove what a publisher that was killed left half built."""
    for left_over in dataset.glob(f"{_BUILDING}*"):
        shutil.rmtree(left_over)


def _write_version(
    dataset: Path,
    objects: ObjectStore,
    plan: Plan,
    number: int,
    previous: Version | None,
    show: bool | None,
) -> Version:
    building = dataset / f"{_BUILDING}v{number}"
    final = dataset / f"v{number}"
    try:
        building.mkdir()
        _write_images(building, objects, plan, show)
        facts = _facts(plan, dataset.name, number, previous)
        _write_lines(building / MANIFEST, plan.manifest_lines())
        _write_lines(building / REJECTIONS, plan.rejection_lines())
        (building / FACTS).write_text(_pretty(facts), encoding="utf-8")
        (building / CARD).write_text(render_card(plan, facts), "utf-8", "replace")
        _check_readable(building, plan)
        building.rename(final)
        _point_latest(dataset, final)
    except OSError as error:
        shutil.rmtree(building, ignore_errors=True)
        raise PublishError(_os_reason(final, error)) from error
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    return Version(final, facts["name"], number, plan.id, facts, plan.rows)


def _write_lines(path: Path, lines: Iterable[bytes]) -> None:
    with path.open("wb") as file:
        file.writelines(lines)


def _check_readable(building: Path, plan: Plan) -> None:
    """What can't be read back as it was meant must not become a version."""
    for row, read in zip_longest(plan.rows, read_manifest(building / MANIFEST)):
        if row is None or read is None or row.path != read.path:
            raise PublishError(f"{building / MANIFEST}: reads back otherwise than it was written")


def _write_images(building: Path, objects: ObjectStore, plan: Plan, show: bool | None) -> None:
    for split, by_class in plan.counts.items():
        for label in by_class:
            (building / split / label).mkdir(parents=True)
    for row in progress(plan.rows, label="publish", show=show):
        _link(objects.path(_published_object(objects, row)), building / row.path)


def _published_object(objects: ObjectStore, row: ManifestRow) -> str:
    """Return the object that the version shows: the original, or a JPEG made from it once."""
    source = objects.path(row.record.sha256)
    if not source.is_file() or source.stat().st_size != row.record.signature.size_bytes:
        raise PublishError(
            f"{source}: a journal names this object but it is missing or damaged; restore it, or "
            "move the journal out of the folder"
        )
    if row.record.signature.plain:
        return row.record.sha256
    return objects.put(_as_jpeg(source))


def _as_jpeg(source: Path) -> bytes:
    buffer = io.BytesIO()
    load_image(source).save(buffer, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()


def _link(source: Path, target: Path) -> None:
    """Hard link, or copy where the file system has none or allows no more."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
            raise
        shutil.copyfile(source, target)


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
        "policy": plan.policy_values(),
        "hash_format": HASH_FORMAT,
    }


def _by_reason(plan: Plan) -> dict[str, int]:
    counts: dict[str, int] = {}
    for rejection in plan.rejections:
        counts[rejection.reason] = counts.get(rejection.reason, 0) + 1
    return dict(sorted(counts.items()))


def _pretty(values: dict[str, Any]) -> str:
    return json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _os_reason(final: Path, error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return f"{final}: the disk is full; free some space and publish again. Nothing was changed"
    return f"{final}: could not be written ({error}). Earlier versions are as they were"


def _point_latest(dataset: Path, final: Path) -> None:
    link = dataset / f".{LATEST}.tmp"
    link.unlink(missing_ok=True)
    link.symlink_to(final.name)
    link.replace(dataset / LATEST)
