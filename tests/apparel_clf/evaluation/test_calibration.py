from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apparel_clf.errors import SettingsError
from apparel_clf.evaluation import calibration, fit_temperature, wilson_interval


def _softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _drawn(seed, n=400, k=3, sharpness=2.0):
    """Logits, and labels drawn from their very softmax: perfectly calibrated."""
    generator = np.random.default_rng(seed)
    logits = sharpness * generator.normal(size=(n, k))
    draws = generator.random((n, 1))
    return (draws > _softmax(logits).cumsum(axis=1)[:, :-1]).sum(axis=1), logits


def _plain_error(labels, probabilities, bins):
    """The definition, image by image."""
    members = [[] for _ in range(bins)]
    for label, row in zip(labels, probabilities.tolist(), strict=True):
        top = max(row)
        place = next(b for b in range(bins) if top <= np.linspace(0, 1, bins + 1)[b + 1])
        members[place].append((top, row.index(top) == label))
    gaps = [abs(sum(top for top, _ in m) - sum(hit for _, hit in m)) for m in members]
    return sum(gaps) / len(labels)


CASES = st.tuples(
    st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(2, 5), st.integers(1, 20)
)


@given(CASES)
def test_the_error_is_that_of_the_definition(case):
    seed, n, k, bins = case
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.ones(k), n)
    labels = generator.integers(0, k, n)
    found = calibration(labels, probabilities, bins)
    assert found.ece == pytest.approx(_plain_error(labels, probabilities, bins), abs=1e-9)


@given(CASES)
def test_the_figures_agree_with_each_other(case):
    seed, n, k, bins = case
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.ones(k), n)
    labels = generator.integers(0, k, n)
    found = calibration(labels, probabilities, bins)
    filled = [b for b in found.bins if b.n]
    assert len(found.bins) == bins
    assert found.n == n
    assert (found.bins[0].low, found.bins[-1].high) == (0, 1)
    assert all(b.low < b.confidence <= b.high + 1e-12 for b in filled)
    assert all(b.ci == wilson_interval(round(b.accuracy * b.n), b.n) for b in filled)
    gaps = sum(b.n * abs(b.confidence - b.accuracy) for b in filled) / n
    assert found.ece == pytest.approx(gaps, abs=1e-9)
    hits = (probabilities.argmax(axis=1) == labels).mean()
    assert found.overconfidence == pytest.approx(probabilities.max(axis=1).mean() - hits)
    assert 0 <= found.null_mean <= 1
    assert 0 <= found.p_value <= 1
    assert found.within_band is (found.ece <= found.null_high)


def test_by_hand():
    found = calibration(np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]]))
    assert found.ece == pytest.approx(0.15)
    # Right and right 72%, of 0.15; right and wrong 18%, of 0.45; wrong and right 8%, of 0.55;
    # both wrong 2%, of 0.85.
    assert found.null_mean == pytest.approx(0.25, abs=0.02)
    assert found.null_high == pytest.approx(0.55)
    assert found.p_value == 1.0


def test_a_probability_on_an_edge_is_of_the_bin_below():
    found = calibration(np.array([0]), np.array([[0.8, 0.2]]), bins=5)
    assert [b.n for b in found.bins] == [0, 0, 0, 1, 0]


def test_a_perfect_model_is_within_the_band_19_times_in_20():
    inside = 0
    for seed in range(100):
        labels, logits = _drawn(seed)
        inside += calibration(labels, _softmax(logits)).within_band
    assert 88 <= inside <= 100


@pytest.mark.parametrize(("factor", "sign"), [(3, 1), (0.25, -1)])
def test_a_model_too_sure_or_unsure_is_beyond_it(factor, sign):
    labels, logits = _drawn(0)
    found = calibration(labels, _softmax(factor * logits))
    assert not found.within_band
    assert found.p_value == 0
    assert found.overconfidence * sign > 0.05


def test_sure_and_right_has_no_error_and_chance_explains_it():
    found = calibration(np.array([0, 1, 1]), np.eye(2)[[0, 1, 1]])
    assert (found.ece, found.null_high, found.p_value, found.within_band) == (0, 0, 1, True)


def test_the_same_seed_gives_the_same_band_and_another_another():
    labels, logits = _drawn(1)
    shares = _softmax(logits)
    assert calibration(labels, shares) == calibration(labels, shares)
    other = calibration(labels, shares, random_state=1)
    assert other.null_mean != calibration(labels, shares).null_mean
    assert other.ece == calibration(labels, shares).ece


def test_the_band_is_that_of_2000_models_right_as_often_as_they_say():
    # So many images that the draws don't fit into one block.
    labels, logits = _drawn(1, n=3000)
    shares = _softmax(logits)
    found = calibration(labels, shares)
    confidence = np.sort(shares.max(axis=1))
    inner = np.linspace(0, 1, 16)[1:-1]
    inside = np.eye(15)[np.searchsorted(inner, confidence)]
    answers = np.random.default_rng(5).random((2000, 3000)) < confidence
    errors = np.abs((answers - confidence) @ inside).sum(axis=1) / 3000
    assert found.null_mean == pytest.approx(errors.mean(), rel=0.03)
    assert found.null_high == pytest.approx(np.quantile(errors, 0.95), rel=0.05)
    assert found.p_value == pytest.approx((errors >= found.ece).mean(), abs=0.05)


