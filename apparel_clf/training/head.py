"""The head's training on cached features: softmax regression, epoch by epoch.

With far more features than rows, all that a linear head can learn lies in the rows' own span. So
the standardised features are first turned into coordinates of that span, a few hundred to two
thousand numbers a row in place of tens of thousands: an epoch takes hundredths of a second. The
loss and an L2 penalty are the same in both, and the weights found are turned back. Beyond two
thousand rows, the span of as many of them stands for that of all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from apparel_clf._extras import require
from apparel_clf.errors import TrainingError
from apparel_clf.training.features import Rows
from apparel_clf.training.history import COLUMNS, History

#: Which epoch's weights are kept: the last one's, or those with the lowest validation loss.
KEEP = ("last", "best")
#: How the head is trained: by Adam, batch by batch, or by L-BFGS, all rows in each step.
SOLVERS = ("adam", "lbfgs")

# Features that barely vary would be blown up into noise: no scale is taken to be smaller than
# this part of the typical one.
_LEAST_SCALE = 0.1
_CHUNK = 256
# Coordinates at most. Beyond, the span of as many rows, spread evenly, stands for that of all.
_MOST_DIRECTIONS = 2048
# Directions with less than this part of the largest one's variance are round-off.
_LEAST_VARIANCE = 1e-6
# Adam's own settings, as Keras has them.
_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-7

Floats: TypeAlias = "NDArray[np.float32]"
#: Called after each epoch with its number, from 0, and its quantities by name.
OnEpoch: TypeAlias = "Callable[[int, Mapping[str, float]], object]"
#: Called after each epoch with the weights on coordinates.
OnWeights: TypeAlias = "Callable[[NDArray[Any]], object]"


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


class Scaling(NamedTuple):
    """Takes features to mean 0, each to a spread such that a whole row has a length of about 1."""

    mean: Floats
    factor: Floats

    def apply(self, features: NDArray[np.float16]) -> Floats:
        """Scale rows of features."""
        return (features.astype(np.float32) - self.mean) * self.factor

    def fold(self, kernel: Floats, bias: Floats) -> tuple[Floats, Floats]:
        """Turn the weights of a layer on scaled features into those of one on plain features."""
        folded = kernel.astype(np.float64) * self.factor[:, None]
        return folded.astype(np.float32), (bias - self.mean @ folded).astype(np.float32)


@dataclass(frozen=True)
class Basis:
    """Turns rows of features into the coordinates that the head is trained on, and back.

    Args:
        scaling: applied first.
        directions: ``(coordinates, width)``, orthonormal; None where the scaled features
            themselves are the coordinates.
    """

    scaling: Scaling
    directions: Floats | None = None

    def apply(self, features: NDArray[np.float16]) -> Floats:
        """Return the coordinates of rows, ``(rows, coordinates)``, a few rows at a time."""
        parts = [
            scaled if self.directions is None else scaled @ self.directions.T
            for scaled in map(self.scaling.apply, _chunks(features))
        ]
        width = features.shape[1] if self.directions is None else len(self.directions)
        return np.concatenate(parts) if parts else np.empty((0, width), np.float32)

    def fold(self, kernel: Floats, bias: Floats) -> tuple[Floats, Floats]:
        """Turn weights on coordinates into those of a layer on plain features."""
        if self.directions is not None:
            kernel = self.directions.T @ kernel
        return self.scaling.fold(kernel, bias)


@dataclass(frozen=True)
class Prepared:
    """Rows as coordinates, ready for any number of trainings.

    Args:
        basis: how they were made.
        train: coordinates of the training rows, by epoch.
        targets: ``(rows, classes)``, 1 for the row's class.
        val: coordinates of the validation rows, or None.
        val_targets: of these.
    """

    basis: Basis
    train: Callable[[int], Floats]
    targets: Floats
    val: Floats | None
    val_targets: Floats | None

    def part(self, learnt: NDArray[np.intp], held: NDArray[np.intp]) -> Prepared:
        """Return some of the training rows to learn from, and others to watch.

        Args:
            learnt: places of rows, which are the same in every epoch.
            held: places of other rows.
        """
        coordinates = self.train(0)[learnt]
        return Prepared(
            self.basis,
            lambda _: coordinates,
            self.targets[learnt],
            self.train(0)[held],
            self.targets[held],
        )


class TrainedHead(NamedTuple):
    """Weights of the dense layer on plain features, and how they came about."""

    kernel: Floats
    bias: Floats
    history: History
    interrupted: bool = False

    def logits(self, features: NDArray[np.float16]) -> Floats:
        """What the layer gives for rows of features before the softmax, ``(rows, classes)``."""
        parts = [rows.astype(np.float32) @ self.kernel for rows in _chunks(features)]
        return np.concatenate(parts) + self.bias

    def cooled(self, temperature: float) -> TrainedHead:
        """Return the head whose logits are divided by a temperature."""
        scale = np.float32(1 / temperature)
        return self._replace(kernel=self.kernel * scale, bias=self.bias * scale)


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
        settings: of these `standardize` and `fresh_views`.
    """
    basis = fit_basis(train.features, settings.standardize)
    eye = np.eye(num_classes, dtype=np.float32)
    if settings.fresh_views and train.views > 1:
        by_epoch, targets = _fresh(basis, train), eye[train.labels[:: train.views]]
    else:
        coordinates = basis.apply(train.features)
        by_epoch, targets = (lambda _: coordinates), eye[train.labels]
    return Prepared(
        basis,
        by_epoch,
        targets,
        None if val is None else basis.apply(val.features),
        None if val is None else eye[val.labels],
    )


