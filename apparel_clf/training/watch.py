"""What is noted of heads while they learn: each epoch's quantities, and the weights to keep."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from apparel_clf.training.history import COLUMNS, History, epoch_values
from apparel_clf.training.solvers import Floats, judged, logits_of

if TYPE_CHECKING:
    from apparel_clf.training.head import HeadSettings, OnEpoch

#: Called after each epoch with a head's place and its logits for the validation rows.
OnHeld: TypeAlias = "Callable[[int, NDArray[Any]], object]"


class Watches:
    """Watches heads that learn side by side: validation rows are judged for all in one product.

    Args:
        val: coordinates of the validation rows, or None.
        val_targets: of these.
        settings: of each head.
        on_epoch: called after each epoch of each.
        on_held: the same.
    """

    def __init__(
        self,
        val: Floats | None,
        val_targets: Floats | None,
        settings: Sequence[HeadSettings],
        on_epoch: OnEpoch | None = None,
        on_held: OnHeld | None = None,
    ) -> None:
        self.each = [Watch(one, watched=val is not None and len(val) > 0) for one in settings]
        self._val = None if val is None or not len(val) else val
        self._labels = None if val_targets is None else val_targets.argmax(1)
        self._on_epoch, self._on_held = on_epoch, on_held

    def epoch(
        self,
        places: Sequence[int],
        weights: NDArray[Any],
        losses: NDArray[Any],
        accuracies: NDArray[Any],
    ) -> list[int]:
        """Take in an epoch of some heads; returns the places of those that go on.

        Args:
            places: of the heads.
            weights: theirs, ``(coordinates + 1, heads, classes)``, the bias in the last row.
            losses: on the training rows, of each.
            accuracies: the same.

        Raises:
            TrainingError: a loss is no longer a number.
        """
        columns = [losses, accuracies, *self._held(places, weights)]
        going = []
        for number, place in enumerate(places):
            values = {
                name: float(column[number]) for name, column in zip(COLUMNS, columns, strict=False)
            }
            if self.each[place].epoch(weights[:, number].copy(), values, self._on_epoch):
                going.append(place)
        return going

    def _held(self, places: Sequence[int], weights: NDArray[Any]) -> list[NDArray[Any]]:
        if self._val is None or self._labels is None:
            return []
        logits = logits_of(self._val, weights)
        if self._on_held:
            for number, place in enumerate(places):
                self._on_held(place, logits[:, number])
        found = judged(logits, self._labels)
        return [found.loss, found.accuracy]


class Watch:
    """Collects one head's quantities and weights.

    Args:
        settings: what to keep, and when to stop.
        watched: whether there are validation rows.
    """

    def __init__(self, settings: HeadSettings, *, watched: bool) -> None:
        self.history: dict[str, list[float]] = {}
        self.last: NDArray[Any] | None = None
        self.interrupted = False
        self._best: NDArray[Any] | None = None
        self._best_epoch = 0
        self._least = math.inf
        self._settings, self._watched = settings, watched

    @property
    def kept(self) -> Floats:
        """The weights to keep: after an interruption the best, where that can be told."""
        return np.asarray(self._best if self._keeps_best else self.last, np.float32)

    @property
    def told(self) -> History:
        """The history, with the epoch that was kept."""
        return History(self.history, self._best_epoch if self._keeps_best else None)

    @property
    def _keeps_best(self) -> bool:
        return self._settings.keep == "best" or (self.interrupted and self._watched)

    def epoch(
        self, weights: NDArray[Any], values: dict[str, float], on_epoch: OnEpoch | None
    ) -> bool:
        """Take in an epoch; returns whether to go on."""
        number = len(self.history.get("loss", ()))
        for name, value in epoch_values(values, number, "learning_rate").items():
            self.history.setdefault(name, []).append(value)
        self.last = weights
        loss = values.get("val_loss", values["loss"])
        if loss < self._least:
            self._least, self._best_epoch, self._best = loss, number, weights
        if on_epoch:
            on_epoch(number, values)
        patience = self._settings.patience
        return patience is None or number - self._best_epoch < patience
