"""What every runtime can do: squares of pixels in, probabilities out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray


class Runtime(ABC):
    """A trained network, ready to run. Safe to call from several threads at once.

    Attributes:
        name: ``"keras"``, ``"onnx"``, ``"litert"`` or ``"openvino"``.
        side: of the square that the network takes, in pixels.
        classes: how many classes it tells apart.
    """

    name: ClassVar[str]
    side: int
    classes: int

    def run(self, squares: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compute probabilities.

        Args:
            squares: RGB pictures, ``uint8`` of shape ``(n, side, side, 3)``.

        Returns:
            ``float32`` of shape ``(n, classes)``.
        """
        return self.look(squares)[0]

    @abstractmethod
    def look(self, squares: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Compute probabilities, and how much each place of the last map speaks for each class.

        Args:
            squares: as for `run`.

        Returns:
            Probabilities as from `run`, and ``float32`` of shape ``(n, rows, columns, classes)``,
            in units of the score before the softmax.
        """