def _fresh(basis: Basis, train: Rows) -> Callable[[int], Floats]:
    def of_epoch(epoch: int) -> Floats:
        view = 1 + epoch % (train.views - 1)
        return basis.apply(train.features[view :: train.views])

    return of_epoch


def fit_basis(features: NDArray[np.float16], standardize: bool = True) -> Basis:
    """Find the coordinates for rows of features.

    Args:
        features: ``(rows, width)``.
        standardize: scale each feature first. Default True; otherwise features stay as they are.

    Returns:
        The basis: of all directions in which the scaled rows differ, up to 2,048.
    """
    width = features.shape[1]
    if not standardize:
        return Basis(Scaling(np.zeros(width, np.float32), np.ones(width, np.float32)))
    scaling = fit_scaling(features)
    chosen = np.unique(np.linspace(0, len(features) - 1, _MOST_DIRECTIONS).astype(np.intp))
    if width <= _MOST_DIRECTIONS or width <= len(chosen):
        return Basis(scaling)
    rows = scaling.apply(features[chosen])
    variances, vectors = np.linalg.eigh((rows @ rows.T).astype(np.float64))
    kept = variances > _LEAST_VARIANCE * max(float(variances[-1]), 1e-30)
    turn = vectors[:, kept] / np.sqrt(variances[kept])
    return Basis(scaling, turn.T.astype(np.float32) @ rows)


def fit_scaling(features: NDArray[np.float16]) -> Scaling:
    """Measure mean and spread of each feature, a few rows at a time.

    Args:
        features: ``(rows, width)``.

    Returns:
        The scaling. Features that don't vary at all are scaled to zero.
    """
    rows, width = features.shape
    total, squares = np.zeros(width), np.zeros(width)
    for part in _chunks(features):
        total += part.sum(0, dtype=np.float64)
    mean = total / rows
    for part in _chunks(features):
        away = part - mean.astype(np.float32)
        squares += np.einsum("ij,ij->j", away, away)
    deviation = np.sqrt(squares / rows)
    alive = deviation > 0
    typical = float(np.median(deviation[alive])) if alive.any() else 1.0
    floored = np.maximum(deviation, _LEAST_SCALE * typical)
    factor = np.where(alive, 1.0 / (floored * math.sqrt(width)), 0.0)
    return Scaling(mean.astype(np.float32), factor.astype(np.float32))


