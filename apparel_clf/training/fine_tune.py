"""Fine-tuning of the last block from the block before's outputs, which are computed once.

Blocks 1 to 4 hold nine tenths of the work and are frozen: what they give for a picture is kept,
and each epoch runs block 5 and the head alone. The head is trained first (Kumar and others, 2022:
fine-tuning from a random head distorts what the backbone knows).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache as cached
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from apparel_clf.model.backend import keras_module, tensorflow_module
from apparel_clf.training import winograd
from apparel_clf.training.features import FeatureExtractor, Rows, Views, compute_rows
from apparel_clf.training.history import History, epoch_values

if TYPE_CHECKING:
    import keras

    from apparel_clf.dataset import ImageSet
    from apparel_clf.training.cache import FeatureCache
    from apparel_clf.training.fit import Outcome, TrainingSettings


def fine_tune(
    model: keras.Model,
    train_set: ImageSet,
    val_set: ImageSet | None,
    settings: TrainingSettings,
    before: Outcome,
    cache: FeatureCache | None,
) -> Outcome:
    """Train the last block and the head on, changing the network in place.

    Args:
        model: a network whose head is trained.
        train_set: images to learn from.
        val_set: images to watch, or None.
        settings: how to train.
        before: what the head's training left; its history is gone on with.
        cache: where outputs of earlier runs are.

    Returns:
        `before` with the longer history.

    Raises:
        TrainingError: the loss is no longer a number.
    """
    from apparel_clf.training.fit import epoch_table, views_of

    recipe = settings.recipe
    blocks = sum(layer.name.endswith("_pool") for layer in model.layers)
    extractor = FeatureExtractor(model, recipe.precision, (f"all{blocks - 1}",))
    views = views_of(extractor.side, recipe, settings.random_state)
    bars = None if settings.show else False

    def maps_of(samples: Sequence[Any], seen: Views, label: str) -> Rows:
        return compute_rows(
            samples, train_set.classes, extractor, seen,
            head=None, cache=cache, label=label, show=bars,
        )  # fmt: skip

    plain = Views(extractor.side, recipe.resize)
    try:
        train = maps_of(train_set.samples, views, "block maps")
        val = maps_of(val_set.samples, plain, "val maps") if val_set else None
    except KeyboardInterrupt:
        return replace(before, interrupted=True)
    top = LastBlock(model, blocks, recipe.fine_tune_rate, recipe.precision)
    watch = _Watch(before.history, top, epoch_table(show=settings.show))
    interrupted = False
    try:
        top.fit(train, val, recipe.fine_tune, recipe.batch_size, settings.random_state, watch)
    except KeyboardInterrupt:
        interrupted = True
    history = watch.finish(best=recipe.keep == "best" or interrupted)
    top.put_back()
    return replace(before, history=history, interrupted=interrupted)


class LastBlock:
    """The last block and the head as a network of their own.

    Args:
        model: the whole network.
        blocks: how many blocks it has.
        learning_rate: Adam's step size.
        precision: ``"float32"`` or ``"bfloat16"``, of the block's arithmetic; weights are kept in
            float32 in both.
    """

    def __init__(
        self, model: keras.Model, blocks: int, learning_rate: float, precision: str
    ) -> None:
        keras = keras_module()
        first = next(
            i for i, layer in enumerate(model.layers) if layer.name == f"block{blocks}_conv1"
        )
        self._originals = model.layers[first:]
        shape = model.layers[first - 1].output.shape[1:]
        x = inputs = keras.Input(shape, dtype="float32")
        for layer in self._originals[:-1]:
            x = _of_block(layer, precision)(x)
        head = self._originals[-1]
        x = type(head).from_config(head.get_config() | {"trainable": True})(x)
        self.network = keras.Model(inputs, x)
        self.network.set_weights([w for layer in self._originals for w in layer.get_weights()])
        self.network.compile(
            optimizer=keras.optimizers.Adam(learning_rate),
            loss="categorical_crossentropy",
            metrics=["accuracy"],
        )

    def fit(
        self,
        train: Rows,
        val: Rows | None,
        epochs: int,
        batch_size: int,
        random_state: int,
        watch: _Watch,
    ) -> None:
        """Train on the block before's outputs."""
        keras = keras_module()
        shape = self.network.input_shape[1:]
        classes = self.network.output_shape[-1]
        watched = None
        if val is not None and len(val):
            watched = _maps(keras, val, shape, classes, batch_size, None)
        self.network.fit(
            _maps(keras, train, shape, classes, batch_size, random_state),
            validation_data=watched,
            epochs=epochs,
            shuffle=False,
            verbose=0,
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=watch.epoch)],
        )

    def put_back(self) -> None:
        """Copy the weights into the whole network."""
        values = iter(self.network.get_weights())
        for layer in self._originals:
            layer.set_weights([next(values) for _ in layer.get_weights()])


