"""Small ONNX files that would take much memory, when they are loaded or when they are run."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import apparel_clf as ac
from apparel_clf.errors import ModelFileError
from tests.apparel_clf.conftest import SmallClassifier, labelled_set


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports")
    made = SmallClassifier(weights=None, image_size=32, precision="float32", verbose=False)
    train = labelled_set(folder, "train", 6)
    made.fit(train)
    made.export(folder / "m.onnx")
    made.export(folder / "m8.onnx", "int8", calibrate_on=train, verify_on=train, max_loss=100.0)
    return folder


@pytest.fixture
def changed(exported, tmp_path):
    def write(change):
        model = onnx.load(exported / "m.onnx")
        change(model.graph)
        path = tmp_path / "hostile.onnx"
        path.write_bytes(model.SerializeToString())
        return path

    return write


def constant(graph, name, *shape):
    tensor = numpy_helper.from_array(np.ones(shape, np.float32), name)
    graph.initializer.append(tensor)
    return name


def node(graph, kind, inputs, output="grown", first=False, **attributes):
    made = helper.make_node(kind, inputs, [output], **attributes)
    graph.node.insert(0 if first else len(graph.node), made)


def product(graph):
    inputs = [constant(graph, "tall", 4000, 1), constant(graph, "wide", 1, 4000)]
    node(graph, "Gemm", inputs)


def product_before_its_factors(graph):
    product(graph)
    tensors = list(graph.initializer)
    del graph.initializer[:]
    graph.initializer.extend(reversed(tensors))


def difference(graph):
    node(graph, "Sub", [constant(graph, "tall", 4000, 1), constant(graph, "wide", 1, 4000)])


def convolution(graph):
    inputs = [constant(graph, "picture", 1, 1, 1000, 1000), constant(graph, "kernel", 900, 1, 1, 1)]
    node(graph, "Conv", inputs)


def unpacked_product(graph):
    scale = constant(graph, "scale")
    for name, shape in (("tall", (4000, 1)), ("wide", (1, 4000))):
        graph.initializer.append(numpy_helper.from_array(np.ones(shape, np.int8), name))
        node(graph, "DequantizeLinear", [name, scale], f"{name} unpacked")
    node(graph, "Gemm", ["tall unpacked", "wide unpacked"])


def product_before_it_is_unpacked(graph):
    unpacked_product(graph)
    *before, last = graph.node
    del graph.node[:]
    graph.node.extend([last, *before])


def many_channels(graph):
    node(graph, "Conv", ["minus_mean", constant(graph, "kernel", 100_000, 3, 1, 1)])


def wide_padding(graph):
    node(graph, "Conv", ["minus_mean", constant(graph, "kernel", 1, 3, 1, 1)], pads=[9, 9, 9, 9])


def many_convolutions(graph):
    kernel = constant(graph, "kernel", 3, 3, 1, 1)
    for number in range(20):
        node(graph, "Conv", ["minus_mean", kernel], f"grown{number}")


def two_differences(graph):
    node(graph, "Sub", ["means_map", constant(graph, "row", 1, 1, 1, 900)])


def large_mean(graph):
    (tensor,) = (t for t in graph.initializer if t.name == "mean")
    tensor.CopyFrom(numpy_helper.from_array(np.ones((1, 1, 1000, 1000), np.float32), "mean"))


GROWING = [
    product, product_before_its_factors, difference, convolution, unpacked_product,
    product_before_it_is_unpacked, many_channels, wide_padding, many_convolutions,
    two_differences, large_mean,
]  # fmt: skip


@pytest.mark.parametrize("grow", GROWING)
@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_a_graph_that_grows_is_refused(changed, grow, runtime):
    path = changed(grow)
    assert path.stat().st_size < 6_000_000
    with pytest.raises(ModelFileError, match="as none of our networks does; refused"):
        ac.load(path, runtime=runtime)


@pytest.mark.parametrize("name", ["m.onnx", "m8.onnx"])
def test_what_we_export_is_not(exported, name):
    assert len(ac.load(exported / name).classes_) == 3
