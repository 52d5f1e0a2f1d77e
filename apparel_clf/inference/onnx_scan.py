"""Looks through an ONNX file before a runtime does: what it is made of, and what it says of itself.

A file from elsewhere could name other files to be read as weights, or hold loops that never end.
Only the few fields that decide on that are read, straight from the file's wire format (Protocol
Buffers), so that predicting needs no package but the runtime's own.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from apparel_clf.errors import ModelFileError
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

# Field numbers of onnx.proto that matter here; other fields of these messages are passed over.
_MODEL_GRAPH, _MODEL_PROPERTIES, _MODEL_FUNCTIONS = 7, 14, 25
_GRAPH_NODE, _GRAPH_TENSOR, _GRAPH_SPARSE = 1, 5, 15
_NODE_INPUT, _NODE_OUTPUT, _NODE_ATTRIBUTE, _NODE_KIND, _NODE_DOMAIN = 1, 2, 5, 4, 7
_ATTRIBUTE_NAME, _ATTRIBUTE_INT, _ATTRIBUTE_INTS = 1, 3, 8
_ATTRIBUTE_TENSOR, _ATTRIBUTE_NESTED = 5, (6, 10, 11, 22, 23)
_TENSOR_SIDES, _TENSOR_NAME, _TENSOR_ELSEWHERE = 1, 8, (13, 14)
_PROPERTY_KEY, _PROPERTY_VALUE = 1, 2

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# VGG16 in int8 has about a hundred. Sides of kernels, strides, axes and types are small.
_MOST_NODES, _LARGEST_INT, _LARGEST_PAD = 500, 16, 1
# Of what makes maps larger; VGG16 has 14, 5, 1 and 1.
_MOST_OF = {"Conv": 20, "MaxPool": 8, "Concat": 1, "Sub": 1}
# Channels of a map, and numbers of what is subtracted from a picture.
_LARGEST_SIDE, _LARGEST_ROW = 1024, 3 * 4096
_DOMAINS = (b"", b"ai.onnx")
_Field: TypeAlias = "tuple[int, memoryview | int]"


def scan(path: Path) -> dict[str, Any]:
    """Refuse an ONNX file that none of our exports looks like; return what it says of itself.

    Args:
        path: the file.

    Returns:
        The metadata, as it stands in the file.

    Raises:
        ModelFileError: the file is damaged, holds an operator that none of our networks has, or
            names another file.
    """
    try:
        return _scanned(path, memoryview(path.read_bytes()))
    except (ValueError, IndexError, OverflowError, RecursionError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(f"{path}: not an ONNX file, or a damaged one ({error})") from error


def _scanned(path: Path, data: memoryview) -> dict[str, Any]:
    text = b""
    for number, value in _fields(data):
        if number == _MODEL_FUNCTIONS:
            raise _refused(path, "functions of its own")
        if number == _MODEL_GRAPH:
            _check_graph(path, _message(value))
        elif number == _MODEL_PROPERTIES:
            pair = {key: bytes(_message(part)) for key, part in _fields(_message(value))}
            if pair.get(_PROPERTY_KEY) == METADATA_MEMBER.encode():
                text = pair.get(_PROPERTY_VALUE, b"")
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


def _check_graph(path: Path, graph: memoryview) -> None:
    """Refuse what is none of ours, and what grows when it is loaded or run."""
    nodes: list[_Node] = []
    tensors: dict[bytes, int] = {}
    for number, value in _fields(graph):
        if number == _GRAPH_NODE:
            nodes.append(_checked_node(path, _message(value)))
            if len(nodes) > _MOST_NODES:
                raise _refused(path, "more nodes")
        elif number == _GRAPH_TENSOR:
            name, count = _checked_tensor(path, _message(value))
            tensors[name] = count
        elif number == _GRAPH_SPARSE:
            raise _refused(path, "sparse tensors")
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


def _checked_node(path: Path, node: memoryview) -> _Node:
    kind = domain = b""
    inputs: list[bytes] = []
    outputs: list[bytes] = []
    for number, value in _fields(node):
        if number == _NODE_INPUT:
            inputs.append(bytes(_message(value)))
        elif number == _NODE_OUTPUT:
            outputs.append(bytes(_message(value)))
        elif number == _NODE_KIND:
            kind = bytes(_message(value))
        elif number == _NODE_DOMAIN:
            domain = bytes(_message(value))
        elif number == _NODE_ATTRIBUTE:
            _check_attribute(path, _message(value))
    if domain not in _DOMAINS or kind.decode("utf-8", "replace") not in OPERATORS:
        raise _refused(path, f"the operator {kind!r} of {domain or b'ai.onnx'!r}")
    if kind == b"Concat" and len(set(inputs)) < len(inputs):
        raise _refused(path, "a value joined with itself")
    return _Node(kind.decode(), tuple(filter(None, inputs)), tuple(outputs))


def _check_attribute(path: Path, attribute: memoryview) -> None:
    largest = 0
    name = b""
    for number, value in _fields(attribute):
        if number in _ATTRIBUTE_NESTED:
            raise _refused(path, "a graph within a graph, or sparse tensors")
        if number == _ATTRIBUTE_TENSOR:
            _checked_tensor(path, _message(value))
        elif number == _ATTRIBUTE_NAME:
            name = bytes(_message(value))
        elif number in (_ATTRIBUTE_INT, _ATTRIBUTE_INTS):
            largest = max(largest, *_numbers(value))
    if largest > (_LARGEST_PAD if name == b"pads" else _LARGEST_INT):
        raise _refused(path, "sizes")


def _checked_tensor(path: Path, tensor: memoryview) -> tuple[bytes, int]:
    """Check a constant; return its name and how many numbers it has."""
    sides: list[int] = []
    name = b""
    for number, value in _fields(tensor):
        if number in _TENSOR_ELSEWHERE and value:
            raise _refused(path, "weights in another file")
        if number == _TENSOR_SIDES:
            sides += _numbers(value)
        elif number == _TENSOR_NAME:
            name = bytes(_message(value))
    # The kernels; a bias or the head's weights are as large as the file at most.
    if len(sides) > 2 and max(sides) > _LARGEST_SIDE:
        raise _refused(path, "sizes")
    return name, math.prod(sides)


def _numbers(value: memoryview | int) -> list[int]:
    """The numbers of a field: one, or several packed together."""
    if isinstance(value, int):
        return [value]
    numbers: list[int] = []
    place = 0
    while place < len(value):
        number, place = _varint(value, place)
        numbers.append(number)
    return numbers


def _refused(path: Path, what: str) -> ModelFileError:
    return ModelFileError(f"{path}: holds {what}, as none of our networks does; refused")


def _fields(data: memoryview) -> Iterator[_Field]:
    """Yield number and value of each field of a message; numbers of fixed size are passed over."""
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, place = _varint(data, place)
            yield number, value
        elif kind == _BYTES:
            length, place = _varint(data, place)
            if length > len(data) - place:
                raise ValueError("a field is longer than the file")
            yield number, data[place : place + length]
            place += length
        elif kind in (_FIXED32, _FIXED64):
            place += 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"a field of unknown kind {kind}")


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        byte = data[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
    raise ValueError("a number without an end")


def _message(value: memoryview | int) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where a message should be")
    return value
