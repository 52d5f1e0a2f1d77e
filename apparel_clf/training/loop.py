"""Training as the original did it: the frozen backbone inside the loop, pictures changed anew."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from apparel_clf.errors import ImageError
from apparel_clf.images import load_image
from apparel_clf.model.backend import keras_module
from apparel_clf.training.features import Rows, Views
from apparel_clf.training.fit import (
    Outcome,
    TrainingSettings,
    check_rows,
    epoch_table,
    views_of,
)
from apparel_clf.training.history import History, epoch_values

if TYPE_CHECKING:
    import keras

    from apparel_clf.dataset import ImageSet


def train_in_loop(
    model: keras.Model, train_set: ImageSet, val_set: ImageSet | None, settings: TrainingSettings
) -> Outcome:
    """Train the head by running the whole network on every batch of every epoch.

    What the original project did, and most tutorials do. Each epoch sees a fresh view of each
    image. It learns what training on stored features would, at many times the cost.

    Args:
        model: a network from `build_network` with its backbone's weights; changed in place.
        train_set: images to learn from.
        val_set: images to watch, or None.
        settings: how to train.

    Returns:
        The history and the images that were left out.

    Raises:
        TrainingError: as in `train_network`.
        KeyboardInterrupt: before the first epoch was over.
    """
    keras = keras_module()
    recipe, classes = settings.recipe, train_set.classes
    views = views_of(model.input_shape[1], recipe, settings.random_state)
    train = _readable(train_set.samples, classes)
    val = _readable(val_set.samples if val_set else (), classes)
    skipped = check_rows(train, val, classes, recipe)
    batches = _pictures(keras, train_set.samples, train, views, len(classes), settings, fresh=True)
    watched = None
    if len(val) and val_set:
        plain = Views(views.side, views.rule)
        watched = _pictures(keras, val_set.samples, val, plain, len(classes), settings, fresh=False)
    watch = _Watch(model, settings)
    model.compile(
        optimizer=keras.optimizers.Adam(recipe.learning_rate, weight_decay=recipe.l2 or None),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    try:
        model.fit(
            batches,
            validation_data=watched,
            epochs=recipe.epochs,
            shuffle=False,  # Keras would shuffle the batches by a global random state
            verbose=0,
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=watch.epoch)],
        )
    except KeyboardInterrupt:
        if not watch.history:
            raise
        watch.interrupted = True
    return Outcome(watch.finish(), skipped, None, watch.interrupted)


def _readable(samples: Sequence[Any], classes: Sequence[str]) -> Rows:
    """Find out which images can be decoded; rows without features."""
    places = {name: place for place, name in enumerate(classes)}
    good, skipped = [], []
    for number, sample in enumerate(samples):
        try:
            load_image(sample.path)
        except ImageError as error:
            skipped.append((str(sample.path), error.reason))
        else:
            good.append(number)
    labels = np.array([places[samples[number].label] for number in good], np.int64)
    nothing = np.empty((len(good), 0), np.float16)
    return Rows(nothing, labels, tuple(skipped), images=np.array(good, np.int64))


class _Watch:
    """Collects each epoch's quantities and keeps the weights that are wanted in the end."""

    def __init__(self, model: keras.Model, settings: TrainingSettings) -> None:
        self.history: dict[str, list[float]] = {}
        self.interrupted = False
        self._model, self._recipe = model, settings.recipe
        self._best: list[NDArray[np.float32]] = []
        self._last: list[NDArray[np.float32]] = []
        self._best_epoch = 0
        self._table = epoch_table(show=settings.show)

    def epoch(self, epoch: int, logs: Mapping[str, float]) -> None:
        values = epoch_values(logs, epoch, "learning_rate")
        for name, value in values.items():
            self.history.setdefault(name, []).append(value)
        losses = self.history.get("val_loss", self.history["loss"])
        self._last = self._model.layers[-1].get_weights()
        if losses.index(min(losses)) == epoch:
            self._best, self._best_epoch = self._last, epoch
        if self._table:
            self._table(epoch, values)
        patience = self._recipe.patience
        if patience is not None and epoch - self._best_epoch >= patience:
            self._model.stop_training = True

    def finish(self) -> History:
        """Put the wanted weights back and tell how it went."""
        keeps_best = self._recipe.keep == "best" or (
            self.interrupted and "val_loss" in self.history
        )
        # Also the last ones: an interruption comes in the middle of an epoch.
        self._model.layers[-1].set_weights(self._best if keeps_best else self._last)
        return History(self.history, self._best_epoch if keeps_best else None)


def _pictures(
    keras: Any,
    samples: Sequence[Any],
    rows: Rows,
    views: Views,
    classes: int,
    settings: TrainingSettings,
    *,
    fresh: bool,
) -> Any:
    """Return pictures and their labels as a Keras dataset that reads them when they are wanted."""
    targets = np.eye(classes, dtype=np.float32)[rows.labels]
    size = settings.recipe.batch_size

    class Pictures(keras.utils.PyDataset):  # type: ignore[misc] # Keras has no types
        def __init__(self) -> None:
            super().__init__()
            # Its own generator: the order depends on no global random state.
            self._rng = np.random.default_rng(settings.random_state)
            self._epoch = -1
            self._order = np.arange(len(rows))

        def __len__(self) -> int:
            return math.ceil(len(rows) / size)

        def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
            chosen = self._order[index * size :][:size]
            # View 0 is the plain one; where nothing is augmented there is no other.
            # Before the first epoch Keras takes a batch or two, to see what they look like.
            epoch = max(self._epoch, 0)
            view = 1 + epoch % (views.count - 1) if fresh and views.count > 1 else 0
            squares = [
                next(views.some(load_image(samples[rows.places[i]].path), [view])) for i in chosen
            ]
            return np.stack(squares), targets[chosen]

        def on_epoch_begin(self) -> None:
            self._epoch += 1
            if fresh:
                self._order = self._rng.permutation(len(rows))

    return Pictures()
