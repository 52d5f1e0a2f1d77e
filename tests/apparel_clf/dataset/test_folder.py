from __future__ import annotations

import pytest

from apparel_clf.dataset import ImageFolder, ImageRecord, JournalWriter, Staging, publish
from apparel_clf.errors import DatasetError, DatasetNotFoundError, SettingsError
from apparel_clf.images import sign


@pytest.fixture
def folder(tmp_path, jpeg):
    def make(layout):
        seed = 0
        for path, number in layout.items():
            (tmp_path / path).mkdir(parents=True)
            for _ in range(number):
                (tmp_path / path / f"{seed:04d}.jpg").write_bytes(jpeg(seed))
                seed += 1
        return tmp_path

    return make


def test_class_folders(folder):
    data = ImageFolder(folder({"saree": 3, "jeans": 2, "test_shirt": 1}))
    assert data.classes == ("jeans", "saree", "test_shirt")
    assert data.class_counts == {"jeans": 2, "saree": 3, "test_shirt": 1}
    assert [s.label for s in data.samples] == ["jeans"] * 2 + ["saree"] * 3 + ["test_shirt"]
    assert {s.split for s in data} == {None}
    assert (len(data), data.version_id) == (6, None)
    assert "saree 3" in repr(data)


@pytest.mark.parametrize("val_name", ["val", "valid", "validation"])
def test_split_folders_of_other_tools(folder, val_name):
    root = folder({"train/a": 4, "train/b": 4, f"{val_name}/a": 2, f"{val_name}/b": 1, "test/a": 1})
    train, val, test = ImageFolder(root).split()
    assert (len(train), len(val), len(test)) == (8, 3, 1)
    assert test.class_counts == {"a": 1, "b": 0}
    assert (val.split_name, val.name) == ("val", root.name)


def test_a_made_split_is_stratified_and_stable(folder):
    data = ImageFolder(folder({"a": 40, "b": 20}))
    parts = data.split(val=0.2, test=0.1, seed=3)
    assert [p.class_counts for p in parts] == [
        {"a": 28, "b": 14},
        {"a": 8, "b": 4},
        {"a": 4, "b": 2},
    ]
    again = data.split(val=0.2, test=0.1, seed=3)
    assert [p.samples for p in again] == [p.samples for p in parts]
    assert data.split(val=0.2, test=0.1, seed=4)[1].samples != parts[1].samples
    assert {s.path for p in parts for s in p} == {s.path for s in data}


def test_duplicates_share_a_split(folder, tmp_path, jpeg):
    root = folder({"a": 30, "b": 30})
    for seed in range(30):
        (root / "a" / f"copy{seed:04d}.jpg").write_bytes(jpeg(seed, quality=70))
    parts = ImageFolder(root).split(val=0.3, test=0.3)
    place = {s.path.name: p.split_name for p in parts for s in p}
    assert all(place[f"copy{seed:04d}.jpg"] == place[f"{seed:04d}.jpg"] for seed in range(30))


def test_a_bad_image_does_not_stop_a_split(folder):
    root = folder({"a": 10, "b": 10})
    (root / "a" / "bad.jpg").write_bytes(b"<html>")
    assert sum(len(part) for part in ImageFolder(root).split()) == 21


def test_a_version_brings_its_own_splits(tmp_path, jpeg):
    staging = Staging(tmp_path / "demo")
    with JournalWriter(staging.journals_folder / "1.jsonl") as journal:
        for seed in range(40):
            staging.objects.put(jpeg(seed))
            label = ("jeans", "saree")[seed % 2]
            journal.image(ImageRecord(label, sign(jpeg(seed)), asin=f"B{seed // 4}{label}"))
    version = publish(tmp_path / "demo")
    for path in (version.path, tmp_path / "demo" / "latest", tmp_path / "demo"):
        data = ImageFolder(path)
        assert (data.name, data.version_id, len(data)) == ("demo/v1", version.id, 40)
        parts = data.split()
        assert [p.split_name for p in parts] == ["train", "val", "test"]
        assert {p.split_name: p.class_counts for p in parts} == version.counts
        assert all(s.path.is_file() and s.sha256 for s in data)
    resplit = data.split(val=0.25, test=0.25, seed=1)
    place = {}
    for part in resplit:
        for sample in part:
            place.setdefault(sample.group, set()).add(part.split_name)
    assert all(len(splits) == 1 for splits in place.values())


def test_missing_and_empty_folders_are_named(folder, tmp_path):
    with pytest.raises(DatasetNotFoundError, match="nowhere"):
        ImageFolder(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError):
        ImageFolder(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="class folders"):
        ImageFolder(tmp_path)
    root = folder({"a": 1, "empty": 0})
    with pytest.raises(DatasetError, match="empty: this class has no image"):
        ImageFolder(root)
    with pytest.raises(DatasetNotFoundError, match="this is a file"):
        ImageFolder(root / "a" / "0000.jpg")


def test_shares_are_checked_before_any_work(folder):
    with pytest.raises(SettingsError):
        ImageFolder(folder({"a": 2})).split(val=0.9, test=0.3)
