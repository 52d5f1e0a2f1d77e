"""The head's training on cached features: softmax regression by Adam, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from apparel_clf.errors import TrainingError
from apparel_clf.model.backend import keras_module
from apparel_clf.training.features import Rows
from apparel_clf.training.history import COLUMNS, History

#: Which epoch's weights are kept: the last one's, or those with the lowest validation loss.
KEEP = ("last", "best")

# Features that barely vary would be blown up into noise: no scale is taken to be smaller than
# this part of the typical one.
_LEAST_SCALE = 0.1
_CHUNK = 256

#: Called after each epoch with its number, from 0, and its quantities by name.
OnEpoch: TypeAlias = "Callable[[int, Mapping[str, float]], object]"


@dataclass(frozen=True)
class HeadSettings:
    """How the head is trained.

    Args:
        epochs: passes over the training rows.
        learning_rate: Adam's step size.
        batch_size: rows in each step.
        l2: each step takes `learning_rate` times this share off each weight (Adam with decoupled
            weight decay), so it is part of no reported loss; 0 for none.
        keep: ``"last"`` or ``"best"``, which needs validation rows.
        random_state: seed of the order of the rows.
    """

    epochs: int
    learning_rate: float
    batch_size: int
    l2: float
    keep: str
    random_state: int


class Scaling(NamedTuple):
    """Takes features to mean 0, each to a spread such that a whole row has a length of about 1."""

    mean: NDArray[np.float32]
    factor: NDArray[np.float32]

    def apply(self, features: NDArray[np.float16]) -> NDArray[np.float32]:
        """Scale rows of features."""
        return (features.astype(np.float32) - self.mean) * self.factor

    def fold(
        self, kernel: NDArray[np.float32], bias: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Turn the weights of a layer on scaled features into those of one on plain features."""
        folded = kernel.astype(np.float64) * self.factor[:, None]
        return folded.astype(np.float32), (bias - self.mean @ folded).astype(np.float32)


class TrainedHead(NamedTuple):
    """Weights of the dense layer on plain features, and how they came about."""

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]
    history: History


def train_head(
    train: Rows,
    val: Rows | None,
    num_classes: int,
    settings: HeadSettings,
    on_epoch: OnEpoch | None = None,
) -> TrainedHead:
    """Train a dense softmax layer on cached features.

    The features are standardised by the training rows' statistics, which makes one learning rate
    fit any backbone, and that scaling is then folded into the layer. The same rows and settings
    give the same weights, bit for bit, on one machine.

    Args:
        train: rows to learn from.
        val: rows to watch, or None.
        num_classes: number of classes.
        settings: how to train.
        on_epoch: called after each epoch with its number and its quantities.

    Returns:
        The layer's weights and the history.

    Raises:
        TrainingError: the loss is no longer a number.
    """
    keras = keras_module()
    scaling = fit_scaling(train.features)
    head = _head(keras, train.features.shape[1], num_classes, settings)
    watch = _Watch(head, settings.keep, on_epoch)
    head.fit(
        _batches(keras, train, scaling, num_classes, settings, shuffle=True),
        validation_data=val and _batches(keras, val, scaling, num_classes, settings, shuffle=False),
        epochs=settings.epochs,
        shuffle=False,  # Keras would shuffle the batches by a global random state
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=watch.epoch)],
    )
    kernel, bias = watch.best_weights or head.get_weights()
    history = History(watch.history, watch.best_epoch)
    return TrainedHead(*scaling.fold(kernel, bias), history)


def fit_scaling(features: NDArray[np.float16]) -> Scaling:
    """Measure mean and spread of each feature, a few rows at a time.

    Args:
        features: ``(rows, width)``.

    Returns:
        The scaling. Features that don't vary at all are scaled to zero.
    """
    rows, width = features.shape
    total, squares = np.zeros(width), np.zeros(width)
    for start in range(0, rows, _CHUNK):
        total += features[start : start + _CHUNK].sum(0, dtype=np.float64)
    mean = total / rows
    for start in range(0, rows, _CHUNK):
        squares += ((features[start : start + _CHUNK] - mean) ** 2).sum(0)
    deviation = np.sqrt(squares / rows)
    alive = deviation > 0
    typical = float(np.median(deviation[alive])) if alive.any() else 1.0
    floored = np.maximum(deviation, _LEAST_SCALE * typical)
    factor = np.where(alive, 1.0 / (floored * math.sqrt(width)), 0.0)
    return Scaling(mean.astype(np.float32), factor.astype(np.float32))


def _head(keras: Any, width: int, num_classes: int, settings: HeadSettings) -> Any:
    dense = keras.layers.Dense(
        num_classes,
        activation="softmax",
        # From zero, since with more features than rows a random start would never be unlearned.
        kernel_initializer="zeros",
        dtype="float32",
    )
    head = keras.Sequential([keras.Input((width,), dtype="float32"), dense])
    adam = keras.optimizers.Adam(settings.learning_rate, weight_decay=settings.l2 or None)
    head.compile(
        optimizer=adam,
        loss="categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,  # compiling takes longer than all that it could save on one layer
    )
    return head


class _Watch:
    """Collects each epoch's quantities and keeps the best weights if that is wanted."""

    def __init__(self, head: Any, keep: str, on_epoch: OnEpoch | None) -> None:
        self.history: dict[str, list[float]] = {}
        self.best_weights: list[NDArray[np.float32]] | None = None
        self.best_epoch: int | None = None
        self._head = head
        self._keep_best = keep == "best"
        self._on_epoch = on_epoch

    def epoch(self, epoch: int, logs: Mapping[str, float]) -> None:
        values = {name: float(logs[name]) for name in COLUMNS if name in logs}
        if not all(map(math.isfinite, values.values())):
            raise TrainingError(
                f"The loss is no longer a number in epoch {epoch}: {values}. "
                "Pass a smaller learning_rate"
            )
        for name, value in values.items():
            self.history.setdefault(name, []).append(value)
        losses = self.history.get("val_loss", self.history["loss"])
        if self._keep_best and losses.index(min(losses)) == epoch:
            self.best_epoch, self.best_weights = epoch, self._head.get_weights()
        if self._on_epoch:
            self._on_epoch(epoch, values)


def _batches(
    keras: Any,
    rows: Rows,
    scaling: Scaling,
    num_classes: int,
    settings: HeadSettings,
    *,
    shuffle: bool,
) -> Any:
    """Return rows as a Keras dataset, scaled batch by batch so that they are held once, small."""
    targets = np.eye(num_classes, dtype=np.float32)[rows.labels]

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            # Its own generator: the order depends on no global random state.
            self._rng = np.random.default_rng(settings.random_state)
            self._order = np.arange(len(rows))
            self.on_epoch_end()

        def __len__(self) -> int:
            return math.ceil(len(rows) / settings.batch_size)

        def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            chosen = self._order[index * settings.batch_size :][: settings.batch_size]
            return scaling.apply(rows.features[chosen]), targets[chosen]

        def on_epoch_end(self) -> None:
            if shuffle:
                self._order = self._rng.permutation(len(rows))

    return Batches()
