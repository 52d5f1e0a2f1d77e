import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from apparel_clf.errors import SettingsError
from apparel_clf.training import Augmentation
from apparel_clf.training.augment import view_seed

STILL = Augmentation.none()


@pytest.fixture
def arrow():
    """A dark bar in the left half on a light ground: tells which way a view was moved."""
    pixels = np.full((60, 40, 3), 200, np.uint8)
    pixels[10:50, 5:12] = (20, 40, 60)
    return Image.fromarray(pixels)


def only(**amount):
    return Augmentation(**{**STILL.to_json(), **amount})


def centre(image):
    """Middle of what is dark, across and down."""
    dark = np.argwhere(np.asarray(image)[..., 0] < 110)
    return dark[:, 1].mean(), dark[:, 0].mean()


def test_none_changes_no_pixel(arrow):
    assert not STILL.changes
    for seed in range(5):
        np.testing.assert_array_equal(np.asarray(STILL.apply(arrow, seed)), np.asarray(arrow))


def test_defaults_change_pixels_but_neither_size_nor_mode(arrow):
    view = Augmentation().apply(arrow, 3)
    assert Augmentation().changes
    assert (view.size, view.mode) == (arrow.size, "RGB")
    assert not np.array_equal(np.asarray(view), np.asarray(arrow))


def test_a_seed_gives_one_view_and_leaves_the_picture_alone(arrow):
    before = arrow.tobytes()
    first, again, other = (Augmentation().apply(arrow, seed) for seed in (7, 7, 8))
    assert first.tobytes() == again.tobytes() != other.tobytes()
    assert arrow.tobytes() == before


def test_flip_mirrors_about_half_of_the_views_exactly(arrow):
    mirrored = np.asarray(arrow)[:, ::-1]
    views = [np.asarray(only(flip=True).apply(arrow, seed)) for seed in range(200)]
    turned = sum(np.array_equal(view, mirrored) for view in views)
    kept = sum(np.array_equal(view, np.asarray(arrow)) for view in views)
    assert turned + kept == 200
    assert 70 < turned < 130


def test_shift_moves_no_further_than_its_share(arrow):
    x, y = centre(arrow)
    moved = [centre(only(shift=0.1).apply(arrow, seed)) for seed in range(60)]
    across, down = (np.array(moved) - (x, y)).T
    assert np.abs(across).max() <= 0.1 * 40 + 0.5
    assert np.abs(down).max() <= 0.1 * 60 + 0.5
    assert across.min() < -2 < 2 < across.max()
    assert down.min() < -3 < 3 < down.max()


def test_zoom_grows_and_shrinks_what_is_shown(arrow):
    areas = [
        (np.asarray(only(zoom=0.2).apply(arrow, seed))[..., 0] < 110).sum() for seed in range(60)
    ]
    area = 40 * 7
    assert 0.5 * area < min(areas) < 0.85 * area
    assert 1.15 * area < max(areas) < 1.6 * area


def test_rotation_turns_about_the_middle():
    pixels = np.full((81, 81, 3), 255, np.uint8)
    pixels[40:42, 5:76] = 0
    line = Image.fromarray(pixels)
    slopes = []
    for seed in range(60):
        dark = np.argwhere(np.asarray(only(rotation=20).apply(line, seed))[..., 0] < 128)
        slopes.append(np.degrees(np.arctan(np.polyfit(dark[:, 1], dark[:, 0], 1)[0])))
        assert np.abs(dark.mean(0) - 40.5).max() < 1.5
    assert -21 < min(slopes) < -10
    assert 10 < max(slopes) < 21


def test_brightness_scales_all_colours_and_clips():
    flat = Image.new("RGB", (8, 8), (100, 50, 240))
    views = [np.asarray(only(brightness=0.3).apply(flat, s)).reshape(-1, 3)[0] for s in range(80)]
    red, green, blue = np.array(views, int).T
    assert red.min() < 80
    assert red.max() > 120
    assert np.abs(red - 2 * green).max() <= 1
    assert blue.max() == 255


def test_what_comes_in_from_outside_has_the_borders_colour(arrow):
    view = np.asarray(only(shift=0.4).apply(arrow, 1))
    corners = view[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert (np.abs(corners.astype(int) - 200) <= 1).all()


def test_one_amount_leaves_what_others_draw_as_it_was(arrow):
    both = centre(only(shift=0.1, brightness=0.2).apply(arrow, 5))
    alone = centre(only(shift=0.1).apply(arrow, 5))
    assert both == pytest.approx(alone, abs=0.3)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**64 - 1))
def test_any_size_and_seed_gives_a_view_of_that_size(width, height, seed):
    image = Image.new("RGB", (width, height), (1, 2, 3))
    assert Augmentation().apply(image, seed).size == (width, height)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ({"rotation": -1}, r"rotation to be a number from 0 to 180.0. Received: -1"),
        ({"zoom": 1.0}, r"zoom to be a number from 0 to 0.9"),
        ({"shift": "0.1"}, "shift to be a number"),
        ({"brightness": float("nan")}, "brightness to be a number"),
    ],
)
def test_bad_amounts_are_refused(amount, expected):
    with pytest.raises(SettingsError, match=expected):
        Augmentation(**amount)


def test_plain_values_read_back():
    chosen = Augmentation(rotation=5, flip=False)
    assert Augmentation(**chosen.to_json()) == chosen


def test_view_seed_depends_on_pixels_view_and_random_state_alone(arrow, tmp_path):
    arrow.save(tmp_path / "a.png")
    seed = view_seed(arrow, 1, 0)
    assert view_seed(Image.open(tmp_path / "a.png"), 1, 0) == seed
    others = [
        view_seed(arrow, 2, 0),
        view_seed(arrow, 1, 1),
        view_seed(arrow.transpose(Image.Transpose.FLIP_LEFT_RIGHT), 1, 0),
        view_seed(Image.frombytes("RGB", (60, 40), arrow.tobytes()), 1, 0),
    ]
    assert len({seed, *others}) == 5
    assert all(0 <= s < 2**64 for s in others)
