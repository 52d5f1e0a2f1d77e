"""The network in OpenVINO."""

from __future__ import annotations

import math
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

#: The graph in an OpenVINO folder.
GRAPH = "model.xml"
# Values of a picture of one side: maps of the first block are the largest. And weights.
_MOST_CHANNELS, _MOST_WEIGHTS = 64, 50_000_000
# All that our networks are made of.
_OPERATORS = {
    "Add",
    "Broadcast",
    "Concat",
    "Constant",
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
    "Relu",
    "Reshape",
    "Result",
    "ShapeOf",
    "Softmax",
    "Squeeze",
    "Subtract",
    "Transpose",
}


@cache
def openvino_core() -> Any:
    """Return the process's one OpenVINO core: cores that come and go crash now and then.

    Weights are read, not mapped: a file that is replaced in place would end the process.

    Raises:
        MissingExtraError: OpenVINO is not installed.
    """
    core = require("openvino", "openvino").Core()
    core.set_property({"ENABLE_MMAP": False})
    return core


class OpenVinoRuntime(Runtime):
    """Runs an OpenVINO folder, or an ``.onnx`` file that `scan` has passed.

    Args:
        path: the folder or file.
        threads: how many to compute with; None for all cores.
        precision: ``"bf16"`` to compute in bfloat16; anything else is float32 or as the graph says.

    Raises:
        ModelFileError: the graph asks for operators that none of our networks holds.
    """

    name = "openvino"

    def __init__(self, path: Path, threads: int | None = None, precision: str = "fp32") -> None:
        core = openvino_core()
        model = core.read_model(str(path / GRAPH) if path.is_dir() else str(path))
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


def _check_sizes(path: Path, model: Any) -> None:
    """Refuse a graph that would fill the memory: constants are computed when it is compiled."""
    side = model.input(0).partial_shape[1].get_length()
    most = _MOST_CHANNELS * side**2 + _MOST_WEIGHTS
    for operator in model.get_ops():
        for output in operator.outputs():
            shape = output.get_partial_shape()
            known = shape.rank.is_static
            sizes = [d.get_length() if d.is_static else 1 for d in shape] if known else [most + 1]
            if math.prod(sizes) > most:
                raise ModelFileError(f"{path}: asks for values of size {sizes}; refused")
