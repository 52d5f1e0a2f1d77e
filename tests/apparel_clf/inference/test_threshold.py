from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apparel_clf.inference.threshold import lowest_threshold


def test_the_lowest_confidence_that_is_enough():
    confidence = np.array([0.9, 0.6, 0.8, 0.7])
    right = np.array([True, False, True, True])
    assert lowest_threshold(confidence, right, 1.0) == 0.7
    assert lowest_threshold(confidence, right, 0.75) == 0.6


def test_none_where_no_confidence_is_enough():
    assert lowest_threshold(np.array([0.9, 0.8]), np.array([False, True]), 0.9) is None


@pytest.mark.parametrize("precision", [0.5, 0.8, 1.0])
@given(st.lists(st.tuples(st.sampled_from([0.2, 0.4, 0.6, 0.8, 1.0]), st.booleans()), min_size=1))
def test_what_is_kept_is_right_often_enough_and_no_lower_one_would_do(precision, drawn):
    confidence, right = np.array([c for c, _ in drawn]), np.array([r for _, r in drawn])
    found = lowest_threshold(confidence, right, precision)
    able = [t for t in set(confidence.tolist()) if right[confidence >= t].mean() >= precision]
    assert found == (min(able) if able else None)
