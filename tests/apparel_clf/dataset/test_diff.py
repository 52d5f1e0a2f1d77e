from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from apparel_clf.cli import main
from apparel_clf.dataset import ImageRecord, ManifestRow, Version, diff, publish
from apparel_clf.errors import DatasetError, DatasetNotFoundError
from apparel_clf.images import sign


@pytest.fixture(scope="module")
def row(jpeg):
    """Make a row of a manifest: equal seeds, equal images."""
    signature = sign(jpeg(0))

    def make(seed, label="jeans", split="train", group=None):
        record = ImageRecord(label, replace(signature, sha256=f"{seed:064x}"))
        return ManifestRow(record, split, group or f"{seed:016x}")

    return make


def version(name, rows):
    ordered = tuple(sorted(rows, key=lambda r: r.path))
    number = int(name[-1])
    return Version(Path(name), name, number, str(hash(ordered)), {"counts": {}}, ordered)


def between(before, after):
    return diff(version("demo/v1", before), version("demo/v2", after))


def test_nothing_differs(row):
    found = between([row(1), row(2)], [row(2), row(1)])
    assert found.same_id
    assert (found.added, found.removed, found.relabelled, found.moved) == ((), (), (), ())
    assert str(found) == "demo/v1 → demo/v2: equal, both have the same id\n  jeans 2 → 2"


def test_images_come_and_go(row):
    found = between([row(1), row(2)], [row(2), row(3), row(4, "saree")])
    assert [r.record.sha256[-1] for r in found.added] == ["3", "4"]
    assert [r.record.sha256[-1] for r in found.removed] == ["1"]
    assert (found.counts_before, found.counts_after) == ({"jeans": 2}, {"jeans": 2, "saree": 1})
    assert found.regrouped == 0


def test_an_image_gets_another_label_and_split(row):
    found = between([row(1), row(2)], [row(1, "saree"), row(2, split="test")])
    (label,), (split,) = found.relabelled, found.moved
    assert (label.before, label.after, label.path) == ("jeans", "saree", row(1, "saree").path)
    assert (split.before, split.after, split.sha256) == ("train", "test", row(2).record.sha256)
    assert str(split) == f"{row(2, split='test').path}: train → test"
    both = between([row(1)], [row(1, "saree", "val")])
    assert (len(both.relabelled), len(both.moved)) == (1, 1)


@pytest.mark.parametrize(
    ("before", "after", "regrouped"),
    [
        ("a a b", "a a b", 0),
        ("a a b", "x x y", 0),  # names tell nothing
        ("a a b", "a a a", 3),
        ("a a b", "a b c", 2),
        ("a b c", "c a b", 0),
        ("a a b b", "a b b a", 4),
    ],
)
def test_images_are_regrouped_where_their_companions_change(row, before, after, regrouped):
    old = [row(i, group=group) for i, group in enumerate(before.split())]
    new = [row(i, group=group) for i, group in enumerate(after.split())]
    assert between(old, new).regrouped == regrouped


def test_a_group_that_gains_or_loses_an_image_is_the_same_for_the_others(row):
    pair = [row(1, group="a"), row(2, group="a")]
    three = [row(1, group="0"), row(2, group="0"), row(0, group="0")]
    assert between(pair, three).regrouped == between(three, pair).regrouped == 0


def test_other_facts_alone_are_told_as_such(row):
    found = between([row(1)], [replace(row(1), duplicates=5)])
    assert not found.same_id
    assert "the same images, labels, splits and groups; other facts" in str(found)


def test_a_summary_names_some_or_all(row):
    found = between([row(99)], [row(i) for i in range(25)])
    lines = str(found).splitlines()
    assert lines[0].endswith("25 added, 1 removed, 0 relabelled, 0 moved, 0 regrouped")
    assert lines[2:4] == ["added", f"  {row(0).path}"]
    assert lines[13:] == ["  … and 15 more", "removed", f"  {row(99).path}"]
    assert found.summary(None).count("train/") == 26
    assert found.summary(0).count("train/") == 0


@pytest.fixture(scope="module")
def two_versions(tmp_path_factory, stage):
    dataset = tmp_path_factory.mktemp("datasets") / "demo"
    stage(dataset, "1", range(20))
    publish(dataset)
    stage(dataset, "2", range(20, 32), "saree")
    publish(dataset)
    return dataset


def test_versions_on_disk(two_versions):
    found = diff(two_versions / "v1", str(two_versions / "latest"))
    assert (found.before, found.after) == ("demo/v1", "demo/v2")
    assert (len(found.added), found.removed, found.moved) == (12, (), ())
    assert found.counts_after == {"jeans": 20, "saree": 12}


def test_what_is_no_version_is_an_error(two_versions, tmp_path):
    with pytest.raises(DatasetNotFoundError):
        diff(two_versions / "v1", tmp_path / "none")
    with pytest.raises(DatasetError, match="not a version"):
        diff(tmp_path, two_versions / "v1")


def test_the_command_in_text_and_json(two_versions, capsys):
    command = ["dataset", "diff", str(two_versions / "v1"), str(two_versions / "v2")]
    assert main(command) == 0
    assert "… and 2 more" in capsys.readouterr().out
    assert main([*command, "--all"]) == 0
    assert capsys.readouterr().out.count("/saree/") == 12
    assert main([*command, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert len(answer["added"]) == 12
    assert answer["counts_before"] == {"jeans": 20}
    assert main(["dataset", "diff", "nowhere", "nowhere"]) == 1
    assert "nowhere: no such folder" in capsys.readouterr().err