def solve(
    prepared: Prepared,
    settings: HeadSettings,
    on_epoch: OnEpoch | None = None,
    on_weights: OnWeights | None = None,
) -> TrainedHead:
    """Train on coordinates.

    Args:
        prepared: from `prepare`.
        settings: how to train.
        on_epoch: called after each epoch.
        on_weights: called after each epoch with the weights on coordinates, the bias in the last
            row; they are not to be changed.

    Returns:
        The weights on plain features, and the history.

    Raises:
        TrainingError: the loss is no longer a number.
    """
    return solve_all(prepared, [settings], on_epoch, [on_weights])[0]


def solve_all(
    prepared: Prepared,
    settings: Sequence[HeadSettings],
    on_epoch: OnEpoch | None = None,
    on_weights: Sequence[OnWeights | None] | None = None,
) -> list[TrainedHead]:
    """Train several heads on the same coordinates, side by side: one product serves all of them.

    Args:
        prepared: from `prepare`.
        settings: how to train each; they differ in `learning_rate` and `l2` alone.
        on_epoch: called after each epoch of each.
        on_weights: one for each head, called as in `solve`.

    Returns:
        What `solve` returns, for each.

    Raises:
        TrainingError: a loss is no longer a number.
        ValueError: they differ in something else.
    """
    first = settings[0]
    rate, l2 = first.learning_rate, first.l2
    if any(replace(one, learning_rate=rate, l2=l2) != first for one in settings):
        raise ValueError("heads side by side differ in learning_rate and l2 alone")
    callbacks: Sequence[OnWeights | None] = on_weights or [None] * len(settings)
    watches = [
        _Watch(prepared.val, prepared.val_targets, one, on_epoch, callback)
        for one, callback in zip(settings, callbacks, strict=True)
    ]
    run = _lbfgs if first.solver == "lbfgs" else _adam
    try:
        # A loss that is no number any more is told at the end of its epoch.
        with np.errstate(over="ignore", invalid="ignore"):
            run(prepared, settings, watches)
    except KeyboardInterrupt:
        for watch in watches:
            if watch.last is None:
                raise
            watch.interrupted = True
    return [_head(prepared.basis, watch) for watch in watches]


def _head(basis: Basis, watch: _Watch) -> TrainedHead:
    weights = watch.kept
    kernel, bias = basis.fold(weights[:-1], weights[-1])
    return TrainedHead(kernel, bias, watch.told, watch.interrupted)


class _Watch:
    """Collects each epoch's quantities, and the weights to keep.

    Weights are one array, ``(coordinates + 1, classes)``, the bias in the last row.
    """

    def __init__(
        self,
        val: Floats | None,
        val_targets: Floats | None,
        settings: HeadSettings,
        on_epoch: OnEpoch | None,
        on_weights: OnWeights | None,
    ) -> None:
        self.history: dict[str, list[float]] = {}
        self.last: NDArray[Any] | None = None
        self.best: NDArray[Any] | None = None
        self.best_epoch = 0
        self.interrupted = False
        self._val, self._val_targets = val, val_targets
        self._settings, self._on_epoch, self._on_weights = settings, on_epoch, on_weights

    @property
    def kept(self) -> Floats:
        """The weights to keep: after an interruption the best, where that can be told."""
        chosen = self.best if self._keeps_best else self.last
        return np.asarray(chosen, np.float32)

    @property
    def told(self) -> History:
        """The history, with the epoch that was kept."""
        return History(self.history, self.best_epoch if self._keeps_best else None)

    @property
    def _keeps_best(self) -> bool:
        watched = self._val is not None and len(self._val) > 0
        return self._settings.keep == "best" or (self.interrupted and watched)

    def epoch(self, weights: NDArray[Any], loss: float, accuracy: float) -> bool:
        """Take in an epoch; returns whether to go on."""
        values = {"loss": loss, "accuracy": accuracy}
        if self._val is not None and self._val_targets is not None and len(self._val):
            judged = _judged(_logits(self._val, weights), self._val_targets)
            values |= dict(zip(COLUMNS[2:], map(float, judged), strict=True))
        number = len(self.history.get("loss", ()))
        if not all(map(math.isfinite, values.values())):
            raise TrainingError(
                f"The loss is no longer a number in epoch {number}: {values}. "
                "Pass a smaller learning_rate"
            )
        for name, value in values.items():
            self.history.setdefault(name, []).append(value)
        losses = self.history.get("val_loss", self.history["loss"])
        self.last = weights.copy()
        if losses.index(min(losses)) == number:
            self.best_epoch, self.best = number, self.last
        if self._on_epoch:
            self._on_epoch(number, values)
        if self._on_weights:
            self._on_weights(self.last)
        patience = self._settings.patience
        return patience is None or number - self.best_epoch < patience


