"""A network as an ``.onnx`` file, in float32 or int8."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apparel_clf._extras import require
from apparel_clf.inference.export.onnx_graph import INPUT, KEPT_NODES, onnx_model
from apparel_clf.inference.export.parts import Describe, Parts
from apparel_clf.model.file import METADATA_MEMBER


def write_onnx(parts: Parts, path: Path, squares: NDArray[np.uint8] | None) -> Describe:
    """Make a network one file that carries what is known of it.

    Args:
        parts: the network.
        path: where to.
        squares: pictures to learn the ranges of int8 from, ``(n, side, side, 3)``; None for
            float32.

    Returns:
        What writes the file, given plain values, its property ``apparel.json``; again at will.

    Raises:
        MissingExtraError: onnx, or for int8 ONNX Runtime, is not installed.
    """
    onnx = require("onnx", "onnx")
    model = onnx_model(parts)
    if squares is not None:
        model = _quantised(onnx, model, squares, path)

    def describe(facts: Mapping[str, Any]) -> None:
        # Written by a quantiser, or by us: the same names in each file.
        del model.metadata_props[:]
        text = json.dumps(facts, ensure_ascii=False, allow_nan=False)
        onnx.helper.set_model_props(model, {METADATA_MEMBER: text})
        path.write_bytes(model.SerializeToString(deterministic=True))

    return describe


def _quantised(onnx: Any, model: Any, squares: NDArray[np.uint8], path: Path) -> Any:
    """Turn convolutions into int8: weights by channel, values by the range seen on pictures."""
    quantization = require("onnxruntime.quantization", "onnx")
    whole, small = path.with_suffix(".fp32"), path.with_suffix(".int8")
    onnx.save(model, whole)
    with _no_advice():
        quantization.quantize_static(
            whole,
            small,
            _reader(quantization, squares),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            nodes_to_exclude=list(KEPT_NODES),
        )
    return onnx.load(small)


def _reader(quantization: Any, squares: NDArray[np.uint8]) -> Any:
    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc] # has no types
        def __init__(self) -> None:
            self._left = iter(squares)

        def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
            square = next(self._left, None)
            return None if square is None else {INPUT: square[None]}

    return Reader()


@contextmanager
def _no_advice() -> Iterator[None]:
    """The quantiser advises a preparation that our graphs need not."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
