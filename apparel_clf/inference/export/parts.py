"""A trained network as plain arrays, from which every format is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from apparel_clf.inference.heat import heat_kernel
from apparel_clf.model.build import MEAN_BGR, taps_of
from apparel_clf.model.weights import convolutions

if TYPE_CHECKING:
    import keras

#: Writes an export, given what it shall say of itself.
Describe: TypeAlias = Callable[[Mapping[str, Any]], None]
#: ImageNet's mean colour in the order of the pixels.
MEAN_RGB = MEAN_BGR[::-1]


@dataclass(frozen=True)
class Convolution:
    """One 3x3 convolution with zero padding, its bias and a ReLU.

    Args:
        kernel: ``float32`` of shape ``(3, 3, channels in, channels out)``.
        bias: ``float32`` of shape ``(channels out,)``.
    """

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True)
class Parts:
    """A network: minus the mean colour, blocks with a 2x2 pooling after each, a softmax head.

    Args:
        side: of the square input, in pixels.
        blocks: the convolutions of each block. The first takes channels in the order RGB.
        taps: what the head sees, as `taps_of` names it.
        kernel: of the head, ``float32`` of shape ``(features, classes)``.
        bias: of the head, ``(classes,)``.
        heat: how much each channel of the last block speaks for each class,
            ``(channels, classes)``.
    """

    side: int
    blocks: tuple[tuple[Convolution, ...], ...]
    taps: tuple[str, ...]
    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]
    heat: NDArray[np.float32]

    @property
    def last_side(self) -> int:
        """Side of the last block's map."""
        return self.side // (1 << len(self.blocks))

    def channels(self, block: int) -> int:
        """Channels that a block gives; the first block is number 1."""
        return len(self.blocks[block - 1][-1].bias)


def parts_of(model: keras.Model, head: str) -> Parts:
    """Take a network of `build_network` apart.

    Args:
        model: the network.
        head: what its head sees, one of `HEADS`.
    """
    layers = convolutions(model)
    count = 1 + max(_block(layer.name) for layer in layers)
    blocks: list[list[Convolution]] = [[] for _ in range(count)]
    for layer in layers:
        blocks[_block(layer.name)].append(Convolution(*layer.get_weights()))
    first = blocks[0][0]
    # The network turns RGB into BGR; the first kernel does it here, and nothing else changes.
    blocks[0][0] = Convolution(np.ascontiguousarray(first.kernel[:, :, ::-1]), first.bias)
    kernel, bias = model.layers[-1].get_weights()
    return Parts(
        side=int(model.input_shape[1]),
        blocks=tuple(map(tuple, blocks)),
        taps=taps_of(head, count),
        kernel=kernel,
        bias=bias,
        heat=heat_kernel(model, head),
    )


def _block(name: str) -> int:
    """Number of the block that a layer is in, from 0: ``block5_conv1`` is in the last of five."""
    return int(name.removeprefix("block").split("_")[0]) - 1
