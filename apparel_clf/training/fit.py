"""Training from end to end: check the sets, compute features once, train the head, join the two."""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from apparel_clf.dataset.checks import check_image_set
from apparel_clf.errors import DatasetError, TrainingError
from apparel_clf.training.cache import FeatureCache
from apparel_clf.training.features import FeatureExtractor, Rows, Views, compute_rows
from apparel_clf.training.folds import make_folds, out_of_fold_of
from apparel_clf.training.head import HeadSettings, OnEpoch, Prepared, TrainedHead, prepare, solve
from apparel_clf.training.history import History
from apparel_clf.training.recipes import Recipe
from apparel_clf.training.table import EpochTable

if TYPE_CHECKING:
    import keras

    from apparel_clf.dataset import ImageSet

# A warning names so many images; the rest is counted. All are in `skipped_`.
_NAMED = 5
# Folds for the temperature's out-of-fold predictions.
_CALIBRATION_FOLDS = 5


@dataclass(frozen=True)
class TrainingSettings:
    """How a network is trained.

    Args:
        recipe: the settings; its precision is ``"float32"`` or ``"bfloat16"``.
        random_state: seed of all that is drawn.
        show: print the epochs, and draw bars on a terminal, else a line every 20 s.
    """

    recipe: Recipe
    random_state: int
    show: bool


@dataclass(frozen=True)
class Outcome:
    """What training leaves beside the network's new weights.

    Args:
        history: loss and accuracy of each epoch.
        skipped: path and reason of each image that could not be read.
        temperature: by what the logits were divided, or None if that was not asked for.
        interrupted: whether a person stopped it before its last epoch.
    """

    history: History
    skipped: tuple[tuple[str, str], ...]
    temperature: float | None = None
    interrupted: bool = False


def train_network(
    model: keras.Model, train_set: ImageSet, val_set: ImageSet | None, settings: TrainingSettings
) -> Outcome:
    """Train a network's head, changing the network in place.

    The backbone is frozen, so its features are computed once, not in every epoch, unless the
    recipe wants that. The head is trained on them and put back, so the network keeps its layers
    and parameters. Interrupted by Ctrl-C in an epoch, it keeps the best weights so far, or the last
    ones where there are no validation images.

    Args:
        model: a network from `build_network` with its backbone's weights.
        train_set: images to learn from; `check_sets` accepts the two sets.
        val_set: images to watch, or None.
        settings: how to train.

    Returns:
        The history and the images that were left out.

    Raises:
        TrainingError: a class has no readable image, there is no readable image to choose the
            best epoch by, or the loss is no longer a number.
        KeyboardInterrupt: it was interrupted before the first epoch was over; the features that
            were computed, but for the last batches, are in the cache.
    """
    if settings.recipe.backbone == "loop":
        from apparel_clf.training.loop import train_in_loop

        return train_in_loop(model, train_set, val_set, settings)
    with opened_cache() as cache:
        rows, val_rows = _rows(model, train_set, val_set, settings, cache)
        skipped = check_rows(rows, val_rows, train_set.classes, settings.recipe)
        head, outcome = _trained(rows, val_rows, train_set, settings)
        outcome = replace(outcome, skipped=skipped)
        model.layers[-1].set_weights([*head.cooled(outcome.temperature or 1.0)[:2]])
        if settings.recipe.fine_tune and not outcome.interrupted:
            from apparel_clf.training.fine_tune import fine_tune

            outcome = fine_tune(model, train_set, val_set, settings, outcome, cache)
    return outcome


@contextmanager
def opened_cache() -> Iterator[FeatureCache | None]:
    """Open the feature cache for the length of a block; None where a user switched it off."""
    cache = FeatureCache.open_default()
    try:
        yield cache
    finally:
        if cache is not None:
            cache.close()


def views_of(side: int, recipe: Recipe, random_state: int) -> Views:
    """Return the training views of a recipe: those that cannot differ would teach nothing twice.

    Args:
        side: of the square, in pixels.
        recipe: says how many, and what they change; in the loop, one for each epoch.
        random_state: seed.
    """
    wanted = 1 + recipe.epochs if recipe.backbone == "loop" else recipe.views
    count = wanted if recipe.augmentation.changes else 1
    return Views(side, recipe.resize, count, recipe.augmentation, random_state)


def epoch_table(*, show: bool) -> OnEpoch | None:
    """Return what prints a row for each epoch, or None."""
    return EpochTable(sys.stderr.write).row if show else None


def check_rows(
    rows: Rows, val_rows: Rows | None, classes: Sequence[str], recipe: Recipe
) -> tuple[tuple[str, str], ...]:
    """Refuse rows that cannot be trained on; name what could not be read in a warning.

    Args:
        rows: of the training images.
        val_rows: of the validation images; None where folds give them.
        classes: names of the classes.
        recipe: says whether validation images are needed.

    Returns:
        Path and reason of each image that could not be read.

    Raises:
        TrainingError: a class has no row, or there is none to choose the best epoch by.
    """
    left = set(rows.labels.tolist())
    lost = [label for place, label in enumerate(classes) if place not in left]
    if lost:
        bad = "; ".join(f"{path}: {reason}" for path, reason in rows.skipped[:_NAMED])
        raise TrainingError(f"No readable training image of {', '.join(lost)} ({bad})")
    if val_rows is not None and not len(val_rows) and (recipe.keep == "best" or recipe.patience):
        raise TrainingError("No readable validation image to choose the best epoch by")
    skipped = rows.skipped + (val_rows.skipped if val_rows is not None else ())
    _warn(skipped)
    return skipped


