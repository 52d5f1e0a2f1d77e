"""Copies that were moved by known amounts are laid back where they came from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apparel_clf.images.registration import (
    RECOLOURED,
    Placement,
    box_to_box,
    identity,
    laid_over,
    register,
)

SIDE = 32


@pytest.fixture(scope="module")
def blobs():
    """Smooth dark shapes on white, as small copies of products are."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    rng = np.random.default_rng(0)
    picture = np.full((SIDE, SIDE), 250.0)
    for _ in range(6):
        cx, cy, width = rng.uniform(0.25, 0.75), rng.uniform(0.25, 0.75), rng.uniform(0.05, 0.2)
        picture -= rng.uniform(20, 90) * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / width**2)
    return picture.clip(0, 255).astype(np.float32)[None]


def placed(*values):
    return Placement(np.array([values], dtype=np.float32))


def rms(rest):
    return float(np.sqrt(np.square(rest).mean()))


def test_nothing_remains_of_a_picture_laid_over_itself(blobs):
    rest, placement = register(blobs, blobs, identity(1))
    assert rms(rest) < 1e-3
    assert np.allclose(placement.values, identity(1).values, atol=1e-3)


shift = st.floats(-1.2, 1.2)
stretch = st.floats(-0.8, 0.8)


@settings(max_examples=40, deadline=None)
@given(shift, stretch, shift, stretch, st.floats(0.95, 1.0))
def test_a_small_move_and_a_gain_are_found(blobs, across, wider, down, taller, gain):
    moved = gain * laid_over(blobs, placed(across, wider, down, taller, 1, 0))
    before = rms(moved - blobs)
    rest, _ = register(blobs, moved, identity(1))
    assert rms(rest) < max(0.3 * before, 1.5)  # what is expected of a copy holds it back a little


def test_white_stays_white_when_a_picture_is_brightened(blobs):
    brighter = np.minimum(blobs * 1.05, 255)
    rest, placement = register(blobs, brighter, identity(1))
    assert rms(rest) < 0.5
    assert placement.gain[0] == pytest.approx(1.05, abs=0.01)


def test_any_colours_can_be_set_aside(blobs):
    darker = 0.4 * blobs + 30
    assert rms(register(blobs, darker, identity(1))[0]) > 20
    assert rms(register(blobs, darker, identity(1), expected=RECOLOURED)[0]) < 2


def test_boxes_say_where_to_begin():
    inner = np.array([[0.25, 0.0, 0.75, 1.0]], dtype=np.float32)
    whole = np.array([[0.0, 0.0, 1.0, 1.0]], dtype=np.float32)
    placement = box_to_box(inner, whole, SIDE)
    # The middle stays, and half of the first fills all of the second.
    assert np.allclose(placement.values, [[0, -SIDE / 4, 0, 0, 1, 0]])


def test_pairs_do_not_touch_each_other(blobs):
    other = blobs[:, ::-1]
    together, _ = register(
        np.concatenate([blobs, blobs]), np.concatenate([other, blobs]), identity(2)
    )
    alone, _ = register(blobs, other, identity(1))
    assert np.allclose(together[:1], alone, atol=1e-3)


def test_a_placement_for_other_sides_is_scaled():
    values = placed(2, 1, 4, 3, 1.1, 5).scaled(0.5).values
    assert np.allclose(values, [[1, 0.5, 2, 1.5, 1.1, 5]])
