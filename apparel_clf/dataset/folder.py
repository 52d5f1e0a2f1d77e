"""Reads a dataset: a published version, or any folder of class folders."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from apparel_clf._progress import progress
from apparel_clf.dataset.duplicates import connected, match
from apparel_clf.dataset.files import check_folder, image_files
from apparel_clf.dataset.splits import SPLITS, SplitUnit, assign_splits, check_fractions
from apparel_clf.dataset.version import (
    Version,
    is_version,
    open_version,
    resolve_version,
    unpublished,
)
from apparel_clf.errors import DatasetError, ImageError
from apparel_clf.images import image_bytes, sign

# Names that other tools give their split folders, and ours for them. Whole names only: a class
# called test_shirt is a class.
_SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True)
class Sample:
    """One image of a dataset.

    Args:
        path: where its file is.
        label: its class.
        split: train, val, test, or None where the folder has no splits.
        group: images of equal group must share a split; None where that isn't known yet.
        sha256: hash of the original's bytes where a manifest tells it, else None.
    """

    path: Path
    label: str
    split: str | None = None
    group: str | None = None
    sha256: str | None = None


def hash_of(sample: Sample) -> str:
    """Return the sha256 that names a sample: its original's where the manifest tells it.

    Args:
        sample: an image; its file is read where no manifest tells.

    Raises:
        ImageError: the file is gone or can't be read.
    """
    if sample.sha256 is not None:
        return sample.sha256
    return hashlib.sha256(image_bytes(sample.path, str(sample.path))).hexdigest()


class ImageSet:
    """Samples with the class names of the dataset that they are from.

    Args:
        samples: the images.
        classes: all class names of the dataset, sorted, also those without a sample here.
        name: what to call the dataset in reports, for example ``"demo/v1"``.
        split_name: which split this is, or None for all.
        version_id: id of the dataset's version, or None where it has none.
    """

    def __init__(
        self,
        samples: Iterable[Sample],
        classes: Iterable[str],
        *,
        name: str = "",
        split_name: str | None = None,
        version_id: str | None = None,
    ) -> None:
        self.samples: tuple[Sample, ...] = tuple(samples)
        self.classes: tuple[str, ...] = tuple(sorted(classes))
        self.name = name
        self.split_name = split_name
        self.version_id = version_id

    @property
    def class_counts(self) -> dict[str, int]:
        """Number of samples of each class, 0 included."""
        counted = Counter(sample.label for sample in self.samples)
        return {label: counted[label] for label in self.classes}

    def subset(self, split: str, samples: Iterable[Sample]) -> ImageSet:
        """Return some samples as a split of this dataset, keeping its name and classes."""
        return ImageSet(
            samples,
            self.classes,
            name=self.name,
            split_name=split,
            version_id=self.version_id,
        )

    def __len__(self) -> int:
        return len(self.samples)

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.samples)

    def __repr__(self) -> str:
        of = f" {self.split_name}" if self.split_name else ""
        counts = ", ".join(f"{label} {n}" for label, n in self.class_counts.items())
        return f"<{type(self).__name__} {self.name}{of}: {len(self)} images; {counts}>"


class ImageFolder(ImageSet):
    """A dataset on disk.

    Takes a published version (``datasets/<name>/vN`` or ``.../latest``; the dataset's own folder
    means its latest), a folder with ``train``, ``val`` and ``test`` folders of class folders, or
    one of class folders alone. No image is opened before it is needed.

    Args:
        path: the folder.

    Raises:
        DatasetNotFoundError: there is no such folder.
        DatasetError: it holds no class folders, no version yet, a class without an image, or a
            folder that cannot be read.

    Example:
        >>> data = ImageFolder("datasets/demo/latest")
        >>> data.class_counts
        {'jeans': 260, 'saree': 260, 'trousers': 260}
        >>> train, val, test = data.split()
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        given = Path(path)
        check_folder(given)
        self.path = resolve_version(given).resolve()
        version = open_version(self.path) if is_version(self.path) else None
        if version is None and (problem := unpublished(given)):
            raise DatasetError(problem)
        samples = _version_samples(version) if version else _folder_samples(self.path)
        classes = {sample.label for sample in samples}
        super().__init__(
            samples,
            classes,
            name=version.name if version else self.path.name,
            version_id=version.id if version else None,
        )

    def split(
        self, *, val: float | None = None, test: float | None = None, seed: int = 0
    ) -> tuple[ImageSet, ImageSet, ImageSet]:
        """Return the train, val and test sets.

        Args:
            val: share of each class for val. Giving any share makes a new split; giving none
                returns the dataset's own, or makes one (.15 and .15) if it has none.
            test: share for test.
            seed: another seed makes another split.

        Returns:
            Three sets. In a split that is made here, pictures that are duplicates of each other,
            or of one group in the version, are in one set.

        Raises:
            SettingsError: the shares leave nothing to train on.
        """
        has_own = any(sample.split for sample in self.samples)
        samples, chosen = self.samples, [sample.split for sample in self.samples]
        if not (val is None and test is None and has_own):
            shares = (0.15 if val is None else val, 0.15 if test is None else test)
            check_fractions(*shares)
            # Kept on the samples: folds ask for them again.
            samples = _grouped(self.samples)
            chosen = _group_safe(samples, *shares, seed)
        parts = (
            self.subset(
                name,
                (
                    replace(sample, split=name)
                    for sample, split in zip(samples, chosen, strict=True)
                    if split == name
                ),
            )
            for name in SPLITS
        )
        train, val_set, test_set = parts
        return train, val_set, test_set


