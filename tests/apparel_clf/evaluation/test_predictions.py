from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from apparel_clf.errors import ApparelError, DatasetError, SettingsError
from apparel_clf.evaluation import (
    calibration,
    evaluate_predictions,
    split_id,
    wilson_interval,
)

HASHES = [hashlib.sha256(bytes([number])).hexdigest() for number in range(8)]


def _no_constants(name):
    raise AssertionError(f"not JSON: {name}")


def test_nothing_to_judge(judge):
    nothing = {"y_true": np.zeros(0, int), "probabilities": np.zeros((0, 3)), "paths": []}
    with pytest.raises(DatasetError, match="demo/v1: no image to evaluate"):
        judge(**nothing)
    with pytest.raises(DatasetError, match="all 1 were unreadable"):
        judge(**nothing, skipped=[("x.jpg", "empty")])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"paths": ["one.jpg"]}, "1 paths"),
        ({"probabilities": np.full((7, 3), 1 / 3)}, r"shape \(7, 3\)"),
        ({"probabilities": np.full((8, 2), 1 / 2)}, r"shape \(8, 2\)"),
        ({"probabilities": np.full(8, 1.0)}, r"shape \(8,\)"),
        ({"y_true": np.full(8, 3)}, "indices from 0 to 2"),
        ({"y_true": np.full(8, -1)}, "indices from 0 to 2"),
        ({"y_true": np.zeros(8)}, "integers of shape"),
        ({"y_true": np.zeros((8, 1), int)}, "integers of shape"),
        ({"classes": ["jeans"], "probabilities": np.ones((8, 1))}, "two or more"),
        ({"classes": ["jeans", "jeans", "saree"]}, "two or more different"),
    ],
)
def test_what_does_not_fit_together(judge, changes, words):
    with pytest.raises(SettingsError, match=words):
        judge(**changes)


@pytest.mark.parametrize(
    "row", [(np.nan, 0.5, 0.5), (np.inf, 0.0, 0.0), (-0.5, 1.0, 0.5), (0.5, 0.5, 0.5), (0, 0, 0)]
)
def test_what_is_no_probability_is_named_with_its_image(judge, pictures, row):
    probabilities = np.tile([1.0, 0.0, 0.0], (8, 1))
    probabilities[5] = row
    with pytest.raises(SettingsError, match=r"add up to 1 per image.*5\.png"):
        judge(probabilities=probabilities)


def test_rounding_in_low_precision_is_no_error(judge):
    # Softmax computed in bfloat16 adds up to 1 within a few thousandths.
    assert judge(probabilities=np.tile([0.996, 0.004, 0.003], (8, 1))).log_loss > 0


@given(
    st.integers(2, 5).flatmap(
        lambda k: st.tuples(
            arrays(np.int64, st.integers(1, 30), elements=st.integers(0, k - 1)),
            st.integers(0, 2**32 - 1),
            st.just(k),
        )
    )
)
def test_the_figures_agree_with_each_other(case):
    labels, seed, k = case
    probabilities = np.random.default_rng(seed).dirichlet(np.ones(k), len(labels))
    report = evaluate_predictions(
        labels,
        probabilities.astype(np.float32),
        [f"class{number}" for number in range(k)],
        paths=[f"{number}.jpg" for number in range(len(labels))],
        dataset="drawn",
        split=None,
        version_id=None,
        weights="none",
    )
    assert report.confusion.sum() == report.n == len(report.rows)
    assert np.trace(report.confusion) == report.n - len(report.mistakes)
    assert report.accuracy == np.trace(report.confusion) / report.n
    assert report.ci[0] <= report.accuracy <= report.ci[1]
    assert sum(score.support for score in report.per_class.values()) == report.n
    json.loads(report.to_json(), parse_constant=_no_constants)


def test_every_error_is_one_of_ours(judge):
    with pytest.raises(ApparelError):
        judge(paths=[])


