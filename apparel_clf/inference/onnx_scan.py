"""Looks through an ONNX file before a runtime does: what it is made of, and what it says of itself.

A file from elsewhere could name other files to be read as weights, or hold loops that never end.
Only the few fields that decide on that are read, straight from the file's wire format (Protocol
Buffers), so that predicting needs no package but the runtime's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

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
_NODE_INPUT, _NODE_ATTRIBUTE, _NODE_KIND, _NODE_DOMAIN = 1, 5, 4, 7
_ATTRIBUTE_INT, _ATTRIBUTE_INTS = 3, 8
_ATTRIBUTE_TENSOR, _ATTRIBUTE_NESTED = 5, (6, 10, 11, 22, 23)
_TENSOR_ELSEWHERE = (13, 14)
_PROPERTY_KEY, _PROPERTY_VALUE = 1, 2

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# VGG16 in int8 has about two hundred. Sides of kernels, strides, pads, axes and types are small.
_MOST_NODES, _LARGEST_INT = 500, 16
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


def _check_graph(path: Path, graph: memoryview) -> None:
    """Refuse what is none of ours, and what grows: runtimes compute constants when they load."""
    nodes = 0
    joined = False
    for number, value in _fields(graph):
        if number == _GRAPH_NODE:
            nodes += 1
            joins = _check_node(path, _message(value))
            if nodes > _MOST_NODES or (joins and joined):
                raise _refused(path, "more nodes, or more that join values,")
            joined = joined or joins
        elif number == _GRAPH_TENSOR:
            _check_tensor(path, _message(value))
        elif number == _GRAPH_SPARSE:
            raise _refused(path, "sparse tensors")


def _check_node(path: Path, node: memoryview) -> bool:
    """Check a node; tell whether it joins values."""
    kind = domain = b""
    inputs: list[bytes] = []
    for number, value in _fields(node):
        if number == _NODE_INPUT:
            inputs.append(bytes(_message(value)))
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
    return kind == b"Concat"


def _check_attribute(path: Path, attribute: memoryview) -> None:
    for number, value in _fields(attribute):
        if number in _ATTRIBUTE_NESTED:
            raise _refused(path, "a graph within a graph, or sparse tensors")
        if number == _ATTRIBUTE_TENSOR:
            _check_tensor(path, _message(value))
        if number in (_ATTRIBUTE_INT, _ATTRIBUTE_INTS) and max(_numbers(value)) > _LARGEST_INT:
            raise _refused(path, "sizes")


def _check_tensor(path: Path, tensor: memoryview) -> None:
    if any(number in _TENSOR_ELSEWHERE and value for number, value in _fields(tensor)):
        raise _refused(path, "weights in another file")


def _numbers(value: memoryview | int) -> list[int]:
    """The numbers of a field: one, or several packed together."""
    if isinstance(value, int):
        return [value]
    numbers, place = [0], 0
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
