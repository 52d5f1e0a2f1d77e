"""A network as an ONNX graph, made of nothing but standard operators."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from apparel_clf._extras import require
from apparel_clf.inference.export.parts import MEAN_RGB, Convolution, Parts

#: Old enough for every runtime in use, young enough for what is needed here.
OPSET = 17
#: What keeps its full precision when a graph is quantised: pixels, where little is to be gained,
#: and the head, whose weights span too wide a range for 256 steps.
KEPT_NODES = (
    "minus_mean", "head", "probabilities", "heat_map", "heat", "means_map", "means",
)  # fmt: skip
_IR_VERSION = 8
INPUT, PROBABILITIES, HEAT, MEANS = "image", "probabilities", "heat", "means"


def onnx_model(parts: Parts) -> Any:
    """Write a network as an ONNX model.

    One input, ``image``: ``uint8``, ``(batch, side, side, 3)``, RGB. Three outputs:
    ``probabilities``, ``(batch, classes)``; ``heat``, ``(batch, side, side, classes)`` at the
    side of the last map; and ``means``, ``(batch, channels)``, of that map.

    Args:
        parts: the network.

    Returns:
        An ``onnx.ModelProto`` that the checker has passed.

    Raises:
        MissingExtraError: onnx is not installed.
    """
    onnx = require("onnx", "onnx")
    graph = _Graph(onnx)
    maps = _backbone(graph, parts)
    graph.add("Gemm", [graph.join(_features(graph, parts, maps)), *_head(graph, parts)], "head")
    graph.add("Softmax", ["head"], PROBABILITIES, axis=1)
    kernel = parts.heat.T[:, :, None, None]
    graph.add("Conv", [maps[-1], graph.constant("heat_kernel", kernel)], "heat_map")
    graph.add("Transpose", ["heat_map"], HEAT, perm=[0, 2, 3, 1])
    graph.add("Flatten", [graph.add("GlobalAveragePool", [maps[-1]], "means_map")], MEANS, axis=1)
    model = graph.model(parts)
    onnx.checker.check_model(model, full_check=True)
    return model


class _Graph:
    """Nodes and constants as they are added; a node's first output has the node's name."""

    def __init__(self, onnx: Any) -> None:
        self._onnx = onnx
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def add(
        self, kind: str, inputs: list[str], output: str, *, name: str = "", **values: Any
    ) -> str:
        """Add a node; returns the name of its output."""
        name = name or output
        node = self._onnx.helper.make_node(kind, inputs, [output], name=name, **values)
        self._nodes.append(node)
        return output

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """Add a constant; returns its name."""
        array = np.ascontiguousarray(values)
        self._constants.append(self._onnx.numpy_helper.from_array(array, name))
        return name

    def join(self, features: list[str]) -> str:
        """Lay features side by side."""
        if len(features) == 1:
            return features[0]
        return self.add("Concat", features, "features", axis=1)

    def model(self, parts: Parts) -> Any:
        """Return the finished model."""
        helper, kinds = self._onnx.helper, self._onnx.TensorProto
        classes, side, last = len(parts.bias), parts.side, parts.last_side
        channels = parts.channels(len(parts.blocks))
        graph = helper.make_graph(
            self._nodes,
            "apparel_vgg16",
            [helper.make_tensor_value_info(INPUT, kinds.UINT8, ["batch", side, side, 3])],
            [
                helper.make_tensor_value_info(PROBABILITIES, kinds.FLOAT, ["batch", classes]),
                helper.make_tensor_value_info(HEAT, kinds.FLOAT, ["batch", last, last, classes]),
                helper.make_tensor_value_info(MEANS, kinds.FLOAT, ["batch", channels]),
            ],
            self._constants,
        )
        opset = helper.make_opsetid("", OPSET)
        return helper.make_model(
            graph, opset_imports=[opset], ir_version=_IR_VERSION, producer_name="apparel-clf"
        )


def _backbone(graph: _Graph, parts: Parts) -> list[str]:
    """Add preprocessing and blocks; returns the names of the maps after each block's pooling."""
    kinds = graph._onnx.TensorProto
    x = graph.add("Cast", [INPUT], "pixels", to=kinds.FLOAT)
    x = graph.add("Transpose", [x], "channels_first", perm=[0, 3, 1, 2])
    # As wide as the picture: repeated three numbers at a time, it takes eight times as long.
    rows = np.repeat(np.array(MEAN_RGB, np.float32), parts.side).reshape(1, 3, 1, parts.side)
    mean = graph.constant("mean", rows)
    x = graph.add("Sub", [x, mean], "minus_mean")
    maps = []
    for block, convolutions in enumerate(parts.blocks, start=1):
        for number, convolution in enumerate(convolutions, start=1):
            x = _convolution(graph, x, f"block{block}_conv{number}", convolution)
        x = graph.add("MaxPool", [x], f"block{block}_pool", kernel_shape=[2, 2], strides=[2, 2])
        maps.append(x)
    return maps


def _convolution(graph: _Graph, x: str, name: str, convolution: Convolution) -> str:
    kernel = graph.constant(f"{name}_kernel", convolution.kernel.transpose(3, 2, 0, 1))
    bias = graph.constant(f"{name}_bias", convolution.bias)
    sums = graph.add(
        "Conv", [x, kernel, bias], f"{name}_sums",
        name=name, kernel_shape=[3, 3], pads=[1, 1, 1, 1],
    )  # fmt: skip
    return graph.add("Relu", [sums], f"{name}_relu")


def _features(graph: _Graph, parts: Parts, maps: list[str]) -> list[str]:
    names = []
    for tap in parts.taps:
        source = maps[int(tap[-1]) - 1]
        if tap.startswith("mean"):
            source = graph.add("GlobalAveragePool", [source], f"{tap}_map")
        names.append(graph.add("Flatten", [source], tap, axis=1))
    return names


def _head(graph: _Graph, parts: Parts) -> list[str]:
    """The head's weights, its rows in the order in which maps with channels first are flattened."""
    rows = []
    start = 0
    for tap in parts.taps:
        channels = parts.channels(int(tap[-1]))
        places = 1 if tap.startswith("mean") else parts.last_side**2
        own = parts.kernel[start : start + places * channels]
        rows.append(own.reshape(places, channels, -1).swapaxes(0, 1).reshape(len(own), -1))
        start += places * channels
    return [
        graph.constant("head_kernel", np.concatenate(rows)),
        graph.constant("head_bias", parts.bias),
    ]
