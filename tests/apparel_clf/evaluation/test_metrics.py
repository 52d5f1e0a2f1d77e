from __future__ import annotations

import math

import numpy as np
import pytest

from apparel_clf.evaluation.metrics import class_scores, confusion_counts, mean_log_loss

CLASSES = ("jeans", "saree", "trousers")


def test_scores_by_hand():
    scores = class_scores(np.array([0, 0, 0, 1, 2]), np.array([0, 0, 2, 1, 2]), CLASSES)
    assert scores["jeans"].precision == 1.0
    assert scores["jeans"].recall == pytest.approx(2 / 3)
    assert scores["jeans"].f1 == pytest.approx(0.8)
    assert scores["trousers"].precision == 0.5
    assert [scores[name].support for name in CLASSES] == [3, 1, 1]


def test_a_class_never_predicted_has_no_precision_but_a_recall_of_0():
    score = class_scores(np.array([0, 1]), np.array([0, 0]), CLASSES)["saree"]
    assert (score.precision, score.recall, score.f1) == (None, 0.0, 0.0)


def test_a_class_without_images_has_no_recall_but_a_precision_of_0():
    score = class_scores(np.array([0, 0]), np.array([0, 1]), CLASSES)["saree"]
    assert (score.precision, score.recall, score.f1, score.support) == (0.0, None, 0.0, 0)


def test_a_class_that_plays_no_part_has_nothing():
    score = class_scores(np.array([0, 1]), np.array([0, 1]), CLASSES)["trousers"]
    assert score.to_json() == {"precision": None, "recall": None, "f1": None, "support": 0}


def test_confusion_has_true_rows_and_predicted_columns():
    counts = confusion_counts(np.array([0, 0, 1]), np.array([2, 0, 1]), 3)
    assert counts.tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 0]]
    assert counts.dtype == np.int64


def test_confusion_cannot_be_changed():
    counts = confusion_counts(np.array([0]), np.array([0]), 2)
    with pytest.raises(ValueError, match="read-only"):
        counts[0, 0] = 9


def test_log_loss_by_hand():
    probabilities = np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]])
    expected = -(math.log(0.25) + math.log(0.8)) / 2
    assert mean_log_loss(np.array([2, 1]), probabilities) == pytest.approx(expected)


def test_log_loss_stays_finite_where_the_truth_got_no_probability():
    assert mean_log_loss(np.array([0]), np.array([[0.0, 1.0]])) == pytest.approx(
        -math.log(np.finfo(np.float64).eps)
    )
