import pytest

from apparel_clf.errors import SettingsError
from apparel_clf.training import precision


@pytest.mark.parametrize("name", ["float32", "bfloat16"])
def test_what_is_asked_for_is_taken_without_measuring(name, monkeypatch):
    monkeypatch.setattr(precision, "_bfloat16_ratio", pytest.fail)
    assert precision.choose_precision(name, ["gap"]) == name
    assert precision.choose_precision(name, ["flatten"]) == name


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [(0.2, "bfloat16"), (0.59, "bfloat16"), (0.61, "float32"), (3, "float32")],
)
def test_bfloat16_is_taken_only_where_it_is_clearly_faster(ratio, expected, monkeypatch):
    monkeypatch.setattr(precision, "_bfloat16_ratio", lambda: ratio)
    assert precision.choose_precision("auto", ["flatten"]) == expected


@pytest.mark.parametrize(
    ("heads", "expected"),
    [
        (["flatten"], "bfloat16"),
        (["pooled+flatten"], "bfloat16"),
        (["gap"], "float32"),
        (["pooled"], "float32"),
        (["gap", "pooled"], "float32"),
        (["gap", "flatten"], "bfloat16"),
    ],
)
def test_averages_alone_are_not_computed_in_bfloat16_unasked(heads, expected, monkeypatch):
    monkeypatch.setattr(precision, "_bfloat16_ratio", lambda: 0.1)
    assert precision.choose_precision("auto", heads) == expected


def test_the_measurement_is_made_once_in_a_process():
    precision._bfloat16_ratio.cache_clear()
    first = precision._bfloat16_ratio()
    assert first > 0
    assert precision._bfloat16_ratio() == first
    assert precision._bfloat16_ratio.cache_info().misses == 1


def test_a_device_without_bfloat16_takes_float32(monkeypatch):
    import tensorflow as tf

    def unsupported(*args):
        raise tf.errors.UnimplementedError(None, None, "no bfloat16 here")

    monkeypatch.setattr(tf.nn, "conv2d", unsupported)
    precision._bfloat16_ratio.cache_clear()
    try:
        assert precision.choose_precision("auto", ["flatten"]) == "float32"
    finally:
        precision._bfloat16_ratio.cache_clear()


def test_an_unknown_precision_is_refused():
    with pytest.raises(SettingsError, match=r"precision to be one of .*Received: 'int8'"):
        precision.choose_precision("int8", ["flatten"])
