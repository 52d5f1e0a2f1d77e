"""Folders of images become datasets, and datasets are merged; nobody's files are changed."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from apparel_clf.dataset import ImageFolder, curate, import_folder, merge, publish, verify
from apparel_clf.dataset.splits import merged_split
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
    had = [splits_of(mine), splits_of(theirs)]
    for sha256, split in splits_of(merged).items():
        assert split == merged_split(splits[sha256] for splits in had if sha256 in splits)
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


def folder_of(tmp_path, name, jpeg, **splits):
    """A folder with splits of one class ``a``, and a class ``b`` beside it."""
    folder = tmp_path / name
    for split, seeds in splits.items():
        for label, more in (("a", 0), ("b", 500)):
            (folder / split / label).mkdir(parents=True)
            for seed in seeds:
                (folder / split / label / f"{seed}.jpg").write_bytes(jpeg(seed + more))
    return folder


def splits_of(version):
    return {row.record.sha256: row.split for row in version.rows}


def test_equal_files_in_two_splits_are_for_training(tmp_path, dataset, jpeg):
    source = folder_of(tmp_path, "leak", jpeg, train=range(10), test=range(6, 14))
    version = import_folder(source, dataset)
    assert version.counts["train"] == {"a": 10, "b": 10}
    assert version.counts["test"] == {"a": 4, "b": 4}


def test_what_any_of_them_trained_on_is_tested_on_by_none(tmp_path, jpeg):
    one = folder_of(tmp_path, "one", jpeg, train=range(12), test=range(20, 24))
    other = folder_of(tmp_path, "other", jpeg, train=range(30, 36), test=range(12))
    plain = tmp_path / "plain"
    for label, more in (("a", 0), ("b", 500)):
        (plain / label).mkdir(parents=True)
        for seed in range(20, 24):
            (plain / label / f"{seed}.jpg").write_bytes(jpeg(seed + more))
    orders = ([one, other, plain], [plain, other, one])
    merged = [merge(tmp_path / f"d{i}" / "new", order) for i, order in enumerate(orders)]
    assert splits_of(merged[0]) == splits_of(merged[1])
    assert merged[0].counts["train"] == {"a": 18, "b": 18}
    assert merged[0].counts["test"] == {"a": 4, "b": 4}


def test_an_image_that_leaves_and_returns_keeps_its_split(tmp_path, dataset, jpeg, stage):
    stage(dataset, "1", range(40))
    stage(dataset, "2", range(500, 540), "saree")
    first = publish(dataset)
    left = [row.path for row in first.rows if row.record.label == "jeans"][:25]
    curate(dataset, reject=left)
    stage(dataset, "3", range(100, 140))
    publish(dataset)
    back = splits_of(curate(dataset, restore=left))
    assert all(back[sha256] == split for sha256, split in splits_of(first).items())


def test_a_label_that_cannot_be_beside_the_others_changes_nothing(photos, dataset, tmp_path, jpeg):
    first = import_folder(photos, dataset)
    before = sorted(dataset.rglob("*"))
    (tmp_path / "more" / "Boots").mkdir(parents=True)
    (tmp_path / "more" / "Boots" / "1.jpg").write_bytes(jpeg(70))
    with pytest.raises(DatasetError, match="'Boots' and 'boots'"):
        import_folder(tmp_path / "more", dataset)
    with pytest.raises(DatasetNotFoundError):
        merge(dataset, [tmp_path / "more", tmp_path / "nowhere"])
    assert sorted(dataset.rglob("*")) == before
    assert publish(dataset).id == first.id


def test_originals_are_imported_not_what_they_were_converted_to(
    crawl, dataset, tmp_path, encode_as, stage
):
    crawl("1", range(20), encode=encode_as("PNG"))
    crawl("2", range(100, 120), "saree")
    first = publish(dataset)
    copy = merge(tmp_path / "copy", [dataset])
    assert splits_of(copy) == splits_of(first)
    assert merge(tmp_path / "copy", [dataset]).id == copy.id
    with pytest.raises(SettingsError, match="a version of"):
        merge(dataset, [first.path])


def test_a_picture_that_was_put_in_place_of_another_is_left_out(crawl, dataset, tmp_path, jpeg):
    crawl("1", range(20))
    crawl("2", range(100, 120), "saree")
    first = publish(dataset)
    changed = first.path / first.rows[0].path
    changed.unlink()
    changed.write_bytes(jpeg(77))
    copy = import_folder(first.path, tmp_path / "copy")
    assert [r.reason for r in copy.rejections()] == ["changed"]
    assert len(copy) == len(first) - 1


def test_decisions_come_along(crawl, dataset, tmp_path, stage):
    crawl("1", range(20))
    crawl("2", range(100, 120), "saree")
    first = publish(dataset)
    moved, rejected = first.rows[0].record.sha256, first.rows[1].record.sha256
    curate(dataset, reject=[rejected], relabel={moved: "kurta"})
    other = tmp_path / "other"
    stage(other, "1", range(20))
    stage(other, "2", range(100, 120), "saree")
    publish(other)
    merged = merge(other, [dataset])
    labels = {row.record.sha256: row.record.label for row in merged.rows}
    assert (labels[moved], rejected in labels) == ("kurta", False)


def test_a_name_in_no_encoding_is_no_hindrance(photos, dataset, jpeg):
    name = os.fsencode(photos / "boots") + b"/\xff\xfe.jpg"
    try:
        Path(os.fsdecode(name)).write_bytes(jpeg(60))
    except OSError:
        pytest.skip("this file system takes names in UTF-8 alone")
    assert len(import_folder(photos, dataset)) == 41
