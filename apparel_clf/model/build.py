"""The network: preprocessing, VGG16 without its top, a head of one dense layer."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from apparel_clf.model.backend import keras_module
from apparel_clf.model.checks import check_choice, check_whole
from apparel_clf.model.weights import fill_backbone

if TYPE_CHECKING:
    import keras

#: What of the backbone the head sees: all of the last feature map, its mean over the picture, the
#: means of the last four blocks (Head2Toe, Evci and others, 2022), or these and all of the last.
HEADS = ("flatten", "gap", "pooled", "pooled+flatten")
_POOLED_BLOCKS = 4
#: VGG16: filters and number of convolutions of each block; a pooling halves the side after each.
VGG16_BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
#: ImageNet's mean colour in the order that VGG16 was trained on.
MEAN_BGR = (103.939, 116.779, 123.68)
#: How the name of this preprocessing is written into a model file.
PREPROCESSING = "in the graph: RGB 0..255 to BGR, minus the ImageNet mean (Keras' mode 'caffe')"


def build_model(
    num_classes: int = 3,
    *,
    image_size: int = 256,
    weights: str | os.PathLike[str] | None = "imagenet",
    head: str = "flatten",
    random_state: int = 0,
) -> keras.Model:
    """Build the classifier's network, compiled and ready to train or predict.

    VGG16 without its top, frozen, then ``Flatten`` and ``Dense(num_classes, softmax)``; compiled
    with Adam, categorical cross-entropy and accuracy. At the defaults it has 14,812,995
    parameters, of which 98,307 are trainable. It takes RGB pictures with values 0 to 255
    (``uint8`` or float): the preprocessing is part of the graph, made of plain Keras parts, so a
    saved file opens without this package and an export has one input.

    Args:
        num_classes: number of classes, at least 2. Default 3.
        image_size: side of the square input in pixels, at least 32. Default 256.
        weights: ``"imagenet"`` (default; Keras' own download and cache), the path of a weights
            file (VGG16 with or without top as Keras publishes it, or a ``.weights.h5`` of such a
            model), or None for an untrained backbone: He-normal kernels, which keep a signal's
            size through ReLU layers (Glorot's would shrink it by half in each), drawn from
            `random_state` by numpy alone, so they are the same on every machine.
        head: ``"flatten"`` (default); ``"gap"``, which averages over the picture first;
            ``"pooled"``, the averages of blocks 2 to 5; or ``"pooled+flatten"``, both.
        random_state: seed of the head's first weights and of an untrained backbone. No global
            random state is read or changed.

    Returns:
        A compiled Keras model: input ``(batch, image_size, image_size, 3)``, output
        ``(batch, num_classes)`` probabilities.

    Raises:
        SettingsError: an argument has a value that is not allowed.
        WeightsError: the weights can't be had or don't fit.
        MissingExtraError: TensorFlow or Keras is not installed.

    Example:
        >>> build_model(weights=None).count_params()
        14812995
    """
    _check(num_classes, image_size, head, random_state)
    model = build_network(num_classes, image_size, head, random_state)
    fill_backbone(model, weights, random_state)
    return model


def build_network(
    num_classes: int,
    image_size: int,
    head: str,
    random_state: int,
    blocks: tuple[tuple[int, int], ...] = VGG16_BLOCKS,
) -> keras.Model:
    """Build and compile the network without filling its backbone with weights.

    Args:
        num_classes: number of classes.
        image_size: side of the square input in pixels.
        head: one of `HEADS`.
        random_state: seed of the head's first weights.
        blocks: filters and number of convolutions of each block. Another value than VGG16's
            makes a network of the same kind that is small enough for quick checks.

    Returns:
        The compiled model. Layers of the backbone are frozen.
    """
    keras = keras_module()
    # Every layer is told its type and layout, so that a user's global Keras settings change none.
    inputs = keras.Input((image_size, image_size, 3), dtype="float32", name="image")
    maps = _backbone(keras, _preprocess(keras, inputs), blocks)
    taps = taps_of(head, len(blocks))
    parts = [_part(keras, maps, tap, head if len(taps) == 1 else tap) for tap in taps]
    together = keras.layers.Concatenate(name="features", dtype="float32")
    pooled = together(parts) if len(parts) > 1 else parts[0]
    outputs = keras.layers.Dense(
        num_classes,
        activation="softmax",
        kernel_initializer=keras.initializers.GlorotUniform(seed=random_state),
        dtype="float32",
        name="probabilities",
    )(pooled)
    model = keras.Model(inputs, outputs, name="apparel_vgg16")
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def taps_of(head: str, blocks: int) -> tuple[str, ...]:
    """Say what a head takes from the backbone, in the order in which it sees it.

    Args:
        head: one of `HEADS`.
        blocks: how many blocks the backbone has.

    Returns:
        Of each part its name: ``"mean3"`` is block 3 averaged over the picture, ``"all5"`` all of
        block 5.

    Example:
        >>> taps_of("pooled", 5)
        ('mean2', 'mean3', 'mean4', 'mean5')
    """
    if head == "gap":
        return (f"mean{blocks}",)
    first = max(1, blocks - _POOLED_BLOCKS + 1)
    means = [f"mean{block}" for block in range(first, blocks + 1)] if "pooled" in head else []
    return (*means, *([f"all{blocks}"] if "flatten" in head else []))


def _part(keras: Any, maps: list[Any], tap: str, name: str) -> Any:
    kind, block = tap[:-1], int(tap[-1])
    layers = {"mean": keras.layers.GlobalAveragePooling2D, "all": keras.layers.Flatten}
    layer = layers[kind](name=name, data_format="channels_last", dtype="float32")
    return layer(maps[block - 1])


def _preprocess(keras: Any, inputs: Any) -> Any:
    """Flip RGB to BGR and take the mean off, bit for bit as Keras' `vgg16.preprocess_input`."""
    flipped = keras.ops.flip(inputs, axis=-1)
    offset = [-mean for mean in MEAN_BGR]
    return keras.layers.Rescaling(1.0, offset=offset, dtype="float32", name="minus_mean")(flipped)


def _backbone(keras: Any, x: Any, blocks: tuple[tuple[int, int], ...]) -> list[Any]:
    """Lay the blocks one on the other; returns the feature maps after each one's pooling."""
    maps = []
    for block, (filters, count) in enumerate(blocks, start=1):
        for number in range(1, count + 1):
            x = keras.layers.Conv2D(
                filters,
                3,
                padding="same",
                activation="relu",
                # Zeros cost nothing and are never used: fill_backbone sets every kernel.
                kernel_initializer="zeros",
                data_format="channels_last",
                dtype="float32",
                trainable=False,
                name=f"block{block}_conv{number}",
            )(x)
        x = keras.layers.MaxPooling2D(
            2,
            data_format="channels_last",
            dtype="float32",
            trainable=False,
            name=f"block{block}_pool",
        )(x)
        maps.append(x)
    return maps


def _check(num_classes: int, image_size: int, head: str, random_state: int) -> None:
    """Refuse values that are not allowed, before anything heavy is imported."""
    check_whole("num_classes", num_classes, 2)
    check_whole("image_size", image_size, 32)
    check_whole("random_state", random_state, 0)
    check_choice("head", head, HEADS)
