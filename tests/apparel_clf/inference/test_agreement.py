from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from apparel_clf import ApparelClassifier
from apparel_clf.errors import ExportError
from apparel_clf.inference.export.agreement import Exported, _check

ALLOWED = inspect.signature(ApparelClassifier.export).parameters["max_loss"].default


def exported(precision, *, n=1000, before=0.98, accuracy=0.98, difference=0.0):
    return Exported(
        path=Path("m.onnx"),
        precision=precision,
        size_bytes=1,
        n=n,
        accuracy_before=before,
        accuracy=accuracy,
        difference=difference,
        agreement=1.0,
    )


def test_float32_may_differ_by_rounding_alone():
    _check(exported("fp32", difference=4.9e-5), ALLOWED)
    with pytest.raises(
        ExportError, match=r"differ from Keras' by up to 5\.1e-05, more than the 5e-05"
    ):
        _check(exported("fp32", difference=5.1e-5), ALLOWED)
    _check(exported("int8", difference=0.1), ALLOWED)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_half_a_point_of_accuracy_may_be_lost(precision):
    _check(exported(precision, accuracy=0.976), ALLOWED)
    with pytest.raises(
        ExportError, match=r"falls from 98\.0% to 97\.4% \(n=1000\), by 0\.6 points"
    ):
        _check(exported(precision, accuracy=0.974), ALLOWED)
    _check(exported(precision, accuracy=0.974), 1.0)


@pytest.mark.parametrize(
    ("precision", "advised"),
    [("int8", "Calibrate on more pictures"), ("bf16", "Export in fp32"), ("fp32", "Allow more")],
)
def test_the_advice_fits_the_arithmetic(precision, advised):
    with pytest.raises(ExportError) as caught:
        _check(exported(precision, accuracy=0.97), ALLOWED)
    told = str(caught.value)
    assert f"10 more pictures wrong. {advised}" in told
    assert ("Calibrate" in told) is (precision == "int8")


def test_too_few_pictures_to_decide_are_named():
    with pytest.raises(ExportError) as caught:
        _check(exported("bf16", n=123, before=121 / 123, accuracy=120 / 123), ALLOWED)
    told = str(caught.value)
    assert "1 more picture wrong. Of fewer than 200 a single one is more than 0.5 points" in told
    with pytest.raises(ExportError) as caught:
        _check(exported("int8", n=123, before=121 / 123, accuracy=120 / 123), 0.0)
    assert "a single one" not in str(caught.value)
