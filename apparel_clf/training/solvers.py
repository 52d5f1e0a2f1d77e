"""Adam and L-BFGS on coordinates, for one softmax layer or for several side by side.

Their products are thin, a few columns wide. Two threads of the BLAS library spend longer on waiting
for each other there than on the product, above all where others use the machine too: one is taken.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from apparel_clf._extras import require

if TYPE_CHECKING:
    from apparel_clf.training.head import Coordinates, HeadSettings

# Adam's own settings, as Keras has them.
_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-7
# Above so many numbers, 16 MB in double precision, a matrix is worth a second thread.
_WIDE = 2_000_000

Floats: TypeAlias = "NDArray[np.float32]"
#: Takes in an epoch of some heads: their places, their weights ``(coordinates + 1, heads,
#: classes)``, each one's loss and accuracy. Returns the places of those that go on.
AfterEpoch: TypeAlias = (
    "Callable[[Sequence[int], NDArray[Any], NDArray[Any], NDArray[Any]], Sequence[int]]"
)


class Judged(NamedTuple):
    """What is known of logits once the labels are: of one head, or of each.

    Args:
        loss: mean categorical cross-entropy in nats.
        accuracy: share of the rows whose class has the highest logit.
        shares: probabilities, shaped like the logits.
    """

    loss: Any
    accuracy: Any
    shares: NDArray[Any]


def judged(logits: NDArray[Any], labels: NDArray[np.intp]) -> Judged:
    """Judge the logits of one head or of several.

    Args:
        logits: ``(rows, classes)``, or ``(rows, heads, classes)``.
        labels: ``(rows,)``.
    """
    high = logits.max(-1, keepdims=True)
    shares = np.exp(logits - high)
    sums = shares.sum(-1, keepdims=True)
    shares /= sums
    truth = logits[np.arange(len(labels)), ..., labels]
    losses = (np.log(sums) + high)[..., 0] - truth
    right = logits.argmax(-1) == labels.reshape(-1, *[1] * (logits.ndim - 2))
    return Judged(losses.mean(0), right.mean(0), shares)


def softmax(logits: NDArray[Any]) -> NDArray[Any]:
    """Turn logits into probabilities, row by row.

    Args:
        logits: ``(rows, classes)``, or ``(rows, heads, classes)``.
    """
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    powers /= powers.sum(-1, keepdims=True)
    return np.asarray(powers)


def logits_of(x: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
    """Logits of one head, ``(rows, classes)``, or of several, ``(rows, heads, classes)``.

    Args:
        x: coordinates, ``(rows, coordinates)``.
        weights: ``(coordinates + 1, classes)`` or ``(coordinates + 1, heads, classes)``, the bias
            in the last row.
    """
    flat = weights.reshape(len(weights), -1)
    logits = x @ flat[:-1]
    logits += flat[-1]
    return np.asarray(logits.reshape(len(x), *weights.shape[1:]))


class _OneThread:
    """BLAS's one thread for as long as anybody wants it: the number is the whole process's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._limits: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if not self._users:
                limits = require("threadpoolctl", "train").threadpool_limits
                self._limits = limits(1, user_api="blas")
            self._users += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                self._limits.restore_original_limits()


_ONE_THREAD = _OneThread()


@contextmanager
def thin_products(size: int = 0) -> Iterator[None]:
    """Let BLAS use one thread for the length of a block, unless there is much to do.

    Args:
        size: numbers in the matrix that the block works on. Default 0: few.
    """
    if size > _WIDE:
        yield
        return
    with _ONE_THREAD:
        yield


def adam(
    rows: Coordinates, first: Floats, settings: Sequence[HeadSettings], after: AfterEpoch
) -> None:
    """Train by Adam with decoupled weight decay, batch by batch, all heads side by side.

    Sources: D. Kingma and J. Ba (2015), "Adam: a method for stochastic optimization", ICLR; I.
    Loshchilov and F. Hutter (2019), "Decoupled weight decay regularization", ICLR.

    Args:
        rows: what to learn from.
        first: weights to start from, ``(coordinates + 1, classes)``.
        settings: of each head; they differ in `learning_rate` and `l2` alone.
        after: called after each epoch.
    """
    common, labels = settings[0], rows.targets.argmax(1)
    rng = np.random.default_rng(common.random_state)
    count, classes = rows.targets.shape
    steps = _Steps(np.tile(first, len(settings)), _Pace.of(settings, classes))
    weights = steps.weights.reshape(len(first), len(settings), classes)
    going: Sequence[int] = range(len(settings))
    for epoch in range(common.epochs):
        losses, hits, seen = np.zeros(len(settings)), np.zeros(len(settings)), rows.train(epoch)
        for batch in _batches(rng, count, common.batch_size):
            x = seen[batch]
            found = judged(logits_of(x, weights), labels[batch])
            losses += found.loss * len(batch)
            hits += found.accuracy * len(batch)
            steps.take(x, _errors(found.shares, labels[batch]))
        chosen = list(going)
        going = after(chosen, weights[:, chosen], losses[chosen] / count, hits[chosen] / count)
        if not going:
            break


