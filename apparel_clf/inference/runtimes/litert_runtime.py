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
from apparel_clf.inference.runtimes.litert_graph import check_graph

_SIGNATURE = "serving_default"


def _cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class LiteRtRuntime(Runtime):
    """Runs a ``.tflite`` file.

    Args:
        path: the file, for messages.
        data: what is in it.
        threads: how many to compute with; None for all cores.

    Raises:
        ModelFileError: the file asks for what none of our networks holds.
    """

    name = "litert"

    def __init__(self, path: Path, data: bytes, threads: int | None = None) -> None:
        litert = require("ai_edge_litert.interpreter", "litert")
        plain = litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        given = litert.Interpreter(model_content=data, experimental_op_resolver_type=plain)
        check_graph(path, given, len(data))
        # An interpreter holds one picture's maps at a time.
        self._lock = threading.Lock()
        self._interpreter: Any = litert.Interpreter(
            model_content=data, num_threads=threads or _cores()
        )
        self._runner: Any = self._interpreter.get_signature_runner(_SIGNATURE)
        image = self._runner.get_input_details()["image"]
        outputs = self._runner.get_output_details()
        if image["index"] != self._interpreter.get_input_details()[0]["index"]:
            raise ModelFileError(f"{path}: its picture goes elsewhere; refused")
        self.side, self.classes = int(image["shape"][1]), int(outputs["probabilities"]["shape"][-1])
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
