"""Many settings of the head, each trained in every fold: what a search over settings runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from apparel_clf.training.basis import turns
from apparel_clf.training.features import Rows
from apparel_clf.training.folds import Fold
from apparel_clf.training.head import Coordinates, HeadSettings, prepare, solve_all


class Curve(NamedTuple):
    """How one set of settings fared on held-out images, after each epoch.

    Args:
        losses: mean loss, ``(epochs,)``; each fold counts alike.
        logits: of each image by the head of the fold that it wasn't in, ``(epochs, images,
            classes)``; of the last epoch alone where no more was asked for.
    """

    losses: NDArray[np.float64]
    logits: NDArray[np.float32]


def curves(
    rows: Rows,
    folds: Sequence[Fold],
    num_classes: int,
    groups: Sequence[Sequence[HeadSettings]],
    *,
    last_only: bool = False,
) -> Iterator[list[Curve]]:
    """Train by each set of settings in each fold, and judge what was held out after each epoch.

    Args:
        rows: features of the images, all their views.
        folds: of the images.
        num_classes: number of classes.
        groups: sets of settings; those of a group differ in `learning_rate` and `l2` alone and are
            trained side by side. They keep the last epoch and have no patience.
        last_only: keep the logits of the last epoch alone. Default False: of every epoch.

    Yields:
        For each group a curve for each of its sets of settings.

    Raises:
        TrainingError: a loss is no longer a number.
        KeyboardInterrupt: it was interrupted; half-trained heads judge nothing.
    """
    # Coordinates are small; what the features were turned by is not, and isn't needed again.
    ready: dict[bool | str, list[Coordinates]] = {}
    for together in groups:
        kind = turns(rows.features.shape[1]) or together[0].solver
        if kind not in ready:
            ready[kind] = [_prepared(rows, fold, num_classes, together[0]) for fold in folds]
        yield _curves(ready[kind], folds, len(rows) // rows.views, together, last_only)


def _prepared(rows: Rows, fold: Fold, num_classes: int, settings: HeadSettings) -> Coordinates:
    held = rows.of(fold.test, [0])
    return prepare(rows.of(fold.train), held, num_classes, settings).coordinates


def _curves(
    ready: Sequence[Coordinates],
    folds: Sequence[Fold],
    images: int,
    together: Sequence[HeadSettings],
    last_only: bool,
) -> list[Curve]:
    epochs, classes = together[0].epochs, ready[0].targets.shape[1]
    kept = 1 if last_only else epochs
    losses = np.zeros((len(together), epochs))
    logits = np.empty((len(together), kept, images, classes), np.float32)
    for coordinates, fold in zip(ready, folds, strict=True):
        for place, (by_epoch, held) in enumerate(_followed(coordinates, together, kept)):
            # L-BFGS may come to its end before: there it stays.
            losses[place] += [*by_epoch, *by_epoch[-1:] * (epochs - len(by_epoch))]
            logits[place][:, fold.test] = np.stack([*held, *[held[-1]] * (kept - len(held))])
    return [Curve(*pair) for pair in zip(losses / len(folds), logits, strict=True)]


def _followed(
    rows: Coordinates, together: Sequence[HeadSettings], kept: int
) -> list[tuple[list[float], deque[NDArray[np.float32]]]]:
    """Train on one fold; return each head's loss and logits on the held-out rows, by epoch.

    Logits are those of the last epochs, as many as are kept.
    """
    held: list[deque[NDArray[np.float32]]] = [deque(maxlen=kept) for _ in together]
    solved = solve_all(
        rows, together, on_held=lambda place, found: held[place].append(found.astype(np.float32))
    )
    if any(one.interrupted for one in solved):
        raise KeyboardInterrupt
    losses = [one.history.history["val_loss"] for one in solved]
    return list(zip(losses, held, strict=True))
