"""The frozen backbone's features, each computed once and kept: in memory, and between runs."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from apparel_clf._progress import progress
from apparel_clf.errors import ImageError, TrainingError
from apparel_clf.images import image_bytes, load_image, to_square
from apparel_clf.model.ahead import in_order
from apparel_clf.model.backend import keras_module, tensorflow_module
from apparel_clf.model.build import MEAN_BGR, taps_of
from apparel_clf.model.weights import convolutions
from apparel_clf.training import winograd
from apparel_clf.training.augment import Augmentation, view_seed
from apparel_clf.training.precision import has_gpu

if TYPE_CHECKING:
    import keras
    from PIL import Image

    from apparel_clf.training.cache import FeatureCache

# Larger batches are no faster on a processor and need more memory.
_BATCH = 8
_BATCH_GPU = 64
# Images that are read, and whose rows are looked up, at a time; and rows that are put away at once.
_LOOKED_UP = _PUT_AWAY = 64
# Part of every key of a stored row: it grows when the same images and settings give other rows.
_FEATURES_FORMAT = 2
_WIDEST_HEAD = "pooled+flatten"


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

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each view; views of equal names of one picture are equal."""
        changes = json.dumps([self.augmentation.to_json(), self.random_state], sort_keys=True)
        changed = hashlib.sha256(changes.encode()).hexdigest()[:16]
        return ("plain", *(f"{view}-{changed}" for view in range(1, self.count)))

    def of(self, image: Image.Image) -> Iterator[NDArray[np.uint8]]:
        """Yield each view of an RGB image as ``uint8`` of shape ``(side, side, 3)``."""
        return self.some(image, range(self.count))

    def some(self, image: Image.Image, numbers: Iterable[int]) -> Iterator[NDArray[np.uint8]]:
        """Yield chosen views of an RGB image, by number; 0 is the plain one."""
        source = None
        for number in numbers:
            if number == 0:
                yield to_square(image, self.side, self.rule)
                continue
            source = source or self._reduced(image)
            changed = self.augmentation.apply(source, view_seed(image, number, self.random_state))
            yield to_square(changed, self.side, self.rule)

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
    """Features of a set of images, ``views`` rows for each, side by side, the plain view first.

    Args:
        features: ``(rows, width)``, ``float16``.
        labels: ``(rows,)``, the class of each row as its place among the classes.
        skipped: path and reason of each image that could not be read.
        views: rows of each image. Default 1.
        images: ``(rows / views,)``, the place of each image among the samples. Default: all of
            them were readable.
    """

    features: NDArray[np.float16]
    labels: NDArray[np.int64]
    skipped: tuple[tuple[str, str], ...] = ()
    views: int = 1
    images: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def places(self) -> NDArray[np.int64]:
        """The place of each readable image among the samples."""
        return np.arange(len(self) // self.views) if self.images is None else self.images

    def of(self, chosen: NDArray[np.intp], views: Sequence[int] | None = None) -> Rows:
        """Return the rows of some of the readable images, of all views or of some.

        Args:
            chosen: which images, counted among the readable ones.
            views: which views. Default None: all.
        """
        wanted = np.arange(self.views) if views is None else np.asarray(views, np.intp)
        rows = (np.asarray(chosen)[:, None] * self.views + wanted).ravel()
        return Rows(self.features[rows], self.labels[rows], views=len(wanted))


class FeatureExtractor:
    """Runs a network's frozen part: pictures in, the rows that any head sees out.

    Rows hold what the widest head sees, of which the others see a part: the rest costs next to
    nothing, and rows that are kept between runs serve every head.

    Args:
        model: a network from `build_network` with its weights.
        precision: ``"float32"`` or ``"bfloat16"``.
        taps: what a row is made of. Default None: what the widest head sees, by `taps_of`.

    Example:
        >>> FeatureExtractor(build_model(weights=None), "float32")(images).shape
        (8, 34176)
    """

    def __init__(
        self, model: keras.Model, precision: str, taps: Sequence[str] | None = None
    ) -> None:
        self.side: int = model.input_shape[1]
        self.batch = _BATCH_GPU if has_gpu() else _BATCH
        self._blocks = len(_poolings(model))
        self._taps = tuple(taps or taps_of(_WIDEST_HEAD, self._blocks))
        self._model, self._precision = model, precision
        self._widths = [_width(model, tap) for tap in self._taps]
        self.width = sum(self._widths)
        self._traced: Callable[[Any], Any] | None = None
        self._tracing = threading.Lock()

    def _forward(self, images: NDArray[np.uint8]) -> Any:
        with self._tracing:  # the first batches come two at a time
            if self._traced is None:
                self._traced = self._trace()
        return self._traced(images)

    def _trace(self) -> Callable[[Any], Any]:
        """Make the function: it takes seconds, which rows that are all kept do not need."""
        tf = tensorflow_module()
        layers = _layers(self._model, self._precision, max(int(tap[-1]) for tap in self._taps))
        dtype = tf.as_dtype(self._precision)

        def forward(images: Any) -> Any:
            x = tf.cast(tf.reverse(tf.cast(images, tf.float32), [-1]) - MEAN_BGR, dtype)
            maps = []
            for layer, pools in layers:
                x = layer(x)
                if pools:
                    maps.append(x)
            return [_tap(tf, maps[int(tap[-1]) - 1], tap[:-1]) for tap in self._taps]

        shape = tf.TensorSpec((self.batch, self.side, self.side, 3), tf.uint8)
        traced: Callable[[Any], Any] = tf.function(
            forward, input_signature=[shape], autograph=False
        )
        return traced

    def columns(self, head: str) -> slice:
        """Which part of a row a head sees.

        Args:
            head: one of `HEADS`.
        """
        wanted = taps_of(head, self._blocks)
        first = self._taps.index(wanted[0])
        start = sum(self._widths[:first])
        return slice(start, start + sum(self._widths[first : first + len(wanted)]))

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
            parts = [part.numpy() for part in self._forward(full)]
            rows = np.concatenate(parts, 1)[: len(images)].astype(np.float16)
        if not np.isfinite(rows).all():
            raise TrainingError(
                "The backbone gives features beyond 65504 or not a number; its weights are not "
                "VGG16's or are damaged. Pass other weights"
            )
        return np.asarray(rows, np.float16)

    @cached_property
    def space(self) -> str:
        """Names everything but the picture that a row depends on, as a sha256 in hex."""
        wide = self._precision == "float32" and winograd.available()
        facts = [_FEATURES_FORMAT, self.side, self._taps, self._precision, has_gpu(), wide]
        digest = hashlib.sha256(json.dumps([*facts, _versions()]).encode())
        for layer in convolutions(self._model):
            for value in layer.get_weights():
                digest.update(np.ascontiguousarray(value).data)
        return digest.hexdigest()


def _versions() -> list[str]:
    """What computes the rows; another version may round another way."""
    return [tensorflow_module().__version__, np.__version__, PIL.__version__]


def _poolings(model: keras.Model) -> list[Any]:
    """The layers that blocks end with."""
    pooling = keras_module().layers.MaxPooling2D
    return [layer for layer in model.layers if isinstance(layer, pooling)]


def _width(model: keras.Model, tap: str) -> int:
    """How many numbers a tap gives for a picture."""
    height, width, channels = _poolings(model)[int(tap[-1]) - 1].output.shape[1:]
    return int(channels if tap[:-1] == "mean" else height * width * channels)


def _tap(tf: Any, maps: Any, kind: str) -> Any:
    maps = tf.cast(maps, tf.float32)
    if kind == "mean":
        return tf.reduce_mean(maps, (1, 2))
    return tf.reshape(maps, (maps.shape[0], -1))


def _layers(
    model: keras.Model, precision: str, blocks: int
) -> list[tuple[Callable[[Any], Any], bool]]:
    """Return the first blocks' layers as plain functions, and which of them are poolings."""
    tf = tensorflow_module()
    pooling = keras_module().layers.MaxPooling2D
    convs = {layer.name for layer in convolutions(model)}
    calls: list[tuple[Callable[[Any], Any], bool]] = []
    for layer in model.layers:
        if sum(pools for _, pools in calls) == blocks:
            break
        if layer.name in convs:
            kernel, bias = layer.get_weights()
            calls.append((_convolution(tf, kernel, bias, precision), False))
        elif isinstance(layer, pooling):
            calls.append((lambda x: tf.nn.max_pool2d(x, 2, 2, "VALID"), True))
    return calls


def _convolution(
    tf: Any, kernel: NDArray[np.float32], bias: NDArray[np.float32], precision: str
) -> Callable[[Any], Any]:
    channels_in, channels_out = kernel.shape[2:]
    if winograd.pays(channels_in, channels_out, precision):
        transformed = winograd.transform_kernel(kernel)
        return lambda x: winograd.convolve(x, transformed, bias)
    kernel, bias = tf.cast(kernel, precision), tf.cast(bias, precision)
    return lambda x: tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "SAME"), bias))


