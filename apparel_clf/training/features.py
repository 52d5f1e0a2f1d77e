"""The frozen backbone's features, each computed once and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from apparel_clf._progress import progress
from apparel_clf.errors import ImageError, TrainingError
from apparel_clf.images import load_image, to_square
from apparel_clf.model.ahead import in_order
from apparel_clf.model.backend import keras_module, tensorflow_module
from apparel_clf.model.build import MEAN_BGR
from apparel_clf.model.weights import convolutions
from apparel_clf.training import winograd
from apparel_clf.training.augment import Augmentation, view_seed
from apparel_clf.training.precision import has_gpu

if TYPE_CHECKING:
    import keras
    from PIL import Image

# Larger batches are no faster on a processor and need more memory.
_BATCH = 8
_BATCH_GPU = 64


class _Labelled(Protocol):
    """What is needed of a sample."""

    @property
    def path(self) -> Any: ...
    @property
    def label(self) -> str: ...


@dataclass(frozen=True)
class Views:
    """How a picture becomes the squares that the network sees.

    Args:
        side: pixels of the square's side.
        rule: how a picture is made square, one of `RESIZE_RULES`.
        count: number of views of each picture; the first is the plain picture.
        augmentation: what the further views may change.
        random_state: seed of the further views.
    """

    side: int
    rule: str = "pad"
    count: int = 1
    augmentation: Augmentation = field(default_factory=Augmentation.none)
    random_state: int = 0

    def of(self, image: Image.Image) -> Iterator[NDArray[np.uint8]]:
        """Yield each view of an RGB image as ``uint8`` of shape ``(side, side, 3)``."""
        yield to_square(image, self.side, self.rule)
        seeds = [view_seed(image, view, self.random_state) for view in range(1, self.count)]
        source = self._reduced(image) if seeds else image
        for seed in seeds:
            yield to_square(self.augmentation.apply(source, seed), self.side, self.rule)

    def _reduced(self, image: Image.Image) -> Image.Image:
        """Shrink a large image to twice what is needed: turning all of it takes too long."""
        deciding = max(image.size) if self.rule == "pad" else min(image.size)
        scale = 2 * self.side / deciding
        if scale >= 1:
            return image
        width, height = image.size
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        return image.resize(size, PIL.Image.Resampling.BILINEAR)


@dataclass(frozen=True)
class Rows:
    """Features of a set of images.

    Args:
        features: ``(rows, width)``, ``float16``; the views of an image lie side by side.
        labels: ``(rows,)``, the class of each row as its place among the classes.
        skipped: path and reason of each image that could not be read.
    """

    features: NDArray[np.float16]
    labels: NDArray[np.int64]
    skipped: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.labels)


class FeatureExtractor:
    """Runs a network's frozen part: pictures in, the rows that its last layer sees out.

    Args:
        model: a network from `build_network` with its weights.
        head: ``"flatten"`` or ``"gap"``, as the network was built.
        precision: ``"float32"`` or ``"bfloat16"``.

    Example:
        >>> FeatureExtractor(build_model(weights=None), "flatten", "float32")(images).shape
        (8, 32768)
    """

    def __init__(self, model: keras.Model, head: str, precision: str) -> None:
        tf = tensorflow_module()
        self.side: int = model.input_shape[1]
        self.width: int = model.layers[-1].kernel.shape[0]
        self.batch = _BATCH_GPU if has_gpu() else _BATCH
        layers = _layers(model, precision)
        dtype = tf.as_dtype(precision)

        def forward(images: Any) -> Any:
            x = tf.cast(tf.reverse(tf.cast(images, tf.float32), [-1]) - MEAN_BGR, dtype)
            for layer in layers:
                x = layer(x)
            last = tf.cast(x, tf.float32)
            return (
                tf.reduce_mean(last, (1, 2))
                if head == "gap"
                else tf.reshape(last, (self.batch, -1))
            )

        shape = tf.TensorSpec((self.batch, self.side, self.side, 3), tf.uint8)
        self._forward = tf.function(forward, input_signature=[shape], autograph=False)

    def __call__(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float16]:
        """Compute the features of at most `batch` pictures.

        Args:
            images: each ``(side, side, 3)``, ``uint8``, RGB.

        Returns:
            Array of shape ``(len(images), width)``, ``float16``.

        Raises:
            TrainingError: a feature is too large or not a number, so the weights are unusable.
        """
        # One shape whatever the number: one trace, and the same arithmetic for every picture.
        full = np.zeros((self.batch, self.side, self.side, 3), np.uint8)
        full[: len(images)] = images
        with np.errstate(over="ignore"):
            rows = self._forward(full).numpy()[: len(images)].astype(np.float16)
        if not np.isfinite(rows).all():
            raise TrainingError(
                "The backbone gives features beyond 65504 or not a number; its weights are not "
                "VGG16's or are damaged. Pass other weights"
            )
        return np.asarray(rows, np.float16)


def _layers(model: keras.Model, precision: str) -> list[Callable[[Any], Any]]:
    """Return the backbone's layers as plain functions in the given precision."""
    tf = tensorflow_module()
    pooling = keras_module().layers.MaxPooling2D
    wide = precision == "float32" and not has_gpu() and winograd.available()
    convs = {layer.name for layer in convolutions(model)}
    calls: list[Callable[[Any], Any]] = []
    for layer in model.layers:
        if layer.name in convs:
            kernel, bias = layer.get_weights()
            calls.append(_convolution(tf, kernel, bias, precision, wide))
        elif isinstance(layer, pooling):
            calls.append(lambda x: tf.nn.max_pool2d(x, 2, 2, "VALID"))
    return calls


def _convolution(
    tf: Any, kernel: NDArray[np.float32], bias: NDArray[np.float32], precision: str, wide: bool
) -> Callable[[Any], Any]:
    if wide and kernel.shape[2] * kernel.shape[3] >= winograd.LEAST_CHANNELS:
        transformed = tf.constant(winograd.transform_kernel(kernel))
        return lambda x: winograd.convolve(x, transformed, bias)
    kernel, bias = tf.cast(kernel, precision), tf.cast(bias, precision)
    return lambda x: tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "SAME"), bias))


def compute_rows(
    samples: Sequence[_Labelled],
    classes: Sequence[str],
    extractor: FeatureExtractor,
    views: Views,
    *,
    label: str = "features",
    show: bool | None = None,
) -> Rows:
    """Read images and compute the features of every view of each.

    Args:
        samples: images with a path and a label.
        classes: the labels in the order of the network's outputs.
        extractor: the frozen part of the network.
        views: how an image becomes squares.
        label: what the progress bar says.
        show: draw the progress bar; None draws it on a terminal only.

    Returns:
        The rows of all images that could be read, in order, and which could not.
    """
    places = {name: place for place, name in enumerate(classes)}
    features = np.empty((len(samples) * views.count, extractor.width), np.float16)
    labels: list[int] = []
    skipped: list[tuple[str, str]] = []

    def squares() -> Iterator[NDArray[np.uint8]]:
        for sample in progress(samples, label=label, show=show):
            try:
                image = load_image(sample.path)
            except ImageError as error:
                skipped.append((str(sample.path), error.reason))
                continue
            labels.extend([places[sample.label]] * views.count)
            yield from views.of(image)

    done = 0
    for batch in in_order(extractor, _batches(squares(), extractor.batch)):
        features[done : done + len(batch)] = batch
        done += len(batch)
    return Rows(features[:done], np.asarray(labels, np.int64), tuple(skipped))


def _batches(items: Iterable[NDArray[np.uint8]], size: int) -> Iterator[list[NDArray[np.uint8]]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
