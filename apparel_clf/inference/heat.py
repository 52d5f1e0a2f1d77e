"""Where a network looked: Grad-CAM (Selvaraju and others, 2017) without gradients.

The head is linear on the last block's map, so the gradient of a class's score by that map is the
head's own weights, the same for every picture. Its mean over the places of the map is what
Grad-CAM weighs each channel with, and the weighted sum is a 1x1 convolution, which every runtime
can do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from apparel_clf.model.build import taps_of

if TYPE_CHECKING:
    import keras


def heat_kernel(model: keras.Model, head: str) -> NDArray[np.float32]:
    """Return how much each channel of the last block's map speaks for each class.

    Args:
        model: a network of `build_network`.
        head: what its head sees, one of `HEADS`.

    Returns:
        Mean gradient of each class's score before the softmax, by channel: ``float32`` of shape
        ``(channels, classes)``.
    """
    last = last_map(model)
    _, rows, columns, channels = last.shape
    places = rows * columns
    kernel = model.layers[-1].get_weights()[0]
    blocks = sum(layer.name.endswith("_pool") for layer in model.layers)
    taps = taps_of(head, blocks)
    total = np.zeros((channels, kernel.shape[1]), np.float64)
    if f"all{blocks}" in taps:  # the last part of the features
        whole = kernel[-places * channels :].reshape(places, channels, -1)
        total += whole.sum(axis=0, dtype=np.float64)
        kernel = kernel[: -places * channels]
    if f"mean{blocks}" in taps:
        total += kernel[-channels:]
    return np.asarray(total / places, np.float32)


def last_map(model: keras.Model) -> keras.KerasTensor:
    """Return the tensor of the last block's map, after its pooling."""
    return next(layer.output for layer in reversed(model.layers) if layer.name.endswith("_pool"))