def compute_rows(
    samples: Sequence[_Labelled],
    classes: Sequence[str],
    extractor: FeatureExtractor,
    views: Views,
    *,
    head: str | None = "flatten",
    cache: FeatureCache | None = None,
    label: str = "features",
    show: bool | None = None,
) -> Rows:
    """Read images and compute the features of every view of each, or take them from the cache.

    Args:
        samples: images with a path and a label.
        classes: the labels in the order of the network's outputs.
        extractor: the frozen part of the network.
        views: how an image becomes squares.
        head: whose part of the rows is wanted, one of `HEADS`; None for all of it. Default
            ``"flatten"``.
        cache: where rows of earlier runs are. Default None: nowhere.
        label: what the progress bar says.
        show: draw the progress bar; None draws it on a terminal, else a line every 20 s.

    Returns:
        The rows of all images that could be read, in order, and which could not.
    """
    shown = iter(progress(samples, total=len(samples), label=label, show=show))
    part = slice(0, extractor.width) if head is None else extractor.columns(head)
    work = _Work(len(samples), extractor, views, part, cache, tick=lambda: next(shown, None))
    work.fill(samples)
    next(shown, None)  # lets the bar reach its end
    places = {name: place for place, name in enumerate(classes)}
    labels = np.array([places[samples[i].label] for i in work.readable], np.int64)
    return Rows(
        work.table[: len(labels) * views.count],
        np.repeat(labels, views.count),
        tuple(work.skipped),
        views.count,
        np.array(work.readable, np.int64),
    )