def _rows(
    model: keras.Model,
    train_set: ImageSet,
    val_set: ImageSet | None,
    settings: TrainingSettings,
    cache: FeatureCache | None,
) -> tuple[Rows, Rows]:
    recipe, classes = settings.recipe, train_set.classes
    extractor = FeatureExtractor(model, recipe.precision)
    bars = None if settings.show else False

    def rows_of(samples: Sequence[Any], views: Views, label: str) -> Rows:
        return compute_rows(
            samples, classes, extractor, views,
            head=recipe.head, cache=cache, label=label, show=bars,
        )  # fmt: skip

    views = views_of(extractor.side, recipe, settings.random_state)
    watched = val_set.samples if val_set else ()
    return (
        rows_of(train_set.samples, views, "train"),
        rows_of(watched, Views(extractor.side, recipe.resize), "val"),
    )


def _trained(
    rows: Rows, val_rows: Rows, train_set: ImageSet, settings: TrainingSettings
) -> tuple[TrainedHead, Outcome]:
    """Train the head, and fit its temperature."""
    wanted = settings.recipe.head_settings(settings.random_state)
    watched = val_rows if len(val_rows) else None
    prepared = prepare(rows, watched, len(train_set.classes), wanted)
    head = solve(prepared, wanted, epoch_table(show=settings.show))
    interrupted, temperature = head.interrupted, None
    # What a temperature was fitted to is no more after fine-tuning.
    if settings.recipe.calibrate and not (interrupted or settings.recipe.fine_tune):
        try:
            wanted = replace(wanted, epochs=head.history.kept_epoch + 1)
            temperature = _temperature(prepared, rows, train_set, wanted)
        except KeyboardInterrupt:
            interrupted = True
    return head, Outcome(head.history, (), temperature, interrupted)


def _temperature(
    prepared: Prepared, rows: Rows, train_set: ImageSet, wanted: HeadSettings
) -> float | None:
    """Fit the temperature on predictions for training images by heads that never saw them.

    These heads are trained for as many epochs as the one that is kept.
    """
    samples = [train_set.samples[place] for place in rows.places]
    folds = make_folds(samples, _CALIBRATION_FOLDS, wanted.random_state, few=True)
    if folds is None:
        warnings.warn(
            "Too few images of a class to fit a temperature; probabilities are as they come",
            UserWarning,
            stacklevel=4,
        )
        return None
    from apparel_clf.evaluation.calibration import fit_temperature

    wanted = replace(wanted, keep="last", patience=None)
    logits = out_of_fold_of(prepared, rows.views, folds, wanted)
    return fit_temperature(rows.labels[:: rows.views], logits)


def check_sets(train_set: ImageSet, val_set: ImageSet | None) -> None:
    """Refuse sets that cannot be trained on, before anything is computed.

    Args:
        train_set: images to learn from.
        val_set: images to watch, or None.

    Raises:
        DatasetError: no images, one class alone, a class without an image, or validation images
            of a class that training doesn't know.
    """
    check_image_set("train_set", train_set)
    if val_set is not None:
        check_image_set("val_set", val_set)
    counts = Counter(sample.label for sample in train_set.samples)
    name = train_set.name or "the training set"
    if not counts:
        raise DatasetError(f"{name}: no images to train on")
    if len(train_set.classes) < 2:
        raise DatasetError(
            f"{name}: has one class, {train_set.classes[0]!r}; a classifier needs two or more"
        )
    empty = [label for label in train_set.classes if not counts[label]]
    if empty:
        raise DatasetError(
            f"{name}: no training images of {', '.join(empty)}; add some or leave the class out"
        )
    for label in train_set.classes:
        try:
            label.encode()
        except UnicodeEncodeError as error:
            raise DatasetError(
                f"{name}: the class {label!r} has a name that is no text; rename its folder"
            ) from error
    unknown = {s.label for s in (val_set.samples if val_set else ())} - set(train_set.classes)
    if unknown:
        raise DatasetError(
            f"{name}: validation has classes that training has not: {', '.join(sorted(unknown))}. "
            f"Expected some of {', '.join(train_set.classes)}"
        )


def _warn(skipped: Sequence[tuple[str, str]]) -> None:
    if not skipped:
        return
    named = "; ".join(f"{path}: {reason}" for path, reason in skipped[:_NAMED])
    more = f"; and {len(skipped) - _NAMED} more" if len(skipped) > _NAMED else ""
    warnings.warn(
        f"{len(skipped)} images could not be read and were left out: {named}{more}",
        UserWarning,
        stacklevel=5,
    )
