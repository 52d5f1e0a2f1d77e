"""Images through a runtime: one path for predicting and evaluating, whatever the input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from apparel_clf._progress import progress
from apparel_clf.errors import ImageError
from apparel_clf.images import ImageSource, describe, load_image, to_square
from apparel_clf.inference.runtimes.base import Runtime
from apparel_clf.model.ahead import in_order

# Keeps memory small; larger batches are no faster on a processor.
_BATCH = 8

# What was read: its name, and a square picture or why there is none.
_Read: TypeAlias = "tuple[str, NDArray[np.uint8] | ImageError]"


@dataclass(frozen=True)
class Answer:
    """The network's output for one image, or why there is none.

    Args:
        source: the image's path, or what kind of thing it was.
        row: probabilities, ``(number of classes,)``, ``float32``; None where there is an error.
        error: why the image could not be read, or None.
    """

    source: str
    row: NDArray[np.float32] | None
    error: ImageError | None = None

    def probabilities(self) -> NDArray[np.float32]:
        """Return the row.

        Raises:
            ImageError: there is none.
        """
        if self.row is None:
            raise self.error or ImageError(self.source, "was not predicted")
        return self.row


class Predictor:
    """Runs a trained network on images of any kind.

    Args:
        runtime: the network.
        rule: how a picture is made square, one of `RESIZE_RULES`.
    """

    def __init__(self, runtime: Runtime, rule: str) -> None:
        self.runtime = runtime
        self.rule = rule

    def answers(
        self,
        sources: Iterable[ImageSource | ImageError],
        *,
        label: str = "predict",
        show: bool | None = None,
    ) -> Iterator[Answer]:
        """Yield an answer for each image, in order; one that can't be read stops no other.

        Reading, decoding and computing of several batches overlap; a long stream needs little
        memory.

        Args:
            sources: paths, bytes, PIL images or ``uint8`` arrays; an error is its own answer.
            label: what the progress bar says.
            show: draw the progress bar; None draws it on a terminal only.
        """
        if isinstance(sources, list) and len(sources) == 1:
            yield from self._answered(sources)  # one alone needs no threads
            return
        shown = progress(sources, label=label, show=show)
        for answers in in_order(self._answered, _batches(shown)):
            yield from answers

    def _answered(self, sources: list[ImageSource | ImageError]) -> list[Answer]:
        batch = [self._read(source) for source in sources]
        squares = [item for _, item in batch if not isinstance(item, ImageError)]
        rows = iter(self.runtime.run(np.stack(squares)) if squares else ())
        return [
            Answer(source, None, item)
            if isinstance(item, ImageError)
            else Answer(source, next(rows))
            for source, item in batch
        ]

    def _read(self, source: ImageSource | ImageError) -> _Read:
        if isinstance(source, ImageError):
            return source.source, source
        name = describe(source)
        try:
            return name, to_square(load_image(source), self.runtime.side, self.rule)
        except ImageError as error:
            return name, error


def _batches(
    sources: Iterable[ImageSource | ImageError],
) -> Iterator[list[ImageSource | ImageError]]:
    iterator = iter(sources)
    while batch := list(islice(iterator, _BATCH)):
        yield batch
