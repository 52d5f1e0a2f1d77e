"""Graphs that are none of ours: each setting that plain Keras would go by is held against ours."""

from __future__ import annotations

import json
import zipfile

import keras
import numpy as np
import pytest

from apparel_clf.errors import ModelFileError
from apparel_clf.model.build import HEADS, build_network
from apparel_clf.model.file import load_model, save_model
from apparel_clf.model.plan import difference, plan_of
from apparel_clf.model.weights import fill_backbone
from tests.apparel_clf.model.apart import told_apart
from tests.apparel_clf.model.payloads import rewritten

BLOCKS = ((4, 1), (8, 2))
FACTS = {"class_names": ["a", "b", "c"], "image_size": 32}


def network_of(head, blocks=BLOCKS, seed=0):
    network = build_network(3, 32, head, seed, blocks)
    fill_backbone(network, None, seed)
    return network


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("m")
    return save_model(network_of("pooled+flatten"), FACTS, folder / "m.keras")


@pytest.fixture
def changed(saved, tmp_path):
    """Copy the model with something changed in its graph and, maybe, in what it says of itself."""

    def write(change, **facts):
        def rewrite(name, data):
            if name == "apparel.json":
                return json.dumps(json.loads(data) | facts)
            if name != "config.json":
                return data
            config = json.loads(data)
            change(config)
            return json.dumps(config)

        return rewritten(saved, tmp_path / "hostile.keras", rewrite)

    return write


def layers(config, kind):
    return [layer for layer in config["config"]["layers"] if layer["class_name"] == kind]


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("blocks", [BLOCKS, ((4, 1),), ((2, 1), (3, 1), (4, 2), (5, 1), (6, 3))])
def test_every_network_of_ours_comes_back_to_the_bit(tmp_path, head, blocks):
    network = network_of(head, blocks, seed=7)
    model, _ = load_model(save_model(network, FACTS | {"head": head}, tmp_path / "m.keras"))
    images = np.random.default_rng(2).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    np.testing.assert_array_equal(model.predict_on_batch(images), network.predict_on_batch(images))


@pytest.mark.parametrize("head", HEADS)
def test_a_head_is_known_without_a_word_about_it(tmp_path, head):
    network = network_of(head)
    model, _ = load_model(save_model(network, FACTS, tmp_path / "m.keras"))
    assert [layer.name for layer in model.layers] == [layer.name for layer in network.layers]


