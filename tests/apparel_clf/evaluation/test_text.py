from __future__ import annotations

import numpy as np
import pytest

from apparel_clf.evaluation import LabelIssue
from apparel_clf.evaluation.text import epoch_marks, format_share, kept_line
from apparel_clf.training import History


def test_the_accuracy_never_stands_alone(judge):
    line = str(judge()).splitlines()[0]
    assert line == (
        "accuracy 75.0% (6 of n=8), 95% interval 40.9%–92.9%, split test, dataset demo/v1, "
        "weights imagenet"
    )


def test_images_of_no_version_are_said_to_have_none(judge):
    assert ", dataset photos (no version), weights" in str(judge(dataset="photos", version_id=None))


def test_the_headline_names_the_split_where_its_id_is_known(judge):
    report = judge(hashes=[f"{number:064x}" for number in range(8)])
    line = str(report).splitlines()[0]
    assert f"split test (id {report.split_id[:12]}), dataset" in line


@pytest.mark.parametrize(
    ("temperature", "words"), [(None, "not calibrated"), (1.2345, "calibrated, temperature 1.23")]
)
def test_the_calibration_error_stands_beside_that_of_chance(judge, temperature, words):
    report = judge(temperature=temperature)
    high = report.calibration.null_high
    assert str(report).splitlines()[5] == (
        f"calibration error {report.calibration.ece:.3f}, within the {high:.3f} that chance alone "
        f"explains at n=8; {words}"
    )


def test_label_issues_are_counted(judge):
    issue = LabelIssue("x.jpg", "jeans", "saree", "label", 0.9, "looks like saree")
    assert "likely label issues: 2" in str(judge(label_issues=[issue, issue]))
    assert "label issues" not in str(judge())


@pytest.mark.parametrize("weights", ["none", None])
def test_an_untrained_backbone_is_named(judge, weights):
    assert "weights none (untrained backbone)" in str(judge(weights=weights)).splitlines()[0]


def test_the_table_holds_every_class_and_count(judge):
    lines = [line.split() for line in str(judge()).splitlines()[1:5]]
    assert lines == [
        ["class", "precision", "recall", "f1", "n", "→jeans", "→saree", "→trousers"],
        ["jeans", "1.000", "0.500", "0.667", "4", "2", "0", "2"],
        ["saree", "1.000", "1.000", "1.000", "2", "0", "2", "0"],
        ["trousers", "0.500", "1.000", "0.667", "2", "0", "0", "2"],
    ]


def test_what_is_undefined_is_a_dash(judge):
    only_jeans = judge(probabilities=np.tile([0.8, 0.1, 0.1], (8, 1)))
    rows = {line.split()[0]: line.split() for line in str(only_jeans).splitlines()}
    assert rows["saree"][1:4] == ["–", "0.000", "0.000"]


def test_many_classes_leave_the_matrix_out(judge):
    classes = [f"kind{number}" for number in range(9)]
    text = str(judge(classes=classes, y_true=np.arange(8), probabilities=np.eye(9)[:8]))
    assert "→" not in text
    assert "kind8" in text


def test_skipped_images_are_counted(judge):
    assert str(judge(skipped=[("a.jpg", "empty"), ("b.jpg", "empty")])).endswith(
        "skipped, not counted: 2 unreadable"
    )


def test_the_kept_epoch_is_counted_from_1(history):
    assert kept_line(history, 10).startswith("epoch 2 kept: loss 0.500, accuracy 0.800, val loss")


def test_the_kept_epochs_val_accuracy_never_stands_alone(history):
    assert kept_line(history, 10).endswith(
        "val loss 0.400, val accuracy 90.0% (9 of n=10), 95% interval 59.6%–98.2%"
    )


def test_a_better_epoch_than_the_kept_one_is_named(history):
    told = kept_line(History(history.history), 10)
    assert told.startswith("epoch 3, the last, is kept: loss 0.300")
    assert told.endswith("95% interval 49.0%–94.3%; the lowest val loss was at 2")


def test_without_val_there_are_no_val_figures():
    alone = History({"loss": [0.9, 0.5], "accuracy": [0.5, 0.6]})
    assert kept_line(alone, 0) == "epoch 2, the last, is kept: loss 0.500, accuracy 0.600"


def test_marks(history):
    assert [epoch_marks(history, epoch) for epoch in range(3)] == [[], ["best", "kept"], []]
    assert epoch_marks(History(history.history), 2) == ["kept"]


@pytest.mark.parametrize(
    ("value", "text"), [(0.95, "0.950"), (0.0, "0.000"), (None, "–"), (float("nan"), "–")]
)
def test_format_share(value, text):
    assert format_share(value) == text
