from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from apparel_clf.dataset import (
    ImageRecord,
    JournalWriter,
    Rejection,
    Staging,
    curate,
    open_version,
    publish,
    verify,
)
from apparel_clf.dataset.publish import mend_latest
from apparel_clf.errors import DatasetError, DatasetNotFoundError, PublishError
from apparel_clf.images import sign


def test_a_version_holds_the_bytes_as_they_came(crawl, dataset, jpeg, files_of):
    crawl("1", range(20))
    crawl("2", range(100, 120), "saree")
    version = publish(dataset)
    assert (version.name, version.number, len(version)) == ("demo/v1", 1, 40)
    for row in version.rows:
        data = (version.path / row.path).read_bytes()
        assert hashlib.sha256(data).hexdigest() == row.record.sha256 == Path(row.path).stem
    on_disk = {p for p in files_of(version.path) if p.endswith(".jpg")}
    assert on_disk == {row.path for row in version.rows}
    assert (dataset / "latest").resolve() == version.path
    assert open_version(dataset / "latest") == version


def test_files_are_links_into_the_store(crawl, dataset):
    crawl("1", range(5))
    version = publish(dataset)
    path = version.path / version.rows[0].path
    assert path.samefile(Staging(dataset).objects.path(version.rows[0].record.sha256))


def test_the_same_crawl_elsewhere_is_the_same_version_byte_for_byte(
    crawl, dataset, tmp_path, jpeg, files_of
):
    crawl("1", range(20))
    first = publish(dataset)
    other = tmp_path / "elsewhere" / "demo"
    for name, seeds in (("b", range(10, 20)), ("a", range(12))):
        staging = Staging(other)
        with JournalWriter(staging.journals_folder / f"{name}.jsonl") as journal:
            for seed in reversed(seeds):
                staging.objects.put(jpeg(seed))
                journal.image(
                    ImageRecord("jeans", sign(jpeg(seed)), asin=f"jeans{seed}", title="<b>|x|</b>")
                )
    assert files_of(publish(other).path) == files_of(first.path)


def test_the_next_version_leaves_the_last_alone(crawl, dataset, files_of):
    crawl("1", range(20))
    first = publish(dataset)
    before = files_of(first.path)
    crawl("2", range(20, 40))
    second = publish(dataset)
    assert (second.name, second.facts["parent"], len(second)) == ("demo/v2", first.id, 40)
    assert files_of(first.path) == before
    splits = {row.record.sha256: row.split for row in second.rows}
    assert all(splits[row.record.sha256] == row.split for row in first.rows)


def test_publishing_again_without_news_has_the_same_id(crawl, dataset):
    crawl("1", range(10))
    assert publish(dataset).id == publish(dataset).id
    assert publish(dataset).number == 3


@pytest.mark.parametrize(("format", "mode"), [("PNG", "RGBA"), ("WEBP", "RGB"), ("JPEG", "CMYK")])
def test_what_is_no_plain_jpeg_is_converted_once(crawl, dataset, encode_as, format, mode):
    crawl("1", range(4), encode=encode_as(format, mode))
    version = publish(dataset)
    for row in version.rows:
        with Image.open(version.path / row.path) as image:
            assert (image.format, image.mode) == ("JPEG", "RGB")
        original = Staging(dataset).objects.path(row.record.sha256).read_bytes()
        assert hashlib.sha256(original).hexdigest() == row.record.sha256
        assert row.record.signature.format == format


def test_card_and_facts_count_what_is_there(crawl, dataset):
    crawl("1", range(20))
    version = publish(dataset)
    card = (version.path / "README.md").read_text()
    assert "| jeans | 14 | 3 | 3 | 20 |" in card
    assert version.id in card
    facts = json.loads((version.path / "version.json").read_text())
    assert (
        facts["counts"]
        == version.counts
        == {"train": {"jeans": 14}, "val": {"jeans": 3}, "test": {"jeans": 3}}
    )


def test_hugging_face_front_matter_names_every_split(crawl, dataset):
    crawl("1", range(20))
    card = (publish(dataset).path / "README.md").read_text()
    front = card.split("---")[1]
    assert "path: train/**" in front
    assert "path: val/**" in front
    assert "path: test/**" in front


def test_nothing_to_publish_says_so(dataset, crawl, tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"scrapy crawl.*dataset import"):
        publish(tmp_path / "none")
    crawl("1", [])
    with pytest.raises(PublishError, match="no image was accepted"):
        publish(dataset)
    assert not (dataset / "v1").exists()


def test_nothing_left_but_what_was_rejected_names_the_way_back(dataset, crawl):
    crawl("1", [1])
    first = publish(dataset)
    with pytest.raises(PublishError, match=r"rejected_by_hand.*--restore"):
        curate(dataset, reject=[first.rows[0].path])


def test_a_version_without_journals_is_enough(dataset, crawl):
    crawl("1", range(5))
    first = publish(dataset)
    shutil.rmtree(dataset / "journals")
    assert publish(dataset).id == first.id


def test_a_missing_object_is_named_and_nothing_is_left(crawl, dataset):
    crawl("1", range(3))
    victim = next(p for p in (dataset / "objects").rglob("*") if p.is_file())
    victim.unlink()
    with pytest.raises(PublishError, match=victim.name):
        publish(dataset)
    assert not list(dataset.glob("*v1*"))


def test_a_full_disk_leaves_the_last_version_whole(crawl, dataset, monkeypatch, files_of):
    crawl("1", range(10))
    first = publish(dataset)
    before = files_of(first.path)
    crawl("2", range(10, 20))

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", full)
        with pytest.raises(PublishError, match="disk is full"):
            publish(dataset)
    assert files_of(first.path) == before
    assert (dataset / "latest").resolve() == first.path
    assert publish(dataset).name == "demo/v2"