def test_a_split_is_named_by_its_images_and_labels(judge):
    report = judge(hashes=HASHES)
    labels = [row.true for row in report.rows]
    lines = sorted(f"{sha256} {label}\n" for sha256, label in zip(HASHES, labels, strict=True))
    assert report.split_id == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert judge().split_id is None


@given(st.randoms(use_true_random=False))
def test_the_order_of_a_split_makes_no_difference_but_its_labels_do(random):
    labels = list("aabbccdd")
    order = list(range(8))
    random.shuffle(order)
    shuffled = split_id([HASHES[place] for place in order], [labels[place] for place in order])
    assert shuffled == split_id(HASHES, labels)
    assert split_id(HASHES, ["b", *labels[1:]]) != shuffled
    assert split_id(HASHES[:-1], labels[:-1]) != shuffled


def test_capitals_in_a_hash_and_bytes_in_a_label_do_no_harm():
    assert split_id([HASHES[0].upper()], ["x"]) == split_id([HASHES[0]], ["x"])
    assert len(split_id([HASHES[0]], ["broken\udcff"])) == 64


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hashes": HASHES[:7]}, "7 hashes"),
        ({"hashes": [*HASHES[:7], "abc"]}, "sha256.*'abc'"),
        ({"hashes": [*HASHES[:7], HASHES[7] + "\n"]}, "sha256"),
        ({"hashes": [*HASHES[:7], None]}, "sha256"),
        ({"temperature": 0}, "above 0"),
        ({"temperature": -1.0}, "above 0"),
        ({"temperature": float("nan")}, "above 0"),
        ({"temperature": float("inf")}, "above 0"),
    ],
)
def test_hashes_and_temperatures_that_cannot_be(judge, changes, words):
    with pytest.raises(SettingsError, match=words):
        judge(**changes)


def test_the_temperature_is_written_down_and_not_applied(judge):
    assert judge().temperature is None
    cooled = judge(temperature=np.float32(1.5))
    assert cooled.temperature == 1.5
    assert type(cooled.temperature) is float
    assert cooled.log_loss == judge().log_loss
    assert cooled.rows == judge().rows


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(2, 5))
def test_every_figure_can_be_recomputed_from_the_rows(seed, n, k):
    generator = np.random.default_rng(seed)
    names = [f"class{number}" for number in range(k)]
    report = evaluate_predictions(
        generator.integers(0, k, n),
        generator.dirichlet(np.ones(k), n).astype(np.float32),
        names,
        paths=[f"{number}.jpg" for number in range(n)],
        dataset="drawn",
        split=None,
        version_id=None,
        weights="none",
    )
    rows = report.rows
    hits = sum(row.true == row.predicted for row in rows)
    assert report.accuracy == hits / n
    assert report.ci == wilson_interval(hits, n)
    assert report.mistakes == tuple(
        sorted((r for r in rows if r.true != r.predicted), key=lambda r: (-r.confidence, r.path))
    )
    assert report.baseline == max(sum(row.true == name for row in rows) for name in names) / n
    for place, name in enumerate(names):
        found = [sum(r.true == name and r.predicted == other for r in rows) for other in names]
        assert report.confusion[place].tolist() == found
        score = report.per_class[name]
        true, called = sum(found), sum(row.predicted == name for row in rows)
        assert score.support == true
        assert score.recall == (pytest.approx(found[place] / true) if true else None)
        assert score.precision == (pytest.approx(found[place] / called) if called else None)
    truths = [row.probabilities[row.true] / sum(row.probabilities.values()) for row in rows]
    smallest = np.finfo(np.float64).eps
    assert report.log_loss == pytest.approx(-np.log(np.maximum(truths, smallest)).mean(), rel=1e-5)
    labels = np.array([names.index(row.true) for row in rows])
    shares = np.array([[row.probabilities[name] for name in names] for row in rows])
    assert report.calibration == calibration(labels, shares)
    for row in rows:
        assert row.confidence == row.probabilities[row.predicted] == max(row.probabilities.values())
