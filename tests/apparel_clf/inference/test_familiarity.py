"""Distances from training pictures, on made-up features; the runtimes' tests have real networks."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apparel_clf.errors import DatasetError
from apparel_clf.inference.familiarity import Familiarity


def drawn(count: int, seed: int = 0, width: int = 40) -> np.ndarray:
    """Rows that vary along three directions, and hardly across them."""
    rng = np.random.default_rng(seed)
    directions = np.random.default_rng(7).normal(size=(3, width))
    rows = rng.normal(size=(count, 3)) @ directions + 0.1 * rng.normal(size=(count, width))
    return rows.astype(np.float32) * 5 + 3


@pytest.fixture(scope="module")
def known() -> Familiarity:
    return Familiarity.of(drawn(200)).limited(drawn(100, 1), 0.95)


def test_the_share_that_was_asked_for_is_kept(known):
    assert (known.distances(drawn(100, 1)) <= 1).sum() == 95
    assert (known.distances(drawn(2000, 2)) <= 1).mean() == pytest.approx(0.95, abs=0.05)


@given(st.floats(0.01, 1.0), st.integers(1, 30))
def test_any_share_of_any_number_is_kept_and_no_more(kept, count):
    rows = drawn(count, 3)
    found = Familiarity.of(drawn(50)).limited(rows, kept)
    within = int((found.distances(rows) <= 1).sum())
    assert within >= kept * count - 1e-6
    assert within - 1 < kept * count


def test_what_leaves_the_directions_is_far(known):
    strange = drawn(50, 4) + np.random.default_rng(5).normal(size=(50, 40)).astype(np.float32) * 20
    assert (known.distances(strange) > 1).all()


def test_the_middle_is_at_0(known):
    assert known.distances(known.mean[None])[0] == pytest.approx(0, abs=1e-6)


def test_distances_are_those_of_the_probabilistic_principal_components(known):
    rows = (drawn(300, 6) - known.mean).astype(np.float64) * known.factor
    known_rows = (drawn(200) - known.mean).astype(np.float64) * known.factor
    values, vectors = np.linalg.eigh(known_rows.T @ known_rows / len(known_rows))
    count = len(known.variances)
    levels = np.full(40, values[:-count].mean())
    levels[-count:] = values[-count:]
    covariance = vectors @ np.diag(levels) @ vectors.T
    expected = np.sqrt(np.einsum("ij,ij->i", rows @ np.linalg.inv(covariance), rows))
    np.testing.assert_allclose(known.distances(drawn(300, 6)) * known.limit, expected, rtol=1e-3)


def test_plain_values_survive_json(known):
    text = json.dumps(known.to_json(), allow_nan=False)
    again = Familiarity.from_json(json.loads(text))
    np.testing.assert_array_equal(again.distances(drawn(9, 8)), known.distances(drawn(9, 8)))


def test_it_is_small():
    wide = Familiarity.of(np.random.default_rng(0).normal(size=(600, 512)).astype(np.float32))
    assert len(json.dumps(wide.to_json())) < 150_000


@pytest.mark.parametrize("count", [0, 3])
def test_too_few_pictures_are_an_error(count):
    with pytest.raises(DatasetError, match=f"four training pictures.*Received: {count}"):
        Familiarity.of(drawn(count))


def test_pictures_that_are_all_alike_are_an_error():
    with pytest.raises(DatasetError, match="too much alike"):
        Familiarity.of(np.repeat(drawn(1), 20, axis=0))


def test_few_pictures_are_enough():
    found = Familiarity.of(drawn(6)).limited(drawn(5, 1), 1.0)
    assert np.isfinite(found.distances(drawn(20, 2))).all()


def nonsense(values: list[float]) -> str:
    return base64.b64encode(np.array(values, "<f4").tobytes()).decode()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("width", 0), ("width", "40"), ("width", 41), ("width", 10**9), ("width", 20),
        ("rest", 0), ("rest", float("nan")), ("rest", -1), ("rest", "x"), ("rest", None),
        ("limit", 0), ("limit", float("inf")), ("limit", None),
        ("kept", 0), ("kept", "x"), ("kept", 7), ("rest", 5e-324), ("limit", 1e300),
        ("arrays", []), ("arrays", ["?"] * 4), ("arrays", [5] * 4), ("arrays", None),
        ("arrays", [nonsense([1.0])] * 4),
    ],
)  # fmt: skip
def test_what_none_of_ours_looks_like_is_refused(known, name, value):
    with pytest.raises((KeyError, TypeError, ValueError)):
        Familiarity.from_json(known.to_json() | {name: value})


@pytest.mark.parametrize("place", range(4))
def test_arrays_of_no_numbers_are_refused(known, place):
    values = known.to_json()
    size = len(base64.b64decode(values["arrays"][place])) // 4
    values["arrays"][place] = nonsense([float("nan")] * size)
    with pytest.raises(ValueError, match="no numbers"):
        Familiarity.from_json(values)


@pytest.mark.parametrize("name", ["width", "arrays", "rest", "limit", "kept"])
def test_a_missing_value_is_refused(known, name):
    values = known.to_json()
    del values[name]
    with pytest.raises(KeyError):
        Familiarity.from_json(values)
