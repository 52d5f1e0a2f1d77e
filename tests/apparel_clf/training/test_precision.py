import pytest

from apparel_clf.errors import SettingsError
from apparel_clf.training import precision


@pytest.mark.parametrize("name", ["float32", "bfloat16"])
def test_what_is_asked_for_is_taken_without_measuring(name, monkeypatch):
    monkeypatch.setattr(precision, "_bfloat16_ratio", pytest.fail)
    assert precision.choose_precision(name) == name


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [(0.5, "bfloat16"), (0.74, "bfloat16"), (0.76, "float32"), (3, "float32")],
)
def test_bfloat16_is_taken_only_where_it_is_clearly_faster(ratio, expected, monkeypatch):
    monkeypatch.setattr(precision, "_bfloat16_ratio", lambda: ratio)
    assert precision.choose_precision("auto") == expected


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
        assert precision.choose_precision("auto") == "float32"
    finally:
        precision._bfloat16_ratio.cache_clear()


def test_an_unknown_precision_is_refused():
    with pytest.raises(SettingsError, match=r"precision to be one of .*Received: 'int8'"):
        precision.choose_precision("int8")