def _adam(prepared: Prepared, settings: Sequence[HeadSettings], watches: Sequence[_Watch]) -> None:
    """Adam with decoupled weight decay (Kingma and Ba, 2015; Loshchilov and Hutter, 2019)."""
    common = settings[0]
    rng = np.random.default_rng(common.random_state)
    # (coordinates + 1, heads, classes)
    weights = np.repeat(_first_weights(prepared, common)[:, None], len(settings), axis=1)
    moments = np.zeros_like(weights), np.zeros_like(weights)
    pace = _Pace.of(settings)
    count = len(prepared.targets)
    going = list(range(len(settings)))
    for epoch in range(common.epochs):
        losses, hits, seen = np.zeros(len(settings)), np.zeros(len(settings)), prepared.train(epoch)
        for rows in _batches(rng, count, common.batch_size):
            x, targets = seen[rows], prepared.targets[rows][:, None]
            logits = _logits(x, weights)
            loss, accuracy = _judged(logits, targets)
            losses, hits = losses + loss * len(rows), hits + accuracy * len(rows)
            _adam_step(weights, _gradient(x, logits, targets), moments, pace)
        going = [
            place
            for place in going
            if watches[place].epoch(
                weights[:, place], float(losses[place]) / count, float(hits[place]) / count
            )
        ]
        if not going:
            break


def _first_weights(prepared: Prepared, settings: HeadSettings) -> Floats:
    """Zeros; with features as they are, what a Dense layer of Keras starts from (Glorot)."""
    width, classes = prepared.train(0).shape[1], prepared.targets.shape[1]
    weights = np.zeros((width + 1, classes), np.float32)
    if not settings.standardize:
        limit = math.sqrt(6 / (width + classes))
        rng = np.random.default_rng([settings.random_state, 1])
        weights[:-1] = rng.uniform(-limit, limit, (width, classes))
    return weights


def _batches(rng: np.random.Generator, count: int, size: int) -> Iterator[NDArray[np.int64]]:
    order = rng.permutation(count)
    return (order[start : start + size] for start in range(0, count, size))


@dataclass
class _Pace:
    """How far each head goes in a step of Adam.

    Args:
        rates: learning rates, ``(1, heads, 1)``.
        decays: what a step leaves of the weights, of the same shape; None where it is all.
        steps: how many there were.
    """

    rates: NDArray[np.float64]
    decays: Floats | None
    steps: int = 0

    @classmethod
    def of(cls, settings: Sequence[HeadSettings]) -> _Pace:
        rates = np.array([one.learning_rate for one in settings])[None, :, None]
        decays = 1 - rates * np.array([one.l2 for one in settings])[None, :, None]
        return cls(rates, decays.astype(np.float32) if (decays != 1).any() else None)

    def next(self) -> Floats:
        """Return the rates of the next step."""
        self.steps += 1
        unbiased = math.sqrt(1 - _BETA2**self.steps) / (1 - _BETA1**self.steps)
        return (self.rates * unbiased).astype(np.float32)


