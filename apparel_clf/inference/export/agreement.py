"""Whether an export says what the model says that it was made of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apparel_clf.errors import ExportError
from apparel_clf.inference.opening import open_model
from apparel_clf.inference.prediction import is_near
from apparel_clf.inference.predictor import Predictor

if TYPE_CHECKING:
    from apparel_clf.dataset import ImageSet

#: How far a float32 export's probabilities may be from Keras' own. Runtimes add in other orders:
#: over 425 pictures Keras differed by up to 1.3e-5 from the same network in float64, the exports by
#: up to 9e-6.
FP32_TOLERANCE = 5e-5
# What can be done about lost accuracy, by the export's arithmetic.
_ADVICE = {
    "int8": "Calibrate on more pictures of the kind that it will see, export in fp32, or allow",
    "bf16": "Export in fp32, or allow",
    "fp32": "Allow",
}
# Made-up squares to compare on where there are no images.
_NOISE = 8


@dataclass(frozen=True)
class Exported:
    """An export and how it compares with the model that it was made of.

    Args:
        path: where it is.
        precision: its arithmetic.
        size_bytes: of all its files.
        n: labelled images that both were judged on; 0 for none.
        accuracy_before: share of these that Keras has right, or None.
        accuracy: share of these that the export has right, or None.
        difference: largest difference of a probability, over these or over noise where there are
            none.
        agreement: share of these that both give one label.
        far_before: share of the labelled images that Keras finds too far from the training images,
            see `Prediction.distance`; None without images, or where no distance was learnt.
        far: share of them that the export finds too far, or None. Where they set its limit (bf16
            without `calibrate_on`), that is no independent check.
    """

    path: Path
    precision: str
    size_bytes: int
    n: int
    accuracy_before: float | None
    accuracy: float | None
    difference: float
    agreement: float
    far_before: float | None = None
    far: float | None = None

    @property
    def loss(self) -> float:
        """Points of accuracy lost, in percent; below 0 where it has more right."""
        return 100 * ((self.accuracy_before or 0.0) - (self.accuracy or 0.0))

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "path": str(self.path),
            "precision": self.precision,
            "size_bytes": self.size_bytes,
            "n": self.n,
            "accuracy_before": self.accuracy_before,
            "accuracy": self.accuracy,
            "difference": self.difference,
            "agreement": self.agreement,
            "far_before": self.far_before,
            "far": self.far,
        }

    def __str__(self) -> str:
        words = f"{self.path}: {self.precision}, {self.size_bytes / 1e6:.1f} MB; "
        if self.n:
            words += (
                f"accuracy {self.accuracy:.1%}, {self.accuracy_before:.1%} before (n={self.n}), "
                f"{self.agreement:.1%} of the labels are the same; "
            )
        if self.far is not None:
            words += (
                f"{self.far:.1%} are too far from training images, {self.far_before:.1%} before; "
            )
        return f"{words}probabilities differ by {self.difference:.1g} at most"


def compared(
    predictor: Predictor,
    partial: Path,
    path: Path,
    facts: Mapping[str, Any],
    verify_on: ImageSet | None,
    show: bool | None,
) -> Exported:
    """Open an export as a user will, and hold its answers against those of the original.

    Args:
        predictor: answers from the original.
        partial: the export, where it is now.
        path: where it will be.
        facts: what it says of itself.
        verify_on: labelled images, or None.
        show: draw progress bars; None draws them on a terminal, else a line every 20 s.

    Raises:
        ExportError: it is too far from the original.
    """
    export = facts["export"]
    theirs = Predictor(open_model(partial).runtime, predictor.rule)
    if verify_on:
        found = _judged(predictor, theirs, verify_on, facts["class_names"], show)
    else:
        noise = _noise(predictor.runtime.side)
        found = _Sides(predictor.runtime.run(noise), theirs.runtime.run(noise))
    before, after = found.before, found.after
    n = found.right.shape[1]
    result = Exported(
        path,
        export["precision"],
        _size(partial),
        n,
        *_shares(found.right),
        float(np.abs(before - after).max(initial=0)),
        float((before.argmax(axis=1) == after.argmax(axis=1)).mean()),
        *_shares(found.far),
    )
    _check(result, export["max_loss"])
    return result


def _shares(flags: NDArray[np.bool_]) -> tuple[float | None, float | None]:
    """Of each side the share of images that a flag is set for."""
    return (float(flags[0].mean()), float(flags[1].mean())) if flags.size else (None, None)


def _check(result: Exported, max_loss: float) -> None:
    if result.precision == "fp32" and result.difference > FP32_TOLERANCE:
        raise ExportError(
            f"{result.path}: not written. Its probabilities differ from Keras' by up to "
            f"{result.difference:.2g}, more than the {FP32_TOLERANCE:g} of a faithful export"
        )
    if result.loss > max_loss:
        raise ExportError(
            f"{result.path}: not written. In {result.precision} accuracy on verify_on falls from "
            f"{result.accuracy_before:.1%} to {result.accuracy:.1%} (n={result.n}), by "
            f"{result.loss:.1f} points; {max_loss:g} are allowed. {_counted(result, max_loss)}"
            f"{_ADVICE[result.precision]} more with max_loss"
        )


def _counted(result: Exported, max_loss: float) -> str:
    """Say how many pictures a loss is, and where they are too few for what is allowed."""
    lost = round(result.loss * result.n / 100)
    words = f"That is {lost} more {'picture' if lost == 1 else 'pictures'} wrong. "
    if 0 < max_loss * result.n < 100:
        enough = math.ceil(100 / max_loss)
        words += (
            f"Of fewer than {enough} a single one is more than {max_loss:g} points: verify on "
            "more, they can't decide. "
        )
    return words


class _Sides(NamedTuple):
    """What the original and the export say: probabilities, and two rows of each kind of flag."""

    before: NDArray[np.float32]
    after: NDArray[np.float32]
    right: NDArray[np.bool_] = np.zeros((2, 0), bool)
    far: NDArray[np.bool_] = np.zeros((2, 0), bool)


def _judged(
    ours: Predictor, theirs: Predictor, images: ImageSet, classes: list[str], show: bool | None
) -> _Sides:
    """Answers of both for every image that can be read."""
    samples = images.samples
    rows, labels, far = [], [], []
    paths = [sample.path for sample in samples]
    answers = zip(
        samples,
        ours.answers(paths, label="before", show=show),
        theirs.answers(paths, label="export", show=show),
        strict=True,
    )
    for sample, first, second in answers:
        if first.row is not None and second.row is not None:
            rows.append((first.row, second.row))
            labels.append(classes.index(sample.label))
            distances = (
                first.distance(ours.runtime.familiarity),
                second.distance(theirs.runtime.familiarity),
            )
            far.append([not is_near(distance) for distance in distances])
    if not rows:
        raise ExportError("verify_on: holds no image that can be read")
    before, after = np.array(rows, np.float32).swapaxes(0, 1)
    right = np.stack([before.argmax(axis=1) == labels, after.argmax(axis=1) == labels])
    known = ours.runtime.familiarity is not None
    return _Sides(before, after, right, np.array(far).T if known else np.zeros((2, 0), bool))


def _noise(side: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (_NOISE, side, side, 3), np.uint8)


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [p for p in path.iterdir() if p.is_file()]
    return sum(p.stat().st_size for p in files)