def test_in_words():
    labels, logits = _drawn(0)
    fine, sure = (calibration(labels, _softmax(factor * logits)) for factor in (1, 3))
    assert str(fine) == (
        f"{fine.ece:.3f}, within the {fine.null_high:.3f} that chance alone explains at n=400"
    )
    assert f"above the {sure.null_high:.3f} that chance" in str(sure)


def test_json_says_the_same():
    found = calibration(np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]]), bins=2)
    document = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert document["ece"] == found.ece
    assert document["within_band"] is True
    empty = {"low": 0.0, "high": 0.5, "n": 0, "confidence": None, "accuracy": None, "ci": None}
    assert document["bins"][0] == empty
    assert document["bins"][1]["ci"] == list(found.bins[1].ci)


@pytest.mark.parametrize(
    ("labels", "probabilities", "bins", "words"),
    [
        ([0, 1], [[0.5, 0.5]], 15, "shape"),
        ([0], [[1.0]], 15, "k at least 2"),
        ([2], [[0.5, 0.5]], 15, "indices from 0 to 1"),
        ([0.0], [[0.5, 0.5]], 15, "integers"),
        ([0], [[0.9, 0.9]], 15, "add up to 1.*image 0"),
        ([0], [[np.nan, 1]], 15, "finite"),
        ([0], [[0.5, 0.5]], 0, "bins=0"),
        (np.zeros(0, int), np.zeros((0, 2)), 15, "at least 1"),
    ],
)
def test_what_does_not_fit_together(labels, probabilities, bins, words):
    with pytest.raises(SettingsError, match=words):
        calibration(np.array(labels), np.array(probabilities), bins)


@pytest.mark.parametrize("seed", range(3))
def test_the_temperature_of_a_calibrated_model_is_1(seed):
    labels, logits = _drawn(seed, n=20_000)
    assert fit_temperature(labels, logits) == pytest.approx(1, abs=0.05)


@given(st.integers(0, 1000), st.floats(0.3, 5))
def test_logits_times_a_factor_have_the_temperature_times_it(seed, factor):
    labels, logits = _drawn(seed, n=200, sharpness=1.5)
    alone, scaled = fit_temperature(labels, logits), fit_temperature(labels, factor * logits)
    if 0.1 < alone < 4:
        assert scaled == pytest.approx(factor * alone, rel=1e-3)


@given(st.integers(0, 1000))
def test_no_temperature_nearby_has_a_lower_loss(seed):
    labels, logits = _drawn(seed, n=60)

    def loss(temperature):
        shares = _softmax(logits / temperature)
        wanted = np.full(shares.shape, 1 / (60 + shares.shape[1]))  # one image more of each class
        wanted[np.arange(60), labels] = 61 / (60 + shares.shape[1])
        wanted /= wanted.sum(1, keepdims=True)
        return -(wanted * np.log(shares)).sum(1).mean()

    best = fit_temperature(labels, logits)
    assert 0.05 <= best <= 20
    for other in (1, 1.01 * best, best / 1.01):
        if 0.05 <= other <= 20:
            assert loss(best) <= loss(other) + 1e-9


def test_logarithms_of_probabilities_serve_as_logits():
    labels, logits = _drawn(4)
    from_shares = fit_temperature(labels, np.log(_softmax(logits)))
    assert from_shares == pytest.approx(fit_temperature(labels, logits))


def test_the_temperature_by_hand():
    logits = np.array([[4.0, 0], [4.0, 0], [4.0, 0]])
    found = fit_temperature(np.array([0, 0, 1]), logits)
    # Two of three are right; with one image more of each class, three of five.
    assert found == pytest.approx(4 / math.log(3 / 2), rel=1e-4)


def test_where_no_temperature_is_better_it_is_1():
    assert fit_temperature(np.array([0, 1]), np.zeros((2, 3))) == 1.0


@pytest.mark.parametrize(("count", "surest"), [(2, 0.75), (12, 13 / 14), (1000, 1001 / 1002)])
def test_a_few_images_that_are_all_right_make_nothing_certain(count, surest):
    labels = np.arange(count) % 2
    logits = 5 * np.eye(2)[labels]
    shares = _softmax(logits / fit_temperature(labels, logits))
    assert shares.max() == pytest.approx(surest, rel=1e-4)


def test_the_temperature_stays_within_its_range():
    logits = np.array([[1e-6, 0], [0, 1e-6]])
    assert fit_temperature(np.array([0, 1]), logits) == pytest.approx(0.05, rel=1e-3)


def test_great_logits_do_not_overflow():
    found = fit_temperature(np.array([0, 1, 1]), np.array([[1e4, 0], [1e4, 0], [0, 1e4]]))
    assert found == pytest.approx(20, rel=1e-3)


@pytest.mark.parametrize(
    ("labels", "logits", "words"),
    [
        ([0], [[np.inf, 0]], "finite"),
        ([0, 1], [[1, 0]], r"shape \(2, k\)"),
        ([0], [1, 0], "shape"),
        ([0], [[1]], "k at least 2"),
        ([5], [[1, 0]], "indices from 0 to 1"),
    ],
)
def test_logits_that_do_not_fit(labels, logits, words):
    with pytest.raises(SettingsError, match=words):
        fit_temperature(np.array(labels), np.array(logits))
