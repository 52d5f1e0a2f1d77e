"""Looks through an OpenVINO graph before OpenVINO does, which computes sizes while it reads.

A graph of two kilobytes could ask for gigabytes by a range or a repetition of constants.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np

from apparel_clf.errors import ModelFileError

# VGG16 in int8 has 700 layers in 0.3 MB, and no weight stands in for more than a few others.
_LARGEST_GRAPH, _MOST_LAYERS, _MOST_USES = 4_000_000, 5_000, 4
# Sides, axes and their order: a handful of numbers.
_MOST_SIDES, _LARGEST_RANK, _LARGEST_SIDE = 64, 8, 1e12
_HUGE, _DIGITS = math.inf, 12
_NUMBERS: dict[str, type[np.signedinteger[Any]]] = {"i64": np.int64, "i32": np.int32}
#: All that our networks are made of, as it is written in the file.
KINDS = {
    "Add",
    "Broadcast",
    "Concat",
    "Const",
    "Convert",
    "Convolution",
    "FakeQuantize",
    "Gather",
    "MatMul",
    "MaxPool",
    "Multiply",
    "Parameter",
    "Range",
    "ReduceMean",
    "ReLU",
    "Reshape",
    "Result",
    "ShapeOf",
    "SoftMax",
    "Squeeze",
    "Subtract",
    "Transpose",
}
# What takes sides or axes, from its second input on.
_TAKES_SIDES = {"Broadcast", "Gather", "ReduceMean", "Reshape", "Squeeze", "Transpose"}


class _Value(NamedTuple):
    """What is known of a layer's output: how many numbers at most, and how large at most."""

    numbers: float = _HUGE
    largest: float = _HUGE


_Rule = Callable[[Sequence[_Value]], _Value]
# Of the sides that our networks compute; whatever else is computed may be of any size.
_RULES: dict[str, _Rule] = {
    "Broadcast": lambda given: _Value(given[0].numbers * _power(given[1]), given[0].largest),
    "Concat": lambda given: _Value(sum(v.numbers for v in given), max(v.largest for v in given)),
    "Convert": lambda given: given[0],
    "Gather": lambda given: given[0],
    "Range": lambda given: _Value(given[0].largest + given[1].largest, given[1].largest),
    "Reshape": lambda given: given[0],
    "Squeeze": lambda given: given[0],
    "Subtract": lambda given: _Value(
        given[0].numbers * given[1].numbers, given[0].largest + given[1].largest
    ),
}


def check_graph(path: Path, graph: bytes, weights: memoryview) -> None:
    """Refuse a graph that would grow while it is read.

    Args:
        path: the folder, for words.
        graph: what is in its ``model.xml``.
        weights: what is in its ``model.bin``.

    Raises:
        ModelFileError: it asks for what none of our networks does.
        ValueError: it is damaged.
    """
    # Entities are written with "<!"; OpenVINO writes none.
    if len(graph) > _LARGEST_GRAPH or b"<!" in graph:
        raise ModelFileError(f"{path}: its graph is none of ours; refused")
    # As ASCII, every reader sees the same letters.
    root = ElementTree.fromstring(graph.decode("ascii"))  # noqa: S314 - no entities, see above
    layers = root.findall("layers/layer")
    strange = {layer.get("type", "") for layer in layers} - KINDS
    if strange or len(layers) > _MOST_LAYERS:
        raise ModelFileError(
            f"{path}: asks for {sorted(strange) or len(layers)}, as none of our networks does; "
            "refused"
        )
    used = sum(_number(data.get("size", "")) for data in root.findall("layers/layer/data[@size]"))
    if used > _MOST_USES * len(weights) + _LARGEST_GRAPH:
        raise ModelFileError(f"{path}: uses its weights many times over; refused")
    _check_sides(path, root, weights)


def _check_sides(path: Path, root: ElementTree.Element, weights: memoryview) -> None:
    values: dict[int, _Value] = {}
    kinds: dict[int, str] = {}
    sources = _sources(root)
    for layer in root.findall("layers/layer"):
        name, kind = _number(layer.get("id", "")), layer.get("type", "")
        ports = [_number(port.get("id", "")) for port in layer.findall("input/port")]
        if name in kinds or ports != sorted(set(ports)):
            raise ValueError(f"layer {name} stands twice, or its inputs are in no order")
        # What comes later in the file is not known yet: of any size.
        given = [values.get(source, _Value()) for source in sources[name]]
        first = kinds.get(sources[name][0], "") if given else ""
        kinds[name], values[name] = kind, _value(layer, kind, first, given, weights)
        sides = given[1:] if kind in _TAKES_SIDES else []
        own = [values[name]] if kind in {"Broadcast", "Range"} else []
        for value in (*sides, *own):
            _check_value(path, f"{kind} {layer.get('name')!r}", value)


def _check_value(path: Path, name: str, value: _Value) -> None:
    # None of infinitely many is not a number, and not larger than any.
    if not value.numbers <= _MOST_SIDES:
        size = f"{value.numbers:.0f}" if math.isfinite(value.numbers) else "unknown"
        raise ModelFileError(f"{path}: its {name} asks for sides of size [{size}]; refused")


def _sources(root: ElementTree.Element) -> dict[int, list[int]]:
    """Of each layer those that its inputs come from, in order."""
    edges: dict[int, dict[int, int]] = defaultdict(dict)
    for edge in root.findall("edges/edge"):
        target, port, source = (
            _number(edge.get(name, "")) for name in ("to-layer", "to-port", "from-layer")
        )
        if port in edges[target]:
            raise ValueError(f"input {port} of layer {target} stands twice")
        edges[target][port] = source
    ordered = {name: [ports[port] for port in sorted(ports)] for name, ports in edges.items()}
    return defaultdict(list, ordered)


def _number(text: str) -> int:
    """A number as every reader understands it: digits alone."""
    if not text.isdecimal() or len(text) > _DIGITS:
        raise ValueError(f"{text[:_DIGITS]!r} is no number")
    return int(text)


def _value(
    layer: ElementTree.Element,
    kind: str,
    first: str,
    given: Sequence[_Value],
    weights: memoryview,
) -> _Value:
    if kind == "Const":
        return _constant(layer, weights)
    if kind == "ShapeOf":  # of what ShapeOf gives, it is one number: that of sides
        return _Value(1, _LARGEST_RANK) if first == "ShapeOf" else _Value(_LARGEST_RANK)
    return _RULES[kind](given) if kind in _RULES else _Value()


def _constant(layer: ElementTree.Element, weights: memoryview) -> _Value:
    data = layer.find("data")
    told = {} if data is None else data.attrib
    count = math.prod(_number(side.strip()) for side in told.get("shape", "").split(",") if side)
    kind = _NUMBERS.get(told.get("element_type", ""))
    if kind is None or count > _MOST_SIDES:
        return _Value(count)
    numbers = np.frombuffer(weights, kind, count, _number(told["offset"]))
    return _Value(count, float(np.abs(numbers.astype(np.float64)).max(initial=0)))


def _power(sides: _Value) -> float:
    """How many numbers an array of such sides has at most."""
    if not 1 <= sides.numbers <= _LARGEST_RANK:
        return _HUGE
    return sides.largest**sides.numbers if sides.largest < _LARGEST_SIDE else _HUGE
