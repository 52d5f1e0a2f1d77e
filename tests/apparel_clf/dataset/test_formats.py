"""A version read by the tools of others: they see the images, labels and splits that we see."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from apparel_clf.dataset import (
    SPLITS,
    ImageFolder,
    ImageRecord,
    JournalWriter,
    Staging,
    publish,
    verify,
)
from apparel_clf.images import sign

HARMLESS = ["jeans", "saree"]
# Names that guess-work takes for splits, of other scripts, and with what paths and patterns mind.
HOSTILE = [
    unicodedata.normalize("NFC", name)
    for name in ("test_shirt", "training", "val", "Robe d'été", "साड़ी", "T Shirts", "a&b, (c)!")
]
HUGGING_FACE_SPLITS = {"train": "train", "validation": "val", "test": "test"}


def make_version(folder, jpeg, labels):
    """Eight images of each class, one of which had to be converted."""
    staging = Staging(folder)
    with JournalWriter(staging.journals_folder / "1.jsonl") as journal:
        for place, label in enumerate(labels):
            for seed in range(8 * place, 8 * place + 8):
                data = jpeg(seed) if seed % 8 else _png(jpeg(seed))
                staging.objects.put(data)
                journal.image(ImageRecord(label, sign(data), "shop", "q", title="501"))
    return publish(folder)


def _png(data):
    from PIL import Image

    buffer = io.BytesIO()
    Image.open(io.BytesIO(data)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory, jpeg):
    return make_version(tmp_path_factory.mktemp("data (1)") / "host ile", jpeg, HOSTILE)


@pytest.fixture(scope="module")
def harmless(tmp_path_factory, jpeg):
    return make_version(tmp_path_factory.mktemp("data") / "plain", jpeg, HARMLESS)


def ours(version):
    """What a version holds: (split, label, file name) of every image, as `ImageFolder` reads it."""
    sets = zip(SPLITS, ImageFolder(version.path).split(), strict=True)
    return sorted((split, s.label, s.path.name) for split, images in sets for s in images)


def by_keras(version):
    """`keras.utils.image_dataset_from_directory` on each split's folder."""
    keras = pytest.importorskip("keras")
    found = []
    for split in SPLITS:
        data = keras.utils.image_dataset_from_directory(
            version.path / split, shuffle=False, batch_size=None, image_size=(8, 8), verbose=False
        )
        labels = [data.class_names[int(label)] for _, label in data.as_numpy_iterator()]
        names = [Path(path).name for path in data.file_paths]
        assert data.class_names == sorted(labels_of(version))
        found += zip([split] * len(names), labels, names, strict=True)
    return sorted(found)


def labels_of(version):
    return {row.record.label for row in version.rows}


def by_torchvision(version):
    """`torchvision.datasets.ImageFolder`, by its documented rules.

    torch is not among the test's packages. The rules, from torchvision's documentation: each
    folder in the root is a class, classes are sorted by name and numbered; every file below a
    class's folder with one of these endings, in any case, is an image of it; a class without an
    image is an error; an image is opened with Pillow and converted to RGB.
    """
    from PIL import Image

    endings = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
    found = []
    for split in SPLITS:
        root = os.fspath(version.path / split)
        classes = sorted(entry.name for entry in os.scandir(root) if entry.is_dir())
        assert classes == sorted(labels_of(version))
        for label in classes:
            walked = os.walk(os.path.join(root, label), followlinks=True)  # noqa: PTH118
            files = [(folder, name) for folder, _, names in walked for name in names]
            images = [(f, n) for f, n in files if n.lower().endswith(endings)]
            assert images, f"found no valid file for the class {label}"
            for folder, name in images:
                with Image.open(Path(folder, name)) as image:
                    image.convert("RGB")
                found.append((split, label, name))
    return sorted(found)


def by_hugging_face(version, cache, *given, **options):
    """`datasets.load_dataset`."""
    datasets = pytest.importorskip("datasets")
    loaded = datasets.load_dataset(*given, **options, cache_dir=str(cache))
    assert set(loaded) == set(HUGGING_FACE_SPLITS)
    found = []
    for theirs, data in loaded.items():
        names = data.features["label"].names
        assert names == sorted(labels_of(version))
        assert data[0]["image"].mode == "RGB"
        for row in data.cast_column("image", datasets.Image(decode=False)):
            path = Path(row["image"]["path"])
            assert path.is_file()
            found.append((HUGGING_FACE_SPLITS[theirs], names[row["label"]], path.name))
    return sorted(found)


def by_croissant(version):
    """`mlcroissant.Dataset`, which is also what validates the description."""
    mlcroissant = pytest.importorskip("mlcroissant")
    dataset = mlcroissant.Dataset(version.path / "croissant.json")
    assert not dataset.metadata.ctx.issues.errors
    found = []
    for record in dataset.records("images"):
        assert record["images/image"].convert("RGB").size == (60, 80)
        label, split, sha256 = (
            record[f"images/{name}"].decode() for name in ("label", "split", "sha256")
        )
        found.append((split, label, f"{sha256}.jpg"))
    return sorted(found)


def test_every_reader_sees_what_we_see(hostile, tmp_path):
    """One version with class names of all kinds, read by five libraries."""
    expected = ours(hostile)
    assert Counter(split for split, _, _ in expected) == {
        split: sum(counts.values()) for split, counts in hostile.counts.items()
    }
    assert {label for _, label, _ in expected} == set(HOSTILE)
    assert by_torchvision(hostile) == expected
    assert by_hugging_face(hostile, tmp_path, str(hostile.path)) == expected
    assert by_croissant(hostile) == expected
    assert by_keras(hostile) == expected


def test_hugging_face_with_the_splits_told(hostile, tmp_path):
    files = {theirs: f"{split}/**" for theirs, split in HUGGING_FACE_SPLITS.items()}
    options = {"data_dir": str(hostile.path), "data_files": files}
    assert by_hugging_face(hostile, tmp_path, "imagefolder", **options) == ours(hostile)


def test_hugging_face_without_the_card(harmless, tmp_path):
    """Where no class is called like a split, guessing the splits is right too."""
    options = {"data_dir": str(harmless.path)}
    assert by_hugging_face(harmless, tmp_path, "imagefolder", **options) == ours(harmless)


def test_croissant_tells_where_images_come_from(hostile):
    mlcroissant = pytest.importorskip("mlcroissant")
    dataset = mlcroissant.Dataset(hostile.path / "croissant.json")
    rows = {r["manifest/path"].decode(): r for r in dataset.records("manifest")}
    assert set(rows) == {row.path for row in hostile.rows}
    for row in hostile.rows:
        told = rows[row.path]
        assert told["manifest/sha256"].decode() == row.record.sha256
        assert told["manifest/title"].decode() == row.record.title
        assert told["manifest/source"].decode() == "shop"


def test_mlcroissant_validates_from_any_folder(hostile, tmp_path):
    pytest.importorskip("mlcroissant")
    done = subprocess.run(
        [sys.executable, "-m", "mlcroissant.scripts.validate", "--jsonld", "croissant.json"],
        cwd=hostile.path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr.lower()
    assert "not standard" not in done.stderr


def test_the_version_is_whole_with_all_that_describes_it(hostile):
    assert verify(hostile.path, show_progress=False).problems == ()
    assert json.loads((hostile.path / "croissant.json").read_text())["version"] == "1.0.0"
    assert "croissant.json" in (hostile.path / "SHA256SUMS").read_text()
