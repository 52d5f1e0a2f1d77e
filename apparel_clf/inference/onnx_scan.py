"""Looks through an ONNX file before a runtime does: what it is made of, and what it says of itself.

A file from elsewhere could name other files to be read as weights, or hold loops that never end.
Its wire format (Protocol Buffers) is read here, so that predicting needs no package but the
runtime's own; any field that our exports don't have is refused, and so is any way of writing one
that the runtime's reader might understand otherwise.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from apparel_clf.errors import ModelFileError
from apparel_clf.inference.wire import (
    BYTES,
    FIXED32,
    VARINT,
    Field,
    Message,
    StrangeFieldError,
    parse,
)
from apparel_clf.model.file import LARGEST_JSON, METADATA_MEMBER

#: All that our networks are made of.
OPERATORS = frozenset(
    {
        "Cast",
        "Concat",
        "Conv",
        "DequantizeLinear",
        "Flatten",
        "Gemm",
        "GlobalAveragePool",
        "MaxPool",
        "QuantizeLinear",
        "Relu",
        "Softmax",
        "Sub",
        "Transpose",
    }
)

# Field numbers of onnx.proto that are looked at.
_MODEL_GRAPH, _MODEL_PROPERTIES = 7, 14
_GRAPH_NODE, _GRAPH_TENSOR = 1, 5
_NODE_INPUT, _NODE_OUTPUT, _NODE_KIND, _NODE_ATTRIBUTE, _NODE_DOMAIN = 1, 2, 4, 5, 7
_ATTRIBUTE_NAME, _ATTRIBUTE_INT, _ATTRIBUTE_INTS, _ATTRIBUTE_TYPE = 1, 3, 8, 20
_TENSOR_SIDES, _TENSOR_TYPE, _TENSOR_NAME = 1, 2, 8
_TENSOR_FLOATS, _TENSOR_INT32S, _TENSOR_INT64S, _TENSOR_RAW = 4, 5, 7, 9
_PROPERTY_KEY, _PROPERTY_VALUE = 1, 2

_NUMBER, _TEXT = Field(VARINT), Field(BYTES)
_NUMBERS, _TEXTS = Field(VARINT, many=True), Field(BYTES, many=True)


def _one(name: str) -> Field:
    return Field(BYTES, inner=name)


def _many(name: str) -> Field:
    return Field(BYTES, many=True, inner=name)


#: All fields that our exports have, and a few that say nothing: names and remarks. Functions,
#: graphs within graphs, sparse tensors and weights in other files are not among them.
SCHEMA: Mapping[str, Mapping[int, Field]] = {
    "Model": {
        **dict.fromkeys((1, 5), _NUMBER),
        **dict.fromkeys((2, 3, 4, 6), _TEXT),
        _MODEL_GRAPH: _one("Graph"),
        8: _many("Opset"),
        _MODEL_PROPERTIES: _many("Property"),
    },
    "Opset": {1: _TEXT, 2: _NUMBER},
    "Property": {_PROPERTY_KEY: _TEXT, _PROPERTY_VALUE: _TEXT},
    "Graph": {
        _GRAPH_NODE: _many("Node"),
        _GRAPH_TENSOR: _many("Tensor"),
        **dict.fromkeys((2, 10), _TEXT),
        **dict.fromkeys((11, 12, 13), _many("Value")),
        16: _many("Property"),
    },
    "Node": {
        _NODE_INPUT: _TEXTS,
        _NODE_OUTPUT: _TEXTS,
        _NODE_ATTRIBUTE: _many("Attribute"),
        **dict.fromkeys((3, _NODE_KIND, 6, _NODE_DOMAIN), _TEXT),
        9: _many("Property"),
    },
    "Attribute": {
        _ATTRIBUTE_INT: _NUMBER,
        _ATTRIBUTE_INTS: _NUMBERS,
        _ATTRIBUTE_TYPE: _NUMBER,
        **dict.fromkeys((_ATTRIBUTE_NAME, 13), _TEXT),
    },
    "Tensor": {
        _TENSOR_SIDES: _NUMBERS,
        _TENSOR_TYPE: _NUMBER,
        _TENSOR_FLOATS: Field(FIXED32, many=True),
        _TENSOR_INT32S: _NUMBERS,
        _TENSOR_INT64S: _NUMBERS,
        **dict.fromkeys((_TENSOR_NAME, _TENSOR_RAW, 12), _TEXT),
        16: _many("Property"),
    },
    "Value": {1: _TEXT, 2: _one("Type"), 3: _TEXT, 4: _many("Property")},
    "Type": {1: _one("TensorType")},
    "TensorType": {1: _NUMBER, 2: _one("Shape")},
    "Shape": {1: _many("Dimension")},
    "Dimension": {1: Field(VARINT, alone=True), 2: Field(BYTES, alone=True)},
}
# VGG16 in int8 has about 6,400.
_MOST_FIELDS = 50_000
# VGG16 in int8 has about a hundred. Sides of kernels, strides, axes and types are small.
_MOST_NODES, _LARGEST_INT, _LARGEST_PAD = 500, 16, 1
# Of what makes maps larger; VGG16 has 14, 5, 1 and 1.
_MOST_OF = {"Conv": 20, "MaxPool": 8, "Concat": 1, "Sub": 1}
# Channels of a map, and numbers of what is subtracted from a picture.
_MOST_SIDES, _LARGEST_SIDE, _LARGEST_ROW = 4, 1024, 3 * 4096
_DOMAINS = (b"", b"ai.onnx")
# By their numbers in onnx.proto: a whole number, several; float32, uint8, int8, int32, int64.
_ATTRIBUTE_TYPES, _TENSOR_TYPES = (2, 7), (1, 2, 3, 6, 7)


def scan(path: Path, data: bytes) -> dict[str, Any]:
    """Refuse an ONNX file that none of our exports looks like; return what it says of itself.

    Args:
        path: the file, for messages.
        data: what is in it, which a runtime may be given when this has passed it.

    Returns:
        The metadata, as it stands in the file.

    Raises:
        ModelFileError: the file is damaged, holds an operator that none of our networks has, or
            names another file.
    """
    try:
        return _scanned(path, parse(SCHEMA, "Model", memoryview(data), _MOST_FIELDS))
    except StrangeFieldError as error:
        raise _refused(path, str(error)) from error
    except (ValueError, IndexError, OverflowError, RecursionError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(f"{path}: not an ONNX file, or a damaged one ({error})") from error


def _scanned(path: Path, model: Message) -> dict[str, Any]:
    for graph in model.get(_MODEL_GRAPH, ()):
        _check_graph(path, graph)
    text = b""
    for pair in model.get(_MODEL_PROPERTIES, ()):
        if _text(pair, _PROPERTY_KEY) == METADATA_MEMBER.encode():
            text = _text(pair, _PROPERTY_VALUE)
    if not text:
        raise ModelFileError(
            f"{path}: not a model of ours, it has no {METADATA_MEMBER}. "
            "Expected a file from ApparelClassifier.export"
        )
    if len(text) > LARGEST_JSON:
        raise ModelFileError(f"{path}: its {METADATA_MEMBER} has {len(text):,} bytes; refused")
    values: dict[str, Any] = json.loads(text)
    return values


class _Node(NamedTuple):
    """A node of the graph: its operator, and the names of what goes in and comes out."""

    kind: str
    inputs: tuple[bytes, ...]
    outputs: tuple[bytes, ...]


def _check_graph(path: Path, graph: Message) -> None:
    """Refuse what is none of ours, and what grows when it is loaded or run."""
    if len(graph.get(_GRAPH_NODE, ())) > _MOST_NODES:
        raise _refused(path, "more nodes")
    nodes = [_checked_node(path, node) for node in graph.get(_GRAPH_NODE, ())]
    constants = [_checked_tensor(path, tensor) for tensor in graph.get(_GRAPH_TENSOR, ())]
    tensors = dict(constants)
    if len(tensors) < len(constants):
        raise _refused(path, "two constants of one name")
    counted = Counter(node.kind for node in nodes)
    for kind, most in _MOST_OF.items():
        if counted[kind] > most:
            raise _refused(path, f"more nodes of the operator {kind}")
    _check_constants(path, nodes, tensors)


def _check_constants(path: Path, nodes: Sequence[_Node], tensors: Mapping[bytes, int]) -> None:
    """Refuse what is computed of constants alone: runtimes do that when they load, at any size."""
    known = set(tensors)
    for node in nodes:
        if node.kind == "DequantizeLinear" and tensors.keys() >= set(node.inputs):
            known.update(node.outputs)  # as large as what it is made of
    for node in nodes:
        if node.kind == "DequantizeLinear" and tensors.keys() >= set(node.inputs):
            continue
        if known.issuperset(node.inputs):
            raise _refused(path, f"the operator {node.kind} of constants alone")
        if node.kind == "Sub" and sum(tensors.get(name, 0) for name in node.inputs) > _LARGEST_ROW:
            raise _refused(path, "a larger mean")


def _checked_node(path: Path, node: Message) -> _Node:
    kind, domain = _text(node, _NODE_KIND), _text(node, _NODE_DOMAIN)
    inputs = [bytes(name) for name in node.get(_NODE_INPUT, ())]
    outputs = [bytes(name) for name in node.get(_NODE_OUTPUT, ())]
    if domain not in _DOMAINS or kind.decode("utf-8", "replace") not in OPERATORS:
        raise _refused(path, f"the operator {kind!r} of {domain or b'ai.onnx'!r}")
    if kind == b"Concat" and len(set(inputs)) < len(inputs):
        raise _refused(path, "a value joined with itself")
    for attribute in node.get(_NODE_ATTRIBUTE, ()):
        _check_attribute(path, attribute)
    return _Node(kind.decode(), tuple(filter(None, inputs)), tuple(outputs))


def _check_attribute(path: Path, attribute: Message) -> None:
    if attribute.get(_ATTRIBUTE_TYPE, [0])[0] not in _ATTRIBUTE_TYPES:
        raise _refused(path, "an attribute of another type")
    numbers = [*attribute.get(_ATTRIBUTE_INT, ()), *attribute.get(_ATTRIBUTE_INTS, ())]
    most = _LARGEST_PAD if _text(attribute, _ATTRIBUTE_NAME) == b"pads" else _LARGEST_INT
    if max(numbers, default=0) > most:
        raise _refused(path, "sizes")


def _checked_tensor(path: Path, tensor: Message) -> tuple[bytes, int]:
    """Check a constant; return its name and how many numbers it has."""
    sides: list[int] = tensor.get(_TENSOR_SIDES, [])
    if tensor.get(_TENSOR_TYPE, [0])[0] not in _TENSOR_TYPES:
        raise _refused(path, "a constant of another type")
    if len(sides) > _MOST_SIDES:
        raise _refused(path, "sizes")
    count = math.prod(sides)
    # The kernels; a bias or the head's weights are as large as the file at most.
    if (len(sides) > 2 and max(sides) > _LARGEST_SIDE) or count > _most_numbers(tensor):
        raise _refused(path, "sizes")
    return _text(tensor, _TENSOR_NAME), count


def _most_numbers(tensor: Message) -> int:
    """How many numbers a constant has at most: each takes a byte or more."""
    parts = [*tensor.get(_TENSOR_FLOATS, ()), *tensor.get(_TENSOR_RAW, ())]
    numbers = sum(len(tensor.get(field, ())) for field in (_TENSOR_INT32S, _TENSOR_INT64S))
    return sum(map(len, parts)) + numbers


def _text(message: Message, number: int) -> bytes:
    """The bytes of a field that stands once or not at all."""
    (value,) = message.get(number, [b""])
    return bytes(value)


def _refused(path: Path, what: str) -> ModelFileError:
    return ModelFileError(f"{path}: holds {what}, as none of our networks does; refused")
