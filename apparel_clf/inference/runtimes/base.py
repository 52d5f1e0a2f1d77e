"""What every runtime can do: squares of pixels in, probabilities out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from apparel_clf.errors import ModelFileError
from apparel_clf.inference.familiarity import Familiarity


class Runtime(ABC):
    """A trained network, ready to run. Safe to call from several threads at once.

    Attributes:
        name: ``"keras"``, ``"onnx"``, ``"litert"`` or ``"openvino"``.
        side: of the square that the network takes, in pixels.
        classes: how many classes it tells apart.
        familiarity: tells how far a picture is from those that it was trained on; None where that
            was not learnt.
    """

    name: ClassVar[str]
    side: int
    classes: int
    familiarity: Familiarity | None = None
    # Exports of earlier versions have none.
    _has_means: bool = True

    def run(self, squares: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compute probabilities.

        Args:
            squares: RGB pictures, ``uint8`` of shape ``(n, side, side, 3)``.

        Returns:
            ``float32`` of shape ``(n, classes)``.

        Raises:
            ModelFileError: the network can't be run, or gives no numbers: its file is damaged.
        """
        with _telling(self.name):
            return self._checked(self._run(squares))

    def look(self, squares: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Compute probabilities, and how much each place of the last map speaks for each class.

        Args:
            squares: as for `run`.

        Returns:
            Probabilities as from `run`, and ``float32`` of shape ``(n, rows, columns, classes)``,
            in units of the score before the softmax.

        Raises:
            ModelFileError: as `run`.
        """
        with _telling(self.name):
            probabilities, heat = self._both(squares, "heat")
            return self._checked(probabilities), self._checked(heat)

    def sense(self, squares: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Compute probabilities, and the mean of each channel of the last map.

        Args:
            squares: as for `run`.

        Returns:
            Probabilities as from `run`, and ``float32`` of shape ``(n, channels)``.

        Raises:
            ModelFileError: as `run`, or it was exported by a version that left the means out.
        """
        if not self._has_means:
            raise _no_means(self.name)
        with _telling(self.name):
            probabilities, means = self._both(squares, "means")
            known = self.familiarity.width if self.familiarity else means.shape[1]
            if means.shape != (len(squares), known):
                raise ValueError(f"means of shape {means.shape}")
            return self._checked(probabilities), self._finite(means)

    def _run(self, squares: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self._both(squares, "heat")[0]

    @abstractmethod
    def _both(
        self, squares: NDArray[np.uint8], second: str
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Compute probabilities, and ``"heat"`` or ``"means"``."""

    def _checked(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        if values.shape[-1] != self.classes:
            raise ValueError(f"an output of shape {values.shape}")
        return self._finite(values)

    def _finite(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        if values.dtype != np.float32:
            raise ValueError(f"an output of {values.dtype}")
        if not np.isfinite(values).all():
            raise ValueError("what it gives are not finite numbers")
        return values


def _no_means(name: str) -> ModelFileError:
    """Tell that a file is older than the means in it."""
    return ModelFileError(
        f"the model was exported by a version that left out what tells strangers ({name}); "
        "export it again"
    )


@contextmanager
def _telling(name: str) -> Iterator[None]:
    """Tell what a runtime stumbles over: pictures are squares of bytes, so it is the file."""
    try:
        yield
    except (MemoryError, ModelFileError):
        raise
    except Exception as error:
        raise ModelFileError(
            f"the model can't be run, its file is damaged ({name}: {error})"
        ) from error
