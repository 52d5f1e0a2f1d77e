"""Which decision holds for an image, its own or that on a copy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apparel_clf.dataset import curate, publish
from apparel_clf.dataset.decisions import Decision, rulings
from apparel_clf.images import sign


@pytest.fixture
def copies(jpeg):
    """Three copies of one picture."""
    return [sign(jpeg(1, (240, 320), quality)) for quality in (60, 75, 90)]


def test_of_several_copies_the_last_decision_counts(copies):
    first, second, third = copies
    decisions = [
        Decision("relabel", first, "x"),
        Decision("relabel", second, "y"),
        Decision("relabel", first, "z"),
    ]
    assert rulings([third], decisions)[third.sha256].label == "z"


def test_an_image_decided_on_itself_does_not_follow_its_copies(copies):
    first, second, third = copies
    decisions = [Decision("reject", first), Decision("restore", second)]
    assert set(rulings(copies, decisions)) == {first.sha256, third.sha256}


def test_many_alike_images_and_decisions(copies):
    images = [replace(copies[0], sha256=f"{i:064x}") for i in range(300)]
    decisions = [
        Decision("reject", replace(copies[1], sha256=f"{i:064x}")) for i in range(1000, 1004)
    ]
    ruled = rulings(images, decisions)
    assert {decision.signature.sha256 for decision in ruled.values()} == {f"{1003:064x}"}
    assert len(ruled) == 300


def test_restoring_a_relabelled_image_gives_it_its_class_back(crawl, dataset):
    crawl("1", range(20))
    crawl("2", range(100, 120), "saree")
    first = publish(dataset)
    name = next(row.path for row in first.rows if row.record.label == "jeans")
    moved = curate(dataset, relabel={name: "saree"})
    assert moved.facts["relabelled"] == 1
    assert curate(dataset, restore=[name]).id == first.id
