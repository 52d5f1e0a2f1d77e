"""Images that are there already become a dataset: from a folder of class folders, or a version."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from apparel_clf._progress import progress
from apparel_clf.dataset.decisions import add_decisions, read_decisions
from apparel_clf.dataset.folder import ImageFolder, Sample
from apparel_clf.dataset.plan import Policy
from apparel_clf.dataset.publish import publish
from apparel_clf.dataset.records import ImageRecord, Rejection, check_labels
from apparel_clf.dataset.staging import JournalWriter, ObjectStore, Staging
from apparel_clf.dataset.version import Version, latest_version, open_version
from apparel_clf.errors import DatasetError, ImageError, SettingsError
from apparel_clf.images import image_bytes, sign

_PART = ".part"


@dataclass(frozen=True)
class _Source:
    """What is imported.

    Args:
        folder: where the images are.
        name: what to call it in records: a folder's name, no path of this computer.
        samples: its images.
        records: what is known of each file already, where it is a version, by path.
        dataset: the folder of the dataset that the version is in, if it is one.
    """

    folder: Path
    name: str
    samples: Sequence[Sample]
    records: dict[Path, ImageRecord]
    dataset: Path | None = None


def import_folder(
    source: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    policy: Policy | None = None,
    keep_splits: bool = True,
    show_progress: bool | None = None,
) -> Version:
    """Make the next version of a dataset from images that are there already.

    The images are copied and nothing in `source` is changed. From then on they are treated as
    crawled ones are: duplicates are removed, groups share a split, and later imports and crawls
    add to them. What is no image is listed with its reason in the version's rejections.

    Args:
        source: a folder with one sub-folder of images for each class, one with ``train``, ``val``
            and ``test`` folders of these, or a published version.
        folder: the dataset's folder, for example ``"datasets/mine"``; made if it isn't there.
        policy: shares of the splits and seed, for images without a split. By default .7, .15, .15
            and 0.
        keep_splits: whether images stay in the split that `source` has them in. Where duplicates
            were in two of its splits they go to the one trained on. An image that the dataset had
            in another split goes to train if either is that, else to val. Default True.
        show_progress: draw progress bars; by default on a terminal, else a line every 20 s.

    Returns:
        The new version.

    Raises:
        DatasetNotFoundError: `source` isn't there.
        DatasetError: it holds no class folders, or one whose name can't be a class's beside those
            that the dataset has; or `folder` can't be written, or the disk is full.
        PublishError: none of the images can be used.
        SettingsError: `folder` lies within `source`, or `source` is a version of it.

    Example:
        >>> import_folder("photos", "datasets/mine").counts["train"]
        {'boots': 140, 'sandals': 139}
    """
    add_folder(source, folder, keep_splits=keep_splits, show_progress=show_progress)
    return publish(folder, policy=policy, show_progress=show_progress)


def merge(
    folder: str | os.PathLike[str],
    others: Iterable[str | os.PathLike[str]],
    *,
    policy: Policy | None = None,
    show_progress: bool | None = None,
) -> Version:
    """Publish the next version of a dataset with all images of others in it.

    Images keep their class and split, and what people decided about them holds. Where groups of
    different splits turn out to be one, or an image was in different ones, it goes to train if any
    part of it was there, else to val: what was trained on is never tested on.

    Args:
        folder: the dataset's folder that is added to.
        others: versions, dataset folders (their latest version), or folders of class folders.
        policy: as in `publish`.
        show_progress: draw progress bars; by default on a terminal, else a line every 20 s.

    Returns:
        The new version of `folder`.

    Raises:
        DatasetError: one of the others can't be used; then nothing was changed.
        PublishError: as in `publish`.

    Example:
        >>> len(merge("datasets/shoes", ["datasets/boots/latest"]))
        812
    """
    sources = [_look_through(Path(other)) for other in others]
    labels = {_label(sample) for source in sources for sample in source.samples}
    for source in sources:
        _check_apart(source, Path(folder))
    check_labels(labels | dataset_labels(Path(folder)))
    for source in sources:
        _add(source, Path(folder), keep_splits=True, show=show_progress)
    return publish(folder, policy=policy, show_progress=show_progress)


def add_folder(
    source: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    keep_splits: bool = True,
    show_progress: bool | None = None,
) -> Path:
    """Copy the images of a folder into a dataset and journal them, without publishing.

    The same images again, in a later call or after an interruption, add nothing.

    Args:
        source: as in `import_folder`.
        folder: the dataset's folder.
        keep_splits: as in `import_folder`.
        show_progress: draw a progress bar; by default on a terminal, else a line every 20 s.

    Returns:
        The journal's file.

    Raises:
        DatasetError, SettingsError: as in `import_folder`.
    """
    found = _look_through(Path(source))
    _check_apart(found, Path(folder))
    check_labels({_label(sample) for sample in found.samples} | dataset_labels(Path(folder)))
    return _add(found, Path(folder), keep_splits=keep_splits, show=show_progress)


def dataset_labels(folder: Path) -> frozenset[str]:
    """Return every class name that a dataset knows: of journals, decisions and the last version.

    Args:
        folder: the dataset's folder; it need not be there.

    Raises:
        DatasetError: one of its files is damaged.
    """
    version = latest_version(folder)
    labels = {row.record.label for row in version.rows} if version else set()
    for journal in Staging(folder).journals():
        labels |= {record.label for record in journal.images}
    labels |= {decision.label for decision in read_decisions(folder)}
    return frozenset(labels - {""})


def _add(source: _Source, folder: Path, *, keep_splits: bool, show: bool | None) -> Path:
    staging = Staging(folder)
    images: list[ImageRecord] = []
    rejections: list[Rejection] = []
    with _told_as_dataset_error(folder):
        for result in _read_all(source, staging.objects, show):
            if isinstance(result, Rejection):
                rejections.append(result)
            else:
                images.append(result if keep_splits else replace(result, given_split=""))
        _take_over_decisions(source, folder)
        return _journal(staging, images, rejections)


@contextmanager
def _told_as_dataset_error(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, DatasetError):
            raise
        why = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
        raise DatasetError(
            f"{folder}: cannot be written ({why}). What was imported before is kept; mend it and "
            "import again"
        ) from error


def _take_over_decisions(source: _Source, folder: Path) -> None:
    """What people decided about the source's images holds here too."""
    if source.dataset is None:
        return
    there = {json.dumps(d.to_json(), sort_keys=True) for d in read_decisions(folder)}
    decisions = read_decisions(source.dataset)
    new = [d for d in decisions if json.dumps(d.to_json(), sort_keys=True) not in there]
    if new:
        folder.mkdir(parents=True, exist_ok=True)
        add_decisions(folder, new)


