from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from apparel_clf.evaluation import LabelIssue


def _no_constants(name):
    raise AssertionError(f"not JSON: {name}")


def test_figures(judge):
    report = judge()
    assert (report.n, report.accuracy, report.baseline) == (8, 0.75, 0.5)
    assert report.ci == pytest.approx((0.4093, 0.9285), abs=1e-4)
    assert report.confusion.tolist() == [[2, 0, 2], [0, 2, 0], [0, 0, 2]]
    assert report.per_class["trousers"].precision == 0.5
    truths = [0.9, 0.6, 0.2, 0.45, 0.8, 1.0, 0.6, 0.7]
    assert report.log_loss == pytest.approx(-np.log(truths).mean(), rel=1e-6)


def test_mistakes_are_the_surest_first(judge, pictures):
    assert [(row.path, row.true, row.predicted) for row in judge().mistakes] == [
        (pictures[2], "jeans", "trousers"),
        (pictures[3], "jeans", "trousers"),
    ]


def test_equally_sure_mistakes_are_in_order_of_path(judge, pictures):
    report = judge(probabilities=np.tile([0.0, 0.0, 1.0], (8, 1)), paths=pictures[::-1])
    assert [row.path for row in report.mistakes] == sorted(pictures[2:])


def test_rows_keep_the_order_given_and_name_every_class(judge, pictures):
    report = judge()
    assert [row.path for row in report.rows] == pictures
    assert report.rows[0].probabilities == pytest.approx(
        {"jeans": 0.9, "saree": 0, "trousers": 0.1}
    )
    assert report.rows[0].confidence == pytest.approx(0.9)


def test_of_equal_probabilities_the_first_class_wins(judge):
    report = judge(probabilities=np.full((8, 3), 1 / 3))
    assert {row.predicted for row in report.rows} == {"jeans"}


def test_where_it_comes_from_is_kept(judge, history):
    report = judge(history=history, settings={"views": 2}, skipped=[("x.jpg", "empty")])
    assert (report.dataset, report.split, report.version_id) == (
        "demo/v1",
        "test",
        "0123456789abcdef",
    )
    assert (report.history, report.settings, report.skipped) == (
        history,
        {"views": 2},
        (("x.jpg", "empty"),),
    )


@pytest.mark.parametrize(
    ("weights", "kept", "untrained"),
    [("imagenet", "imagenet", False), ("w.h5", "w.h5", False), (None, "none", True)],
)
def test_weights(judge, weights, kept, untrained):
    report = judge(weights=weights)
    assert (report.weights, report.untrained) == (kept, untrained)


def test_a_report_is_frozen(judge):
    with pytest.raises(dataclasses.FrozenInstanceError):
        judge().accuracy = 1.0


def test_json_says_the_same(judge, history):
    report = judge(history=history, skipped=[("x.jpg", "empty")])
    document = json.loads(report.to_json(), parse_constant=_no_constants)
    assert document["accuracy"] == report.accuracy
    assert document["ci"] == list(report.ci)
    assert document["confusion"] == report.confusion.tolist()
    assert document["per_class"]["jeans"]["recall"] == 0.5
    assert document["rows"][0]["probabilities"]["jeans"] == 0.9
    assert document["skipped"] == [{"path": "x.jpg", "reason": "empty"}]
    assert document["history"]["best_epoch"] == 1
    assert document["history"]["epoch"] == [0, 1, 2]


def test_json_has_null_for_what_is_undefined_or_infinite(judge):
    report = judge(
        probabilities=np.tile([0.8, 0.1, 0.1], (8, 1)),
        settings={"clip": float("inf"), "nested": {"loss": np.float32("nan")}},
    )
    document = json.loads(report.to_json(), parse_constant=_no_constants)
    assert document["per_class"]["saree"]["precision"] is None
    assert document["settings"] == {"clip": None, "nested": {"loss": None}}


def test_json_file_is_the_string_and_folders_are_made(judge, tmp_path):
    target = tmp_path / "runs" / "demo" / "evaluation.json"
    text = judge().to_json(target)
    assert target.read_text(encoding="utf-8") == text + "\n"
    assert [path.name for path in target.parent.iterdir()] == ["evaluation.json"]


def test_json_holds_a_path_that_is_no_text(judge, pictures, tmp_path):
    odd = "broken\udcff.jpg"
    judge(paths=[odd, *pictures[1:]]).to_json(tmp_path / "r.json")
    document = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert document["rows"][0]["path"] == odd


def test_json_has_what_the_figures_rest_on(judge):
    issue = LabelIssue("x.jpg", "jeans", "saree", "label", 0.9, "looks like saree")
    hashes = [f"{number:064x}" for number in range(8)]
    report = judge(hashes=hashes, temperature=1.25, label_issues=[issue])
    document = json.loads(report.to_json(), parse_constant=_no_constants)
    assert document["split_id"] == report.split_id
    assert document["temperature"] == 1.25
    assert document["calibration"] == json.loads(json.dumps(report.calibration.to_json()))
    assert document["label_issues"] == [issue.to_json()]


def test_json_has_null_for_what_is_not_known(judge):
    document = json.loads(judge().to_json(), parse_constant=_no_constants)
    assert (document["split_id"], document["temperature"]) == (None, None)
    assert document["label_issues"] == []
    assert document["calibration"]["ece"] > 0
