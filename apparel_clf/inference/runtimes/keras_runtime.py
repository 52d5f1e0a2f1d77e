"""The network in Keras, as it was trained."""

from __future__ import annotations

import threading
from collections.abc import Iterable
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
        self._traced: dict[tuple[str, ...], Any] = {}
        self._tracing = threading.Lock()

    def _compute(
        self, squares: NDArray[np.uint8], parts: tuple[str, ...]
    ) -> Iterable[NDArray[np.float32]]:
        with self._tracing:  # the first batches come two at a time
            if parts not in self._traced:
                self._traced[parts] = self._trace(parts)
        outputs = self._traced[parts](tensorflow_module().constant(squares))
        return [output.numpy() for output in outputs]

    def _trace(self, parts: tuple[str, ...]) -> Any:
        """Trace for any number of squares, once; TensorFlow warns of functions it meets often."""
        tf, keras = tensorflow_module(), keras_module()
        both = keras.Model(self._model.input, [self._model.output, last_map(self._model)])
        ways = {
            "heat": lambda maps: tf.einsum("nrcf,fk->nrck", maps, self._heat),
            "means": lambda maps: tf.reduce_mean(maps, (1, 2)),
        }

        def run(images: Any) -> list[Any]:
            probabilities, maps = both(tf.cast(images, tf.float32), training=False)
            return [probabilities, *(ways[part](maps) for part in parts)]

        shape = tf.TensorSpec((None, self.side, self.side, 3), tf.uint8)
        traced = tf.function(run, input_signature=[shape], autograph=False)
        return traced.get_concrete_function()