def _adam_step(
    weights: Floats, gradient: Floats, moments: tuple[Floats, Floats], pace: _Pace
) -> None:
    """Change weights and moments in place."""
    first, second = moments
    first += (1 - _BETA1) * (gradient - first)
    second += (1 - _BETA2) * (np.square(gradient) - second)
    if pace.decays is not None:
        weights *= pace.decays
    weights -= pace.next() * first / (np.sqrt(second) + _EPSILON)


def _lbfgs(prepared: Prepared, settings: Sequence[HeadSettings], watches: Sequence[_Watch]) -> None:
    """L-BFGS on the mean loss with its L2 penalty, in double precision, one head after another."""
    for one, watch in zip(settings, watches, strict=True):
        _lbfgs_one(prepared, one, watch)


def _lbfgs_one(prepared: Prepared, settings: HeadSettings, watch: _Watch) -> None:
    x, targets = prepared.train(0).astype(np.float64), prepared.targets.astype(np.float64)
    shape = (x.shape[1] + 1, targets.shape[1])

    def objective(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(shape)
        logits = _logits(x, weights)
        gradient = _gradient(x, logits, targets)
        gradient[:-1] += settings.l2 * weights[:-1]
        penalty = settings.l2 / 2 * float(np.square(weights[:-1]).sum())
        return float(_judged(logits, targets)[0]) + penalty, gradient.ravel()

    def after(flat: NDArray[np.float64]) -> None:
        weights = flat.reshape(shape)
        if not watch.epoch(weights, *map(float, _judged(_logits(x, weights), targets))):
            raise StopIteration

    require("scipy.optimize", "train").minimize(
        objective,
        np.zeros(shape).ravel(),
        jac=True,
        method="L-BFGS-B",
        callback=after,
        options={"maxiter": settings.epochs, "ftol": 1e-9, "gtol": 1e-6},
    )
    if watch.last is None:  # nothing to learn: the first weights were the best already
        after(np.zeros(shape).ravel())


def _logits(x: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
    """Logits of one head, ``(rows, classes)``, or of several, ``(rows, heads, classes)``."""
    flat = weights.reshape(len(weights), -1)
    return np.asarray((x @ flat[:-1] + flat[-1]).reshape(len(x), *weights.shape[1:]))


def _judged(logits: NDArray[Any], targets: NDArray[Any]) -> tuple[Any, Any]:
    """Mean categorical cross-entropy in nats, and accuracy, of one head or of each."""
    high = logits.max(-1)
    sums = np.log(np.exp(logits - high[..., None]).sum(-1)) + high
    losses = sums - (logits * targets).sum(-1)
    return losses.mean(0), (logits.argmax(-1) == targets.argmax(-1)).mean(0)


def _gradient(x: NDArray[Any], logits: NDArray[Any], targets: NDArray[Any]) -> NDArray[Any]:
    error = softmax(logits)
    error -= targets
    error /= len(x)
    above = (x.T @ error.reshape(len(x), -1)).reshape(x.shape[1], *error.shape[1:])
    return np.concatenate([above, error.sum(0, keepdims=True)])


def softmax(logits: NDArray[Any]) -> NDArray[Any]:
    """Turn logits into probabilities, row by row.

    Args:
        logits: ``(rows, classes)``, or ``(rows, heads, classes)``.
    """
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    powers /= powers.sum(-1, keepdims=True)
    return np.asarray(powers)


def _chunks(features: NDArray[np.float16]) -> Iterator[NDArray[np.float16]]:
    return (features[start : start + _CHUNK] for start in range(0, len(features), _CHUNK))
