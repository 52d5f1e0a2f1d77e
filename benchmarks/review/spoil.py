"""Makes a dataset whose faults are known: swapped labels, pictures of other things mixed in."""

from __future__ import annotations

import io
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from apparel_clf.dataset import ImageRecord, JournalWriter, Staging, publish
from apparel_clf.dataset.files import image_files
from apparel_clf.images import load_image, sign

#: Share of labels that are swapped, and of foreign pictures beside the photos.
SWAPPED, FOREIGN = 0.10, 0.05
_QUALITY = 90


@dataclass(frozen=True)
class Spoilt:
    """A published dataset with faults.

    Args:
        folder: the dataset's folder; its version v1 has the faults.
        truth: the right class of each photo, by sha256; "" for a picture of something else.
        given: the label that each was published with.
    """

    folder: Path
    truth: Mapping[str, str]
    given: Mapping[str, str]

    @property
    def swapped(self) -> frozenset[str]:
        """Photos under another class than theirs."""
        return frozenset(s for s, label in self.truth.items() if label and label != self.given[s])

    @property
    def foreign(self) -> frozenset[str]:
        """Pictures of something else."""
        return frozenset(s for s, label in self.truth.items() if not label)


def spoil(photos: Path, others: Path, folder: Path, seed: int) -> Spoilt:
    """Publish photos as a dataset with faults.

    Args:
        photos: a folder of class folders, whose labels count as right.
        others: a folder of class folders, of which those with other names are mixed in. Their
            pictures are cropped and scaled to the size of a photo drawn by chance, so that size
            gives nothing away.
        folder: the dataset's folder, which is made.
        seed: of all that is drawn.

    Returns:
        The dataset, with what is right of the images that its version holds.
    """
    rng = random.Random(seed)
    true = {path: path.parent.name for path in _images(photos)}
    labels = sorted(set(true.values()))
    swapped = set(rng.sample(sorted(true), round(SWAPPED * len(true))))
    staging = Staging(folder)
    truth = {}
    with JournalWriter(staging.journals_folder / "spoilt.jsonl") as journal:
        for path, label in sorted(true.items()):
            wrong = [name for name in labels if name != label]
            given = rng.choice(wrong) if path in swapped else label
            truth[_stage(staging, journal, path.read_bytes(), given)] = label
        for path in rng.sample(_foreign(others, set(labels)), round(FOREIGN * len(true))):
            size = load_image(rng.choice(sorted(true))).size
            data = _made_alike(path, size)
            truth[_stage(staging, journal, data, rng.choice(labels))] = ""
    rows = publish(folder, show_progress=False).rows
    given_labels = {row.record.sha256: row.record.label for row in rows}
    return Spoilt(folder, {s: truth[s] for s in given_labels}, given_labels)


def _images(folder: Path) -> list[Path]:
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    return [path for name in classes for path in image_files(name)]


def _foreign(others: Path, labels: set[str]) -> list[Path]:
    # Track pants are trousers to most people; nobody could say whether they are foreign.
    same = {*labels, "track_pants"}
    return [path for path in _images(others) if path.parent.name not in same]


def _made_alike(path: Path, size: tuple[int, int]) -> bytes:
    image = load_image(path)
    width = min(image.width, round(image.height * size[0] / size[1]))
    height = min(image.height, round(width * size[1] / size[0]))
    left, top = (image.width - width) // 2, (image.height - height) // 2
    part = image.crop((left, top, left + width, top + height))
    buffer = io.BytesIO()
    part.resize(size, Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def _stage(staging: Staging, journal: JournalWriter, data: bytes, label: str) -> str:
    sha256 = staging.objects.put(data)
    journal.image(ImageRecord(label, sign(data)))
    return sha256
