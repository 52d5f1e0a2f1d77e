"""What every runtime can do: squares of pixels in, probabilities out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
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
        return self.see(squares)[0]

    def see(self, squares: NDArray[np.uint8], *parts: str) -> tuple[NDArray[np.float32], ...]:
        """Compute probabilities, and what else the network saw, in one go.

        Args:
            squares: as for `run`.
            parts: ``"heat"``: how much each place of the last map speaks for each class, in units
                of the score before the softmax; ``"means"``: of each channel of that map.

        Returns:
            Probabilities as from `run`, then the parts in their order, each ``float32``: heat of
            shape ``(n, rows, columns, classes)``, means of shape ``(n, channels)``.

        Raises:
            ModelFileError: as `run`, or it was exported by a version that left the means out.
        """
        if "means" in parts and not self._has_means:
            raise _no_means(self.name)
        with _telling(self.name):
            probabilities, *seen = self._compute(squares, parts)
            return self._checked(probabilities), *(
                self._sensed(value, len(squares)) if part == "means" else self._checked(value)
                for part, value in zip(parts, seen, strict=True)
            )

    def rest(self) -> None:  # noqa: B027 # most runtimes keep little
        """Give back the memory that batches took, at the end of a stream of pictures."""

    @abstractmethod
    def _compute(
        self, squares: NDArray[np.uint8], parts: tuple[str, ...]
    ) -> Iterable[NDArray[np.float32]]:
        """Compute probabilities, then the parts."""

    def _sensed(self, means: NDArray[np.float32], count: int) -> NDArray[np.float32]:
        known = self.familiarity.width if self.familiarity else means.shape[1]
        if means.shape != (count, known):
            raise ValueError(f"means of shape {means.shape}")
        return self._finite(means)

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