def _batches(rng: np.random.Generator, count: int, size: int) -> Iterator[NDArray[np.int64]]:
    order = rng.permutation(count)
    return (order[start : start + size] for start in range(0, count, size))


def _errors(shares: NDArray[Any], labels: NDArray[np.intp]) -> NDArray[Any]:
    """Turn probabilities into the gradient of the mean loss by the logits, in place."""
    shares[np.arange(len(labels)), ..., labels] -= 1
    shares /= len(labels)
    return shares


@dataclass
class _Pace:
    """How far each head goes in a step of Adam.

    Args:
        rates: learning rate of each column of the weights.
        decays: what a step leaves of each column; None where it is all.
        steps: how many there were.
    """

    rates: NDArray[np.float64]
    decays: Floats | None
    steps: int = 0

    @classmethod
    def of(cls, settings: Sequence[HeadSettings], classes: int) -> _Pace:
        rates = np.repeat([one.learning_rate for one in settings], classes)
        decays = 1 - rates * np.repeat([one.l2 for one in settings], classes)
        return cls(rates, decays.astype(np.float32) if (decays != 1).any() else None)

    def next(self) -> Floats:
        """Return the rates of the next step."""
        self.steps += 1
        unbiased = math.sqrt(1 - _BETA2**self.steps) / (1 - _BETA1**self.steps)
        return (self.rates * unbiased).astype(np.float32)


class _Steps:
    """Adam's weights and moments, all heads' columns side by side, changed in place.

    Memory is taken once: a step is a dozen passes over arrays that stay in the processor's cache.
    """

    def __init__(self, weights: Floats, pace: _Pace) -> None:
        self.weights = weights
        self._pace = pace
        self._first, self._second = np.zeros_like(weights), np.zeros_like(weights)
        self._gradient, self._spare = np.empty_like(weights), np.empty_like(weights)

    def take(self, x: Floats, errors: NDArray[Any]) -> None:
        """Take a step by a batch: its coordinates, and the gradient by its logits."""
        errors = errors.reshape(len(x), -1)
        gradient, spare = self._gradient, self._spare
        np.matmul(x.T, errors, out=gradient[:-1])
        np.sum(errors, 0, out=gradient[-1])
        np.subtract(gradient, self._first, out=spare)
        spare *= np.float32(1 - _BETA1)
        self._first += spare
        np.square(gradient, out=spare)
        spare -= self._second
        spare *= np.float32(1 - _BETA2)
        self._second += spare
        np.sqrt(self._second, out=spare)
        spare += np.float32(_EPSILON)
        np.divide(self._first, spare, out=spare)
        spare *= self._pace.next()
        if self._pace.decays is not None:
            self.weights *= self._pace.decays
        self.weights -= spare


def lbfgs(rows: Coordinates, settings: Sequence[HeadSettings], after: AfterEpoch) -> None:
    """Minimise the mean loss with its L2 penalty, in double precision, one head after another.

    Args:
        rows: what to learn from; all rows in each step.
        settings: of each head.
        after: called after each step.
    """
    objective = _Objective(rows)
    for place, one in enumerate(settings):
        _lbfgs_one(objective, place, one, after)


def _lbfgs_one(
    objective: _Objective, place: int, settings: HeadSettings, after: AfterEpoch
) -> None:
    objective.l2 = settings.l2
    told = 0

    def tell(flat: NDArray[np.float64]) -> None:
        nonlocal told
        told += 1
        found = objective.at(flat)
        weights = flat.reshape(objective.shape)[:, None]
        if not after([place], weights, np.array([found.loss]), np.array([found.accuracy])):
            raise StopIteration

    start = np.zeros(objective.shape).ravel()
    require("scipy.optimize", "train").minimize(
        objective,
        start,
        jac=True,
        method="L-BFGS-B",
        callback=tell,
        options={"maxiter": settings.epochs, "ftol": 1e-9, "gtol": 1e-6},
    )
    if not told:  # nothing to learn: the first weights were the best already
        tell(start)


class _Objective:
    """The mean loss with its L2 penalty, and its gradient."""

    def __init__(self, rows: Coordinates) -> None:
        self.l2 = 0.0
        self._x = rows.train(0).astype(np.float64)
        self._labels = rows.targets.argmax(1)
        self.shape = (self._x.shape[1] + 1, rows.targets.shape[1])
        self._last: tuple[NDArray[np.float64], Judged] | None = None

    def __call__(self, flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(self.shape)
        found = self.at(flat)
        errors = _errors(found.shares.copy(), self._labels)
        gradient = np.empty(self.shape)
        np.matmul(self._x.T, errors, out=gradient[:-1])
        np.sum(errors, 0, out=gradient[-1])
        gradient[:-1] += self.l2 * weights[:-1]
        penalty = self.l2 / 2 * float(np.square(weights[:-1]).sum())
        return float(found.loss) + penalty, gradient.ravel()

    def at(self, flat: NDArray[np.float64]) -> Judged:
        """Judge weights; those that a step ends with were nearly always judged on the way."""
        if self._last is None or not np.array_equal(flat, self._last[0]):
            logits = logits_of(self._x, flat.reshape(self.shape))
            self._last = flat.copy(), judged(logits, self._labels)
        return self._last[1]
