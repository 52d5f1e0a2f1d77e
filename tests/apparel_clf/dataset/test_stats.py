from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from apparel_clf.cli import main
from apparel_clf.dataset import (
    ImageRecord,
    JournalWriter,
    ManifestRow,
    Rejection,
    Version,
    publish,
    stats,
)
from apparel_clf.errors import DatasetError
from apparel_clf.images import sign


@pytest.fixture(scope="module")
def row(jpeg):
    """Make a row of a manifest, all with one picture's signature but for what is given."""
    signature = sign(jpeg(0))

    def make(seed, label="jeans", split="train", *, group="", duplicates=0, query="", **values):
        changed = replace(signature, sha256=f"{seed:064x}", **values)
        record = ImageRecord(label, changed, source="shop.example" if query else "", query=query)
        return ManifestRow(record, split, group or str(seed), duplicates)

    return make


def version(rows, **facts):
    return Version(Path("v1"), "demo/v1", 1, "abc", {"counts": {}, **facts}, tuple(rows))


def test_counts_and_shares_by_class_and_split(row):
    rows = [row(i) for i in range(6)] + [row(7, split="val"), row(8, split="test")]
    found = stats(version([*rows, row(9, "saree", "test")]))
    assert found.images == 9
    assert found.counts == {
        "train": {"jeans": 6, "saree": 0},
        "val": {"jeans": 1, "saree": 0},
        "test": {"jeans": 1, "saree": 1},
    }
    assert found.shares["train"] == {"jeans": 0.75, "saree": 0.0}
    assert found.shares["test"] == {"jeans": 0.125, "saree": 1.0}


def test_sizes(row):
    sides = [(100, 300), (500, 200), (400, 400), (250, 90)]
    rows = [row(i, width=w, height=h, size_bytes=1000 * (i + 1)) for i, (w, h) in enumerate(sides)]
    found = stats(version(rows))
    side, size = found.shorter_side, found.size_bytes
    assert (side.least, side.median, side.most) == (90, 150.0, 400)
    assert (size.least, size.median, size.most) == (1000, 2500.0, 4000)
    assert found.total_bytes == 10_000
    assert str(size) == "1,000 to 4,000, median 2,500"


def test_formats_sources_and_queries(row):
    rows = [
        row(1, query="jeans men"),
        row(2, query="jeans men", format="PNG"),
        row(3, query="blue jeans"),
        row(4, "saree", query="sarees"),
        row(5, "saree"),
    ]
    found = stats(version(rows))
    assert found.formats == {"JPEG": 4, "PNG": 1}
    assert found.sources == {"shop.example": 4, "": 1}
    assert [(q.label, q.query, q.images) for q in found.queries] == [
        ("jeans", "blue jeans", 1),
        ("jeans", "jeans men", 2),
        ("saree", "", 1),
        ("saree", "sarees", 1),
    ]


def test_duplicates_groups_and_what_was_left_out(row):
    rows = [row(1, group="a", duplicates=2), row(2, group="a"), row(3, group="b", duplicates=1)]
    found = stats(version(rows, removed={"exact": 2, "near": 1}, rejected={"sponsored": 9}))
    assert (found.stands_for, found.groups, found.largest_group) == (3, 2, 2)
    assert found.removed == {"exact": 2, "near": 1}
    assert found.rejected == {"sponsored": 9}


def test_a_version_without_images_has_figures_too():
    found = stats(version([]))
    assert (found.images, found.shorter_side, found.largest_group) == (0, None, 0)
    assert str(found).startswith("demo/v1: 0 images\nclass  train")
    json.dumps(found.to_json())


def test_the_table_is_in_columns(row):
    rows = [row(i) for i in range(9)] + [row(10, "a-long-name", "val")]
    lines = str(stats(version(rows))).splitlines()
    assert lines[1:4] == [
        "class        train   share  val   share  test  share  all",
        "a-long-name      0    0.0%    1  100.0%     0   0.0%    1",
        "jeans            9  100.0%    0    0.0%     0   0.0%    9",
    ]
    assert "sources: unknown 10" in lines


@pytest.fixture(scope="module")
def published(tmp_path_factory, stage, encode_as):
    dataset = tmp_path_factory.mktemp("datasets") / "demo"
    stage(dataset, "1", range(20))
    stage(dataset, "2", range(100, 110), "saree", encode_as("PNG"))
    with JournalWriter(dataset / "journals" / "1.jsonl") as journal:
        journal.rejection(Rejection("jeans", "sponsored", "an ad", asin="B7"))
    return publish(dataset)


def test_figures_of_a_published_version(published):
    found = stats(published.path)
    assert found == stats(published)
    assert found.id == published.id
    assert found.counts == published.counts
    assert found.formats == {"JPEG": 20, "PNG": 10}
    assert found.rejected == {"sponsored": 1}
    plain = [row for row in published.rows if row.record.signature.plain]
    on_disk = sum((published.path / row.path).stat().st_size for row in plain)
    converted = (row for row in published.rows if not row.record.signature.plain)
    assert found.total_bytes == on_disk + sum(row.record.signature.size_bytes for row in converted)


def test_what_is_no_version_is_an_error(tmp_path):
    with pytest.raises(DatasetError, match="not a version"):
        stats(tmp_path)


def test_the_command_in_text_and_json(published, capsys):
    assert main(["dataset", "stats", str(published.path)]) == 0
    assert "rejected: sponsored 1" in capsys.readouterr().out
    assert main(["dataset", "stats", str(published.path), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["counts"] == published.counts
    assert answer["size_bytes"]["least"] > 0
    assert answer["queries"][0] == {"label": "jeans", "source": "", "query": "", "images": 20}
