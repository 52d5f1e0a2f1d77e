from __future__ import annotations

import errno
import json
import os

import pytest

from apparel_clf.dataset import ImageFolder, ImageRecord, JournalWriter, Staging, publish
from apparel_clf.dataset.files import image_files
from apparel_clf.dataset.version import open_version, resolve_version, version_numbers
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


def test_a_dataset_without_a_version_says_so_and_what_to_do(folder):
    dataset = folder({"journals": 0, "objects/ab": 1})
    told = "holds no version yet: no crawl or import has published one. Crawl or import again"
    for name, end in (("journals", ""), ("crawl.json", "; crawl.json there tells what")):
        (dataset / name).touch()
        for opened in (open_version, ImageFolder):
            with pytest.raises(DatasetError) as caught:
                opened(dataset)
            assert str(caught.value).startswith(f"{dataset}: {told}{end}")


def test_class_folders_beside_a_crawls_summary_are_class_folders(folder):
    root = folder({"jeans": 1, "saree": 1})
    (root / "crawl.json").touch()
    assert ImageFolder(root).classes == ("jeans", "saree")


def test_class_folders_that_are_no_version_say_how_to_make_one(folder):
    root = folder({"objects": 1, "people": 1})
    assert ImageFolder(root).class_counts == {"objects": 1, "people": 1}
    with pytest.raises(
        DatasetError, match=f"class folders with: apparel-clf dataset import {root}$"
    ):
        open_version(root)


def test_shares_are_checked_before_any_work(folder):
    with pytest.raises(SettingsError):
        ImageFolder(folder({"a": 2})).split(val=0.9, test=0.3)


@pytest.fixture
def lock(monkeypatch):
    """Make a folder one that nobody can read; for root no permission does."""

    def lock(locked):
        scan = os.scandir

        def refuse(path="."):
            if os.fspath(path) == str(locked):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return scan(path)

        monkeypatch.setattr(os, "scandir", refuse)

    return lock


@pytest.mark.parametrize("locked", ["", "train", "train/a", "train/a/more"])
def test_a_folder_that_cannot_be_read_is_named_not_passed_over(folder, lock, locked):
    root = folder({"train/a": 2, "train/a/more": 2, "train/b": 2, "test/a": 1})
    lock(root / locked)
    with pytest.raises(DatasetError, match="cannot be read") as refused:
        ImageFolder(root)
    assert str(refused.value).startswith(f"{root / locked}: ")
    assert "Permission denied" in str(refused.value)


def test_a_folder_that_cannot_be_entered_is_named(folder, monkeypatch):
    root = folder({"a": 1})

    def refuse(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr("pathlib.Path.is_file", refuse)
    with pytest.raises(DatasetError, match=r"/a: this folder cannot be read \(Permission denied"):
        image_files(root)


def test_a_dataset_that_cannot_be_read_is_named(tmp_path, lock):
    lock(tmp_path)
    with pytest.raises(DatasetError, match="this folder cannot be read"):
        resolve_version(tmp_path)


def test_images_are_found_at_any_depth_in_order(folder):
    root = folder({"b": 1, "b/c": 1, "a": 1})
    (root / "b" / ".hidden.jpg").touch()
    (root / "b" / "link.jpg").symlink_to(root / "a")
    found = [path.relative_to(root).as_posix() for path in image_files(root)]
    assert found == ["a/0002.jpg", "b/0000.jpg", "b/c/0001.jpg"]


@pytest.fixture
def published(dataset, crawl):
    crawl("1", range(5))
    publish(dataset)
    return publish(dataset)


def test_without_latest_a_dataset_means_its_highest_version(published, dataset):
    assert resolve_version(dataset) == dataset / "latest"
    (dataset / "latest").unlink()
    assert ImageFolder(dataset).name == "demo/v2"
    assert resolve_version(dataset) == dataset / "v2"
    assert resolve_version(dataset / "v1") == dataset / "v1"
    assert resolve_version(dataset / "journals") == dataset / "journals"


@pytest.mark.parametrize("name", ["v²", "v0", "v01", "v", "w3", "v3.old"])
def test_folders_that_are_named_otherwise_are_no_versions(published, dataset, name):
    (dataset / name).mkdir()
    (dataset / name / "version.json").write_text("{}")
    assert version_numbers(dataset) == [1, 2]


@pytest.mark.parametrize(
    "changes",
    [
        {"name": 1},
        {"number": "1"},
        {"number": True},
        {"id": None},
        {"counts": []},
        {"counts": {"train": 5}},
        {"counts": {"train": {"a": "5"}}},
        {"removed": 3},
        {"format": "x"},
    ],
)
def test_facts_of_the_wrong_kind_are_damage(published, changes):
    path = published.path / "version.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(DatasetError, match=r"damaged .*; restore it, or move the version's folder"):
        open_version(published.path)


@pytest.mark.parametrize("name", ["version.json", "manifest.jsonl"])
def test_json_that_is_nested_too_deeply_is_damage(published, name):
    (published.path / name).write_text(99999 * "[" + "\n")
    with pytest.raises(DatasetError, match="damaged"):
        open_version(published.path)
