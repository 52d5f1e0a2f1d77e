from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from apparel_clf import ApparelClassifier
from apparel_clf.errors import ExportError
from apparel_clf.inference.export.agreement import Exported, _check

ALLOWED = inspect.signature(ApparelClassifier.export).parameters["max_loss"].default


def exported(precision, *, accuracy=0.98, difference=0.0):
    return Exported(
        path=Path("m.onnx"),
        precision=precision,
        size_bytes=1,
        n=1000,
        accuracy_before=0.98,
        accuracy=accuracy,
        difference=difference,
        agreement=1.0,
    )


def test_float32_may_differ_by_rounding_alone():
    _check(exported("fp32", difference=9e-5), ALLOWED)
    with pytest.raises(ExportError, match=r"differ from Keras' by up to 0\.00011"):
        _check(exported("fp32", difference=1.1e-4), ALLOWED)
    _check(exported("int8", difference=0.1), ALLOWED)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_half_a_point_of_accuracy_may_be_lost(precision):
    _check(exported(precision, accuracy=0.976), ALLOWED)
    with pytest.raises(
        ExportError, match=r"falls from 98\.0% to 97\.4% \(n=1000\), by 0\.6 points"
    ):
        _check(exported(precision, accuracy=0.974), ALLOWED)
    _check(exported(precision, accuracy=0.974), 1.0)
