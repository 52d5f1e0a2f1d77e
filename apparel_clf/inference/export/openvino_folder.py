"""A network as an OpenVINO folder, in float32, bfloat16 or int8."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apparel_clf._extras import require
from apparel_clf.inference.export.onnx_file import write_onnx
from apparel_clf.inference.export.parts import Describe, Parts
from apparel_clf.inference.runtimes.openvino_runtime import GRAPH, openvino_core
from apparel_clf.model.file import METADATA_MEMBER


def write_openvino(parts: Parts, path: Path, squares: NDArray[np.uint8] | None) -> Describe:
    """Make a network as a folder: graph, weights and, beside them, what is known of it.

    It is made from the ONNX file, whose int8 OpenVINO takes over. bfloat16 is no matter of the
    file: the runtime computes in it where the file says so and the processor can.

    Args:
        parts: the network.
        path: where to.
        squares: as for `write_onnx`.

    Returns:
        What writes ``apparel.json``, given plain values; again at will.

    Raises:
        MissingExtraError: onnx or OpenVINO is not installed.
    """
    openvino = require("openvino", "openvino")
    whole = path.with_suffix(".onnx")
    write_onnx(parts, whole, squares)({})
    path.mkdir()
    openvino.save_model(openvino_core().read_model(whole), path / GRAPH, compress_to_fp16=False)

    def describe(facts: Mapping[str, Any]) -> None:
        text = json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False)
        (path / METADATA_MEMBER).write_text(text, encoding="utf-8")

    return describe
