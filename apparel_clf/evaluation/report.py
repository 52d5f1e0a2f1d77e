"""The result of an evaluation: figures that never travel without interval and source."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from apparel_clf.errors import DatasetError, SettingsError
from apparel_clf.evaluation.intervals import wilson_interval
from apparel_clf.evaluation.metrics import (
    ClassScore,
    class_scores,
    confusion_counts,
    mean_log_loss,
)
from apparel_clf.evaluation.plain import plain_value, short_float
from apparel_clf.evaluation.text import summary

if TYPE_CHECKING:
    from apparel_clf.dataset import ImageSet
    from apparel_clf.training import History

#: Written into every JSON document; the number grows when a field changes its meaning.
REPORT_FORMAT = "apparel-clf/evaluation/1"

# Softmax in bfloat16 misses 1 by up to half a percent; more than that is no softmax.
_SUM_TOLERANCE = 0.01


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
        rows: one `Row` per image, in the order in which they were judged.
        dataset: name of the dataset and its version, for example ``"demo/v1"``.
        split: name of the split judged, or None where the images come from no split.
        version_id: identifier of the dataset version's content, or None.
        weights: where the backbone's weights came from: ``"imagenet"``, a file, or ``"none"`` for
            an untrained backbone.
        skipped: path and reason of each image that could not be read.
        history: how the classifier was trained, where that is known.
        settings: how the classifier was made.

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
    rows: tuple[Row, ...]
    dataset: str
    split: str | None
    version_id: str | None
    weights: str
    skipped: tuple[tuple[str, str], ...]
    history: History | None
    settings: Mapping[str, Any]

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
            _write_text(path, text + "\n")
        return text

    def to_html(self, path: str | os.PathLike[str], samples: ImageSet | None = None) -> Path:
        """Write the report as one HTML page that needs nothing beside itself.

        Pictures are inside the file, there is no script, and nothing is fetched. The same inputs
        give the same bytes.

        Args:
            path: file to write; folders that are missing are made.
            samples: images to show as samples of each class, usually the training split. Default
                None: samples come from the images judged.

        Returns:
            The path written.

        Raises:
            MissingExtraError: jinja2 or matplotlib is not installed.
            OSError: the file cannot be written.

        Example:
            >>> clf.evaluate(test).to_html("report.html", samples=train)
        """
        from apparel_clf.evaluation.html import render

        return _write_text(path, render(self, samples))

    def _document(self) -> dict[str, Any]:
        return {
            "format": REPORT_FORMAT,
            "dataset": self.dataset,
            "split": self.split,
            "version_id": self.version_id,
            "weights": self.weights,
            "n": self.n,
            "accuracy": self.accuracy,
            "ci": list(self.ci),
            "baseline": self.baseline,
            "log_loss": self.log_loss,
            "classes": list(self.classes),
            "per_class": {name: score.to_json() for name, score in self.per_class.items()},
            "confusion": self.confusion.tolist(),
            "skipped": [{"path": path, "reason": reason} for path, reason in self.skipped],
            "history": history_document(self.history),
            "settings": plain_value(self.settings),
            "rows": [row.to_json() for row in self.rows],
        }


def evaluate_predictions(
    y_true: NDArray[np.integer[Any]],
    probabilities: NDArray[np.floating[Any]],
    classes: Sequence[str],
    *,
    paths: Sequence[str],
    dataset: str,
    split: str | None,
    version_id: str | None,
    weights: str | None,
    history: History | None = None,
    settings: Mapping[str, Any] | None = None,
    skipped: Iterable[tuple[str, str]] = (),
) -> EvaluationReport:
    """Judge predictions against true labels.

    Args:
        y_true: index into `classes` of each image's label, integers of shape ``(n,)``.
        probabilities: probability of each class, of shape ``(n, k)``, rows adding up to 1.
        classes: the `k` class names, at least two, in the order of the columns.
        paths: the images' files, `n` of them.
        dataset: name of the dataset and its version.
        split: name of the split, or None.
        version_id: identifier of the version's content, or None.
        weights: ``"imagenet"``, a weights file, or ``"none"`` (None too) for an untrained backbone.
        history: how the classifier was trained. Default None: not known.
        settings: how the classifier was made, for the reader. Default None: nothing to say.
        skipped: path and reason of images that could not be read and are not in `y_true`.

    Returns:
        The report.

    Raises:
        DatasetError: there is no image to judge.
        SettingsError: lengths disagree, a label index is outside `classes`, or a probability is
            not a finite number from 0 to 1 in rows that add up to 1.
        MissingExtraError: scikit-learn is not installed.

    Example:
        >>> report = evaluate_predictions(
        ...     np.array([0, 1]), np.array([[0.9, 0.1], [0.6, 0.4]]), ["jeans", "saree"],
        ...     paths=["a.jpg", "b.jpg"], dataset="demo/v1", split="test", version_id=None,
        ...     weights="imagenet")
        >>> report.accuracy
        0.5
    """
    names = tuple(classes)
    left_out = tuple((str(path), str(reason)) for path, reason in skipped)
    labels, shares = _checked(y_true, probabilities, names, paths, dataset, left_out)
    predicted = shares.argmax(axis=1)
    hits = int((predicted == labels).sum())
    return EvaluationReport(
        classes=names,
        n=len(labels),
        accuracy=hits / len(labels),
        ci=wilson_interval(hits, len(labels)),
        per_class=class_scores(labels, predicted, names),
        confusion=confusion_counts(labels, predicted, len(names)),
        log_loss=mean_log_loss(labels, shares / shares.sum(axis=1, keepdims=True)),
        rows=_rows(labels, predicted, shares, names, paths),
        dataset=dataset,
        split=split,
        version_id=version_id,
        weights="none" if weights is None else str(weights),
        skipped=left_out,
        history=history,
        settings=dict(settings or {}),
    )


def _checked(
    y_true: NDArray[np.integer[Any]],
    probabilities: NDArray[np.floating[Any]],
    classes: tuple[str, ...],
    paths: Sequence[str],
    dataset: str,
    skipped: tuple[tuple[str, str], ...],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return labels and probabilities in known types and shapes, or say what is wrong with them."""
    labels = np.asarray(y_true)
    shares = np.asarray(probabilities, dtype=np.float64)
    if len(classes) < 2 or len(set(classes)) < len(classes):
        raise SettingsError(f"Expected two or more different classes. Received: {list(classes)}")
    if labels.size == 0:
        why = f"; all {len(skipped)} were unreadable" if skipped else ""
        raise DatasetError(f"{dataset}: no image to evaluate{why}. Choose a split that has images.")
    if shares.shape != (len(labels), len(classes)) or len(paths) != len(labels):
        raise SettingsError(
            f"Expected {len(labels)} labels to come with as many paths and with probabilities of "
            f"shape ({len(labels)}, {len(classes)}). "
            f"Received: {len(paths)} paths, probabilities of shape {shares.shape}"
        )
    _check_labels(labels, len(classes))
    _check_probabilities(shares, paths)
    return labels.astype(np.int64), shares