def _version_samples(version: Version) -> list[Sample]:
    return [
        Sample(version.path / row.path, row.record.label, row.split, row.group, row.record.sha256)
        for row in version.rows
    ]


def _folder_samples(folder: Path) -> list[Sample]:
    parts = [p for p in _folders(folder) if p.name in _SPLIT_NAMES]
    others = [p for p in _folders(folder) if p.name not in _SPLIT_NAMES]
    if parts and not others:
        return [s for p in parts for s in _class_samples(p, _SPLIT_NAMES[p.name])]
    return _class_samples(folder, None)


def _folders(folder: Path) -> list[Path]:
    check_folder(folder)
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _class_samples(folder: Path, split: str | None) -> list[Sample]:
    classes = _folders(folder)
    if not classes:
        raise DatasetError(
            f"{folder}: holds no class folders. Expected one sub-folder of images for each class, "
            "for example jeans/, trousers/, saree/"
        )
    return [sample for path in classes for sample in _samples_of_class(path, split)]


def _samples_of_class(folder: Path, split: str | None) -> list[Sample]:
    files = image_files(folder)
    if not files:
        raise DatasetError(
            f"{folder}: this class has no image. Add some, or remove the folder to leave it out"
        )
    return [Sample(path, folder.name, split) for path in files]


def _grouped(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    groups = groups_of(samples)
    return tuple(replace(s, group=group) for s, group in zip(samples, groups, strict=True))


def _group_safe(samples: Sequence[Sample], val: float, test: float, seed: int) -> list[str | None]:
    labels: dict[str, list[str]] = {}
    for sample in samples:
        labels.setdefault(sample.group or "", []).append(sample.label)
    units = [SplitUnit(group, tuple(sorted(members))) for group, members in labels.items()]
    splits = assign_splits(units, val=val, test=test, seed=seed)
    return [splits[sample.group or ""] for sample in samples]


def groups_of(samples: Sequence[Sample]) -> list[str]:
    """Name each image's group; images of one group must not be on both sides of a split.

    Args:
        samples: images, whose manifest tells the group; elsewhere pictures are compared.

    Returns:
        A name for each, equal for pictures that are duplicates of each other.

    Example:
        >>> len(set(groups_of(data.samples)))
        810
    """
    known = [sample.group for sample in samples if sample.group is not None]
    if len(known) == len(samples):
        return known
    signatures, places = [], []
    names = [f"unreadable {i}" for i in range(len(samples))]
    for i, sample in enumerate(progress(samples, total=len(samples), label="signatures")):
        try:
            signatures.append(sign(image_bytes(sample.path, str(sample.path)), str(sample.path)))
        except ImageError:
            continue  # fit and evaluate report it by name; here it is a group of its own
        places.append(i)
    roots = connected(len(signatures), ((m.first, m.second) for m in match(signatures)))
    for place, root in zip(places, roots, strict=True):
        names[place] = signatures[root].sha256[:16]
    return names
