"""The card and the Croissant description of a version, as text."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from apparel_clf.dataset import ImageRecord, ManifestRow, Plan, Policy
from apparel_clf.dataset.card import render_card
from apparel_clf.dataset.croissant import render_croissant
from apparel_clf.images import sign

EVIL = "<script>|`x`|</script> [a](http://evil) \u202e www.evil.com **b** me@evil.com\n# c"


@pytest.fixture
def plan(jpeg):
    def row(seed, label, split, **known):
        known = {"source": "www.shop.example", "query": "jeans for men", **known}
        return ManifestRow(ImageRecord(label, sign(jpeg(seed)), **known), split, "g")

    rows = [
        row(0, "jeans", "train"),
        row(1, "Robe d'été", "train"),
        row(2, "jeans", "val"),
        row(3, "jeans", "test"),
    ]
    rows.sort(key=lambda r: r.path)
    return Plan(tuple(rows), {"exact": 1, "near": 2}, (), Policy())


def facts(plan, **more):
    return {
        "name": "demo/v3",
        "number": 3,
        "id": plan.id,
        "parent": None,
        "images": len(plan.rows),
        "removed": dict(plan.removed),
        "rejected": {"label_conflict": 4},
        "policy": plan.policy_values(),
        "hash_format": "phash/2",
        **more,
    }


def test_croissant_says_where_everything_is(plan):
    text = render_croissant(plan, facts(plan))
    assert text == render_croissant(plan, facts(plan))
    document = json.loads(text)
    assert document["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    manifest, images = document["distribution"]
    assert (manifest["contentUrl"], manifest["sha256"]) == ("manifest.jsonl", plan.id)
    assert images["includes"] == ["train/*/*.jpg", "val/*/*.jpg", "test/*/*.jpg"]
    records = {r["@id"]: r for r in document["recordSet"]}
    assert [row["labels/name"] for row in records["labels"]["data"]] == list(plan.classes)
    assert [field["@id"] for field in records["images"]["field"]] == [
        "images/image",
        "images/label",
        "images/split",
        "images/sha256",
    ]
    assert "license" not in document
    assert json.loads(render_croissant(plan, facts(plan, license="mit")))["license"] == "mit"


@pytest.mark.parametrize(
    "path", ["train/jeans/a.jpg", "train/train/a.jpg", "/x/test/y/val/test/a.jpg", "test/T S/a.jpg"]
)
def test_croissant_reads_label_and_split_off_the_path(plan, path):
    records = json.loads(render_croissant(plan, facts(plan)))["recordSet"]
    fields = {f["@id"]: f["source"] for r in records for f in r["field"] if "source" in f}
    for name, place in (("images/label", -2), ("images/split", -3)):
        found = re.match(fields[name]["transform"]["regex"], path)
        assert found[1] == path.split("/")[place]


def test_the_card_counts_and_tells_its_limits(plan):
    card = render_card(plan, facts(plan))
    assert card == render_card(plan, facts(plan))
    assert "| jeans | 1 | 1 | 1 | 3 |" in card
    assert "| near duplicate | 2 |" in card
    assert "labels of 4 images come from the search" in card
    assert "jeans has 3 images, Robe d'été has 1" in card
    assert "Licence: unknown" in card
    assert "grants none" in card
    assert 'load_dataset("datasets/demo/v3")' in card


def test_the_card_tells_of_images_that_no_search_found(plan):
    rows = tuple(replace(r, record=replace(r.record, query="", source="")) for r in plan.rows)
    card = render_card(replace(plan, rows=rows), facts(plan))
    assert "labels of 4 images are those of the folders" in card
    assert "come from the search" not in card
    assert "not recorded" in card


def front_matter(card):
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load(card.split("---\n")[1])


@pytest.mark.parametrize(
    ("given", "known"),
    [(None, "unknown"), ("CC-BY-4.0", "cc-by-4.0"), ("Ask us first", "other"), (EVIL, "other")],
)
def test_front_matter_names_the_licence(plan, given, known):
    card = render_card(plan, facts(plan, license=given))
    assert front_matter(card)["license"] == known
    assert ("Ask us first" in card) == (given == "Ask us first")


@pytest.mark.parametrize("name", ["demo/v1", 'a: b "c" #/v1', "Robe d'été/v1", "- x/v1"])
def test_front_matter_survives_any_folder_name(plan, name):
    front = front_matter(render_card(plan, facts(plan, name=name)))
    assert front["pretty_name"] == name
    assert [f["split"] for f in front["configs"][0]["data_files"]] == [
        "train",
        "validation",
        "test",
    ]


def test_text_from_the_web_stays_text(plan):
    rows = tuple(replace(r, record=replace(r.record, query=EVIL)) for r in plan.rows)
    evil = facts(plan, license=EVIL, software={EVIL: EVIL}, rejected={EVIL: 1})
    card = render_card(replace(plan, rows=rows), evil)
    for markup in ("<script", "[a](", "\u202e", "http://evil", " www.evil", "me@evil", "**b**"):
        assert markup not in card
    lines = [line for line in card.splitlines() if "script" in line and line.startswith("|")]
    assert lines
    for line in lines:
        assert line == "| (settings) |" or re.sub(r"\\.", "", line).count("|") in (3, 4)


def test_software_and_fetching_are_told_where_known(plan):
    card = render_card(plan, facts(plan, software={"apparel-clf": "9.9"}))
    assert "| software: apparel-clf | 9.9 |" in card
    fetched = {"from": "ab" * 32, "missing": 0}
    assert "All of its images are here" in render_card(plan, facts(plan, fetched=fetched))
