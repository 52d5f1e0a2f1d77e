"""Weights for the backbone: downloaded, from a file, or drawn; never silently random."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apparel_clf._extras import require
from apparel_clf.errors import SettingsError, WeightsError
from apparel_clf.model.backend import keras_module

if TYPE_CHECKING:
    import keras

#: The file that Keras publishes for VGG16 without its top, where it is, and its md5.
IMAGENET_FILE = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
IMAGENET_URL = f"https://storage.googleapis.com/tensorflow/keras-applications/vgg16/{IMAGENET_FILE}"
IMAGENET_MD5 = "6d6bbae143d832006294945121d1f1fc"

_FROM_FILE = "weights=PATH of an .h5 file (command line: --weights PATH)"
_UNTRAINED = "weights=None (command line: --weights none) for an untrained backbone"

# A network that swallows packets must end in a message, not in a wait without end.
_SILENCE_SECONDS = 20.0


class LayerWeights(NamedTuple):
    """Kernel and bias of one convolution."""

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]


def fill_backbone(
    model: keras.Model, weights: str | os.PathLike[str] | None, random_state: int
) -> None:
    """Set the kernels and biases of every convolution of a network.

    Args:
        model: a network from `build_network`; changed in place.
        weights: ``"imagenet"``, a path, or None for an untrained backbone.
        random_state: seed of an untrained backbone.

    Raises:
        WeightsError: the weights can't be had or don't fit.
        SettingsError: `weights` is of another type.
    """
    layers = convolutions(model)
    if weights is None:
        values = he_normal([layer.kernel.shape for layer in layers], random_state)
    else:
        path = weights_path(weights)
        values = _fitting(path, read_weights(path), layers)
    for layer, value in zip(layers, values, strict=True):
        layer.set_weights([value.kernel, value.bias])


def describe_weights(weights: str | os.PathLike[str] | None) -> str:
    """Say in a word where a backbone's weights come from, for reports and model files.

    Returns:
        ``"imagenet"``, ``"none"`` for an untrained backbone, or the name of the weights file.

    Example:
        >>> describe_weights("~/vgg/my_weights.h5")
        'my_weights.h5'
    """
    if weights is None:
        return "none"
    return "imagenet" if _is_imagenet(weights) else Path(weights).name


def convolutions(model: keras.Model) -> list[Any]:
    """Return a network's convolution layers in order."""
    conv = keras_module().layers.Conv2D
    return [layer for layer in model.layers if isinstance(layer, conv)]


def he_normal(shapes: list[tuple[int, ...]], random_state: int) -> list[LayerWeights]:
    """Draw kernels of standard deviation ``sqrt(2 / fan_in)`` and zero biases.

    Args:
        shapes: of each kernel, ``(height, width, channels in, channels out)``.
        random_state: seed. Each layer has its own stream, so a change in one moves no other.

    Returns:
        Weights of each layer, ``float32``.
    """
    drawn = []
    for index, shape in enumerate(shapes):
        rng = np.random.default_rng([random_state, index])
        deviation = np.float32(np.sqrt(2.0 / np.prod(shape[:-1])))
        kernel = rng.standard_normal(shape, dtype=np.float32) * deviation
        drawn.append(LayerWeights(kernel, np.zeros(shape[-1], np.float32)))
    return drawn


def check_weights(weights: str | os.PathLike[str] | None) -> None:
    """Refuse what can't be weights, before anything that takes time.

    Args:
        weights: ``"imagenet"``, which is taken on trust, a path, or None.

    Raises:
        WeightsError: there is no such file.
        SettingsError: `weights` is of another type.
    """
    if weights is None:
        return
    if not isinstance(weights, (str, os.PathLike)):
        raise SettingsError(
            f"Expected weights to be 'imagenet', a path or None. Received: {weights!r}"
        )
    if not (_is_imagenet(weights) or _expanded(weights).is_file()):
        raise WeightsError(
            f"{os.fspath(weights) or 'an empty name'}: no such weights file",
            ("weights='imagenet' (command line: --weights imagenet)", _FROM_FILE, _UNTRAINED),
        )


def weights_path(weights: str | os.PathLike[str]) -> Path:
    """Return the file that holds the weights, downloading ImageNet's if they are not cached.

    Args:
        weights: ``"imagenet"`` or a path.

    Returns:
        The path of an existing file.

    Raises:
        WeightsError: there is no such file, or it can't be downloaded.
        SettingsError: `weights` is neither a string nor a path.
    """
    check_weights(weights)
    return _imagenet_path() if _is_imagenet(weights) else _expanded(weights)


def _expanded(weights: str | os.PathLike[str]) -> Path:
    """The path with a user's folder in the place of ``~``, where there is such a user."""
    try:
        return Path(weights).expanduser()
    except RuntimeError:
        return Path(weights)


