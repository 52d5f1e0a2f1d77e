"""Convolutions of 3x3 with a quarter of the multiplications (Winograd's F(4x4, 3x3)).

A picture is cut into overlapping tiles of 6x6, each tile and each kernel are transformed, the
product of the two is taken point by point, and the way back gives 4x4 results: 36 multiplications
where the definition takes 144. In float32 the result differs from the definition's by about
1e-5 of its size. The transforms move a lot of memory, so it pays where channels are many.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apparel_clf.model.backend import tensorflow_module

#: Below this many products of channels a pixel, the definition is as fast.
LEAST_CHANNELS = 128 * 256

_TILE = 4
_KERNEL_TRANSFORM = np.array(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
)


def transform_kernel(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Transform a kernel once, for any number of `convolve` calls.

    Args:
        kernel: ``(3, 3, channels in, channels out)``.

    Returns:
        Array of shape ``(36, channels in, channels out)``.
    """
    side = _KERNEL_TRANSFORM
    transformed = np.einsum("ai,bj,ijck->abck", side, side, kernel.astype(np.float64))
    return np.asarray(transformed.reshape(36, *kernel.shape[2:]), np.float32)


def convolve(images: Any, kernel: Any, bias: Any) -> Any:
    """Convolve with zero padding, add the bias, cut off below zero.

    Args:
        images: tensor ``(batch, height, width, channels in)`` of known shape, ``float32``.
        kernel: from `transform_kernel`.
        bias: ``(channels out,)``.

    Returns:
        Tensor ``(batch, height, width, channels out)``.
    """
    tf = tensorflow_module()
    steps = _compiled()
    tiles = steps.cut_across(steps.cut_down(images))
    return steps.join(steps.shrink(tf.matmul(tiles, kernel)), bias, *images.shape[:3])


@cache
def available() -> bool:
    """Whether this TensorFlow can compile the transforms; without that they cost too much."""
    tf = tensorflow_module()
    try:
        kernel = transform_kernel(np.zeros((3, 3, 1, 1), np.float32))
        convolve(tf.zeros((1, 4, 4, 1)), kernel, tf.zeros(1))
    except (tf.errors.OpError, NotImplementedError, ValueError):
        return False
    return True


class _Steps(NamedTuple):
    """The transforms: two for the input, two for the output, one for each side of a tile."""

    cut_down: Any
    cut_across: Any
    shrink: Any
    join: Any


@cache
def _compiled() -> _Steps:
    # One side at a time: both at once take four times as long to compile, and longer to run.
    return _Steps(_jit(_cut_down), _jit(_cut_across), _jit(_shrink), _jit(_join))


def _jit(function: Callable[..., Any]) -> Any:
    # Plain tensor code needs no AutoGraph, whose warnings quote whatever it cannot read.
    return tensorflow_module().function(function, jit_compile=True, autograph=False)


def _tiles(side: int) -> int:
    return -(-side // _TILE)


def _cut_down(images: Any) -> Any:
    """Pad, and transform down the tiles: ``(6, batch, tiles down, padded width, channels)``."""
    tf = tensorflow_module()
    _, height, width, _ = images.shape
    down, across = _tiles(height), _tiles(width)
    below, right = 1 + down * _TILE - height, 1 + across * _TILE - width
    padded = tf.pad(images, [[0, 0], [1, below], [1, right], [0, 0]])
    return tf.stack(_input_side([padded[:, i : i + _TILE * down - 3 : _TILE] for i in range(6)]))


def _cut_across(rows: Any) -> Any:
    """Transform across the tiles: ``(36, tiles, channels)``."""
    tf = tensorflow_module()
    _, batch, down, width, channels = rows.shape
    across = _tiles(width - 2)
    columns = [rows[:, :, :, j : j + _TILE * across - 3 : _TILE] for j in range(6)]
    tiles = tf.stack(_input_side(columns), axis=1)
    return tf.reshape(tiles, (36, batch * down * across, channels))


def _shrink(products: Any) -> Any:
    """Transform back across the tiles: ``(6, tiles, 4, channels)``."""
    tf = tensorflow_module()
    _, tiles, channels = products.shape
    points = tf.reshape(products, (6, 6, tiles, channels))
    return tf.stack(_output_side([points[:, j] for j in range(6)]), axis=2)


def _join(columns: Any, bias: Any, batch: int, height: int, width: int) -> Any:
    """Transform back down the tiles, lay them side by side, add the bias, cut off below zero."""
    tf = tensorflow_module()
    down, across, channels = _tiles(height), _tiles(width), columns.shape[-1]
    rows = tf.stack(_output_side([columns[i] for i in range(6)]))
    rows = tf.reshape(rows, (_TILE, batch, down, across * _TILE, channels))
    whole = tf.reshape(
        tf.transpose(rows, (1, 2, 0, 3, 4)), (batch, down * _TILE, across * _TILE, channels)
    )
    return tf.nn.relu(whole[:, :height, :width] + bias)


def _input_side(d: list[Any]) -> list[Any]:
    """Transform six rows of input along one side of their tiles."""
    even, odd = d[4] - 4 * d[2], d[3] - 4 * d[1]
    near, far = d[4] - d[2], 2 * (d[3] - d[1])
    return [
        4 * d[0] - 5 * d[2] + d[4],
        even + odd,
        even - odd,
        near + far,
        near - far,
        4 * d[1] - 5 * d[3] + d[5],
    ]


def _output_side(m: list[Any]) -> list[Any]:
    """Turn six products along one side of a tile into four results."""
    plus, minus = m[1] + m[2], m[1] - m[2]
    plus2, minus2 = m[3] + m[4], m[3] - m[4]
    return [
        m[0] + plus + plus2,
        minus + 2 * minus2,
        plus + 4 * plus2,
        minus + 8 * minus2 + m[5],
    ]
