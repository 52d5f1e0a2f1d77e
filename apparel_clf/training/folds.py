"""Folds that keep groups together, and predictions by heads that never saw the image."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apparel_clf._extras import require
from apparel_clf.dataset import groups_of
from apparel_clf.errors import SettingsError
from apparel_clf.training.features import Rows
from apparel_clf.training.head import HeadSettings, Prepared, solve_all, train_head
from apparel_clf.training.solvers import logits_of

if TYPE_CHECKING:
    from apparel_clf.dataset import Sample

#: Called after each fold with its number, from 0.
OnFold = Callable[[int], object]


class Fold(NamedTuple):
    """One fold: places of the images to learn from, and of those to be judged on."""

    train: NDArray[np.intp]
    test: NDArray[np.intp]


def make_folds(
    samples: Sequence[Sample], k: int, random_state: int, *, few: bool = False
) -> list[Fold] | None:
    """Deal images to folds: stratified by class, groups of look-alikes kept together.

    Args:
        samples: the images. Where their groups aren't known, look-alikes are found by comparing.
        k: number of folds, at least 2.
        random_state: another one deals otherwise.
        few: with too few images make fewer folds, and with too few for two return None. Default
            False: that is an error.

    Returns:
        The folds; each image is judged in exactly one.

    Raises:
        SettingsError: a class has fewer groups of images than there are folds.

    Example:
        >>> [len(fold.test) for fold in make_folds(data.samples, 5, 0)]
        [165, 165, 165, 164, 164]
    """
    labels = [sample.label for sample in samples]
    groups = groups_of(samples)
    smallest, count = _scarcest(labels, groups)
    if few and count < k:
        k = count
    if k < 2 and few:
        return None
    if count < k:
        raise SettingsError(
            f"Expected at least {k} images of each class that don't look alike, one for each "
            f"fold. {smallest!r} has {count}: pass a smaller k, or add images"
        )
    folds = _dealt(labels, groups, k, random_state)
    every = set(labels)
    if all({labels[i] for i in fold.train} == every for fold in folds):
        return folds
    if few:
        return None
    raise SettingsError(
        f"With {k} folds some would have no image of a class to learn from, since its images look "
        "alike: pass a smaller k, or add images"
    )


def _scarcest(labels: Sequence[str], groups: Sequence[str]) -> tuple[str, int]:
    """The class with the fewest groups, and how many it has."""
    found = defaultdict(set)
    for label, group in zip(labels, groups, strict=True):
        found[label].add(group)
    return min(((label, len(names)) for label, names in found.items()), key=lambda item: item[1])


def _dealt(labels: Sequence[str], groups: Sequence[str], k: int, random_state: int) -> list[Fold]:
    dealer: Any = require("sklearn.model_selection", "train").StratifiedGroupKFold(
        k, shuffle=True, random_state=random_state
    )
    with warnings.catch_warnings():
        # Fewer images than folds in a class is checked above, where it can be said by name.
        warnings.simplefilter("ignore", UserWarning)
        return [Fold(*places) for places in dealer.split(labels, labels, groups)]


def out_of_fold(
    rows: Rows,
    folds: Sequence[Fold],
    num_classes: int,
    settings: HeadSettings,
    on_fold: OnFold | None = None,
) -> NDArray[np.float32]:
    """Predict every image by a head that was trained on the other folds.

    Where the settings choose an epoch by validation images, those are the next fold's, which are
    then not learnt from: an image never has a say in the head that judges it.

    Args:
        rows: features of the images, all their views.
        folds: of the readable images.
        num_classes: number of classes.
        settings: how the head is trained.
        on_fold: called after each fold.

    Returns:
        Logits of the plain views, ``(images, classes)``.

    Raises:
        SettingsError: an epoch is to be chosen, and there are too few folds or images for that.
        TrainingError: the loss is no longer a number.
        KeyboardInterrupt: it was interrupted; half-trained heads judge nothing.
    """
    logits = np.empty((len(rows) // rows.views, num_classes), np.float32)
    for number, fold in enumerate(folds):
        train, val = fold.train, None
        if settings.keep == "best" or settings.patience:
            held = folds[(number + 1) % len(folds)].test
            train, val = np.setdiff1d(train, held), rows.of(held, [0])
            _check_left(rows, train, num_classes)
        head = train_head(rows.of(train), val, num_classes, settings)
        if head.interrupted:
            raise KeyboardInterrupt
        logits[fold.test] = head.logits(rows.of(fold.test, [0]).features)
        if on_fold:
            on_fold(number)
    return logits


def out_of_fold_of(
    prepared: Prepared, views: int, folds: Sequence[Fold], settings: HeadSettings
) -> NDArray[np.float32]:
    """Predict as `out_of_fold` does, on coordinates that were made once, of all rows.

    What the coordinates know of the images that a head is judged on are their features, never
    their labels. That saves most of the time, and is near enough to fit one number to; an
    accuracy is measured by `out_of_fold`.

    Args:
        prepared: coordinates of all rows, equal in all epochs.
        views: rows of each image, the plain one first.
        folds: of the images.
        settings: how the head is trained; it keeps the last epoch.

    Returns:
        Logits of the plain views, ``(images, classes)``.

    Raises:
        TrainingError: the loss is no longer a number.
        KeyboardInterrupt: it was interrupted; half-trained heads judge nothing.
    """
    rows = prepared.coordinates
    logits = np.empty((len(rows.targets) // views, rows.targets.shape[1]), np.float32)
    for fold in folds:
        learnt = (fold.train[:, None] * views + np.arange(views)).ravel()
        found = solve_all(rows.part(learnt), [settings])[0]
        if found.interrupted:
            raise KeyboardInterrupt
        logits[fold.test] = logits_of(rows.train(0)[fold.test * views], found.weights)
    return logits


def _check_left(rows: Rows, train: NDArray[np.intp], num_classes: int) -> None:
    """Refuse folds that leave no image of a class beside those that choose an epoch."""
    if len(set(rows.labels[train * rows.views].tolist())) < num_classes:
        raise SettingsError(
            "With keep='best' or patience a fold chooses the epoch and is not learnt from. Then no "
            "image of a class is left: pass a larger k, keep='last' and no patience, or add images"
        )
