from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from apparel_clf.images.resize import square_of, to_square
from apparel_clf.inference.explain import explanation
from apparel_clf.inference.heat import heat_kernel, last_map
from apparel_clf.inference.prediction import Prediction
from apparel_clf.inference.runtimes.keras_runtime import KerasRuntime
from apparel_clf.model.build import HEADS, build_network
from apparel_clf.model.weights import fill_backbone

BLOCKS = ((4, 1), (8, 1))
SAID = Prediction("a", 0.9, {"a": 0.9, "b": 0.1}, "x.jpg")


@pytest.mark.parametrize("head", HEADS)
def test_heat_is_grad_cam_by_gradients(head):
    """Beside the definition: the gradient of each score by the last map, taken by TensorFlow."""
    import keras

    network = build_network(3, 32, head, 0, blocks=BLOCKS)
    fill_backbone(network, None, 0)
    squares = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    dense = network.layers[-1]
    below = keras.Model(network.input, [last_map(network), dense.input])
    with tf.GradientTape(persistent=True) as tape:
        pixels = tf.constant(squares, tf.float32)
        tape.watch(pixels)  # and with them all that comes of them
        maps, features = below(pixels)
        scores = features @ dense.kernel + dense.bias
        each = tf.unstack(scores, axis=1)
    gradients = np.stack([tape.gradient(score, maps) for score in each], axis=-1)
    assert gradients.shape == (*maps.shape, 3)
    weights = gradients.mean(axis=(1, 2))
    assert np.abs(weights).max() > 0.001
    for own in weights:
        np.testing.assert_allclose(heat_kernel(network, head), own, rtol=1e-4, atol=1e-7)
    probabilities, heat = KerasRuntime(network, head).see(squares, "heat")
    np.testing.assert_allclose(probabilities, tf.nn.softmax(scores), atol=1e-5)
    expected = np.einsum("nrcf,nfk->nrck", maps, weights)
    np.testing.assert_allclose(heat, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", [(60, 90), (90, 60), (50, 50), (3, 200)])
@pytest.mark.parametrize("rule", ["pad", "crop", "stretch"])
def test_the_hottest_place_lies_where_the_network_saw_it(size, rule):
    """A bright spot of the picture is the hot spot of the square that it became."""
    picture = Image.new("RGB", size)
    x, y = size[0] // 2, size[1] // 2
    picture.paste("white", (x - 1, y - 1, x + 2, y + 2))
    square = to_square(picture, 64, rule).mean(axis=2).astype(np.float32)
    found = explanation(SAID, "a", square, picture, rule)
    assert found.heat.shape == (size[1], size[0])
    row, column = np.unravel_index(found.heat.argmax(), found.heat.shape)
    assert abs(row - y) <= max(2, size[1] / 40)
    assert abs(column - x) <= max(2, size[0] / 40)


def test_heat_is_from_nothing_to_the_most():
    heat = np.array([[-3.0, 0.0], [1.0, 4.0]], np.float32)
    found = explanation(SAID, "a", heat, Image.new("RGB", (40, 40)), "pad")
    assert found.heat.dtype == np.float32
    assert 0 <= found.heat.min() <= 0.01
    assert 0.9 < found.heat.max() <= 1


def test_where_nothing_speaks_for_a_class_the_picture_is_as_it_was():
    picture = Image.effect_noise((30, 40), 50).convert("RGB")
    found = explanation(SAID, "b", np.full((2, 2), -1.0, np.float32), picture, "pad")
    assert not found.heat.any()
    np.testing.assert_array_equal(np.asarray(found.overlay()), np.asarray(picture))


def test_a_large_picture_is_shown_reduced():
    found = explanation(
        SAID, "a", np.ones((2, 2), np.float32), Image.new("RGB", (4000, 900)), "pad"
    )
    assert found.overlay().size == found.picture.size == (1024, 230)


def test_what_is_cut_off_is_cold():
    found = explanation(
        SAID, "a", np.ones((4, 4), np.float32), Image.new("RGB", (100, 300)), "crop"
    )
    assert not found.heat[:99].any()
    assert found.heat[110:190].min() > 0.9


def test_squares_are_where_to_square_takes_them():
    assert square_of((100, 200), "pad") == (-50, 0, 150, 200)
    assert square_of((100, 200), "crop") == (0, 50, 100, 150)
    assert square_of((100, 200), "stretch") == (0, 0, 100, 200)


@pytest.mark.parametrize(("heat", "empty"), [(-1.0, True), (0.0, True), (0.5, False)])
def test_a_map_without_heat_is_empty_and_leaves_the_picture_as_it_is(heat, empty):
    picture = Image.new("RGB", (40, 30), (200, 100, 50))
    found = explanation(SAID, "a", np.full((2, 2), heat, np.float32), picture, "pad")
    assert found.empty is empty
    assert (found.overlay().tobytes() == picture.tobytes()) is empty
