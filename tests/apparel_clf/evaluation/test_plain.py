from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from apparel_clf.evaluation.plain import plain_value, short_float


@dataclass
class Flip:
    horizontal: bool = True
    angle: float = float("nan")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("inf"), None),
        (np.float32("nan"), None),
        (np.int64(3), 3),
        (np.array([[1, 2]]), [[1, 2]]),
        ((256, 256), [256, 256]),
        (Path("a/b"), "a/b"),
        ({1: {"x": float("-inf")}}, {"1": {"x": None}}),
        (Flip(), {"horizontal": True, "angle": None}),
        (True, True),
        (None, None),
        ("ü", "ü"),
    ],
)
def test_becomes_what_json_can_hold(value, expected):
    plain = plain_value(value)
    assert plain == expected
    assert type(plain) is type(expected)
    assert json.loads(json.dumps(plain, allow_nan=False)) == expected


@pytest.mark.parametrize("value", [0.1, 0.9548023, 1e-12, 1.0])
def test_short_float_undoes_float32(value):
    assert short_float(float(np.float32(value))) == value
