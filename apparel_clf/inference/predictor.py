"""Images through the network: one path for predicting and evaluating, whatever the input."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from apparel_clf._progress import progress
from apparel_clf.errors import ImageError
from apparel_clf.images import ImageSource, describe, load_image, to_square
from apparel_clf.model.ahead import in_order
from apparel_clf.model.backend import tensorflow_module

if TYPE_CHECKING:
    import keras

# Keeps memory small; larger batches are no faster on a processor.
_BATCH = 8

# What was read: its name, and a square picture or why there is none.
_Read: TypeAlias = "tuple[str, NDArray[np.uint8] | ImageError]"


@dataclass(frozen=True)
class Answer:
    """The network's output for one image, or why there is none.

    Args:
        source: the image's path, or what kind of thing it was.
        row: probabilities, ``(number of classes,)``, ``float32``; None where there is an error.
        error: why the image could not be read, or None.
    """

    source: str
    row: NDArray[np.float32] | None
    error: ImageError | None = None

    def probabilities(self) -> NDArray[np.float32]:
        """Return the row.

        Raises:
            ImageError: there is none.
        """
        if self.row is None:
            raise self.error or ImageError(self.source, "was not predicted")
        return self.row


class Predictor:
    """Runs a trained network on images of any kind.

    The network is traced once. Keras' own `predict` spends about 50 ms on each call, and
    `predict_on_batch` traces anew for each size of batch.

    Args:
        model: a network that takes ``(batch, side, side, 3)``.
        rule: how a picture is made square, one of `RESIZE_RULES`.
    """

    def __init__(self, model: keras.Model, rule: str) -> None:
        tf = tensorflow_module()
        self._side: int = model.input_shape[1]
        self._rule = rule
        shape = tf.TensorSpec((None, self._side, self._side, 3), tf.uint8)
        self._run = tf.function(
            lambda images: model(tf.cast(images, tf.float32), training=False),
            input_signature=[shape],
            autograph=False,
        )

    def answers(
        self, sources: Iterable[ImageSource], *, label: str = "predict", show: bool | None = None
    ) -> Iterator[Answer]:
        """Yield an answer for each image, in order; one that can't be read stops no other.

        Args:
            sources: paths, bytes, PIL images or ``uint8`` arrays.
            label: what the progress bar says.
            show: draw the progress bar; None draws it on a terminal only.
        """
        items = sources if isinstance(sources, list) else list(sources)
        batches = self._batches(progress(items, label=label, show=show))
        for answers in in_order(self._answered, batches):
            yield from answers

    def _batches(self, sources: Iterator[ImageSource]) -> Iterator[list[_Read]]:
        while batch := [self._read(source) for source in islice(sources, _BATCH)]:
            yield batch

    def _read(self, source: ImageSource) -> _Read:
        try:
            return describe(source), to_square(load_image(source), self._side, self._rule)
        except ImageError as error:
            return describe(source), error

    def _answered(self, batch: list[_Read]) -> list[Answer]:
        squares = [item for _, item in batch if not isinstance(item, ImageError)]
        rows = iter(self._run(np.stack(squares)).numpy() if squares else ())
        return [
            Answer(source, None, item)
            if isinstance(item, ImageError)
            else Answer(source, next(rows))
            for source, item in batch
        ]


def is_single(images: Any) -> bool:
    """Whether an argument of `predict` is one image rather than several.

    Example:
        >>> is_single("x.jpg"), is_single(["x.jpg"])
        (True, False)
    """
    one = (str, bytes, bytearray, os.PathLike, Image.Image, np.ndarray)
    return isinstance(images, one) or not isinstance(images, Iterable)


def sources_of(images: Any) -> list[ImageSource]:
    """Return several images as a list of sources; samples of a dataset become their paths.

    Args:
        images: a list, an `ImageSet`, or any other iterable of images or samples.
    """
    # A sample is told by its label: a path has none.
    return [item.path if hasattr(item, "label") else item for item in images]
