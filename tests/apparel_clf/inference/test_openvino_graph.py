"""OpenVINO folders that would grow while they are read, or are swapped meanwhile."""

from __future__ import annotations

import shutil
import struct

import numpy as np
import pytest

from apparel_clf.errors import ModelFileError
from apparel_clf.inference.runtimes import openvino_runtime
from apparel_clf.inference.runtimes.openvino_graph import check_graph
from apparel_clf.inference.runtimes.openvino_runtime import OpenVinoRuntime
from tests.apparel_clf.conftest import SmallClassifier, labelled_set

# Would take eight terabytes.
MANY = 10**12


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    parent = tmp_path_factory.mktemp("graph")
    made = SmallClassifier(weights=None, image_size=32, precision="float32", verbose=False)
    made.fit(labelled_set(parent, "train", 8))
    return made.export(parent / "openvino").path


class Graph:
    """A graph in OpenVINO's own form, layer by layer."""

    def __init__(self):
        self.layers, self.edges, self.weights, self.count = "", "", b"", 0

    def add(self, kind, *sources, data=""):
        name, self.count = str(self.count), self.count + 1
        self.layers += f'<layer id="{name}" name="n{name}" type="{kind}">{data}</layer>'
        for port, source in enumerate(sources):
            self.edges += f'<edge from-layer="{source}" to-layer="{name}" to-port="{port}"/>'
        return name

    def constant(self, *numbers, shape=None):
        shape = str(len(numbers)) if shape is None else shape
        place = f'offset="{len(self.weights)}" size="{8 * len(numbers)}"'
        self.weights += struct.pack(f"<{len(numbers)}q", *numbers)
        data = f'<data element_type="i64" shape="{shape}" {place}/>'
        return self.add("Const", data=data)

    def check(self, folder):
        text = f"<net><layers>{self.layers}</layers><edges>{self.edges}</edges></net>"
        check_graph(folder, text.encode(), memoryview(self.weights))


def repeated(graph):
    graph.add("Broadcast", graph.constant(1), graph.constant(MANY))


def repeated_along_many_sides(graph):
    graph.add("Broadcast", graph.constant(1), graph.constant(*[9] * 12))


def counted(graph):
    graph.add("Range", graph.constant(0), graph.constant(MANY), graph.constant(1))


def counted_down(graph):
    graph.add("Range", graph.constant(0), graph.constant(-MANY), graph.constant(-1))


def counted_by_the_side_of_a_map(graph):
    shape = graph.add("ShapeOf", graph.add("Parameter"))
    graph.add("Range", graph.constant(0), graph.add("Multiply", shape, graph.constant(MANY)))


def joined_over_and_over(graph):
    joined = graph.constant(1)
    for _ in range(40):
        joined = graph.add("Concat", joined, joined)
    graph.add("Reshape", graph.add("Parameter"), joined)


def spread_over_each_other(graph):
    row = graph.constant(*range(60))
    graph.add("Reshape", graph.add("Parameter"), graph.add("Subtract", row, row))


def repeated_out_of_nothing(graph):
    graph.add("Broadcast", graph.constant(), graph.constant(MANY))


def from_a_later_layer(graph):
    graph.add("Broadcast", graph.constant(1), "3")
    graph.constant(1)
    graph.constant(MANY)


GROWING = [
    repeated,
    repeated_along_many_sides,
    counted,
    counted_down,
    counted_by_the_side_of_a_map,
    joined_over_and_over,
    spread_over_each_other,
    repeated_out_of_nothing,
    from_a_later_layer,
]


@pytest.mark.parametrize("grow", GROWING)
def test_what_grows_while_it_is_read_is_refused_unread(tmp_path, grow):
    graph = Graph()
    grow(graph)
    with pytest.raises(ModelFileError, match=r"asks for sides of size \[.*\]; refused"):
        graph.check(tmp_path)


def test_many_layers_that_share_their_weights_are_refused(tmp_path):
    graph = Graph()
    graph.weights = bytes(8)
    data = '<data element_type="f32" shape="1000000" offset="0" size="4000000"/>'
    for _ in range(3):
        graph.add("Const", data=data)
    with pytest.raises(ModelFileError, match="many times over"):
        graph.check(tmp_path)