class _Work:
    """Fills a table of rows.

    All images go through the network in one stream, in which nothing waits for the end of a part;
    what was computed is put away now and then, so that an interruption loses little of it.
    """

    def __init__(
        self,
        count: int,
        extractor: FeatureExtractor,
        views: Views,
        part: slice,
        cache: FeatureCache | None,
        tick: Callable[[], object],
    ) -> None:
        self.readable: list[int] = []
        self.skipped: list[tuple[str, str]] = []
        self.table = np.empty((count * views.count, part.stop - part.start), np.float16)
        self._part = part
        self._extractor, self._views, self._cache = extractor, views, cache
        self._tick = tick
        self._places: dict[str, int] = {}  # of keys that are computed: where in the table
        self._same: list[tuple[int, int]] = []  # rows of pictures that were there before
        self._asked: deque[str] = deque()  # keys of the squares on their way
        self._made: dict[str, NDArray[np.float16]] = {}  # rows to put away

    def fill(self, samples: Sequence[_Labelled]) -> None:
        """Take in the samples."""
        batches = _batches(self._squares(samples), self._extractor.batch)
        try:
            for rows in in_order(self._extractor, batches):
                self._arrived(rows)
        finally:
            self._put_away()
        for row, before in self._same:
            self.table[row] = self.table[before]

    def _arrived(self, rows: NDArray[np.float16]) -> None:
        for row in rows:
            key = self._asked.popleft()
            self.table[self._places[key]] = row[self._part]
            self._made[key] = row
        if len(self._made) >= _PUT_AWAY:
            self._put_away()

    def _put_away(self) -> None:
        if self._cache is not None and self._made:
            self._cache.put_many(self._extractor.space, self._made)
        self._made.clear()

    def _squares(self, samples: Sequence[_Labelled]) -> Iterator[NDArray[np.uint8]]:
        """Yield the squares to compute rows of, and note the key of each."""
        for start in range(0, len(samples), _LOOKED_UP):
            yield from self._squares_of(start, samples[start : start + _LOOKED_UP])

    def _squares_of(self, start: int, samples: Sequence[_Labelled]) -> Iterator[NDArray[np.uint8]]:
        images = [image for i, s in enumerate(samples) if (image := self._read(start + i, s))]
        known = self._known(images)
        for image in images:
            self._tick()
            yield from self._missing(image, known)

    def _read(self, number: int, sample: _Labelled) -> _Read | None:
        path = str(sample.path)
        try:
            data = image_bytes(sample.path, path)
        except ImageError as error:
            self.skipped.append((path, error.reason))
            self._tick()
            return None
        sha256 = hashlib.sha256(data).hexdigest()
        keys = tuple(f"{sha256}-{self._views.rule}-{name}" for name in self._views.names)
        return _Read(number, path, data, sha256, keys)

    def _known(self, images: Sequence[_Read]) -> dict[str, NDArray[np.float16]]:
        if self._cache is None:
            return {}
        keys = [key for image in images for key in image.keys]
        return self._cache.get_many(self._extractor.space, keys, self._extractor.width)

    def _missing(
        self, image: _Read, known: Mapping[str, NDArray[np.float16]]
    ) -> Iterator[NDArray[np.uint8]]:
        """Give an image its place, and yield the views of it that must be computed."""
        missing = [
            view
            for view, key in enumerate(image.keys)
            if key not in known and key not in self._places
        ]
        squares: Iterable[NDArray[np.uint8]] = ()
        if missing:
            try:
                squares = self._views.some(load_image(image.data, name=image.path), missing)
            except ImageError as error:
                self.skipped.append((image.path, error.reason))
                return
        first = len(self.readable) * self._views.count
        self.readable.append(image.number)
        for row, key in enumerate(image.keys, first):
            if key in known:
                self.table[row] = known[key][self._part]
            elif key in self._places:
                self._same.append((row, self._places[key]))
            else:
                self._places[key] = row
        for view, square in zip(missing, squares, strict=True):
            self._asked.append(image.keys[view])
            yield square


class _Read(NamedTuple):
    """A file that was read, and what its views are called."""

    number: int
    path: str
    data: bytes
    sha256: str
    keys: tuple[str, ...]


def _batches(items: Iterable[NDArray[np.uint8]], size: int) -> Iterator[list[NDArray[np.uint8]]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
