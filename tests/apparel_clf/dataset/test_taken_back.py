"""What a crawl turned away comes in when a person names its class, and leaves again."""

from __future__ import annotations

import random

import pytest

from apparel_clf.dataset import (
    Decision,
    ImageRecord,
    Journal,
    JournalWriter,
    Rejection,
    Staging,
    curate,
    plan_version,
    publish,
    read_decisions,
    verify,
)
from apparel_clf.images import sign


@pytest.fixture
def turn_away(dataset, jpeg):
    """Journal pictures that a crawl fetched, stored and turned away."""

    def turn_away(name, seeds, label="jeans", reason="too_small", per_class=None):
        staging = Staging(dataset)
        path = staging.journals_folder / f"{name}.jsonl"
        with JournalWriter(path, per_class=per_class) as journal:
            for seed in seeds:
                sha256 = staging.objects.put(jpeg(seed))
                journal.rejection(rejection(sha256, seed, label, reason))
        return sha256

    return turn_away


def rejection(sha256, seed, label="jeans", reason="too_small"):
    return Rejection(
        label, reason, "60x80", sha256, f"{label}{seed}", query=label, title="a", position=seed + 1
    )


def row_of(version, sha256):
    return next((row for row in version.rows if row.record.sha256 == sha256), None)


@pytest.fixture
def crawled(crawl, dataset, turn_away):
    """A dataset of two classes, and a picture that was turned away."""
    crawl("1", range(20))
    crawl("2", range(100, 120), "saree")
    return turn_away("3", [50])


def test_a_picture_that_was_turned_away_comes_in_under_the_class_that_is_named(crawled, dataset):
    first = publish(dataset)
    assert row_of(first, crawled) is None
    second = curate(dataset, relabel={crawled: "saree"}, who="Ada")
    record = row_of(second, crawled).record
    assert (record.label, record.found_label, record.asin) == ("saree", "jeans", "jeans50")
    assert not [r for r in second.rejections() if r.sha256 == crawled]
    assert len(second) == len(first) + 1
    assert verify(second.path).ok


def test_taking_back_is_itself_taken_back(crawled, dataset):
    first = publish(dataset)
    second = curate(dataset, relabel={crawled: "jeans"})
    assert publish(dataset).id == second.id
    fourth = curate(dataset, restore=[crawled])
    assert fourth.id == first.id
    assert [r.reason for r in fourth.rejections() if r.sha256 == crawled] == ["too_small"]


def test_what_was_taken_back_and_then_rejected_is_out_for_the_reason_it_was_out_for(
    crawled, dataset
):
    first = publish(dataset)
    curate(dataset, relabel={crawled: "jeans"})
    third = curate(dataset, reject=[crawled])
    assert third.id == first.id
    assert {r.reason for r in third.rejections()} == {"too_small"}
    assert (publish(dataset).path / "rejections.jsonl").read_bytes() == (
        third.path / "rejections.jsonl"
    ).read_bytes()


def test_it_pushes_nothing_out_of_a_full_class(crawl, dataset, turn_away, stage):
    away = turn_away("1", [0], per_class=5)
    with JournalWriter(Staging(dataset).journals_folder / "1.jsonl") as journal:
        crawl("2", range(10, 15))
        for record in records_of(dataset, "2"):
            journal.image(record)
    (Staging(dataset).journals_folder / "2.jsonl").unlink()
    crawl("3", range(100, 110), "saree")
    first = publish(dataset)
    second = curate(dataset, relabel={away: "jeans"})
    labels = [row.record.label for row in second.rows]
    assert labels.count("jeans") == 6
    assert len(second) == len(first) + 1


def records_of(dataset, name):
    from apparel_clf.dataset import read_journal

    return read_journal(Staging(dataset).journals_folder / f"{name}.jsonl").images


@pytest.fixture(scope="module")
def signatures(jpeg):
    return [sign(jpeg(seed)) for seed in range(30)]


def test_order_of_journals_makes_no_difference_and_the_previous_version_none_either(signatures):
    images = [ImageRecord("jeans", s, asin=f"B{i}") for i, s in enumerate(signatures[:15])]
    images += [ImageRecord("saree", s, asin=f"B{i}") for i, s in enumerate(signatures[15:28], 15)]
    away = [rejection(signatures[28].sha256, 28), rejection(signatures[28].sha256, 99, "saree")]
    decisions = [Decision("relabel", signatures[28], "saree")]
    journals = [Journal(images=images[:9]), Journal(images=images[9:], rejections=away)]
    expected = plan_version(journals, decisions=decisions)
    assert any(row.record.sha256 == signatures[28].sha256 for row in expected.rows)
    random.Random(1).shuffle(images)
    other = [Journal(images=images[4:], rejections=away[::-1]), Journal(images=images[:4])]
    assert plan_version(other, decisions=decisions).manifest() == expected.manifest()
    again = plan_version(other, expected.rows, decisions=decisions)
    assert again.manifest() == expected.manifest()
    assert again.rejections == expected.rejections


def test_a_picture_that_another_crawl_took_is_its_record_and_stays(signatures):
    images = [ImageRecord("jeans", s, title="taken") for s in signatures[:10]]
    images += [ImageRecord("saree", s) for s in signatures[10:20]]
    away = [rejection(signatures[0].sha256, 0)]
    journals = [Journal(images=images), Journal(rejections=away)]
    relabelled = plan_version(journals, decisions=[Decision("relabel", signatures[0], "saree")])
    (row,) = (r for r in relabelled.rows if r.record.sha256 == signatures[0].sha256)
    assert (row.record.title, row.record.label) == ("taken", "saree")
    decisions = [Decision("relabel", signatures[0], "saree"), Decision("restore", signatures[0])]
    restored = plan_version(journals, relabelled.rows, decisions=decisions)
    plain = plan_version(journals)
    assert [r.record for r in restored.rows] == [r.record for r in relabelled_back(plain, restored)]


def relabelled_back(plan, other):
    """A plan's rows in the order of another, whose splits may differ."""
    rows = {row.record.sha256: row for row in plan.rows}
    return [rows[row.record.sha256] for row in other.rows]


def test_what_could_not_be_had_or_was_never_stored_does_not_come_in(signatures):
    images = [ImageRecord("jeans", s) for s in signatures[:10]]
    failed = Rejection(
        "jeans", "download_failed", sha256=signatures[20].sha256, position=6, failed=True
    )
    unseen = Rejection("jeans", "title_with", "laces", position=7)
    journal = Journal(images=images, rejections=[failed, unseen])
    plan = plan_version([journal], decisions=[Decision("relabel", signatures[20], "jeans")])
    assert len(plan.rows) == 10
    assert set(plan.rejections) == {failed, unseen}


def test_steps_are_kept_in_the_file_and_left_out_of_lines_without_them(crawled, dataset):
    curate(dataset, relabel={crawled: "jeans"})
    (plain,) = read_decisions(dataset)
    assert not {"step", "undoes"} & set(plain.to_json())
    with_step = Decision("restore", plain.signature, step="a1", undoes="b2")
    assert Decision.from_json(with_step.to_json()) == with_step
