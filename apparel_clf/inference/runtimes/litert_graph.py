"""Looks through a LiteRT graph before it runs: what it is made of, and how large its values are.

What a file says of sizes may be wrong, so they are looked at again once LiteRT has laid the graph
out for itself: without a delegate, that computes every shape and touches no memory.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from apparel_clf.errors import ModelFileError
from apparel_clf.model.plan import MAX_SIDE

# All that our networks are made of.
_OPERATORS = {
    "ADD",
    "CAST",
    "CONCATENATION",
    "CONV_2D",
    "DEQUANTIZE",
    "FULLY_CONNECTED",
    "MAX_POOL_2D",
    "MEAN",
    "MUL",
    "QUANTIZE",
    "RESHAPE",
    "SOFTMAX",
    "STRIDED_SLICE",
    "SUB",
}
# Their last inputs say what shape comes out. Were they computed, it would be known too late.
_SHAPED = {"MEAN", "RESHAPE", "STRIDED_SLICE"}
_TYPES = {"float32", "int8", "uint8", "int32"}
# For each pixel of the square: VGG16's largest map has 64 values, all its maps together 310. A
# convolution by plain code lays out the 3x3 windows of its map.
_MOST_CHANNELS, _MOST_VALUES, _WINDOW = 64, 512, 9
# And what does not grow with the square: scores, of many classes.
_MOST_BESIDE = 1_000_000


class _Tensor(NamedTuple):
    """A value of the graph, as the file describes it."""

    shape: tuple[int, ...]
    kind: str
    sparse: bool

    @property
    def numbers(self) -> int:
        return math.prod(self.shape)


def check_graph(path: Path, graph: Any, size: int) -> None:
    """Refuse a graph that none of our networks is, and one that would fill the memory.

    Args:
        path: the file, for messages.
        graph: an interpreter of it that has no delegates and is not laid out yet; afterwards it
            is, and of no more use.
        size: of the file, in bytes.

    Raises:
        ModelFileError: it is none of ours.
    """
    operators = graph._get_ops_details()
    strange = {operator["op_name"] for operator in operators} - _OPERATORS
    if strange:
        raise _refused(path, f"asks for {sorted(strange)}")
    if graph.num_subgraphs() != 1:
        raise _refused(path, "holds several graphs")
    side = _side(path, graph)
    tensors = _tensors(graph)
    made = _made(path, operators, tensors)
    _check_constants(path, graph, operators, made)
    _check_sizes(path, tensors, made, side, size)
    graph.allocate_tensors()
    _check_laid_out(path, _tensors(graph), tensors, side)


def _side(path: Path, graph: Any) -> int:
    """Side of the square that the graph takes, its only input."""
    (given,) = graph.get_input_details()
    one, side, again, channels = map(int, given["shape"])
    if (one, again, channels) != (1, side, 3) or not 1 <= side <= MAX_SIDE:
        raise _refused(path, f"takes {given['shape'].tolist()}")
    return side


def _tensors(graph: Any) -> dict[int, _Tensor]:
    return {
        int(told["index"]): _Tensor(
            tuple(map(int, told["shape"])),
            getattr(told["dtype"], "__name__", ""),
            bool(told["sparsity_parameters"]),
        )
        for told in graph.get_tensor_details()
    }


def _made(
    path: Path, operators: Sequence[Mapping[str, Any]], tensors: Mapping[int, _Tensor]
) -> set[int]:
    """The values that are computed; each once, and none that the file does not describe."""
    made = [int(index) for operator in operators for index in operator["outputs"]]
    if len(set(made)) < len(made) or not tensors.keys() >= set(made):
        raise _refused(path, "computes a value twice, or one that it does not describe")
    return set(made)


def _check_constants(
    path: Path, graph: Any, operators: Sequence[Mapping[str, Any]], made: set[int]
) -> None:
    """Refuse what is computed of constants alone, at any size, and shapes that are computed."""
    moving = made | {int(given["index"]) for given in graph.get_input_details()}
    for operator in operators:
        inputs = [int(index) for index in operator["inputs"] if index >= 0]
        if not moving & set(inputs):
            raise _refused(path, f"has {operator['op_name']} of constants alone")
        if operator["op_name"] in _SHAPED:
            for index in inputs[1:]:
                # Of what is not in the file there is nothing to get before it is laid out.
                if index in moving or not _is_there(graph, index):
                    raise _refused(path, f"has {operator['op_name']} of any shape")


def _is_there(graph: Any, index: int) -> bool:
    try:
        graph.get_tensor(index)
    except ValueError:
        return False
    return True


def _check_sizes(
    path: Path, tensors: Mapping[int, _Tensor], made: set[int], side: int, size: int
) -> None:
    most = _MOST_CHANNELS * side**2 + _MOST_BESIDE
    for index, tensor in tensors.items():
        if tensor.kind not in _TYPES or tensor.sparse:
            raise _refused(path, f"has values of the type {tensor.kind or 'unknown'}")
        if tensor.numbers > (most if index in made else max(size, 3 * side**2)):
            raise _refused(path, f"asks for values of size {list(tensor.shape)}")
    total = sum(tensors[index].numbers for index in made)
    if total > _MOST_VALUES * side**2 + _MOST_BESIDE:
        raise _refused(path, f"asks for {total:,} values")


def _check_laid_out(
    path: Path, found: Mapping[int, _Tensor], told: Mapping[int, _Tensor], side: int
) -> None:
    """Hold what LiteRT made of the graph against what the file says."""
    most = _WINDOW * _MOST_CHANNELS * side**2 + _MOST_BESIDE
    for index, tensor in found.items():
        differs = index in told and tensor.shape != told[index].shape
        if differs or tensor.numbers > most:
            raise _refused(path, f"asks for values of size {list(tensor.shape)}")


def _refused(path: Path, what: str) -> ModelFileError:
    return ModelFileError(f"{path}: {what}, as none of our networks does; refused")