def test_copies_are_made_where_links_cannot_be(crawl, dataset, monkeypatch):
    crawl("1", range(5))

    def across_devices(*_):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", across_devices)
    version = publish(dataset)
    assert (version.path / version.rows[0].path).stat().st_nlink == 1


def test_a_killed_publisher_leaves_nothing_that_the_next_minds(crawl, dataset):
    crawl("1", range(5))
    half = dataset / ".building-v1"
    half.mkdir()
    (half / "junk").write_text("x")
    publish(dataset)
    assert not half.exists()


def test_two_publishers_at_once_the_second_fails_clearly(crawl, dataset):
    crawl("1", range(5))
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); "
            "print('held', flush=True); sys.stdin.read()",
            str(dataset / ".publish.lock"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(PublishError, match="another process is publishing"):
            publish(dataset)
    finally:
        holder.communicate()
    assert publish(dataset).number == 1


def test_opening_what_is_no_version_says_why(crawl, dataset, tmp_path):
    with pytest.raises(DatasetNotFoundError):
        open_version(tmp_path / "none")
    with pytest.raises(DatasetError, match="not a version"):
        open_version(tmp_path)
    crawl("1", range(5))
    version = publish(dataset)
    with pytest.raises(DatasetError, match="demo/latest"):
        open_version(dataset)
    (version.path / "version.json").write_text("{}")
    with pytest.raises(DatasetError, match="damaged"):
        open_version(version.path)


def test_a_damaged_manifest_line_is_named(crawl, dataset):
    crawl("1", range(5))
    version = publish(dataset)
    manifest = version.path / "manifest.jsonl"
    lines = manifest.read_text().splitlines()
    manifest.write_text("\n".join([lines[0], lines[1][:40], *lines[2:]]))
    with pytest.raises(DatasetError, match="line 2"):
        open_version(version.path)


def test_a_version_tells_what_was_turned_away(crawl, dataset):
    crawl("1", range(10))
    with JournalWriter(Staging(dataset).journals_folder / "1.jsonl") as journal:
        journal.rejection(Rejection("jeans", "sponsored", "an ad \ud800 <b>", asin="B7", page=2))
    version = publish(dataset)
    (told,) = version.rejections()
    assert (told.reason, told.asin, told.page) == ("sponsored", "B7", 2)
    assert open_version(version.path).facts["rejected"] == {"sponsored": 1}
    (version.path / "rejections.jsonl").unlink()
    assert open_version(version.path).rejections() == ()


def objects_of(dataset):
    return sorted(p for p in (dataset / "objects").rglob("*") if p.is_file())


def damage(path):
    """Change a byte in place, so that the length is what it was."""
    data = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])


@pytest.mark.parametrize("encoded", ["plain", "PNG"])
def test_a_damaged_object_is_not_published_and_can_be_healed(
    crawl, dataset, jpeg, encode_as, encoded
):
    encode = jpeg if encoded == "plain" else encode_as(encoded)
    crawl("1", range(3), encode=encode)
    victim = objects_of(dataset)[0]
    damage(victim)
    with pytest.raises(PublishError, match=f"{victim.name}: this object is .*dataset import"):
        publish(dataset)
    assert not (dataset / "v1").exists()
    crawl("2", range(3), encode=encode)
    assert verify(publish(dataset).path).ok


def test_an_object_that_was_damaged_after_it_was_published_is_not_published_again(crawl, dataset):
    crawl("1", range(3))
    publish(dataset)
    victim = objects_of(dataset)[0]
    damage(victim)
    with pytest.raises(PublishError, match=victim.name):
        publish(dataset)


def test_a_link_in_the_store_is_not_published(crawl, dataset, tmp_path):
    crawl("1", range(3))
    victim = objects_of(dataset)[0]
    victim.rename(tmp_path / "elsewhere")
    victim.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PublishError, match=f"{victim.name}: this object is missing or damaged"):
        publish(dataset)


def test_a_link_for_a_lock_is_not_followed(crawl, dataset, tmp_path):
    crawl("1", range(3))
    precious = tmp_path / "precious"
    precious.write_text("precious")
    (dataset / ".publish.lock").symlink_to(precious)
    with pytest.raises(PublishError, match=r"publish\.lock"):
        publish(dataset)
    assert precious.read_text() == "precious"


def test_a_manifest_that_was_cut_is_not_built_on(crawl, dataset):
    crawl("1", range(5))
    manifest = publish(dataset).path / "manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes().partition(b"\n")[2])
    with pytest.raises(PublishError, match="apparel-clf dataset verify"):
        publish(dataset)


def test_hashes_of_another_format_are_not_built_on(crawl, dataset):
    crawl("1", range(5))
    facts = publish(dataset).path / "version.json"
    facts.write_text(json.dumps(json.loads(facts.read_text()) | {"hash_format": "phash1/9"}))
    with pytest.raises(PublishError, match=r"'phash1/9'.*apparel-clf dataset import"):
        publish(dataset)


@pytest.mark.parametrize("leads", [None, "v9"])
def test_a_link_that_was_lost_is_set_again(crawl, dataset, leads):
    crawl("1", range(5))
    first = publish(dataset)
    (dataset / "latest").unlink()
    if leads:
        (dataset / "latest").symlink_to(leads)
    mend_latest(dataset)
    assert (dataset / "latest").readlink() == Path("v1")
    assert open_version(dataset / "latest") == first


def test_half_written_journals_of_long_ago_are_removed(crawl, dataset):
    crawl("1", range(5))
    half = dataset / "journals" / "x.jsonl.part"
    half.write_text("half")
    os.utime(half, (0, 0))
    publish(dataset)
    assert not half.exists()