def _look_through(source: Path) -> _Source:
    data = ImageFolder(source)
    check_labels(_label(sample) for sample in data.samples)
    if data.version_id is None:
        return _Source(data.path, data.path.name, data.samples, {})
    version = open_version(data.path)
    records = {version.path / row.path: row.record for row in version.rows}
    return _Source(data.path, data.path.name, data.samples, records, version.path.parent)


def _check_apart(source: _Source, folder: Path) -> None:
    here, there = folder.resolve(), source.folder.resolve()
    if source.dataset is not None and source.dataset.resolve() == here:
        raise SettingsError(
            f"{source.folder}: is a version of {folder} itself; there is nothing to import"
        )
    if here == there or there in here.parents:
        raise SettingsError(
            f"{folder}: lies within {source.folder}, which is imported; choose a folder elsewhere, "
            f"for example datasets/{source.folder.name}"
        )
    if not here.name.isprintable():  # what is not UTF-8 comes as a character that can't be shown
        raise SettingsError(f"{folder!a}: a dataset's name is text; choose another folder")


def _label(sample: Sample) -> str:
    """A class's name as it is kept; macOS writes accents in another way than others."""
    return unicodedata.normalize("NFC", sample.label)


def _read_all(
    source: _Source, objects: ObjectStore, show: bool | None
) -> Iterator[ImageRecord | Rejection]:
    """Read, check and store the images, some at a time, in order."""
    with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="import") as pool:
        results = pool.map(
            lambda numbered: _read(source, objects, *numbered), enumerate(source.samples, 1)
        )
        yield from progress(results, total=len(source.samples), label="import", show=show)


def _read(
    source: _Source, objects: ObjectStore, position: int, sample: Sample
) -> ImageRecord | Rejection:
    place = sample.path.relative_to(source.folder).as_posix()
    known = source.records.get(sample.path)
    address = f"file:{quote(os.fsencode(place))}"
    try:
        data = image_bytes(_original(source, known) or sample.path, place)
        signature = sign(data, place)
        if known is not None and known.signature.plain and signature.sha256 != known.sha256:
            raise ImageError(place, "is not the picture that the manifest names", "changed")
    except ImageError as error:
        return Rejection(
            _label(sample),
            error.code,
            error.reason,
            source=source.name,
            image_url=address,
            position=position,
        )
    objects.put(data)
    given = sample.split or ""
    if known is not None:
        return replace(known, signature=signature, given_split=given, found_label="")
    return ImageRecord(
        label=_label(sample),
        signature=signature,
        source=source.name,
        image_url=address,
        position=position,
        given_split=given,
    )


def _original(source: _Source, known: ImageRecord | None) -> Path | None:
    """Where the bytes are that an image was converted from, if its dataset still has them."""
    if known is None or known.signature.plain or source.dataset is None:
        return None
    path = Staging(source.dataset).objects.path(known.sha256)
    return path if path.is_file() else None


def _journal(
    staging: Staging, images: Sequence[ImageRecord], rejections: Sequence[Rejection]
) -> Path:
    """Write the journal beside its place and rename it in; its name tells what it holds."""
    told = hashlib.sha256()
    for record in (*images, *rejections):
        told.update(repr(record).encode("utf-8", "replace"))
    final = staging.journals_folder / f"import-{told.hexdigest()[:16]}.jsonl"
    if final.exists():
        return final
    beside = final.with_name(f"{final.stem}.{os.getpid()}{_PART}")
    with JournalWriter(beside) as journal:
        for record in images:
            journal.image(record)
        for rejection in rejections:
            journal.rejection(rejection)
        journal.sync()
    beside.replace(final)
    return final
