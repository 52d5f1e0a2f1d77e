"""Which arithmetic computes the frozen features: measured once, since processors' words mislead.

A processor may list bfloat16 instructions and still be slower with them than with float32, or
emulate them altogether. So one convolution is timed in both.

Predictions are made in float32, whatever a head was trained on. A head on all of the last block
hardly minds; one on averages alone does: docs/recipes.md has the figures.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from apparel_clf.model.backend import tensorflow_module
from apparel_clf.model.checks import check_choice

#: ``auto`` takes bfloat16 where it is clearly faster and the head hardly minds, else float32.
PRECISIONS = ("auto", "float32", "bfloat16")

# Where bfloat16 is real it takes half the time of float32 or less (a fifth was seen where matrices
# have units of their own), where it isn't more than all of it. The line lies between, below the two
# thirds that Winograd's convolutions leave of float32's time.
_WORTHWHILE = 0.6
_ROUNDS = 5


def choose_precision(precision: str, heads: Sequence[str]) -> str:
    """Resolve ``"auto"`` to what this machine is fastest with and the heads can do with.

    Args:
        precision: ``"auto"``, ``"float32"`` or ``"bfloat16"``.
        heads: which heads the features are for, some of `HEADS`. Where none of them holds all of
            the last block, ``"auto"`` is float32.

    Returns:
        ``"float32"`` or ``"bfloat16"``; for ``"auto"`` and the same heads the same in all of a
        process.

    Raises:
        SettingsError: `precision` is none of the three.
    """
    check_choice("precision", precision, PRECISIONS)
    if precision != "auto":
        return precision
    if not any("flatten" in head for head in heads):
        return "float32"
    return "bfloat16" if _bfloat16_ratio() < _WORTHWHILE else "float32"


def has_gpu() -> bool:
    """Whether TensorFlow sees a GPU."""
    return bool(tensorflow_module().config.list_physical_devices("GPU"))


@cache
def _bfloat16_ratio() -> float:
    """Time of a convolution in bfloat16 as a part of its time in float32, the best of a few."""
    tf = tensorflow_module()
    try:
        runs = {dtype: _convolution(tf, dtype) for dtype in (tf.float32, tf.bfloat16)}
    except (tf.errors.OpError, NotImplementedError):
        return float("inf")  # some devices have no bfloat16 at all
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(_ROUNDS):
        # In turns, so that a busy moment of the machine hits both alike.
        for dtype, run in runs.items():
            best[dtype] = min(best[dtype], _seconds(run))
    return best[tf.bfloat16] / best[tf.float32]


def _convolution(tf: Any, dtype: Any) -> Callable[[], Any]:
    """Return a call that runs one of VGG16's kind of convolution, already traced and run once."""
    images = tf.ones((64 if has_gpu() else 4, 32, 32, 256), dtype)
    kernel = tf.ones((3, 3, 256, 256), dtype)

    def largest() -> Any:
        # One number out: fetching it waits for the device without moving the result.
        return tf.reduce_max(tf.nn.conv2d(images, kernel, 1, "SAME"))

    traced = tf.function(largest, autograph=False)
    traced()
    return lambda: traced().numpy()


def _seconds(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
