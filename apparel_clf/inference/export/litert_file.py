"""A network as a ``.tflite`` file, in float32 or int8."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apparel_clf.inference.export.parts import MEAN_RGB, Convolution, Describe, Parts
from apparel_clf.model.backend import tensorflow_module
from apparel_clf.model.file import add_metadata

# LiteRT adds products one after the other. Of tens of thousands the last are added to a sum that is
# large by then, and what they lose made up most of a probability's difference from Keras, 3e-5.
# Added in parts of so many it stays below 1e-5.
_ADDED = 1024


def write_litert(parts: Parts, path: Path, squares: NDArray[np.uint8] | None) -> Describe:
    """Make a network one file that carries what is known of it.

    TensorFlow's own converter does the work. What is known of the model goes into an archive at
    the file's end, as with TensorFlow Lite's metadata: ``unzip`` shows it.

    Args:
        parts: the network.
        path: where to.
        squares: pictures to learn the ranges of int8 from, ``(n, side, side, 3)``; None for
            float32.

    Returns:
        What writes the file, given plain values, the archive's member ``apparel.json``; again at
        will.

    Raises:
        MissingExtraError: TensorFlow is not installed.
    """
    tf = tensorflow_module()
    module = tf.Module()
    shape = tf.TensorSpec((None, parts.side, parts.side, 3), tf.uint8, name="image")
    added = _ADDED if squares is None else len(parts.kernel)
    module.run = tf.function(_network(tf, parts, added), input_signature=[shape], autograph=False)
    with _quiet():
        converter = tf.lite.TFLiteConverter.from_concrete_functions(
            [module.run.get_concrete_function()], module
        )
        if squares is not None:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ([square[None]] for square in squares)
        data = converter.convert()

    def describe(facts: Mapping[str, Any]) -> None:
        path.write_bytes(data)
        add_metadata(path, facts)

    return describe


def _network(tf: Any, parts: Parts, added: int) -> Callable[[Any], dict[str, Any]]:
    def run(images: Any) -> dict[str, Any]:
        x = tf.cast(images, tf.float32) - tf.constant(MEAN_RGB, tf.float32)
        maps = []
        for block in parts.blocks:
            for convolution in block:
                x = _convolve(tf, x, convolution)
            x = tf.nn.max_pool2d(x, 2, 2, "VALID")
            maps.append(x)
        taps = [_tap(tf, parts, maps, tap) for tap in parts.taps]
        features = tf.concat(taps, axis=1) if len(taps) > 1 else taps[0]
        scores = _scores(tf, features, parts, added)
        heat = tf.nn.conv2d(x, tf.constant(parts.heat)[None, None], 1, "VALID")
        means = tf.reduce_mean(x, (1, 2))
        return {"probabilities": tf.nn.softmax(scores), "heat": heat, "means": means}

    return run


def _convolve(tf: Any, x: Any, convolution: Convolution) -> Any:
    sums = tf.nn.conv2d(x, tf.constant(convolution.kernel), 1, "SAME")
    return tf.nn.relu(sums + convolution.bias)


def _tap(tf: Any, parts: Parts, maps: list[Any], tap: str) -> Any:
    block = int(tap[-1])
    if tap.startswith("mean"):
        return tf.reduce_mean(maps[block - 1], (1, 2))
    return tf.reshape(maps[block - 1], (-1, parts.last_side**2 * parts.channels(block)))


def _scores(tf: Any, features: Any, parts: Parts, added: int) -> Any:
    starts = range(0, len(parts.kernel), added)
    products = [
        tf.matmul(features[:, start : start + added], parts.kernel[start : start + added])
        for start in starts
    ]
    return reduce(tf.add, products) + parts.bias


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the converter's notes to its own developers off standard error, which belongs to users.

    It writes them from C++; what fails raises an exception.
    """
    kept = os.dup(2)
    with TemporaryFile() as notes, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.dup2(notes.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
