"""The order by a model: every image is judged by models that had not seen it."""

from __future__ import annotations

import numpy as np
import pytest

from apparel_clf.dataset import ImageFolder, open_version
from apparel_clf.errors import SettingsError
from apparel_clf.review import Order, Predictions, Review, judge_by_model


@pytest.fixture
def rows(dataset, named):
    return open_version(dataset / "latest").rows


def predictions(rows, wrong):
    """A model that is sure of every label but one."""
    classes = ("jeans", "saree", "trousers")
    shares = np.full((len(rows), 3), 0.05)
    for number, row in enumerate(rows):
        label = "saree" if row.record.sha256 == wrong else row.record.label
        shares[number, classes.index(label)] = 0.9
    places = {row.record.sha256: number for number, row in enumerate(rows)}
    return Predictions(classes, shares, np.ones(len(rows)), places)


def test_label_issues_come_first_and_the_others_by_doubt(rows, named):
    judge = predictions(rows, named["wrong"])
    unsure = judge.places[named["one"]]
    judge.probabilities[unsure] = (0.6, 0.2, 0.2)
    order = Order.by(judge, rows)
    assert order.ranked()[:2] == [named["wrong"], named["one"]]
    found = order.of(named["wrong"])
    assert (found.suggested, found.flagged) == ("saree", True)
    assert "a model that had not seen it gives saree 90%" in found.why
    assert not order.of(named["one"]).flagged
    assert len(order.ranked()) == len(rows)


def test_a_label_that_was_mended_is_suspicious_no_longer(review, rows, named):
    judge = predictions(rows, named["wrong"])
    reviewed = Review(review.dataset, [judge])
    assert [order.name for order in reviewed.orders] == ["model", "looks"]
    assert reviewed.orders[0].of(named["wrong"]).flagged
    reviewed.decide([named["wrong"]], "relabel", "saree")
    reviewed.publish()
    assert not reviewed.orders[0].of(named["wrong"]).flagged


def test_images_and_classes_that_no_model_knows_come_last(rows, named):
    judge = predictions(rows[3:], named["wrong"])
    order = Order.by(judge, rows)
    assert order.of(rows[0].record.sha256).score == 0
    assert Order.by(Predictions((), np.zeros((0, 0)), np.zeros(0), {}), rows).ranked() == []


@pytest.mark.train
def test_a_wrong_label_is_found_out_of_fold(dataset, rows, named, small_classifier):
    data = ImageFolder(dataset / "latest")
    fitted = small_classifier(fine_tune=1)
    judge = judge_by_model(data, fitted)
    assert fitted.fine_tune == 1
    assert set(judge.places) == {row.record.sha256 for row in rows}
    assert judge.probabilities.shape == (len(rows), 3)
    ranked = Order.by(judge, rows).ranked()
    assert ranked.index(named["wrong"]) < len(rows) // 4


def test_a_class_of_one_group_cannot_be_judged(dataset, named, small_classifier):
    data = ImageFolder(dataset / "latest")
    jeans = [sample for sample in data.samples if sample.label != "saree"]
    alone = next(sample for sample in data.samples if sample.label == "saree")
    with pytest.raises(SettingsError, match="review without --model"):
        judge_by_model(data.subset("train", [*jeans, alone]), small_classifier())