def _of_block(layer: Any, precision: str) -> Any:
    """Return a trainable layer that computes what one of the network's does."""
    policy = "mixed_bfloat16" if precision == "bfloat16" else "float32"
    config = layer.get_config() | {"trainable": True, "dtype": policy}
    if isinstance(layer, keras_module().layers.Conv2D):
        channels_in, channels_out = layer.kernel.shape[2:]
        if winograd.pays(channels_in, channels_out, precision):
            return _wide_convolution().from_config(config)
    return type(layer).from_config(config)


@cached
def _wide_convolution() -> Any:
    """Return the class of a wide convolution of 3x3 with ReLU, which is computed by Winograd."""
    keras, tf = keras_module(), tensorflow_module()

    class WideConvolution(keras.layers.Conv2D):  # type: ignore[misc,name-defined] # no types
        def call(self, inputs: Any) -> Any:
            kernel, bias = map(tf.convert_to_tensor, (self.kernel, self.bias))
            return winograd.convolve_trained(inputs, kernel, bias)

    return WideConvolution


class _Watch:
    """Goes on with a history, and keeps the weights that are wanted in the end.

    Args:
        before: the head's history; the weights that it left are the first candidate.
        top: what is trained.
        table: prints a row for each epoch, or None.
    """

    def __init__(self, before: History, top: LastBlock, table: Any) -> None:
        self.history = {name: list(values) for name, values in before.history.items()}
        self._top, self._table = top, table
        self._last_epoch = self._best_epoch = before.kept_epoch
        self._last = self._best = top.network.get_weights()

    def epoch(self, _: int, logs: Mapping[str, float]) -> None:
        """Take in an epoch, counted on from the head's."""
        number = len(self.history["loss"])
        values = epoch_values(logs, number, "fine_tune_rate")
        for name, value in values.items():
            self.history[name].append(value)
        losses = self.history.get("val_loss", self.history["loss"])
        self._last, self._last_epoch = self._top.network.get_weights(), number
        if losses[number] < losses[self._best_epoch]:
            self._best, self._best_epoch = self._last, number
        if self._table:
            self._table(number, values)

    def finish(self, *, best: bool) -> History:
        """Put the wanted weights back: the best epoch's, fine-tuned or not, or the last one's."""
        best = best and "val_loss" in self.history
        self._top.network.set_weights(self._best if best else self._last)
        return History(self.history, self._best_epoch if best else self._last_epoch)


def _maps(
    keras: Any,
    rows: Rows,
    shape: tuple[int, ...],
    classes: int,
    size: int,
    random_state: int | None,
) -> Any:
    targets = np.eye(classes, dtype=np.float32)[rows.labels]

    class Maps(keras.utils.PyDataset):  # type: ignore[misc] # Keras has no types
        def __init__(self) -> None:
            super().__init__()
            self._rng = None if random_state is None else np.random.default_rng(random_state)
            self._order = np.arange(len(rows))

        def __len__(self) -> int:
            return math.ceil(len(rows) / size)

        def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            chosen = self._order[index * size :][:size]
            maps = rows.features[chosen].reshape(-1, *shape)
            return maps.astype(np.float32), targets[chosen]

        def on_epoch_begin(self) -> None:
            if self._rng is not None:
                self._order = self._rng.permutation(len(rows))

    return Maps()