@pytest.mark.parametrize(
    "text", [b"<!DOCTYPE net [<!ENTITY a 'b'>]><net/>", b" " * 4_000_001], ids=["entity", "long"]
)
def test_no_entity_and_no_endless_graph_is_looked_at(tmp_path, text):
    with pytest.raises(ModelFileError, match="none of ours"):
        check_graph(tmp_path, text, memoryview(b""))


def test_a_folder_is_loaded_as_it_was_checked(folder, tmp_path, monkeypatch):
    path = shutil.copytree(folder, tmp_path / "swapped")
    checked = openvino_runtime.check_graph

    def swap(*arguments):
        checked(*arguments)
        (path / "model.xml").write_text("<net/>")
        (path / "model.bin").write_bytes(b"")

    square = np.zeros((1, 32, 32, 3), np.uint8)
    expected = OpenVinoRuntime(folder).run(square)
    monkeypatch.setattr(openvino_runtime, "check_graph", swap)
    np.testing.assert_array_equal(OpenVinoRuntime(path).run(square), expected)


def spread(rows, times):
    """A network that adds sums of constants, each spread out of two rows."""
    from openvino import Model, opset13, save_model

    given = opset13.parameter([-1, 32, 32, 3], np.uint8, name="image")
    answer = opset13.convert(given, "f32")
    for number in range(times):
        high = opset13.constant(np.full((rows, 1), number, np.float32))
        wide = opset13.constant(np.ones((1, rows), np.float32))
        both = opset13.constant(np.array([0, 1]))
        answer = opset13.add(answer, opset13.reduce_mean(opset13.add(high, wide), both))
    return lambda path: save_model(Model([answer], [given], "evil"), path)


@pytest.mark.parametrize(("rows", "times"), [(20_000, 1), (200, 30)])
def test_what_grows_when_it_is_compiled_is_refused(tmp_path, rows, times):
    spread(rows, times)(tmp_path / "model.xml")
    with pytest.raises(ModelFileError, match="values of constants; refused"):
        OpenVinoRuntime(tmp_path)


def test_a_product_of_the_picture_too_large_is_refused(tmp_path):
    from openvino import Model, opset13, save_model

    given = opset13.parameter([-1, 32, 32, 3], np.uint8, name="image")
    kernel = opset13.constant(np.zeros((100_000, 3, 1, 1), np.float32))
    first = opset13.transpose(
        opset13.convert(given, "f32"), opset13.constant(np.array([0, 3, 1, 2]))
    )
    wide = opset13.convolution(first, kernel, [1, 1], [0, 0], [0, 0], [1, 1])
    save_model(Model([wide], [given], "evil"), tmp_path / "model.xml", compress_to_fp16=False)
    with pytest.raises(ModelFileError, match=r"values of size \[102400000\]; refused"):
        OpenVinoRuntime(tmp_path)


@pytest.mark.parametrize("name", ["model.xml", "model.bin"])
def test_a_folder_without_one_of_its_files_is_told(folder, tmp_path, name):
    path = shutil.copytree(folder, tmp_path / "half")
    (path / name).unlink()
    with pytest.raises(ModelFileError, match=r"holds no model\.xml and model\.bin"):
        OpenVinoRuntime(path)


@pytest.mark.parametrize(
    "text",
    [
        '<net><layers><layer id="1" type="Const"/><layer id="01" type="Const"/></layers></net>',
        '<net><layers><layer id="0x1" type="Const"/></layers></net>',
        '<net><layers><layer id="1_0" type="Const"/></layers></net>',
        '<net><layers/><edges><edge to-layer="1" to-port="0" from-layer="2"/>'
        '<edge to-layer="1" to-port="0" from-layer="3"/></edges></net>',
        '<net><layers><layer id="1" type="Add"><input><port id="1"/><port id="0"/></input></layer>'
        "</layers></net>",
        "<net>\u00e9</net>",
    ],
)
def test_what_two_readers_could_read_in_two_ways_is_damaged(tmp_path, text):
    with pytest.raises(ValueError, match=r"twice|number|ascii"):
        check_graph(tmp_path, text.encode(), memoryview(b""))


@pytest.mark.parametrize("kind", ["If", "TensorIterator", "ReadValue"])
def test_other_operators_are_refused_before_they_are_read(tmp_path, kind):
    graph = Graph()
    graph.add(kind)
    with pytest.raises(ModelFileError, match=kind):
        graph.check(tmp_path)
