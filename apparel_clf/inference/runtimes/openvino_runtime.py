"""The network in OpenVINO."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apparel_clf._extras import require
from apparel_clf.errors import ModelFileError
from apparel_clf.inference.runtimes.base import Runtime
from apparel_clf.inference.runtimes.openvino_graph import KINDS, check_graph
from apparel_clf.model.file import is_file

#: The graph in an OpenVINO folder.
GRAPH = "model.xml"
# Values of a picture of one side: maps of the first block are the largest. And weights.
_MOST_CHANNELS, _MOST_WEIGHTS = 64, 50_000_000
# Of each number that is stored: int8 weights are made float32 again in three steps.
_MOST_COMPUTED, _FEW = 4, 100_000
# What was read has other names for three of the kinds that are written.
_OWN_NAMES = {"Const": "Constant", "ReLU": "Relu", "SoftMax": "Softmax"}
_OPERATORS = {_OWN_NAMES.get(kind, kind) for kind in KINDS}


# Held while OpenVINO starts: what it does first in a process, one thread must do alone.
_STARTING = threading.Lock()


def openvino_core() -> Any:
    """Return the process's one OpenVINO core: cores that come and go crash now and then.

    Weights are read, not mapped: a file that is replaced in place would end the process.

    Raises:
        MissingExtraError: OpenVINO is not installed.
    """
    with _STARTING:
        return _core()


@cache
def _core() -> Any:
    openvino = require("openvino", "openvino")
    # The first to read a tensor fills a table of NumPy's types. If numpy is asked for the first
    # time by then, Python's lock is let go meanwhile: a second thread takes it and waits for the
    # table, the first waits for the lock, and the process stands still for good.
    _ = openvino.Tensor(openvino.Type.u8, [1]).data
    core = openvino.Core()
    core.set_property({"ENABLE_MMAP": False})
    return core


class OpenVinoRuntime(Runtime):
    """Runs an OpenVINO folder, or an ``.onnx`` file that `scan` has passed.

    Args:
        path: the folder or file.
        data: the file's bytes, as `scan` saw them; nothing of a folder, the default.
        threads: how many to compute with; None for all cores.
        precision: ``"bf16"`` to compute in bfloat16; anything else is float32 or as the graph says.

    Raises:
        ModelFileError: the graph asks for operators that none of our networks holds.
    """

    name = "openvino"

    def __init__(
        self, path: Path, data: bytes = b"", threads: int | None = None, precision: str = "fp32"
    ) -> None:
        core = openvino_core()
        model = core.read_model(data, b"") if data else _read_folder(core, path)
        strange = {operator.get_type_name() for operator in model.get_ops()} - _OPERATORS
        if strange:
            raise ModelFileError(
                f"{path}: asks for {sorted(strange)}, which none of our networks holds; refused"
            )
        _check_sizes(path, model)
        settings = {"INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32"}
        if threads:
            settings["INFERENCE_NUM_THREADS"] = str(threads)
        self._compiled: Any = core.compile_model(model, "CPU", settings)
        # A request holds one thread's pictures.
        self._own = threading.local()
        self.side = int(model.input(0).partial_shape[1].get_length())
        self.classes = int(model.output("probabilities").partial_shape[1].get_length())
        self._has_means = any("means" in output.get_names() for output in model.outputs)

    def _compute(
        self, squares: NDArray[np.uint8], parts: tuple[str, ...]
    ) -> Iterable[NDArray[np.float32]]:
        if not hasattr(self._own, "request"):
            self._own.request = self._compiled.create_infer_request()
        answer = self._own.request.infer([squares])
        return [answer[name].copy() for name in ("probabilities", *parts)]


def _read_folder(core: Any, path: Path) -> Any:
    """Read a folder's files once: what is checked is what is loaded, whatever becomes of them."""
    files = (path / GRAPH, (path / GRAPH).with_suffix(".bin"))
    if not all(map(is_file, files)):
        raise ModelFileError(f"{path}: holds no {' and '.join(f.name for f in files)}")
    openvino = require("openvino", "openvino")
    graph = files[0].read_bytes()
    # OpenVINO's own memory, which it keeps: from bytes it would copy them once more.
    with files[1].open("rb") as file:
        weights = openvino.Tensor(openvino.Type.u8, [os.fstat(file.fileno()).st_size])
        if file.readinto(weights.data) != weights.get_size():
            raise ModelFileError(f"{files[1]}: became shorter while it was read")
    check_graph(path, graph, memoryview(weights.data))
    return core.read_model(graph, weights)


def _check_sizes(path: Path, model: Any) -> None:
    """Refuse a graph that would fill the memory: constants are computed when it is compiled."""
    side = model.input(0).partial_shape[1].get_length()
    most = _MOST_CHANNELS * side**2 + _MOST_WEIGHTS
    known: set[str] = set()
    stored = computed = 0
    for operator in model.get_ordered_ops():
        sizes = [_size(output, most) for output in operator.outputs()]
        sources = {value.get_node().get_friendly_name() for value in operator.input_values()}
        if sources <= known and operator.get_type_name() != "Parameter":
            known.add(operator.get_friendly_name())
            stored += 0 if sources else sum(sizes)
            computed += sum(sizes) if sources else 0
        # Many that are small fill it as well.
        if computed > _MOST_COMPUTED * stored + _FEW:
            raise ModelFileError(f"{path}: asks for {computed} values of constants; refused")
        if max(sizes, default=0) > most:
            raise ModelFileError(f"{path}: asks for values of size [{max(sizes)}]; refused")


def _size(output: Any, most: int) -> int:
    """How many numbers an output has for one picture; where nobody knows, too many."""
    shape = output.get_partial_shape()
    if shape.rank.is_dynamic:
        return most + 1
    return math.prod(side.get_length() if side.is_static else 1 for side in shape)