def _check_labels(labels: NDArray[Any], classes: int) -> None:
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise SettingsError(
            "Expected y_true to be integers of shape (n,). "
            f"Received: {labels.dtype} of shape {labels.shape}"
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise SettingsError(
            f"Expected labels to be indices from 0 to {classes - 1}. "
            f"Received: {labels.min()} to {labels.max()}"
        )


def _check_probabilities(shares: NDArray[np.float64], paths: Sequence[str]) -> None:
    fits = np.isfinite(shares).all(axis=1) & (shares >= 0).all(axis=1)
    fits &= np.abs(shares.sum(axis=1) - 1) <= _SUM_TOLERANCE
    if not fits.all():
        first = int(np.flatnonzero(~fits)[0])
        raise SettingsError(
            "Expected probabilities to be finite, from 0 to 1, and to add up to 1 per image. "
            f"Received: {shares[first].tolist()} for {paths[first]}. A network whose output is not "
            "finite has diverged: train it again with a smaller learning rate."
        )


def _rows(
    labels: NDArray[np.int64],
    predicted: NDArray[np.int64],
    shares: NDArray[np.float64],
    classes: tuple[str, ...],
    paths: Sequence[str],
) -> tuple[Row, ...]:
    return tuple(
        Row(
            path=str(path),
            true=classes[true],
            predicted=classes[guess],
            confidence=row[guess],
            probabilities=dict(zip(classes, row, strict=True)),
        )
        for path, true, guess, row in zip(paths, labels, predicted, shares.tolist(), strict=True)
    )


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


def _write_text(path: str | os.PathLike[str], text: str) -> Path:
    """Write beside the final place and rename, so that no half-written report is ever seen."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        # A file name that is not text becomes an escape, valid in JSON and readable in HTML.
        partial.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target
