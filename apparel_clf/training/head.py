"""The head's training on cached features: softmax regression, epoch by epoch.

It is trained on the features' coordinates (`apparel_clf.training.basis`): an epoch takes hundredths
of a second. The loss and an L2 penalty are the same there, and the weights found are turned back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from apparel_clf.training.basis import Basis, chunks, fit_basis, fit_coordinates
from apparel_clf.training.features import Rows
from apparel_clf.training.history import History
from apparel_clf.training.solvers import Floats, adam, lbfgs, thin_products
from apparel_clf.training.watch import OnHeld, Watches

#: Which epoch's weights are kept: the last one's, or those with the lowest validation loss.
KEEP = ("last", "best")
#: How the head is trained: by Adam, batch by batch, or by L-BFGS, all rows in each step.
SOLVERS = ("adam", "lbfgs")

#: Called after each epoch with its number, from 0, and its quantities by name.
OnEpoch: TypeAlias = "Callable[[int, Mapping[str, float]], object]"


@dataclass(frozen=True)
class HeadSettings:
    """How the head is trained.

    Args:
        epochs: passes over the training rows; with ``"lbfgs"`` steps at most.
        learning_rate: Adam's step size.
        batch_size: rows in each step of Adam.
        l2: 0 for none. With Adam each step takes `learning_rate` times this share off each weight
            (decoupled weight decay), so it is part of no reported loss; with L-BFGS half of it
            times the squared weights is added to the mean loss that is minimised.
        keep: ``"last"`` or ``"best"``, which needs validation rows.
        random_state: seed of the order of the rows, and of first weights that aren't zero.
        solver: ``"adam"`` or ``"lbfgs"``. Default ``"adam"``.
        standardize: take each feature to mean 0 and equal spread first. Default True; without,
            weights start as Keras' Dense does, at random.
        patience: stop after so many epochs without a lower validation loss. Default None: never.
        fresh_views: rows hold for each image a plain view, which is not learnt from, and then one
            view for each epoch. Default False: all views are learnt from in every epoch.
    """

    epochs: int
    learning_rate: float
    batch_size: int
    l2: float
    keep: str
    random_state: int
    solver: str = "adam"
    standardize: bool = True
    patience: int | None = None
    fresh_views: bool = False


@dataclass(frozen=True)
class Coordinates:
    """Rows as a head is trained on them.

    Args:
        train: coordinates of the training rows, by epoch.
        targets: ``(rows, classes)``, 1 for the row's class.
        val: coordinates of the validation rows, or None.
        val_targets: of these.
    """

    train: Callable[[int], Floats]
    targets: Floats
    val: Floats | None = None
    val_targets: Floats | None = None

    def part(self, learnt: NDArray[np.intp]) -> Coordinates:
        """Return some of the training rows to learn from, and none to watch.

        Args:
            learnt: places of rows, which are the same in every epoch.
        """
        coordinates = self.train(0)[learnt]
        return Coordinates(lambda _: coordinates, self.targets[learnt])


class Prepared(NamedTuple):
    """Rows as coordinates, ready for any number of trainings, and how they were made."""

    basis: Basis
    coordinates: Coordinates


class TrainedHead(NamedTuple):
    """Weights of the dense layer on plain features, and how they came about."""

    kernel: Floats
    bias: Floats
    history: History
    interrupted: bool = False

    def logits(self, features: NDArray[np.float16]) -> Floats:
        """What the layer gives for rows of features before the softmax, ``(rows, classes)``."""
        parts = [rows.astype(np.float32) @ self.kernel for rows in chunks(features)]
        return np.concatenate(parts) + self.bias

    def cooled(self, temperature: float) -> TrainedHead:
        """Return the head whose logits are divided by a temperature."""
        scale = np.float32(1 / temperature)
        return self._replace(kernel=self.kernel * scale, bias=self.bias * scale)


class Solved(NamedTuple):
    """Weights on coordinates, ``(coordinates + 1, classes)``, the bias in the last row."""

    weights: Floats
    history: History
    interrupted: bool = False

    def on_features(self, basis: Basis) -> TrainedHead:
        """Turn the weights into those of a layer on plain features."""
        kernel, bias = basis.fold(self.weights[:-1], self.weights[-1])
        return TrainedHead(kernel, bias, self.history, self.interrupted)


def train_head(
    train: Rows,
    val: Rows | None,
    num_classes: int,
    settings: HeadSettings,
    on_epoch: OnEpoch | None = None,
) -> TrainedHead:
    """Train a dense softmax layer on cached features.

    The same rows and settings give the same weights, bit for bit, on one machine.

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
        KeyboardInterrupt: before the first epoch was over; later, what was learnt is kept.
    """
    return solve(prepare(train, val, num_classes, settings), settings, on_epoch)


def prepare(train: Rows, val: Rows | None, num_classes: int, settings: HeadSettings) -> Prepared:
    """Turn rows into coordinates.

    Args:
        train: rows to learn from; the basis is made from them alone.
        val: rows to watch, or None.
        num_classes: number of classes.
        settings: of these `standardize`, `fresh_views` and `solver`.
    """
    eye = np.eye(num_classes, dtype=np.float32)
    if settings.fresh_views and train.views > 1:
        basis = fit_basis(train.features, settings.standardize)
        by_epoch, targets = _fresh(basis, train), eye[train.labels[:: train.views]]
    else:
        # L-BFGS takes the same steps whatever the coordinates, Adam does not.
        fewest = settings.solver == "lbfgs"
        basis, coordinates = fit_coordinates(train.features, settings.standardize, fewest=fewest)
        by_epoch, targets = (lambda _: coordinates), eye[train.labels]
    if val is None:
        return Prepared(basis, Coordinates(by_epoch, targets))
    watched = basis.apply(val.features), eye[val.labels]
    return Prepared(basis, Coordinates(by_epoch, targets, *watched))


def _fresh(basis: Basis, train: Rows) -> Callable[[int], Floats]:
    def of_epoch(epoch: int) -> Floats:
        view = 1 + epoch % (train.views - 1)
        return basis.apply(train.features[view :: train.views])

    return of_epoch


def solve(
    prepared: Prepared, settings: HeadSettings, on_epoch: OnEpoch | None = None
) -> TrainedHead:
    """Train on coordinates.

    Args:
        prepared: from `prepare`.
        settings: how to train.
        on_epoch: called after each epoch.

    Returns:
        The weights on plain features, and the history.

    Raises:
        TrainingError: the loss is no longer a number.
    """
    found = solve_all(prepared.coordinates, [settings], on_epoch)[0]
    return found.on_features(prepared.basis)


def solve_all(
    rows: Coordinates,
    settings: Sequence[HeadSettings],
    on_epoch: OnEpoch | None = None,
    on_held: OnHeld | None = None,
) -> list[Solved]:
    """Train several heads on the same coordinates, side by side: one product serves all of them.

    Args:
        rows: to learn from, and to watch.
        settings: how to train each; they differ in `learning_rate` and `l2` alone.
        on_epoch: called after each epoch of each.
        on_held: called after each epoch of each with the head's place and its logits for the
            validation rows.

    Returns:
        What was found for each.

    Raises:
        TrainingError: a loss is no longer a number.
        ValueError: they differ in something else.
    """
    first = settings[0]
    rate, l2 = first.learning_rate, first.l2
    if any(replace(one, learning_rate=rate, l2=l2) != first for one in settings):
        raise ValueError("heads side by side differ in learning_rate and l2 alone")
    watches = Watches(rows.val, rows.val_targets, settings, on_epoch, on_held)
    try:
        # A loss that is no number any more is told at the end of its epoch.
        with np.errstate(over="ignore", invalid="ignore"):
            _run(rows, settings, watches)
    except KeyboardInterrupt:
        for watch in watches.each:
            if watch.last is None:
                raise
            watch.interrupted = True
    return [Solved(watch.kept, watch.told, watch.interrupted) for watch in watches.each]


def _run(rows: Coordinates, settings: Sequence[HeadSettings], watches: Watches) -> None:
    if settings[0].solver == "lbfgs":
        with thin_products(rows.train(0).size):
            lbfgs(rows, settings, watches.epoch)
    else:
        first = _first_weights(rows, settings[0])
        with thin_products():
            adam(rows, first, settings, watches.epoch)


def _first_weights(rows: Coordinates, settings: HeadSettings) -> Floats:
    """Zeros; with features as they are, what a Dense layer of Keras starts from (Glorot)."""
    width, classes = rows.train(0).shape[1], rows.targets.shape[1]
    weights = np.zeros((width + 1, classes), np.float32)
    if not settings.standardize:
        limit = math.sqrt(6 / (width + classes))
        rng = np.random.default_rng([settings.random_state, 1])
        weights[:-1] = rng.uniform(-limit, limit, (width, classes))
    return weights
