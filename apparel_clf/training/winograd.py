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

from apparel_clf.model.backend import tensorflow_module
from apparel_clf.training.precision import has_gpu

#: Below this many products of channels a pixel, the definition is as fast.
LEAST_CHANNELS = 128 * 128

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


def transform_kernel(kernel: Any) -> Any:
    """Transform a kernel; one that does not change serves any number of `convolve` calls.

    Args:
        kernel: tensor or array ``(3, 3, channels in, channels out)``, ``float32``.

    Returns:
        Tensor ``(36, channels in, channels out)``.
    """
    tf = tensorflow_module()
    side = tf.constant(_KERNEL_TRANSFORM, tf.float32)
    transformed = tf.einsum("ai,bj,ijck->abck", side, side, kernel)
    return tf.reshape(transformed, (36, *kernel.shape[2:]))


def convolve(images: Any, kernel: Any, bias: Any) -> Any:
    """Convolve with zero padding, add the bias, cut off below zero.

    Args:
        images: tensor ``(batch, height, width, channels in)``, ``float32``; all but the batch's
            size is known.
        kernel: from `transform_kernel`.
        bias: ``(channels out,)``.

    Returns:
        Tensor ``(batch, height, width, channels out)``.
    """
    tf, steps = tensorflow_module(), _compiled()
    products = tf.matmul(_cut(images), kernel)
    return steps.join(steps.shrink(products), bias, *images.shape[1:3])


def convolve_trained(images: Any, kernel: Any, bias: Any) -> Any:
    """Convolve as `convolve` does, with a kernel that is being trained.

    The gradients are taken by the same transforms, so all three products take a quarter of the
    multiplications. Between the way there and the way back the pictures alone are kept, not
    their tiles, which are more than twice as large.

    Args:
        images: tensor ``(batch, height, width, channels in)``, ``float32``; all but the batch's
            size is known.
        kernel: tensor ``(3, 3, channels in, channels out)``, ``float32``.
        bias: tensor ``(channels out,)``.

    Returns:
        Tensor ``(batch, height, width, channels out)``.
    """
    tf, steps = tensorflow_module(), _compiled()

    @tf.custom_gradient  # type: ignore[untyped-decorator] # TensorFlow has no types
    def differentiable(images: Any, kernel: Any, bias: Any) -> Any:
        result = convolve(images, transform_kernel(kernel), bias)

        def gradients(towards: Any) -> tuple[Any, Any, Any]:
            towards = tf.where(result > 0, towards, 0.0)
            turned = tf.transpose(tf.reverse(kernel, [0, 1]), (0, 1, 3, 2))
            products = tf.matmul(_cut(towards), transform_kernel(turned))
            of_images = steps.lay(steps.shrink(products), *images.shape[1:3])
            spread = steps.spread_across(steps.spread_down(towards))
            points = tf.matmul(_cut(images), spread, transpose_a=True)
            of_bias = tf.reduce_sum(towards, (0, 1, 2))
            return of_images, _transformed_back(points), of_bias

        return result, gradients

    return differentiable(images, kernel, bias)


def _cut(images: Any) -> Any:
    steps = _compiled()
    return steps.cut_across(steps.cut_down(images))


def _transformed_back(points: Any) -> Any:
    """Turn the gradient of a transformed kernel into the kernel's."""
    tf = tensorflow_module()
    side = tf.constant(_KERNEL_TRANSFORM, tf.float32)
    points = tf.reshape(points, (6, 6, *points.shape[1:]))
    return tf.einsum("ai,bj,abck->ijck", side, side, points)


def pays(channels_in: int, channels_out: int, precision: str) -> bool:
    """Whether `convolve` is the faster way here.

    Args:
        channels_in: of the pictures.
        channels_out: of the result.
        precision: of the arithmetic; the transforms need ``"float32"``.
    """
    many = channels_in * channels_out >= LEAST_CHANNELS
    return many and precision == "float32" and not has_gpu() and available()


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
    """The transforms, one for each side of a tile: of the input, the output and its gradient."""

    cut_down: Any
    cut_across: Any
    shrink: Any
    join: Any
    lay: Any
    spread_down: Any
    spread_across: Any


@cache
def _compiled() -> _Steps:
    # One side at a time: both at once take four times as long to compile, and longer to run.
    steps = (_cut_down, _cut_across, _shrink, _join, _lay, _spread_down, _spread_across)
    return _Steps(*(_jit(step) for step in steps))


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
    width, channels = rows.shape[3:]
    across = _tiles(width - 2)
    columns = [rows[:, :, :, j : j + _TILE * across - 3 : _TILE] for j in range(6)]
    tiles = tf.stack(_input_side(columns), axis=1)
    return tf.reshape(tiles, (36, -1, channels))


def _shrink(products: Any) -> Any:
    """Transform back across the tiles: ``(6, tiles, 4, channels)``."""
    tf = tensorflow_module()
    points = tf.reshape(products, (6, 6, -1, products.shape[2]))
    return tf.stack(_output_side([points[:, j] for j in range(6)]), axis=2)


def _join(columns: Any, bias: Any, height: int, width: int) -> Any:
    """Lay the tiles side by side, add the bias, cut off below zero."""
    return tensorflow_module().nn.relu(_lay(columns, height, width) + bias)


def _lay(columns: Any, height: int, width: int) -> Any:
    """Transform back down the tiles, lay them side by side."""
    tf = tensorflow_module()
    down, across, channels = _tiles(height), _tiles(width), columns.shape[-1]
    rows = tf.stack(_output_side([columns[i] for i in range(6)]))
    rows = tf.reshape(rows, (_TILE, -1, down, across * _TILE, channels))
    whole = tf.reshape(
        tf.transpose(rows, (1, 2, 0, 3, 4)), (-1, down * _TILE, across * _TILE, channels)
    )
    return whole[:, :height, :width]


def _spread_down(towards: Any) -> Any:
    """Take the gradient of a result down its tiles: ``(6, batch, tiles down, width, channels)``."""
    tf = tensorflow_module()
    _, height, width, _ = towards.shape
    below, right = -height % _TILE, -width % _TILE
    padded = tf.pad(towards, [[0, 0], [0, below], [0, right], [0, 0]])
    return tf.stack(_gradient_side([padded[:, i::_TILE] for i in range(_TILE)]))


def _spread_across(rows: Any) -> Any:
    """Take the gradient across its tiles: ``(36, tiles, channels)``."""
    tf = tensorflow_module()
    columns = [rows[:, :, :, j::_TILE] for j in range(_TILE)]
    tiles = tf.stack(_gradient_side(columns), axis=1)
    return tf.reshape(tiles, (36, -1, rows.shape[-1]))


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


def _gradient_side(r: list[Any]) -> list[Any]:
    """Turn the gradient of four results into that of six products: `_output_side`, transposed."""
    even, odd = r[0] + r[2], r[1] + r[3]
    even2, odd2 = r[0] + 4 * r[2], 2 * (r[1] + 4 * r[3])
    return [r[0], even + odd, even - odd, even2 + odd2, even2 - odd2, r[3]]
