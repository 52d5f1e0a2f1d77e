"""The network in Keras, as it was trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
        tf = tensorflow_module()
        self.side = int(model.input_shape[1])
        self.classes = int(model.output_shape[-1])
        self._model, self._heat = model, heat_kernel(model, head)
        self._shape = tf.TensorSpec((None, self.side, self.side, 3), tf.uint8)
        self._run = tf.function(
            lambda images: model(tf.cast(images, tf.float32), training=False),
            input_signature=[self._shape],
            autograph=False,
        )
        self._look = tf.function(self._both, input_signature=[self._shape], autograph=False)

    def run(self, squares: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compute probabilities, bit for bit as `look` does or to rounding."""
        return np.asarray(self._run(squares).numpy())

    def look(self, squares: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Compute probabilities and heat."""
        probabilities, heat = self._look(squares)
        return probabilities.numpy(), heat.numpy()

    def _both(self, images: object) -> object:
        tf, keras = tensorflow_module(), keras_module()
        whole = keras.Model(self._model.input, [self._model.output, last_map(self._model)])
        probabilities, maps = whole(tf.cast(images, tf.float32), training=False)
        return probabilities, tf.einsum("nrcf,fk->nrck", maps, self._heat)
