"""Exports from elsewhere: nothing of them is run but a network of our kind."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import zipfile

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import apparel_clf as ac
from apparel_clf.errors import ModelFileError
from apparel_clf.inference import opening
from apparel_clf.inference.onnx_scan import scan
from tests.apparel_clf.conftest import SmallClassifier, labelled_set
from tests.apparel_clf.inference.protobuf import rewritten
from tests.apparel_clf.model.apart import told_apart


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports")
    made = SmallClassifier(weights=None, image_size=32, precision="float32", verbose=False)
    made.fit(labelled_set(folder, "train", 6))
    for name in ("m.onnx", "m.tflite", "openvino"):
        made.export(folder / name)
    return folder


@pytest.fixture
def changed(made, tmp_path):
    """Copy the ONNX file with something changed in it."""

    def write(change):
        model = onnx.load(made / "m.onnx")
        change(model)
        path = tmp_path / "hostile.onnx"
        path.write_bytes(model.SerializeToString())
        return path

    return write


def loop(model):
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("Loop", ["", ""], ["never"], body=body))


def custom(model):
    model.graph.node.append(helper.make_node("Conv", ["x"], ["y"], domain="com.evil"))


def function(model):
    model.functions.append(
        helper.make_function("f", "F", ["x"], ["y"], [], [helper.make_opsetid("", 17)])
    )


def elsewhere(model):
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def hidden(model):
    """In an attribute of an operator that we have."""
    node = helper.make_node("Relu", ["image"], ["z"])
    tensor = node.attribute.add(name="value", type=onnx.AttributeProto.TENSOR).t
    tensor.data_location = TensorProto.EXTERNAL
    model.graph.node.append(node)


def nested(model):
    attribute = model.graph.node[0].attribute.add(name="x", type=onnx.AttributeProto.GRAPH)
    attribute.g.CopyFrom(helper.make_graph([], "inner", [], []))


def doubled(model):
    """Constants that grow when they are computed, which runtimes do when they load."""
    for number in range(30):
        before = model.graph.initializer[0].name if number == 0 else f"z{number - 1}"
        model.graph.node.append(
            helper.make_node("Concat", [before, before], [f"z{number}"], axis=0)
        )


def padded(model):
    pads = [0, 0, 100_000, 100_000]
    model.graph.node.append(
        helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[1, 1], pads=pads)
    )


def endless(model):
    for number in range(1000):
        model.graph.node.append(helper.make_node("Relu", ["x"], [f"r{number}"]))


def endless_loop(model):
    """One that would be run: what it gives goes on to the head."""
    steps = [
        helper.make_node("Identity", [f"{name}_in"], [f"{name}_out"]) for name in ("on", "value")
    ]
    given = [
        helper.make_tensor_value_info("step", 7, []),
        helper.make_tensor_value_info("on_in", 9, []),
        helper.make_tensor_value_info("value_in", 1, None),
    ]
    left = [
        helper.make_tensor_value_info("on_out", 9, []),
        helper.make_tensor_value_info("value_out", 1, None),
    ]
    body = helper.make_graph(steps, "body", given, left)
    nodes = model.graph.node
    model.graph.initializer.append(helper.make_tensor("yes", 9, [], [True]))
    place = next(i for i, node in enumerate(nodes) if "head" in node.output)
    for node in nodes:
        node.input[:] = ["looped" if name == "head" else name for name in node.input]
    nodes.insert(place + 1, helper.make_node("Loop", ["", "yes", "head"], ["looped"], body=body))


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
@pytest.mark.parametrize("more", [2**32, 2**35 + 2**32])
def test_a_graph_that_the_runtime_alone_would_see_is_refused(changed, runtime, more):
    """ONNX Runtime cuts tags to 32 bits. Apart: its loop has no end."""
    path = changed(endless_loop)
    path.write_bytes(rewritten(path.read_bytes(), 7, more=more))
    assert "a tag of more than 32 bits" in told_apart(path, runtime)


def test_a_graph_in_two_parts_is_refused(changed):
    """Readers merge them: constants of one, and in the other what makes them grow."""
    path = changed(lambda model: None)
    rest = onnx.ModelProto()
    rest.graph.node.append(helper.make_node("Relu", ["head"], ["more"]))
    path.write_bytes(path.read_bytes() + rest.SerializeToString())
    assert onnx.load(path).graph.node[-1].output == ["more"]
    with pytest.raises(ModelFileError, match="the field 7 of Model once more, as none of our"):
        ac.load(path)


@pytest.mark.parametrize("name", ["m.onnx", "m.tflite"])
def test_a_file_is_read_once(made, tmp_path, monkeypatch, name):
    """What has been checked is what runs, though the file is another one by then."""
    path = tmp_path / name
    path.write_bytes((made / name).read_bytes())
    real = opening._runtime

    def swap(*args):
        path.write_bytes(b"hostile")
        return real(*args)

    monkeypatch.setattr(opening, "_runtime", swap)
    assert ac.load(path).predict(np.zeros((9, 9, 3), np.uint8)).label


@pytest.mark.parametrize(
    "change", [loop, custom, function, elsewhere, hidden, nested, doubled, padded, endless]
)
def test_graphs_that_are_none_of_ours_are_refused(changed, change):
    with pytest.raises(ModelFileError, match="as none of our networks does; refused"):
        ac.load(changed(change))


def test_an_export_passes(made):
    path = made / "m.onnx"
    assert scan(path, path.read_bytes())["class_names"] == ["jeans", "saree", "trousers"]


def test_a_graph_without_a_word_about_itself_is_refused(changed):
    with pytest.raises(ModelFileError, match=r"it has no apparel\.json"):
        ac.load(changed(lambda model: model.metadata_props.pop()))


def test_weights_that_are_no_numbers_are_told(changed):
    def spoil(model):
        for tensor in model.graph.initializer:
            if tensor.name == "head_bias":
                tensor.raw_data = np.full(3, np.nan, np.float32).tobytes()

    with pytest.raises(ModelFileError, match="not finite"):
        ac.load(changed(spoil)).predict(np.zeros((9, 9, 3), np.uint8))


def test_an_openvino_graph_that_would_fill_the_memory_is_refused(made, tmp_path):
    import openvino
    from openvino import opset13 as ops

    given = ops.parameter([-1, 32, 32, 3], np.uint8, name="image")
    large = ops.broadcast(ops.constant(np.float32(1)), ops.constant(np.array([400_000_000])))
    mean = ops.reduce_mean(ops.relu(large), ops.constant(np.array([0])), keep_dims=True)
    shown = ops.reshape(mean, ops.constant(np.array([1, 1])), special_zero=False)
    model = openvino.Model([ops.result(shown)], [given], "evil")
    folder = tmp_path / "evil"
    folder.mkdir()
    openvino.save_model(model, folder / "model.xml")
    (folder / "apparel.json").write_bytes((made / "openvino" / "apparel.json").read_bytes())
    with pytest.raises(ModelFileError, match=r"of size \[400000000\]; refused"):
        ac.load(folder)


def facts(model, **changes):
    told = json.loads(model.metadata_props[0].value) | changes
    model.metadata_props[0].value = json.dumps(told)


@pytest.mark.parametrize(
    "changes",
    [
        {"class_names": ["a", "b"]},
        {"class_names": 7},
        {"image_size": 64},
        {"format": "x"},
        {"head": "evil"},
        {"threshold": 7.0},
        {"recipe": None},
        {"params": {"weights": {}}},
    ],
)
def test_words_that_do_not_fit_are_refused(changed, changes):
    with pytest.raises(ModelFileError):
        ac.load(changed(lambda model: facts(model, **changes)))


@pytest.mark.parametrize("name", ["m.onnx", "m.tflite", "openvino/model.xml", "openvino/model.bin"])
def test_half_a_file_is_refused_or_answers_as_ever(made, tmp_path, name):
    """In processes of their own: a runtime that crashes would take the test with it."""
    whole = (made / name).read_bytes()
    rng = random.Random(name)
    folder = tmp_path / "model"
    files = {path.name: path.read_bytes() for path in (made / "openvino").iterdir()}
    for trial in range(12):
        data = bytearray(whole)
        if trial % 2:
            del data[rng.randrange(len(data)) :]
        else:
            for _ in range(8):
                data[rng.randrange(len(data))] = rng.randrange(256)
        target = tmp_path / f"{trial}-{name}" if "/" not in name else folder / str(trial)
        if "/" in name:
            target.mkdir(parents=True)
            for other, content in files.items():
                (target / other).write_bytes(content)
            (target / name.split("/")[1]).write_bytes(data)
        else:
            target.write_bytes(data)
    targets = sorted(folder.iterdir()) if "/" in name else sorted(tmp_path.glob(f"*-{name}"))
    code = (
        "import sys, numpy as np, apparel_clf as ac\n"
        "for path in sys.argv[1:]:\n"
        "    try:\n"
        "        ac.load(path, threads=1).predict(np.zeros((9, 9, 3), np.uint8))\n"
        "    except ac.ModelFileError as error:\n"
        "        assert str(error).startswith(path), error\n"
        "print('done')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, targets)], capture_output=True, text=True
    )
    assert done.stdout.strip() == "done", done.stderr[-2000:]


def test_a_tflite_file_without_a_word_about_itself_is_refused(made, tmp_path):
    path = tmp_path / "m.tflite"
    path.write_bytes((made / "m.tflite").read_bytes())
    with zipfile.ZipFile(path) as archive:
        start = min(info.header_offset for info in archive.infolist())
    path.write_bytes(path.read_bytes()[:start])
    with pytest.raises(ModelFileError, match="not a model of ours"):
        ac.load(path)


def test_a_foreign_tflite_graph_is_refused(made, tmp_path):
    import tensorflow as tf

    module = tf.Module()
    shape = tf.TensorSpec((None, 32, 32, 3), tf.uint8, name="image")
    module.run = tf.function(
        lambda image: {"probabilities": tf.cumsum(tf.cast(image, tf.float32), axis=1)},
        input_signature=[shape],
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [module.run.get_concrete_function()], module
    )
    path = tmp_path / "m.tflite"
    path.write_bytes(converter.convert())
    with zipfile.ZipFile(made / "m.tflite") as source, zipfile.ZipFile(path, "a") as target:
        target.writestr("apparel.json", source.read("apparel.json"))
    with pytest.raises(ModelFileError, match=r"CUMSUM.*refused"):
        ac.load(path)


@pytest.mark.parametrize("name", ["model.xml", "x.pt", "x", "x.h5", "x.pkl"])
def test_other_files_are_refused_by_name(tmp_path, name):
    (tmp_path / name).write_bytes(np.zeros(10).tobytes())
    with pytest.raises(ModelFileError, match=str(tmp_path / name)):
        ac.load(tmp_path / name)
