"""Folders of images become datasets, and datasets are merged; nobody's files are changed."""

from __future__ import annotations

import unicodedata

import pytest

from apparel_clf.dataset import ImageFolder, import_folder, merge, publish, verify
from apparel_clf.errors import DatasetError, DatasetNotFoundError, PublishError, SettingsError


@pytest.fixture
def photos(tmp_path, jpeg):
    """A folder of two classes, with a duplicate, a broken file and some text."""
    folder = tmp_path / "my photos"
    for label, seeds in (("boots", range(20)), ("T Shirts", range(100, 120))):
        (folder / label).mkdir(parents=True)
        for seed in seeds:
            (folder / label / f"{seed}.jpg").write_bytes(jpeg(seed))
    (folder / "boots" / "again.jpg").write_bytes(jpeg(3))
    (folder / "boots" / "broken.jpg").write_bytes(b"<html>")
    (folder / "notes.txt").write_text("mine")
    return folder


def state(folder):
    return sorted((p, p.stat().st_mtime_ns, p.stat().st_mode) for p in folder.rglob("*"))


def test_a_folder_becomes_a_version_and_is_not_changed(photos, dataset):
    before = state(photos)
    version = import_folder(photos, dataset)
    assert state(photos) == before
    assert sum(sum(by.values()) for by in version.counts.values()) == 40
    assert version.facts["classes"] == ["T Shirts", "boots"]
    assert version.facts["removed"]["exact"] == 1
    assert [(r.reason, r.image_url) for r in version.rejections()] == [
        ("not_an_image", "file:boots/broken.jpg")
    ]
    assert {row.record.source for row in version.rows} == {"my photos"}
    assert str(photos.parent) not in (version.path / "manifest.jsonl").read_text()
    assert verify(version.path).ok


def test_importing_again_adds_nothing_and_more_adds_more(photos, dataset, jpeg):
    first = import_folder(photos, dataset)
    assert import_folder(photos, dataset).id == first.id
    (photos / "boots" / "new.jpg").write_bytes(jpeg(50))
    third = import_folder(photos, dataset)
    assert len(third) == len(first) + 1
    splits = {row.record.sha256: row.split for row in third.rows}
    assert all(splits[row.record.sha256] == row.split for row in first.rows)


def in_splits(tmp_path, jpeg, leak=False):
    folder = tmp_path / "given"
    for split, seeds in (("train", range(12)), ("valid", range(12, 16)), ("test", range(16, 20))):
        for label, more in (("a", 0), ("b", 100)):
            (folder / split / label).mkdir(parents=True)
            for seed in seeds:
                (folder / split / label / f"{seed}.jpg").write_bytes(jpeg(seed + more))
    if leak:
        (folder / "test" / "a" / "leak.jpg").write_bytes(jpeg(1, quality=70))
    return folder


def test_splits_are_kept_but_for_leaks(tmp_path, dataset, jpeg):
    version = import_folder(in_splits(tmp_path, jpeg, leak=True), dataset)
    assert version.counts == {
        "train": {"a": 12, "b": 12}, "val": {"a": 4, "b": 4}, "test": {"a": 4, "b": 4}
    }  # fmt: skip
    assert version.facts["removed"]["near"] == 1


def test_splits_can_be_made_anew(tmp_path, dataset, jpeg):
    version = import_folder(in_splits(tmp_path, jpeg), dataset, keep_splits=False)
    assert version.counts["test"] == {"a": 3, "b": 3}


def test_a_version_is_imported_with_what_is_known_of_it(crawl, dataset, tmp_path, stage):
    crawl("1", range(20))
    crawl("2", range(100, 120), "saree")
    first = publish(dataset)
    copy = import_folder(first.path, tmp_path / "datasets" / "copy")
    assert [(r.path, r.split, r.record.asin, r.record.title) for r in copy.rows] == [
        (r.path, r.split, r.record.asin, r.record.title) for r in first.rows
    ]


def test_datasets_are_merged_and_keep_their_splits(crawl, dataset, tmp_path, stage):
    crawl("1", range(20))
    crawl("2", range(100, 120), "saree")
    mine = publish(dataset)
    other = tmp_path / "datasets" / "other"
    stage(other, "1", range(15, 40))
    stage(other, "2", range(200, 220), "kurta")
    theirs = publish(other)
    merged = merge(dataset, [other])
    splits = {row.record.sha256: row.split for row in merged.rows}
    assert all(splits[row.record.sha256] == row.split for row in mine.rows)
    known = {row.record.sha256 for row in mine.rows}
    assert all(
        splits[r.record.sha256] == r.split for r in theirs.rows if r.record.sha256 not in known
    )
    assert merged.facts["classes"] == ["jeans", "kurta", "saree"]
    assert len(merged) == 80
    assert verify(merged.path).ok


def test_class_names_are_composed_as_everywhere(tmp_path, dataset, jpeg):
    for label, seeds in ((unicodedata.normalize("NFD", "été"), range(5)), ("साड़ी", range(5, 10))):
        (tmp_path / "in" / label).mkdir(parents=True)
        for seed in seeds:
            (tmp_path / "in" / label / f"{seed}.jpg").write_bytes(jpeg(seed))
    version = import_folder(tmp_path / "in", dataset)
    composed = {unicodedata.normalize("NFC", name) for name in ("été", "साड़ी")}
    assert set(version.facts["classes"]) == composed
    assert set(ImageFolder(version.path).classes) == composed


def test_classes_that_differ_in_case_alone_are_refused(photos, dataset, jpeg):
    (photos / "Boots").mkdir()
    (photos / "Boots" / "1.jpg").write_bytes(jpeg(70))
    with pytest.raises(DatasetError, match="'Boots' and 'boots'"):
        import_folder(photos, dataset)
    assert not dataset.exists()


def test_what_cannot_be_imported_is_told(tmp_path, dataset, photos):
    with pytest.raises(DatasetNotFoundError, match="nowhere"):
        import_folder(tmp_path / "nowhere", dataset)
    with pytest.raises(SettingsError, match="lies within"):
        import_folder(photos, photos / "out")
    (tmp_path / "bad" / "x").mkdir(parents=True)
    (tmp_path / "bad" / "x" / "1.jpg").write_bytes(b"no")
    with pytest.raises(PublishError, match="nothing to publish"):
        import_folder(tmp_path / "bad", dataset)
