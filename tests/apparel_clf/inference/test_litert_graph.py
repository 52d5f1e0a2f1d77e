"""Small LiteRT files that would take much memory, or that say other than they do."""

from __future__ import annotations

import zipfile

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import apparel_clf as ac
from apparel_clf.errors import ModelFileError
from tests.apparel_clf.conftest import SmallClassifier, labelled_set
from tests.apparel_clf.model.apart import told_apart

SIDE = 32
KINDS = {name: number for name, number in vars(schema.BuiltinOperator).items() if name[0] != "_"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports")
    made = SmallClassifier(weights=None, image_size=SIDE, precision="float32", verbose=False)
    train = labelled_set(folder, "train", 6)
    made.fit(train)
    for head in ("flatten", "pooled+flatten"):
        made.set_params(head=head).fit(train).export(folder / f"{head}.tflite")
    made.export(folder / "m8.tflite", "int8", calibrate_on=train, verify_on=train, max_loss=100.0)
    return folder


@pytest.fixture
def written(made, tmp_path):
    """Write a graph with honest words about it."""

    def write(graph):
        path = tmp_path / "hostile.tflite"
        path.write_bytes(graph)
        with zipfile.ZipFile(made / "flatten.tflite") as source, zipfile.ZipFile(path, "a") as file:
            file.writestr("apparel.json", source.read("apparel.json"))
        return path

    return write


@pytest.fixture
def changed(made, written):
    """Copy a file with something changed in its graph."""

    def write(change, name="pooled+flatten.tflite"):
        with zipfile.ZipFile(made / name) as archive:
            start = min(info.header_offset for info in archive.infolist())
        data = (made / name).read_bytes()[:start]
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data))
        change(model)
        builder = flatbuffers.Builder()
        builder.Finish(model.Pack(builder), b"TFL3")
        return written(bytes(builder.Output()))

    return write


def converted(answer):
    """A graph of TensorFlow's own making: `answer` gives scores of a picture's numbers."""
    import tensorflow as tf

    def run(image):
        x = tf.cast(image, tf.float32)
        scores = tf.reduce_mean(x, (1, 2)) + 1e-4 * answer(tf, x)
        heat = tf.zeros((1, 8, 8, 3)) + tf.reduce_mean(scores)
        return {"probabilities": tf.nn.softmax(scores), "heat": heat, "means": scores}

    module = tf.Module()
    shape = tf.TensorSpec((1, SIDE, SIDE, 3), tf.uint8, name="image")
    module.run = tf.function(run, input_signature=[shape], autograph=False)
    return tf.lite.TFLiteConverter.from_concrete_functions(
        [module.run.get_concrete_function()], module
    ).convert()


def joined(tf, x, times=6):
    """Joined with itself again and again: 12 GB of a few kilobytes."""
    for _ in range(times):
        x = tf.concat([x] * 10, axis=3)
    return tf.reduce_mean(x, (1, 2))[:, :3]


def outer(tf, x):
    """Every number with every other."""
    return tf.reduce_mean(tf.reshape(x, (-1, 1)) * tf.reshape(x, (1, -1)))


def many(tf, x):
    """No value is large, all of them are."""
    maps = [tf.concat([x * float(k)] * 20, axis=3) for k in range(2, 40)]
    return sum(tf.reduce_mean(each) for each in maps)


def kernels(tf, x):
    """A map of more channels than any of ours."""
    return tf.reduce_mean(tf.nn.conv2d(x, tf.ones((1, 1, 3, 2000)), 1, "SAME"))


def wide_windows(tf, x):
    """Plain code lays out every window of the picture."""
    return tf.reduce_mean(tf.nn.conv2d(x, tf.ones((31, 31, 3, 1)), 1, "SAME"))


def of_any_shape(tf, x):
    """The picture says in which shape it is laid out, and so what comes of it."""
    shape = tf.cast(x[0, 0, 0, :2], tf.int32)
    return tf.reduce_mean(tf.reshape(x, shape) * tf.reshape(x, (1, -1)))


def test_a_graph_that_fills_the_memory_is_refused(written):
    """Apart: LiteRT would take it with the first picture."""
    path = written(converted(joined))
    assert path.stat().st_size < 30_000
    assert "asks for values of size [1, 32, 32, 3000], as none of our" in told_apart(path)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (outer, r"size \[3072, 3072\]"),
        (many, r"asks for [\d,]+ values"),
        (kernels, r"size \[1, 32, 32, 2000\]"),
        (wide_windows, r"size \[1, 32, 32, 2883\]"),
        (of_any_shape, "RESHAPE of any shape"),
    ],
)
def test_graphs_that_grow_are_refused(written, answer, told):
    with pytest.raises(ModelFileError, match=rf"{told}, as none of our networks does; refused"):
        ac.load(written(converted(answer)))


def operators(model, kind):
    codes = [max(c.builtinCode, c.deprecatedBuiltinCode) for c in model.operatorCodes]
    return [op for op in model.subgraphs[0].operators if codes[op.opcodeIndex] == KINDS[kind]]


def lies(model):
    """A map is said to be small; what is said of it is not what comes out."""
    graph = model.subgraphs[0]
    graph.tensors[operators(model, "CONV_2D")[0].outputs[0]].shape = [1, 1, 1, 1]


def constants_alone(model):
    softmax, dense = operators(model, "SOFTMAX")[0], operators(model, "FULLY_CONNECTED")[0]
    softmax.inputs = [dense.inputs[1]]


def second_graph(model):
    """Where a signature leads to, unseen."""
    model.subgraphs.append(model.subgraphs[0])
    model.signatureDefs[0].subgraphIndex = 1


def picture_elsewhere(model):
    place = operators(model, "CONV_2D")[0].outputs[0]
    model.signatureDefs[0].inputs[0].tensorIndex = place


def made_twice(model):
    first, second = operators(model, "CONV_2D")[:2]
    second.outputs = first.outputs


def no_square(model):
    model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].shape = [1, 32, 64, 3]


def too_large(model):
    model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].shape = [1, 8192, 8192, 3]


def several_pictures(model):
    model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].shape = [1000, 32, 32, 3]


def texts(model):
    model.subgraphs[0].tensors[
        operators(model, "CAST")[0].outputs[0]
    ].type = schema.TensorType.STRING


def shape_that_is_not_there(model):
    """Of a reshape: without it, the shape is what lies in the memory."""
    graph = model.subgraphs[0]
    graph.tensors[operators(model, "RESHAPE")[0].inputs[1]].buffer = 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lies, r"asks for values of size \[1, 32, 32, 4\]"),
        (constants_alone, "SOFTMAX of constants alone"),
        (second_graph, "several graphs"),
        (picture_elsewhere, "goes elsewhere"),
        (made_twice, "computes a value twice"),
        (no_square, "takes"),
        (too_large, "takes"),
        (several_pictures, "takes"),
        (texts, "values of the type"),
        (shape_that_is_not_there, "RESHAPE of any shape"),
    ],
)
def test_graphs_that_are_none_of_ours_are_refused(changed, change, told):
    with pytest.raises(ModelFileError, match=rf"{told}.*refused"):
        ac.load(changed(change))


@pytest.mark.parametrize("name", ["flatten.tflite", "pooled+flatten.tflite", "m8.tflite"])
def test_what_we_export_is_not(changed, made, name):
    """Also written anew as hostile ones are, so that each is refused for what was done to it."""
    picture = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    ours = ac.load(made / name).predict_proba(picture)
    again = ac.load(changed(lambda model: None, name)).predict_proba(picture)
    np.testing.assert_array_equal(ours, again)
