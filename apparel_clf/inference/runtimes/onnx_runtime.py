"""The network in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from apparel_clf._extras import require
from apparel_clf.inference.runtimes.base import Runtime


class OnnxRuntime(Runtime):
    """Runs an ``.onnx`` file that `scan` has passed.

    Args:
        data: what is in the file.
        threads: how many to compute with; None for all cores.
    """

    name = "onnx"

    def __init__(self, data: bytes, threads: int | None = None) -> None:
        ort = require("onnxruntime", "onnx")
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.log_severity_level = 3
        # From bytes: a file could name others beside it to be read.
        self._session = ort.InferenceSession(
            data,
            options,
            providers=["CPUExecutionProvider"],
            enable_fallback=0,  # which prints
        )
        self._batched = False  # since memory was last given back
        self._give_back = ort.RunOptions()
        self._give_back.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        (given,) = self._session.get_inputs()
        self._input = given.name
        self.side = int(given.shape[1])
        outputs = self._session.get_outputs()
        self.classes = int(outputs[0].shape[1])
        self._has_means = any(output.name == "means" for output in outputs)

    def _compute(
        self, squares: NDArray[np.uint8], parts: tuple[str, ...]
    ) -> Iterable[NDArray[np.float32]]:
        self._batched |= len(squares) > 1
        found: list[NDArray[np.float32]]
        found = self._session.run(["probabilities", *parts], {self._input: squares})
        return found

    def rest(self) -> None:
        """Give back what batches took, up to half a gigabyte; one picture's memory stays."""
        if self._batched:
            self._batched = False
            # Only a run gives back. After every batch it would take a third more time.
            blank = np.zeros((1, self.side, self.side, 3), np.uint8)
            self._session.run(["probabilities"], {self._input: blank}, self._give_back)