def read_weights(path: Path) -> dict[str, LayerWeights]:
    """Read the convolutions of a weights file.

    Understood are the layout in which Keras publishes VGG16 (with or without top; also inside a
    whole-model ``.h5``) and that of ``model.save_weights("x.weights.h5")``. The file is read as
    numbers alone: nothing in it is run.

    Args:
        path: an HDF5 file.

    Returns:
        Kernel and bias by layer name, for example ``"block1_conv1"``, in the file's order.

    Raises:
        WeightsError: not an HDF5 file, or no convolutions in it.
    """
    h5py = require("h5py", "train")
    try:
        with h5py.File(path, "r") as file:
            found = _published_layout(file) or _saved_layout(file)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: cannot be read as an HDF5 weights file ({error})") from error
    if not found:
        raise WeightsError(
            f"{path}: holds no convolution weights in a layout that is known. "
            f"Expected a file like {IMAGENET_FILE} or one from model.save_weights"
        )
    return found


def _published_layout(file: Any) -> dict[str, LayerWeights]:
    """One group per layer, named after it, listing its arrays in the attribute weight_names."""
    root = file.get("model_weights", file)
    found: dict[str, LayerWeights] = {}
    for raw in root.attrs.get("layer_names", ()):
        name = _text(raw)
        arrays = [root[name][_text(key)][()] for key in root[name].attrs.get("weight_names", ())]
        _collect(found, name, arrays)
    return found


def _saved_layout(file: Any) -> dict[str, LayerWeights]:
    """Groups layers/conv2d, layers/conv2d_1, …, numbered in the order of the network."""
    layers = file.get("layers", {})
    numbered = {name: re.fullmatch(r"conv2d(?:_(\d+))?", name) for name in layers}
    order = sorted((int(match[1] or 0), name) for name, match in numbered.items() if match)
    found: dict[str, LayerWeights] = {}
    for number, name in order:
        values = layers[name]["vars"]
        _collect(found, f"convolution {number + 1}", [values[key][()] for key in sorted(values)])
    return found


def _collect(found: dict[str, LayerWeights], name: str, arrays: list[Any]) -> None:
    """Add a layer if it is a convolution, told from the rest by its four-dimensional kernel."""
    if len(arrays) == 2 and arrays[0].ndim == 4:
        kernel, bias = (np.asarray(array, np.float32) for array in arrays)
        found[name] = LayerWeights(kernel, bias)


def _fitting(path: Path, found: dict[str, LayerWeights], layers: list[Any]) -> list[LayerWeights]:
    """Match a file's layers to the network's by name, or by order where it has no such names."""
    names = [layer.name for layer in layers]
    by_name = set(names) & set(found)
    values = [found.get(name) for name in names] if by_name else list(found.values())
    if len(values) != len(layers):
        raise WeightsError(
            f"{path}: holds {len(values)} convolutions where VGG16 has {len(layers)}"
        )
    return [_checked(path, layer, value) for layer, value in zip(layers, values, strict=True)]


def _checked(path: Path, layer: Any, value: LayerWeights | None) -> LayerWeights:
    if value is None:
        raise WeightsError(f"{path}: layer {layer.name} is missing from the file")
    expected = (tuple(layer.kernel.shape), tuple(layer.bias.shape))
    received = (value.kernel.shape, value.bias.shape)
    if received != expected:
        raise WeightsError(
            f"{path}: layer {layer.name} does not fit. Expected kernel and bias of shapes "
            f"{expected[0]} and {expected[1]}. Received: {received[0]} and {received[1]}"
        )
    if not all(np.isfinite(array).all() for array in value):
        raise WeightsError(f"{path}: layer {layer.name} holds values that are not finite numbers")
    return value


def _is_imagenet(weights: str | os.PathLike[str]) -> bool:
    return isinstance(weights, str) and weights == "imagenet"


def _imagenet_path() -> Path:
    keras = keras_module()
    target = _keras_home() / "models" / IMAGENET_FILE
    if target.is_file():
        if _md5(target) == IMAGENET_MD5:
            return target
        # Keras deletes such a file before it knows whether it can fetch another.
        target.replace(target.with_name(f"{target.name}.damaged"))
    try:
        # Keras keeps its downloads elsewhere if this folder is missing.
        target.parent.mkdir(parents=True, exist_ok=True)
        # It reports progress on standard output, which belongs to a command's result.
        with _impatient(), contextlib.redirect_stdout(sys.stderr):
            found = keras.utils.get_file(
                IMAGENET_FILE,
                IMAGENET_URL,
                cache_subdir="models",
                cache_dir=str(_keras_home()),
                file_hash=IMAGENET_MD5,
            )
    # get_file raises a bare Exception for a failed download.
    except Exception as error:
        raise _no_imagenet(target, error) from error
    return Path(found)


def _keras_home() -> Path:
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras").expanduser()


def _no_imagenet(target: Path, error: Exception) -> WeightsError:
    # Keras names the address once more in what it says.
    why = str(error).replace(IMAGENET_URL, "the address").strip()
    return WeightsError(
        f"ImageNet weights for VGG16 are not at {target} and could not be downloaded ({why})",
        (
            f"download {IMAGENET_URL} (59 MB) where there is a network, and put it there",
            _FROM_FILE,
            f"{_UNTRAINED}, knowing that its accuracy says nothing about VGG16's",
        ),
    )


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


@contextlib.contextmanager
def _impatient() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SILENCE_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _text(value: Any) -> str:
    return value.decode("utf8") if isinstance(value, bytes) else str(value)