@pytest.mark.parametrize("decay", [None, 1e-4, 1])
def test_what_the_optimizer_had_learnt_comes_back(tmp_path, decay):
    network = network_of("gap")
    network.compile(
        optimizer=keras.optimizers.Adam(0.03, weight_decay=decay),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    network.fit(np.ones((4, 32, 32, 3)), np.eye(3)[[0, 1, 2, 0]], verbose=0)
    model, _ = load_model(save_model(network, FACTS, tmp_path / "m.keras"))
    assert model.optimizer.weight_decay == decay
    for ours, theirs in zip(model.optimizer.variables, network.optimizer.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_names_that_keras_counts_and_settings_that_are_off_make_no_difference(changed):
    def change(config):
        for part in config["config"]["layers"]:
            part["config"]["of_a_later_keras"] = None
        config["compile_config"]["optimizer"]["config"]["name"] = "adam_12"
        del config["compile_config"]["run_eagerly"]

    load_model(changed(change))


def settings(kind, **values):
    def change(config):
        layers(config, kind)[-1]["config"].update(values)

    return change


def built(kind, *shape):
    def change(config):
        layers(config, kind)[-1]["build_config"] = {"input_shape": [None, *shape]}

    return change


def fan_in(config):
    """The same maps, joined many times."""
    (joined,) = layers(config, "Concatenate")
    (parts,) = joined["inbound_nodes"][0]["args"]
    parts *= 1000


def skipped_pooling(config):
    """A layer that takes the map before the one that it should."""
    convolution = layers(config, "Conv2D")[1]
    (tensor,) = convolution["inbound_nodes"][0]["args"]
    tensor["config"]["keras_history"][0] = "block1_conv1"


def twice(config):
    convolution = layers(config, "Conv2D")[1]
    convolution["inbound_nodes"] *= 2


def other_type(config):
    layers(config, "Conv2D")[0]["config"]["dtype"]["config"]["name"] = "mixed_float16"


def one_more_layer(config):
    config["config"]["layers"].append(layers(config, "Flatten")[0])


def without_pooling(config):
    config["config"]["layers"] = [
        layer for layer in config["config"]["layers"] if layer["name"] != "block1_pool"
    ]


def other_output(config):
    config["config"]["output_layers"] = ["features", 0, 0]


def other_loss(config):
    config["compile_config"]["loss"] = "mse"


def schedule(config):
    config["compile_config"]["optimizer"]["config"]["learning_rate"] = {"class_name": "Adam"}


def model_built(config):
    config["build_config"] = {"input_shape": [None, 4000, 4000, 3]}


GRAPHS = {
    "classes": settings("Dense", units=60_000_000),
    "classes as text": settings("Dense", units="3"),
    "no activation": settings("Dense", activation="linear"),
    "quantised": settings("Dense", quantization_config={"class_name": "Adam", "module": "keras"}),
    "seed": settings("Dense", kernel_initializer={"class_name": "Zeros", "module": "keras"}),
    "filters": settings("Conv2D", filters=1_000_000),
    "other filters": settings("Conv2D", filters=7),
    "kernels": settings("Conv2D", kernel_size=[4001, 4001]),
    "strides": settings("Conv2D", strides=[2, 2]),
    "dilation": settings("Conv2D", dilation_rate=[2, 2]),
    "groups": settings("Conv2D", groups=2),
    "padding": settings("Conv2D", padding="valid"),
    "layout": settings("Conv2D", data_format="channels_first"),
    "trained": settings("Conv2D", trainable=True),
    "pools": settings("MaxPooling2D", pool_size=[1, 1], strides=[1, 1]),
    "pool strides": settings("MaxPooling2D", strides=[1, 1]),
    "mean colour": settings("Rescaling", offset=[0.0, 0.0, 0.0]),
    "scale": settings("Rescaling", scale=2.0),
    "axis": settings("Flip", axis=1),
    "input": settings("InputLayer", batch_shape=[None, 200_000, 200_000, 3]),
    "batch": settings("InputLayer", batch_shape=[1000, 32, 32, 3]),
    "input as text": settings("InputLayer", dtype="string"),
    "names": settings("InputLayer", name="other"),
    "built convolution": built("Conv2D", 16, 16, 9),
    "built head": built("Dense", 4096),
    **{
        change.__name__: change
        for change in (
            fan_in, skipped_pooling, twice, other_type, one_more_layer, without_pooling,
            other_output, other_loss, schedule, model_built,
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("change", GRAPHS.values(), ids=GRAPHS)
def test_a_graph_with_a_setting_of_its_own_is_refused(changed, change):
    with pytest.raises(ModelFileError, match="refused"):
        load_model(changed(change))


@pytest.mark.parametrize(
    ("kind", "shape"), [("Conv2D", (16, 16, 3_000_000_000)), ("Dense", (30_000_000_000,))]
)
def test_layers_that_are_built_for_other_inputs_take_no_memory(changed, kind, shape):
    """Apart: Keras makes the weights of what it builds."""
    assert "build_config/input_shape" in told_apart(changed(built(kind, *shape)))


@pytest.mark.parametrize("value", [31, 4097, 32.0, "32", True, None, [32]])
def test_sides_that_no_network_has_are_refused(changed, value):
    with pytest.raises(ModelFileError, match="none of ours"):
        load_model(changed(lambda config: None, image_size=value))


@pytest.mark.parametrize(
    "facts", [{"head": "gap"}, {"head": "evil"}, {"image_size": 64}, {"class_names": ["a", "b"]}]
)
def test_a_graph_that_is_not_what_the_file_says_is_refused(changed, facts):
    with pytest.raises(ModelFileError, match="refused"):
        load_model(changed(lambda config: None, **facts))


def test_weights_that_are_not_there_are_told_before_a_network_is_made(changed):
    """Its head would have 25 million numbers, the file has a few thousand."""

    def change(config):
        return None

    with pytest.raises(ModelFileError, match=r"have [\d,]+ bytes where its network needs \d{3},"):
        load_model(changed(change, image_size=4096))


def test_the_place_of_a_difference_is_told(saved):
    with zipfile.ZipFile(saved) as archive:
        config = json.loads(archive.read("config.json"))
    plan = plan_of(config, FACTS)
    assert (plan.head, plan.blocks, plan.classes, plan.side) == ("pooled+flatten", BLOCKS, 3, 32)
    model = plan.build()
    assert plan.parameters() == model.count_params()
    assert difference(config, model) is None
    layers(config, "Conv2D")[0]["config"]["strides"] = [1, 2]
    assert difference(config, model) == "config/layers/3/config/strides/1"
