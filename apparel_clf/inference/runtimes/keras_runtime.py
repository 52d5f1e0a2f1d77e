"""The network in Keras, as it was trained."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from apparel_clf.inference.heat import heat_kernel, last_map
from apparel_clf.inference.runtimes.base import Runtime
from apparel_clf.model.backend import keras_module, tensorflow_module

if TYPE_CHECKING:
    import keras


class KerasRuntime(Runtime):
    """Runs a Keras network.

    The network is traced once. Keras' own `predict` spends about 50 ms on each call, and
    `predict_on_batch` traces anew for each size of batch.

    Args:
        model: a network that takes ``(batch, side, side, 3)``.
        head: what its head sees, one of `HEADS`.
    """

    name = "keras"

    def __init__(self, model: keras.Model, head: str) -> None:
        self.side = int(model.input_shape[1])
        self.classes = int(model.output_shape[-1])
        self._model, self._heat = model, heat_kernel(model, head)

    def _run(self, squares: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.asarray(self._network(_tensor(squares)).numpy())

    def _both(
        self, squares: NDArray[np.uint8], second: str
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        network = self._network_and_heat if second == "heat" else self._network_and_means
        probabilities, seen = network(_tensor(squares))
        return probabilities.numpy(), seen.numpy()

    @cached_property
    def _network(self) -> Any:
        tf = tensorflow_module()
        return self._traced(lambda images: self._model(tf.cast(images, tf.float32), training=False))

    @cached_property
    def _network_and_heat(self) -> Any:
        tf = tensorflow_module()
        return self._with_last_map(lambda maps: tf.einsum("nrcf,fk->nrck", maps, self._heat))

    @cached_property
    def _network_and_means(self) -> Any:
        tf = tensorflow_module()
        return self._with_last_map(lambda maps: tf.reduce_mean(maps, (1, 2)))

    def _with_last_map(self, seen: Callable[[Any], Any]) -> Any:
        tf, keras = tensorflow_module(), keras_module()
        both = keras.Model(self._model.input, [self._model.output, last_map(self._model)])

        def run(images: Any) -> tuple[Any, Any]:
            probabilities, maps = both(tf.cast(images, tf.float32), training=False)
            return probabilities, seen(maps)

        return self._traced(run)

    def _traced(self, function: Callable[[Any], Any]) -> Any:
        """Trace for any number of squares, once; TensorFlow warns of functions it meets often."""
        tf = tensorflow_module()
        shape = tf.TensorSpec((None, self.side, self.side, 3), tf.uint8)
        traced = tf.function(function, input_signature=[shape], autograph=False)
        return traced.get_concrete_function()


def _tensor(squares: NDArray[np.uint8]) -> Any:
    return tensorflow_module().constant(squares)
