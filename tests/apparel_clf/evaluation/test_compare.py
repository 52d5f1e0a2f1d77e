from __future__ import annotations

import json
from dataclasses import dataclass
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apparel_clf.errors import SettingsError
from apparel_clf.evaluation import EvaluationReport, compare, evaluate_predictions
from apparel_clf.evaluation.compare import mcnemar

COUNTS = st.tuples(*[st.integers(0, 12)] * 4).filter(any)


@dataclass(frozen=True)
class Carrier:
    report: EvaluationReport


def _report(right, paths=None, labels=None):
    """A report of two classes with a row that is right or wrong for each value."""
    labels = np.array(labels if labels is not None else [0] * len(right))
    predicted = np.where(right, labels, 1 - labels)
    return evaluate_predictions(
        labels,
        0.2 + 0.6 * np.eye(2)[predicted],
        ["jeans", "saree"],
        paths=paths or [f"{number:03}.jpg" for number in range(len(right))],
        dataset="demo/v1",
        split="test",
        version_id=None,
        weights="imagenet",
    )


def _pair(both, only_a, only_b, neither):
    right_a = [True] * (both + only_a) + [False] * (only_b + neither)
    right_b = [True] * both + [False] * only_a + [True] * only_b + [False] * neither
    return _report(right_a), _report(right_b)


def test_by_hand():
    found = compare(*_pair(280, 9, 31, 17))
    assert (found.both_right, found.only_a_right) == (280, 9)
    assert (found.only_b_right, found.both_wrong, found.n) == (31, 17, 337)
    assert found.errors == (48, 26)
    assert found.error_ratio == 26 / 48
    assert found.difference == pytest.approx(22 / 337)
    assert found.differ()
    assert not found.differ(alpha=0.0001)


def test_in_words():
    assert str(compare(*_pair(280, 9, 31, 17))) == (
        "b is right on 31 images that a gets wrong, a on 9 that b gets wrong; "
        "McNemar p = 0.0007; they differ\n"
        "accuracy 85.8% (a) and 92.3% (b) of n=337: +6.5 points, 95% interval +2.9 to +10.4"
    )
    alike = str(compare(*_pair(5, 1, 1, 0)))
    assert "b is right on 1 image that a gets wrong" in alike
    assert "McNemar p = 1.0000; no sign that they differ" in alike
    assert "p < 0.0001" in str(compare(*_pair(5, 0, 40, 0)))


@given(COUNTS)
def test_every_figure_comes_from_the_rows(counts):
    a, b = _pair(*counts)
    found = compare(a, b)
    pairs = [(x.right, y.right) for x, y in zip(a.rows, b.rows, strict=True)]
    assert found.both_right == pairs.count((True, True)) == counts[0]
    assert found.only_a_right == pairs.count((True, False)) == counts[1]
    assert found.only_b_right == pairs.count((False, True)) == counts[2]
    assert found.both_wrong == pairs.count((False, False)) == counts[3]
    assert found.accuracy == (a.accuracy, b.accuracy)
    assert found.errors == (len(a.mistakes), len(b.mistakes))
    assert found.difference == pytest.approx(b.accuracy - a.accuracy)
    assert found.ci[0] - 1e-9 <= found.difference <= found.ci[1] + 1e-9
    assert found.error_ratio == (len(b.mistakes) / len(a.mistakes) if a.mistakes else None)


@given(COUNTS)
def test_exchanging_the_two_mirrors_everything(counts):
    a, b = _pair(*counts)
    one, other = compare(a, b), compare(b, a)
    assert one.p_value == other.p_value
    assert one.difference == -other.difference
    assert one.ci == pytest.approx((-other.ci[1], -other.ci[0]))
    assert (one.only_a_right, one.only_b_right) == (other.only_b_right, other.only_a_right)


@given(st.integers(0, 30), st.integers(0, 30))
def test_mcnemar_is_the_two_sided_binomial_test(only_a, only_b):
    n, fewer = only_a + only_b, min(only_a, only_b)
    expected = min(1, 2 * sum(comb(n, k) for k in range(fewer + 1)) / 2**n)
    assert mcnemar(only_a, only_b) == pytest.approx(expected)


def test_a_report_against_itself_shows_no_difference(judge):
    found = compare(judge(), judge())
    assert (found.p_value, found.difference, found.error_ratio) == (1.0, 0.0, 1.0)
    assert not found.differ()


def test_images_are_matched_by_path_whatever_their_order():
    names = ["x.jpg", "y.jpg", "z.jpg"]
    a = _report([True, False, True], names, [0, 1, 1])
    b = _report([True, True, False], names[::-1], [1, 1, 0])
    found = compare(a, b)
    assert (found.both_right, found.only_a_right, found.only_b_right) == (1, 1, 1)


def test_what_carries_a_report_serves_too():
    a, b = _pair(3, 1, 2, 1)
    assert compare(Carrier(a), b) == compare(a, Carrier(b)) == compare(a, b)


def test_other_images_are_counted_and_named():
    a = _report([True] * 6, ["same.jpg", *(f"a{n}.jpg" for n in range(5))])
    b = _report([True] * 2, ["same.jpg", "b.jpg"])
    with pytest.raises(SettingsError) as error:
        compare(a, b)
    assert "only in a: 5 images (a0.jpg, a1.jpg, a2.jpg, …)" in str(error.value)
    assert "only in b: 1 image (b.jpg)" in str(error.value)


def test_other_labels_are_counted_and_named():
    a, b = _report([True] * 4, labels=[0, 0, 1, 1]), _report([True] * 4, labels=[0, 1, 0, 1])
    with pytest.raises(SettingsError, match=r"2 images \(001.jpg, 002.jpg\) with another label"):
        compare(a, b)


def test_an_image_that_is_there_twice_cannot_be_matched():
    a = _report([True, False], ["x.jpg", "x.jpg"])
    with pytest.raises(SettingsError, match=r"1 image \(x.jpg\) more than once in b"):
        compare(_report([True], ["x.jpg"]), a)


@pytest.mark.parametrize("other", [None, "report.json", {"rows": []}])
def test_what_is_no_report(judge, other):
    with pytest.raises(SettingsError, match=f"b to be a report.*{type(other).__name__}"):
        compare(judge(), other)


def test_json_says_the_same(tmp_path):
    found = compare(*_pair(280, 9, 31, 17))
    path = tmp_path / "runs" / "comparison.json"
    text = found.to_json(path)
    assert path.read_text(encoding="utf-8") == text + "\n"
    document = json.loads(text)
    assert document["p_value"] == found.p_value
    assert document["ci"] == list(found.ci)
    assert document["difference"] == found.difference
    assert document["errors"] == [48, 26]
    assert document["differ"] is True
    assert json.loads(compare(*_pair(3, 0, 0, 0)).to_json())["error_ratio"] is None
