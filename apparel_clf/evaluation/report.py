"""The result of an evaluation: figures that never travel without interval and source."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from apparel_clf.evaluation.calibration import Calibration
from apparel_clf.evaluation.files import write_text
from apparel_clf.evaluation.label_issues import LabelIssue
from apparel_clf.evaluation.metrics import ClassScore
from apparel_clf.evaluation.plain import plain_value, short_float
from apparel_clf.evaluation.text import summary

if TYPE_CHECKING:
    from PIL import Image

    from apparel_clf.dataset import ImageSet
    from apparel_clf.training import History

#: Written into every JSON document; the number grows when a field changes its meaning.
REPORT_FORMAT = "apparel-clf/evaluation/1"


@dataclass(frozen=True)
class Row:
    """One evaluated image.

    Args:
        path: the image's file.
        true: its label.
        predicted: the label with the highest probability; of equals, the first in class order.
        confidence: the probability of `predicted`, 0 to 1.
        probabilities: probability by class, in class order.
    """

    path: str
    true: str
    predicted: str
    confidence: float
    probabilities: Mapping[str, float]

    @property
    def right(self) -> bool:
        """Whether the predicted label is the true one."""
        return self.true == self.predicted

    def to_json(self) -> dict[str, Any]:
        """Return plain values, floats to seven significant digits."""
        return {
            "path": self.path,
            "true": self.true,
            "predicted": self.predicted,
            "confidence": short_float(self.confidence),
            "probabilities": {name: short_float(p) for name, p in self.probabilities.items()},
        }


@dataclass(frozen=True, eq=False)
class EvaluationReport:
    """How a classifier fared on labelled images. Made by `evaluate_predictions`.

    Args:
        classes: the classes' names, in the order of `confusion`'s rows and columns.
        n: number of images judged; those in `skipped` are not among them.
        accuracy: share of images whose predicted label is the true one, 0 to 1.
        ci: 95% Wilson interval of `accuracy`, low and high. It speaks of the sampling of images
            alone and takes the images as independent of each other.
        per_class: precision, recall, F1 and support by class; None where undefined.
        confusion: image counts of shape ``(k, k)``, ``int64``, rows true, columns predicted.
        log_loss: mean negative log probability of the true class, in nats.
        calibration: how far the probability of the top label is from how often it is right, and
            what of that chance alone explains.
        rows: one `Row` per image, in the order in which they were judged.
        dataset: name of the dataset and its version, for example ``"demo/v1"``.
        split: name of the split judged, or None where the images come from no split.
        version_id: identifier of the dataset version's content, or None.
        weights: where the backbone's weights came from: ``"imagenet"``, a file, or ``"none"`` for
            an untrained backbone.
        skipped: path and reason of each image that could not be read.
        history: how the classifier was trained, where that is known.
        settings: how the classifier was made.
        temperature: what the logits were divided by before they became probabilities; None for a
            model that is not calibrated.
        split_id: sha256 in hexadecimal that names exactly which images with which labels were
            judged, as `split_id` of ``apparel_clf.evaluation.predictions`` makes it; or None where
            the images' hashes are not known.
        label_issues: images whose label a person should look at, the most suspicious first.

    Example:
        >>> report = clf.evaluate(test)
        >>> report.accuracy, report.ci
        (0.9548, (0.9281, 0.9719))
        >>> report.to_html("report.html")
    """

    classes: tuple[str, ...]
    n: int
    accuracy: float
    ci: tuple[float, float]
    per_class: Mapping[str, ClassScore]
    confusion: NDArray[np.int64]
    log_loss: float
    calibration: Calibration
    rows: tuple[Row, ...]
    dataset: str
    split: str | None
    version_id: str | None
    weights: str
    skipped: tuple[tuple[str, str], ...]
    history: History | None
    settings: Mapping[str, Any]
    temperature: float | None = None
    split_id: str | None = None
    label_issues: tuple[LabelIssue, ...] = ()

    @property
    def mistakes(self) -> tuple[Row, ...]:
        """The rows whose predicted label is wrong, the surest first, equals by path."""
        wrong = (row for row in self.rows if not row.right)
        return tuple(sorted(wrong, key=lambda row: (-row.confidence, row.path)))

    @property
    def baseline(self) -> float:
        """The accuracy of always answering the most frequent class of these images."""
        return float(self.confusion.sum(axis=1).max() / self.n)

    @property
    def untrained(self) -> bool:
        """Whether the backbone's weights are random numbers."""
        return self.weights == "none"

    def __str__(self) -> str:
        return summary(self)

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Write the report as a JSON document.

        Args:
            path: file to write, UTF-8; folders that are missing are made. Default None: none.

        Returns:
            The document. What is undefined or not a finite number is null, never NaN.

        Raises:
            OSError: the file cannot be written.

        Example:
            >>> json.loads(report.to_json())["accuracy"]
            0.954802259887006
        """
        text = json.dumps(self._document(), indent=2, ensure_ascii=False, allow_nan=False)
        if path is not None:
            write_text(path, text + "\n")
        return text

    def to_html(
        self,
        path: str | os.PathLike[str],
        samples: ImageSet | None = None,
        *,
        augmented: Sequence[tuple[str, Sequence[Image.Image]]] = (),
    ) -> Path:
        """Write the report as one HTML page that needs nothing beside itself.

        Pictures are inside the file, there is no script, and nothing is fetched. The same inputs
        give the same bytes.

        Args:
            path: file to write; folders that are missing are made.
            samples: images to show as samples of each class, usually the training split. Default
                None: samples come from the images judged.
            augmented: what augmentation does in training: for a few images a caption and pictures,
                the image as it is and then augmented views of it. Default: no such section.

        Returns:
            The path written.

        Raises:
            MissingExtraError: jinja2 or matplotlib is not installed.
            OSError: the file cannot be written.

        Example:
            >>> clf.evaluate(test).to_html("report.html", samples=train)
        """
        from apparel_clf.evaluation.html import render

        return write_text(path, render(self, samples, augmented))

    def _document(self) -> dict[str, Any]:
        return {
            "format": REPORT_FORMAT,
            "dataset": self.dataset,
            "split": self.split,
            "split_id": self.split_id,
            "version_id": self.version_id,
            "weights": self.weights,
            "n": self.n,
            "accuracy": self.accuracy,
            "ci": list(self.ci),
            "baseline": self.baseline,
            "log_loss": self.log_loss,
            "calibration": self.calibration.to_json(),
            "temperature": self.temperature,
            "classes": list(self.classes),
            "per_class": {name: score.to_json() for name, score in self.per_class.items()},
            "confusion": self.confusion.tolist(),
            "skipped": [{"path": path, "reason": reason} for path, reason in self.skipped],
            "history": history_document(self.history),
            "settings": plain_value(self.settings),
            "label_issues": [issue.to_json() for issue in self.label_issues],
            "rows": [row.to_json() for row in self.rows],
        }


def history_document(history: History | None) -> dict[str, Any] | None:
    """Return a training history in plain values; its epochs count from 0, as Keras' do.

    Example:
        >>> history_document(clf.history_)["best_epoch"]
        10
    """
    if history is None:
        return None
    document = {
        "epoch": history.epoch,
        "history": history.history,
        "best_epoch": history.best_epoch,
        "kept_epoch": history.kept_epoch,
    }
    plain: dict[str, Any] = plain_value(document)
    return plain
