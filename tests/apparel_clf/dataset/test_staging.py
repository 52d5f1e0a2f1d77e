from __future__ import annotations

import hashlib
import os
import stat

import pytest

from apparel_clf.dataset import (
    ImageRecord,
    JournalWriter,
    ObjectStore,
    PageRecord,
    Rejection,
    Staging,
    read_journal,
)
from apparel_clf.errors import DatasetError
from apparel_clf.images import sign


@pytest.fixture
def record(jpeg):
    return ImageRecord("jeans", sign(jpeg(1)), title="Jeans | “blue”", asin="B1", page=2)


def test_objects_are_named_by_their_hash_and_stored_once(tmp_path):
    store = ObjectStore(tmp_path / "objects")
    sha256 = store.put(b"bytes")
    assert sha256 == hashlib.sha256(b"bytes").hexdigest()
    assert sha256 in store
    inode = store.path(sha256).stat().st_ino
    assert store.put(b"bytes") == sha256
    assert store.path(sha256).stat().st_ino == inode
    assert not store.path(sha256).stat().st_mode & stat.S_IWUSR
    assert not list(tmp_path.rglob(".tmp-*"))


def test_a_damaged_object_is_replaced(tmp_path):
    store = ObjectStore(tmp_path / "objects")
    path = store.path(store.put(b"bytes"))
    for damaged in (b"bytEs", b"half"):
        path.unlink()
        path.write_bytes(damaged)
        store.put(b"bytes")
        assert path.read_bytes() == b"bytes"


def test_a_link_is_no_object(tmp_path, jpeg):
    store = ObjectStore(tmp_path / "objects")
    path = store.path(store.put(jpeg()))
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert not store.holds(sign(jpeg()))
    store.put(jpeg())
    assert not path.is_symlink()
    assert store.holds(sign(jpeg()))


def test_what_is_no_file_is_no_journal(tmp_path):
    staging = Staging(tmp_path)
    JournalWriter(staging.journals_folder / "1.jsonl").close()
    (staging.journals_folder / "x.jsonl").mkdir()
    assert [path.name for path in staging.journal_paths()] == ["1.jsonl"]
    assert len(list(staging.journals())) == 1


def test_half_written_journals_of_long_ago_are_removed(tmp_path):
    staging = Staging(tmp_path)
    old, young = (staging.journals_folder / f"{name}.jsonl.part" for name in ("old", "young"))
    staging.journals_folder.mkdir()
    for path in (old, young):
        path.write_text("half")
    os.utime(old, (0, 0))
    staging.clean()
    assert [old.exists(), young.exists()] == [False, True]


def test_journal_round_trip(tmp_path, record):
    rejection = Rejection("saree", "sponsored", asin="B2")
    with JournalWriter(tmp_path / "j" / "1.jsonl", per_class=7) as journal:
        journal.image(record)
        journal.rejection(rejection)
    read = read_journal(tmp_path / "j" / "1.jsonl")
    assert (read.images, read.rejections, read.per_class) == ([record], [rejection], 7)


def test_lines_reach_the_file_at_once(tmp_path, record):
    with JournalWriter(tmp_path / "1.jsonl") as journal:
        journal.image(record)
        assert read_journal(journal.path).images == [record]


def test_every_torn_end_is_left_out(tmp_path, record):
    path = tmp_path / "1.jsonl"
    with JournalWriter(path) as journal:
        journal.image(record)
        journal.image(record)
    whole = path.read_bytes()
    first_image_end = whole.index(b"\n", whole.index(b"\n") + 1) + 1
    for length in range(first_image_end, len(whole) - 1, 53):
        path.write_bytes(whole[:length])
        assert read_journal(path).images == [record]


@pytest.mark.parametrize(
    "line",
    [
        '{"type": "image"}',
        "not json",
        "[" * 100_000,
        '{"type": "crawl", "format": 99, "per_class": null}',
    ],
)
def test_a_damaged_line_in_the_middle_is_named(tmp_path, line):
    path = tmp_path / "1.jsonl"
    path.write_text(f'{line}\n{{"type": "crawl", "format": 1, "per_class": null}}\n')
    with pytest.raises(DatasetError, match=r"1\.jsonl, line 1"):
        read_journal(path)


@pytest.mark.parametrize("label", ["../up", "a/b", "", "a:b", ".hidden", "x" * 65, "a "])
def test_a_label_that_is_no_folder_name_is_refused(tmp_path, record, label):
    values = record.to_json() | {"label": label}
    with pytest.raises(DatasetError, match="not a class name"):
        ImageRecord.from_json(values)


def test_a_failed_write_leaves_nothing_behind(tmp_path, monkeypatch):
    store = ObjectStore(tmp_path / "objects")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fchmod", full)
    with pytest.raises(OSError, match="No space"):
        store.put(b"bytes")
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_pages_and_the_end_are_told_where_asked_for(tmp_path, record):
    path = tmp_path / "1.jsonl"
    page = PageRecord("jeans", "men's jeans", 2, {"url": "u", "results": [{"asin": "B1"}]})
    with JournalWriter(path, per_class=3, crawl="key") as journal:
        journal.page(page)
        journal.image(record)
        journal.end(4)
    whole = read_journal(path, with_pages=True)
    assert (whole.crawl, whole.pages, whole.version) == ("key", [page], 4)
    assert read_journal(path).pages == []


def test_a_second_writer_goes_on_without_a_second_header(tmp_path, record):
    path = tmp_path / "1.jsonl"
    for _ in range(2):
        with JournalWriter(path, per_class=3) as journal:
            journal.image(record)
    assert path.read_text().count('"type": "crawl"') == 1
    assert len(read_journal(path).images) == 2


def test_a_journal_has_one_writer_at_a_time(tmp_path):
    path = tmp_path / "1.jsonl"
    with JournalWriter(path), pytest.raises(DatasetError, match="another crawl is writing"):
        JournalWriter(path)
    JournalWriter(path).close()


@pytest.mark.parametrize("change", [{"page": "x"}, {"title": 3}, {"reason": None}])
def test_a_damaged_rejection_is_named(change):
    values = Rejection("jeans", "sponsored", page=3, failed=True).to_json()
    assert Rejection.from_json(values).page == 3
    with pytest.raises((TypeError, ValueError)):
        Rejection.from_json(values | change)
