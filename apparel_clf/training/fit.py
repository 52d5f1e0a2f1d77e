"""Training from end to end: check the sets, compute features once, train the head, join the two."""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apparel_clf.errors import DatasetError, TrainingError
from apparel_clf.training.augment import Augmentation
from apparel_clf.training.features import FeatureExtractor, Rows, Views, compute_rows
from apparel_clf.training.head import HeadSettings, train_head
from apparel_clf.training.history import History
from apparel_clf.training.table import EpochTable

if TYPE_CHECKING:
    import keras

    from apparel_clf.dataset import ImageSet

# A warning names so many images; the rest is counted. All are in `skipped_`.
_NAMED = 5


@dataclass(frozen=True)
class TrainingSettings:
    """How a network is trained.

    Args:
        head: ``"flatten"`` or ``"gap"``, as the network was built.
        resize: how a picture is made square.
        views: passes over each training image; the first shows it plain.
        augmentation: what the further passes may change.
        precision: ``"float32"`` or ``"bfloat16"``, for the features.
        optimization: how the head is trained.
        show: print the epochs, and draw bars on a terminal.
    """

    head: str
    resize: str
    views: int
    augmentation: Augmentation
    precision: str
    optimization: HeadSettings
    show: bool


@dataclass(frozen=True)
class Outcome:
    """What training leaves beside the network's new weights.

    Args:
        history: loss and accuracy of each epoch.
        skipped: path and reason of each image that could not be read.
    """

    history: History
    skipped: tuple[tuple[str, str], ...]


def train_network(
    model: keras.Model, train_set: ImageSet, val_set: ImageSet | None, settings: TrainingSettings
) -> Outcome:
    """Train a network's head, changing the network in place.

    The backbone is frozen, so its features are computed once, not in every epoch. The head is
    trained on them and put back, so the network keeps its layers and parameters.

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
    """
    classes = train_set.classes
    extractor = FeatureExtractor(model, settings.head, settings.precision)
    views = _views(extractor.side, settings)
    bars = None if settings.show else False
    rows = compute_rows(train_set.samples, classes, extractor, views, label="train", show=bars)
    _check_rows(rows, classes)
    plain = Views(extractor.side, settings.resize)
    watched = val_set.samples if val_set else ()
    val_rows = compute_rows(watched, classes, extractor, plain, label="val", show=bars)
    if settings.optimization.keep == "best" and not len(val_rows):
        raise TrainingError("No readable validation image to choose the best epoch by")
    skipped = rows.skipped + val_rows.skipped
    _warn(skipped)
    table = EpochTable(sys.stderr.write).row if settings.show else None
    head = train_head(rows, val_rows or None, len(classes), settings.optimization, table)
    model.layers[-1].set_weights([head.kernel, head.bias])
    return Outcome(head.history, skipped)


def check_image_set(name: str, value: Any) -> None:
    """Raise DatasetError unless `value` is a set of samples whose labels are all classes of it."""
    if not hasattr(value, "samples") or not hasattr(value, "classes"):
        raise DatasetError(
            f"Expected {name} to be an ImageSet, as ImageFolder(path).split() gives. "
            f"Received: {type(value).__name__}"
        )
    strange = {sample.label for sample in value.samples} - set(value.classes)
    if strange:
        raise DatasetError(f"{name}: samples of {sorted(strange)}, which are none of its classes")


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
    unknown = {s.label for s in (val_set.samples if val_set else ())} - set(train_set.classes)
    if unknown:
        raise DatasetError(
            f"{name}: validation has classes that training has not: {', '.join(sorted(unknown))}. "
            f"Expected some of {', '.join(train_set.classes)}"
        )


def _views(side: int, settings: TrainingSettings) -> Views:
    # Views that cannot differ would teach nothing twice.
    count = settings.views if settings.augmentation.changes else 1
    seed = settings.optimization.random_state
    return Views(side, settings.resize, count, settings.augmentation, seed)


def _check_rows(rows: Rows, classes: Sequence[str]) -> None:
    left = set(rows.labels.tolist())
    lost = [label for place, label in enumerate(classes) if place not in left]
    if lost:
        bad = "; ".join(f"{path}: {reason}" for path, reason in rows.skipped[:_NAMED])
        raise TrainingError(f"No readable training image of {', '.join(lost)} ({bad})")


def _warn(skipped: Sequence[tuple[str, str]]) -> None:
    if not skipped:
        return
    named = "; ".join(f"{path}: {reason}" for path, reason in skipped[:_NAMED])
    more = f"; and {len(skipped) - _NAMED} more" if len(skipped) > _NAMED else ""
    warnings.warn(
        f"{len(skipped)} images could not be read and were left out: {named}{more}",
        UserWarning,
        stacklevel=4,
    )
