import random
from pathlib import Path

import numpy as np
import pytest

from apparel_clf import build_model
from apparel_clf.errors import SettingsError
from apparel_clf.model.build import build_network
from apparel_clf.model.weights import convolutions, fill_backbone

BLOCKS = ((4, 1), (8, 2))


@pytest.fixture(scope="module")
def vgg():
    return build_model(weights=None)


def small(**changed):
    arguments = {"num_classes": 3, "image_size": 32, "head": "flatten", "random_state": 0}
    model = build_network(**{**arguments, **changed}, blocks=BLOCKS)
    fill_backbone(model, None, 0)
    return model


def pictures(count=2, side=32):
    rng = np.random.default_rng(5)
    return rng.integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def test_parameters_are_the_original_networks(vgg):
    trainable = sum(int(np.prod(w.shape)) for w in vgg.trainable_weights)
    frozen = sum(int(np.prod(w.shape)) for w in vgg.non_trainable_weights)
    assert (vgg.count_params(), trainable, frozen) == (14_812_995, 98_307, 14_714_688)


def test_layers_are_the_original_networks(vgg):
    import keras

    original = keras.applications.VGG16(
        weights=None, include_top=False, input_shape=(256, 256, 3)
    ).layers[1:]
    flip, mean, *backbone, flatten, dense = vgg.operations[1:]
    shown = [(layer.name, type(layer), layer.output.shape) for layer in backbone]
    assert shown == [(layer.name, type(layer), layer.output.shape) for layer in original]
    assert [type(x).__name__ for x in (flip, mean, flatten)] == ["Flip", "Rescaling", "Flatten"]
    assert flatten.output.shape == (None, 32768)
    assert dense.output.shape == (None, 3)
    assert dense.activation is keras.activations.softmax


def test_convolutions_compute_what_the_originals_do(vgg):
    import keras

    for ours in convolutions(vgg):
        assert ours.padding == "same"
        assert ours.strides == (1, 1)
        assert ours.kernel_size == (3, 3)
        assert ours.activation is keras.activations.relu
        assert not ours.trainable


def test_is_compiled_as_the_original(vgg):
    assert type(vgg.optimizer).__name__ == "Adam"
    assert vgg.loss == "categorical_crossentropy"
    vgg.optimizer.learning_rate.assign(1e-3)
    names = set(vgg.evaluate(pictures(2, 256), np.eye(3)[:2], verbose=0, return_dict=True))
    assert names == {"loss", "accuracy"}


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_preprocessing_is_keras_own_to_the_bit(dtype):
    import keras

    model = small()
    until = keras.Model(model.inputs[0], model.get_layer("minus_mean").output)
    images = pictures().astype(dtype)
    expected = keras.applications.vgg16.preprocess_input(images.astype(np.float32))
    np.testing.assert_array_equal(until.predict_on_batch(images), expected)


def test_preprocessing_leaves_the_callers_array_alone():
    images = pictures().astype(np.float32)
    before = images.copy()
    small().predict_on_batch(images)
    np.testing.assert_array_equal(images, before)


def test_output_is_a_probability_of_each_class():
    probabilities = small(num_classes=5).predict_on_batch(pictures())
    assert probabilities.shape == (2, 5)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


def test_head_gap_averages_over_the_picture():
    model = small(head="gap")
    assert model.get_layer("gap").output.shape == (None, 8)
    assert model.layers[-1].kernel.shape == (8, 3)


def test_random_state_decides_every_weight():
    same, again, other = (
        build_model(image_size=32, weights=None, random_state=s) for s in (3, 3, 4)
    )
    for a, b in zip(same.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(same.get_weights()[0], other.get_weights()[0])
    assert not np.array_equal(same.get_weights()[-2], other.get_weights()[-2])


def test_global_random_state_is_neither_read_nor_changed():
    random.seed(1)
    np.random.seed(1)
    before = (random.getstate(), np.random.get_state()[1].tolist())
    small()
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before


def test_a_users_global_keras_settings_change_nothing():
    import keras

    expected = small().predict_on_batch(pictures())
    policy, layout = keras.config.dtype_policy(), keras.config.image_data_format()
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        keras.config.set_image_data_format("channels_first")
        changed = small().predict_on_batch(pictures())
    finally:
        keras.config.set_dtype_policy(policy)
        keras.config.set_image_data_format(layout)
    np.testing.assert_array_equal(changed, expected)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"num_classes": 1}, "num_classes to be a whole number of at least 2. Received: 1"),
        ({"num_classes": 3.0}, "num_classes to be a whole number"),
        ({"num_classes": True}, "num_classes to be a whole number"),
        ({"image_size": 31}, "image_size to be a whole number of at least 32"),
        ({"head": "dense"}, r"head to be one of \('flatten', 'gap', .*\). Received: 'dense'"),
        ({"random_state": -1}, "random_state to be a whole number of at least 0"),
        ({"random_state": None}, "random_state"),
        ({"weights": 7}, "weights to be 'imagenet', a path or None. Received: 7"),
    ],
)
def test_bad_arguments_are_refused(arguments, expected):
    with pytest.raises(SettingsError, match=expected):
        build_model(**{"image_size": 32, "weights": None, **arguments})


def test_another_keras_backend_is_refused(monkeypatch):
    import keras

    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(SettingsError, match=r"backend to be 'tensorflow'. Received: 'jax'"):
        build_model(weights=None)


@pytest.mark.train
def test_trains_in_keras_itself_with_the_backbone_frozen(tmp_path: Path):
    model = build_model(image_size=32, weights=None)
    before = [w.copy() for w in model.get_weights()]
    model.fit(pictures(6), np.eye(3)[[0, 1, 2, 0, 1, 2]], epochs=1, verbose=0)
    after = model.get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(before[:-2], after[:-2], strict=True))
    assert not np.array_equal(before[-2], after[-2])
