from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from apparel_clf.dataset import ImageRecord, Journal, ManifestRow, Policy, Rejection, plan_version
from apparel_clf.errors import SettingsError
from apparel_clf.images import sign


@pytest.fixture(scope="module")
def record(jpeg):
    def make(seed, label="jeans", **values):
        size = values.pop("size", (60, 80))
        quality = values.pop("quality", 90)
        defaults = {
            "source": "shop",
            "query": label,
            "asin": f"B{seed:09d}",
            "image_url": f"https://shop/images/I/{seed}-{size[0]}-{quality}.jpg",
            "page": 1 + seed // 10,
            "position": 1 + seed % 10,
        }
        return ImageRecord(
            label=label, signature=sign(jpeg(seed, size, quality)), **(defaults | values)
        )

    return make


@pytest.fixture(scope="module")
def records(record):
    return [record(seed) for seed in range(30)] + [
        record(seed, "saree") for seed in range(100, 130)
    ]


def shas(plan):
    return {row.record.sha256 for row in plan.rows}


def test_every_unique_image_is_there_once(records):
    plan = plan_version([Journal(images=list(records))])
    assert shas(plan) == {r.sha256 for r in records}
    assert sum(sum(by.values()) for by in plan.counts.values()) == len(records)
    assert plan.counts["test"] == {"jeans": 5, "saree": 5} or plan.counts["test"]["jeans"] in (4, 5)


def test_order_and_division_of_journals_make_no_difference(records):
    expected = plan_version([Journal(images=list(records))])
    shuffled = list(records)
    random.Random(1).shuffle(shuffled)
    parts = [Journal(images=shuffled[:20]), Journal(images=shuffled[20:] + shuffled[:5])]
    assert plan_version(parts).manifest() == expected.manifest()
    assert plan_version(parts[::-1]).id == expected.id


def test_near_duplicates_leave_one_and_say_so(record):
    images = [record(1), record(1, quality=60, asin="B1"), record(1, size=(45, 60), asin="B2")]
    plan = plan_version([Journal(images=images)])
    (row,) = plan.rows
    assert row.record.sha256 == images[0].sha256
    assert row.duplicates == 2
    assert plan.removed == {"exact": 0, "near": 2}


def test_one_picture_under_several_products_is_counted_once(record):
    images = [record(1), record(1, asin="B1"), record(1, asin="B2")]
    plan = plan_version([Journal(images=images), Journal(images=images)])
    (row,) = plan.rows
    assert (row.duplicates, plan.removed["exact"]) == (2, 2)


def test_a_picture_under_two_classes_goes_to_neither(record):
    plan = plan_version([Journal(images=[record(1), record(1, "saree"), record(2)])])
    assert [row.record.label for row in plan.rows] == ["jeans"]
    assert {r.reason for r in plan.rejections} == {"label_conflict"}
    assert {r.label for r in plan.rejections} == {"jeans", "saree"}


def test_a_product_under_two_classes_goes_to_neither(record):
    images = [record(1, asin="B7"), record(2, "saree", asin="B7"), record(3)]
    plan = plan_version([Journal(images=images)])
    assert shas(plan) == {images[2].sha256}


def test_equal_products_of_different_shops_are_no_conflict(record):
    images = [record(1, asin="B7"), record(2, "saree", asin="B7", source="other shop")]
    assert len(plan_version([Journal(images=images)]).rows) == 2


def test_photos_of_one_product_share_a_split(record):
    images = [record(seed, asin=f"B{seed // 3}") for seed in range(60)]
    plan = plan_version([Journal(images=images)])
    by_product = {}
    for row in plan.rows:
        by_product.setdefault(row.record.asin, set()).add((row.group, row.split))
    assert len(by_product) == 20
    assert all(len(places) == 1 for places in by_product.values())


def test_near_duplicates_of_two_classes_share_a_split(record):
    pairs = [
        image
        for seed in range(20)
        for image in (record(seed, asin=""), record(seed, "saree", quality=70, asin=""))
    ]
    plan = plan_version([Journal(images=pairs)])
    assert len(plan.rows) == 40
    groups = {}
    for row in plan.rows:
        groups.setdefault(row.group, set()).add(row.split)
    assert len(groups) == 20
    assert all(len(splits) == 1 for splits in groups.values())


def test_the_limit_takes_the_shops_first_whatever_came_in_first(record):
    images = [record(seed) for seed in range(20)]
    limited = Journal(images=images[::-1], per_class=8)
    assert shas(plan_version([limited])) == {r.sha256 for r in images[:8]}


