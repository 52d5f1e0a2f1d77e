import numpy as np
import pytest
import tensorflow as tf

from apparel_clf.training import winograd


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def convolved(images, kernel, bias):
    transformed = winograd.transform_kernel(kernel)
    return winograd.convolve(tf.constant(images), transformed, bias).numpy()


@pytest.mark.parametrize(
    ("height", "width"), [(4, 4), (8, 16), (5, 5), (7, 9), (1, 1), (3, 30), (16, 6)]
)
def test_agrees_with_the_definition_at_any_size(height, width):
    images, kernel, bias = (
        random(2, height, width, 5),
        random(3, 3, 5, 7, seed=1),
        random(7, seed=2),
    )
    expected = tf.nn.relu(tf.nn.conv2d(images, kernel, 1, "SAME") + bias).numpy()
    found = convolved(images, kernel, bias)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_agrees_at_the_size_of_a_wide_layer():
    images, bias = np.maximum(random(1, 32, 32, 256), 0), random(256, seed=2)
    kernel = random(3, 3, 256, 256, seed=1) * np.float32(np.sqrt(2 / (9 * 256)))
    expected = tf.nn.relu(tf.nn.conv2d(images, kernel, 1, "SAME") + bias).numpy()
    found = convolved(images, kernel, bias)
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


def test_cuts_off_below_zero():
    images = np.ones((1, 4, 4, 1), np.float32)
    kernel = np.zeros((3, 3, 1, 2), np.float32)
    found = convolved(images, kernel, np.array([-1.0, 2.0], np.float32))
    np.testing.assert_array_equal(found[..., 0], 0)
    np.testing.assert_array_equal(found[..., 1], 2)


def test_is_the_same_to_the_bit_from_run_to_run():
    images, kernel, bias = random(3, 12, 12, 8), random(3, 3, 8, 8, seed=1), random(8, seed=2)
    first = convolved(images, kernel, bias)
    for _ in range(3):
        np.testing.assert_array_equal(convolved(images, kernel, bias), first)


def test_works_inside_a_traced_function():
    images, kernel, bias = random(2, 8, 8, 3), random(3, 3, 3, 4, seed=1), random(4, seed=2)
    transformed = winograd.transform_kernel(kernel)
    traced = tf.function(lambda x: winograd.convolve(x, transformed, bias), autograph=False)
    np.testing.assert_allclose(
        traced(tf.constant(images)).numpy(), convolved(images, kernel, bias), atol=1e-5
    )


@pytest.mark.parametrize(("height", "width"), [(16, 16), (7, 10)])
def test_gradients_agree_with_the_definitions(height, width):
    images, kernel = tf.constant(random(3, height, width, 5)), tf.constant(random(3, 3, 5, 4))
    bias, towards = tf.constant(random(4)), tf.constant(random(3, height, width, 4, seed=1))

    def gradients(result):
        with tf.GradientTape() as tape:
            tape.watch([images, kernel, bias])
            loss = tf.reduce_sum(result() * towards)
        return tape.gradient(loss, [images, kernel, bias])

    short = gradients(lambda: winograd.convolve_trained(images, kernel, bias))
    plain = gradients(lambda: tf.nn.relu(tf.nn.conv2d(images, kernel, 1, "SAME") + bias))
    for ours, theirs in zip(short, plain, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-4 * np.abs(theirs).max())


def test_a_function_traced_for_any_number_of_pictures_takes_each():
    kernel, bias = random(3, 3, 5, 4), random(4)
    ready = winograd.transform_kernel(kernel)
    shape = tf.TensorSpec((None, 8, 8, 5), tf.float32)
    traced = tf.function(
        lambda x: winograd.convolve(x, ready, bias), input_signature=[shape], autograph=False
    )
    for number in (1, 3):
        images = random(number, 8, 8, 5)
        found = traced(tf.constant(images)).numpy()
        np.testing.assert_allclose(found, convolved(images, kernel, bias), atol=1e-5)


def test_what_pays():
    assert winograd.pays(128, 256, "float32")
    assert winograd.pays(128, 128, "float32")
    assert not winograd.pays(64, 128, "float32")
    assert not winograd.pays(512, 512, "bfloat16")


def test_kernel_of_ones_in_the_middle_passes_pictures_through():
    images = np.abs(random(1, 8, 8, 1))
    kernel = np.zeros((3, 3, 1, 1), np.float32)
    kernel[1, 1] = 1
    np.testing.assert_allclose(
        convolved(images, kernel, np.zeros(1, np.float32)), images, atol=1e-5
    )


def test_availability_is_found_out_by_trying(monkeypatch):
    def broken(*args):
        raise tf.errors.UnimplementedError(None, None, "no compiler in this build")

    winograd.available.cache_clear()
    assert winograd.available() is True
    winograd.available.cache_clear()
    monkeypatch.setattr(winograd, "convolve", broken)
    try:
        assert winograd.available() is False
    finally:
        winograd.available.cache_clear()
