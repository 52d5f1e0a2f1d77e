"""The network in LiteRT, which was TensorFlow Lite."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apparel_clf._extras import require
from apparel_clf.errors import ModelFileError
from apparel_clf.inference.runtimes.base import Runtime

# All that our networks are made of. Delegates put operators of their own in place of these.
_OPERATORS = {
    "ADD",
    "CAST",
    "CONCATENATION",
    "CONV_2D",
    "DELEGATE",
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
_SIGNATURE = "serving_default"


def _cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class LiteRtRuntime(Runtime):
    """Runs a ``.tflite`` file.

    Args:
        path: the file.
        threads: how many to compute with; None for all cores.

    Raises:
        ModelFileError: the file asks for operators that none of our networks holds.
    """

    name = "litert"

    def __init__(self, path: Path, threads: int | None = None) -> None:
        interpreter = require("ai_edge_litert.interpreter", "litert").Interpreter
        # An interpreter holds one picture's maps at a time.
        self._lock = threading.Lock()
        self._interpreter: Any = interpreter(str(path), num_threads=threads or _cores())
        self._check_operators(path)
        self._runner: Any = self._interpreter.get_signature_runner(_SIGNATURE)
        shape = self._runner.get_input_details()["image"]["shape"].tolist()
        outputs = self._runner.get_output_details()
        self.side, self.classes = int(shape[1]), int(outputs["probabilities"]["shape"][-1])
        self._has_means = "means" in outputs

    def _compute(
        self, squares: NDArray[np.uint8], parts: tuple[str, ...]
    ) -> Iterable[NDArray[np.float32]]:
        # One picture after the other: batches are no faster here, and each new size of batch would
        # lay out all memory anew.
        answers = []
        for square in squares:
            with self._lock:
                answer = self._runner(image=square[None])
                answers.append([answer[name].copy() for name in ("probabilities", *parts)])
        probabilities, *seen = map(np.concatenate, zip(*answers, strict=True))
        # In int8 they come in steps of 1/256, and need not add up to 1.
        return probabilities / np.maximum(probabilities.sum(axis=1, keepdims=True), 1e-6), *seen

    def _check_operators(self, path: Path) -> None:
        strange = {op["op_name"] for op in self._interpreter._get_ops_details()} - _OPERATORS
        if strange:
            raise ModelFileError(
                f"{path}: asks for {sorted(strange)}, which none of our networks holds; refused"
            )