def test_duplicates_do_not_count_against_the_limit(record):
    images = [record(0), record(0, asin="B1", position=2, quality=70), record(2), record(3)]
    plan = plan_version([Journal(images=images, per_class=3)])
    assert len(plan.rows) == 3


def test_the_next_version_keeps_images_and_splits(record, records):
    first = plan_version([Journal(images=list(records))])
    more = [record(seed) for seed in range(200, 260)]
    second = plan_version([Journal(images=more)], first.rows)
    before = {row.record.sha256: row.split for row in first.rows}
    after = {row.record.sha256: row.split for row in second.rows}
    assert len(after) == len(records) + len(more)
    assert {sha: after[sha] for sha in before} == before


def test_a_better_copy_takes_over_the_split(record):
    first = plan_version([Journal(images=[record(s, size=(45, 60)) for s in range(20)])])
    better = Journal(images=[record(seed, asin=f"N{seed}") for seed in range(20)])
    second = plan_version([better], first.rows)
    splits = {
        seed: {
            row.split
            for row in plan.rows
            if row.record.image_url.split("/")[-1].split("-")[0] == str(seed)
        }
        for seed in range(20)
        for plan in (first, second)
    }
    assert len(second.rows) == 20
    assert {row.record.signature.width for row in second.rows} == {60}
    by_seed = {row.record.position + 10 * row.record.page: row.split for row in first.rows}
    again = {row.record.position + 10 * row.record.page: row.split for row in second.rows}
    assert again == by_seed
    assert all(len(found) == 1 for found in splits.values())


def test_groups_that_turn_out_to_be_one_go_where_they_were_trained_on(record):
    images = [record(seed) for seed in range(40)]
    first = plan_version([Journal(images=images)])
    split = {row.record.sha256: row.split for row in first.rows}
    trained = next(r for r in images if split[r.sha256] == "train")
    tested = next(r for r in images if split[r.sha256] == "test")
    # One product turns out to have both pictures.
    bridge = [replace(trained, asin="BRIDGE"), replace(tested, asin="BRIDGE")]
    second = plan_version(
        [Journal(images=bridge)],
        [replace(row, record=replace(row.record, asin="")) for row in first.rows],
    )
    after = {row.record.sha256: row.split for row in second.rows}
    assert after[trained.sha256] == after[tested.sha256] == "train"
    moved = {sha for sha in split if after[sha] != split[sha]}
    assert moved == {tested.sha256}


def test_rejections_of_the_crawl_are_carried(record):
    rejection = Rejection("jeans", "sponsored", "an advertisement", asin="B1")
    plan = plan_version([Journal(images=[record(1)], rejections=[rejection, rejection])])
    assert plan.rejections == (rejection,)


def test_manifest_rows_survive_a_round_trip(records):
    plan = plan_version([Journal(images=list(records))])
    lines = plan.manifest().splitlines()
    assert tuple(ManifestRow.from_json(json.loads(line)) for line in lines) == plan.rows


def test_policy_is_checked():
    with pytest.raises(SettingsError):
        Policy(val=0.6, test=0.6)


def test_what_a_conflict_takes_away_is_filled_from_the_same_page(record):
    """The limit is of images that are in the version, not of those that turn out disputed."""
    jeans = [record(seed) for seed in range(12)]
    disputed = record(500, "saree", asin=jeans[2].asin)
    plan = plan_version([Journal(images=[*jeans, disputed], per_class=8)])
    assert shas(plan) == {r.sha256 for r in [*jeans[:2], *jeans[3:9]]}
    conflicts = [r for r in plan.rejections if r.reason == "label_conflict"]
    assert {(r.label, r.asin) for r in conflicts} == {
        ("jeans", jeans[2].asin),
        ("saree", jeans[2].asin),
    }
    assert all(r.place[2:] != (0, 0) and r.query for r in conflicts)


def test_an_image_that_failed_and_was_had_later_is_no_loss(record):
    image = record(1)
    place = {"label": "jeans", "query": "jeans", "page": image.page, "position": image.position}
    failed = Rejection(reason="http_500", failed=True, **place)
    elsewhere = replace(failed, position=99)
    again = replace(elsewhere, reason="download_failed")
    small = replace(failed, reason="too_small", failed=False, position=7)
    first = replace(small, reason="http_500", failed=True)
    told = [failed, elsewhere, first, again, small]
    plan = plan_version([Journal(images=[image], rejections=told)])
    assert set(plan.rejections) == {again, small}
