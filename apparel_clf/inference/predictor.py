"""Images through a runtime: one path for predicting and evaluating, whatever the input."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from apparel_clf._progress import progress
from apparel_clf.errors import ImageError
from apparel_clf.images import ImageSource, describe, load_image, to_square
from apparel_clf.inference.familiarity import Familiarity
from apparel_clf.inference.kept import kept
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
        means: of the last map's channels, ``(channels,)``, ``float32``; None where nobody asked.
    """

    source: str
    row: NDArray[np.float32] | None
    error: ImageError | None = None
    means: NDArray[np.float32] | None = None

    def probabilities(self) -> NDArray[np.float32]:
        """Return the row.

        Raises:
            ImageError: there is none.
        """
        if self.row is None:
            raise self.error or ImageError(self.source, "was not predicted")
        return self.row

    def distance(self, known: Familiarity | None) -> float | None:
        """Tell how far the image is from those that were trained on; None where nobody knows.

        Args:
            known: what these look like.
        """
        if known is None or self.means is None:
            return None
        return float(known.distances(self.means[None])[0])


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
        sense: bool = False,
    ) -> Iterator[Answer]:
        """Yield an answer for each image, in order; one that can't be read stops no other.

        Reading, decoding and computing of several batches overlap; a long stream needs little
        memory.

        Args:
            sources: paths, bytes, PIL images or ``uint8`` arrays; an error is its own answer.
            label: what the progress bar says.
            show: draw the progress bar; None draws it on a terminal, else a line every 20 s.
            sense: take the means along even where no familiarity needs them.
        """
        answered = partial(self._answered, sense or self.runtime.familiarity is not None)
        if isinstance(sources, list) and len(sources) == 1:
            yield from answered(sources)  # one alone needs no threads
            return
        shown = progress(sources, label=label, show=show)
        for answers in in_order(answered, _batches(shown)):
            yield from answers
        self.runtime.rest()

    def facts(self) -> dict[str, Any]:
        """What a model file says of the pictures that were trained on, in plain values."""
        known = self.runtime.familiarity
        return {"familiarity": None if known is None else known.to_json()}

    def _answered(self, sense: bool, sources: list[ImageSource | ImageError]) -> list[Answer]:
        batch = [self._read(source) for source in sources]
        squares = [item for _, item in batch if not isinstance(item, ImageError)]
        rows = iter(self._rows(np.stack(squares), sense) if squares else ())
        return [
            Answer(source, None, item)
            if isinstance(item, ImageError)
            else Answer(source, *next(rows))
            for source, item in batch
        ]

    def _rows(self, squares: NDArray[np.uint8], sense: bool) -> Iterable[tuple[Any, None, Any]]:
        """Of each square its probabilities, no error, and the means where they are wanted."""
        if sense:
            both = zip(*self.runtime.see(squares, "means"), strict=True)
            return ((row, None, means) for row, means in both)
        return ((row, None, None) for row in self.runtime.run(squares))

    def _read(self, source: ImageSource | ImageError) -> _Read:
        if isinstance(source, ImageError):
            return source.source, source
        name, outer = describe(source), sys.exc_info()[1]
        try:
            return name, to_square(load_image(source), self.runtime.side, self.rule)
        except ImageError as error:
            return name, kept(error, outer)


def means_of(answers: Iterable[Answer]) -> NDArray[np.float32]:
    """Gather the means of all images that could be read, ``(images, channels)``.

    Args:
        answers: that took the means along.
    """
    rows = [answer.means for answer in answers if answer.means is not None]
    return np.stack(rows) if rows else np.empty((0, 1), np.float32)


def _batches(
    sources: Iterable[ImageSource | ImageError],
) -> Iterator[list[ImageSource | ImageError]]:
    iterator = iter(sources)
    while batch := list(islice(iterator, _BATCH)):
        yield batch
