"""Predictions and true labels become a report."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from apparel_clf.errors import DatasetError, SettingsError
from apparel_clf.evaluation.calibration import Calibration, calibration
from apparel_clf.evaluation.checks import checked_labels, checked_probabilities
from apparel_clf.evaluation.intervals import wilson_interval
from apparel_clf.evaluation.label_issues import LabelIssue
from apparel_clf.evaluation.metrics import (
    ClassScore,
    class_scores,
    confusion_counts,
    mean_log_loss,
)
from apparel_clf.evaluation.report import EvaluationReport, Row

if TYPE_CHECKING:
    from apparel_clf.training import History

_SHA256 = re.compile(r"[0-9a-f]{64}")


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
    temperature: float | None = None,
    hashes: Sequence[str] | None = None,
    label_issues: Iterable[LabelIssue] = (),
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
        temperature: what the logits behind `probabilities` were divided by, above 0. It is
            written down and not applied. Default None: the model is not calibrated.
        hashes: sha256 of each image's bytes, `n` of them in hexadecimal, from which and the labels
            `split_id` comes. Default None: `split_id` is None.
        label_issues: images whose label a person should look at, the most suspicious first; they
            need not be among those judged. Default none.

    Returns:
        The report.

    Raises:
        DatasetError: there is no image to judge.
        SettingsError: lengths disagree, a label index is outside `classes`, a probability is
            not a finite number from 0 to 1 in rows that add up to 1, a hash is no sha256, or the
            temperature is not above 0.
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
    _check_some(y_true, dataset, left_out)
    _check_temperature(temperature)
    figures = _figures(y_true, probabilities, names, paths)
    return EvaluationReport(
        **figures,
        classes=names,
        dataset=dataset,
        split=split,
        version_id=version_id,
        weights="none" if weights is None else str(weights),
        skipped=left_out,
        history=history,
        settings=dict(settings or {}),
        temperature=None if temperature is None else float(temperature),
        split_id=None
        if hashes is None
        else split_id(hashes, [row.true for row in figures["rows"]]),
        label_issues=tuple(label_issues),
    )


def split_id(hashes: Sequence[str], labels: Sequence[str]) -> str:
    """Name exactly which images with which labels were judged, whatever their files' names.

    Args:
        hashes: sha256 of each image's bytes, in hexadecimal.
        labels: each image's label.

    Returns:
        The sha256, in hexadecimal, of the lines ``"<sha256> <label>\\n"`` in sorted order. Two
        sets with equal ids hold the same images with the same labels.

    Raises:
        SettingsError: lengths disagree, or a hash is no sha256.

    Example:
        >>> split_id(["0" * 64], ["jeans"])[:12]
        '79915fbc58b1'
    """
    if len(hashes) != len(labels):
        raise SettingsError(
            f"Expected {len(labels)} labels to come with as many hashes. "
            f"Received: {len(hashes)} hashes"
        )
    lower = [str(text).lower() for text in hashes]
    odd = next((text for text in lower if not _SHA256.fullmatch(text)), None)
    if odd is not None:
        raise SettingsError(
            f"Expected each hash to be a sha256 in hexadecimal, 64 digits. Received: {odd!r}"
        )
    lines = sorted(f"{text} {label}\n" for text, label in zip(lower, labels, strict=True))
    # surrogatepass: a class folder's name may hold bytes that are no text.
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


class _Figures(TypedDict):
    """What a report holds that comes from labels and probabilities alone."""

    n: int
    accuracy: float
    ci: tuple[float, float]
    per_class: Mapping[str, ClassScore]
    confusion: NDArray[np.int64]
    log_loss: float
    calibration: Calibration
    rows: tuple[Row, ...]


def _figures(
    y_true: NDArray[np.integer[Any]],
    probabilities: NDArray[np.floating[Any]],
    classes: tuple[str, ...],
    paths: Sequence[str],
) -> _Figures:
    shares = np.asarray(probabilities, dtype=np.float64)
    _check_shapes(np.size(y_true), shares.shape, classes, paths)
    labels = checked_labels(y_true, len(classes))
    whole = checked_probabilities(shares, len(labels), paths)
    predicted = shares.argmax(axis=1)
    hits = int((predicted == labels).sum())
    return {
        "n": len(labels),
        "accuracy": hits / len(labels),
        "ci": wilson_interval(hits, len(labels)),
        "per_class": class_scores(labels, predicted, classes),
        "confusion": confusion_counts(labels, predicted, len(classes)),
        "log_loss": mean_log_loss(labels, whole),
        "calibration": calibration(labels, shares),
        "rows": _rows(labels, predicted, shares, classes, paths),
    }


def _check_some(
    y_true: NDArray[np.integer[Any]], dataset: str, skipped: tuple[tuple[str, str], ...]
) -> None:
    if np.asarray(y_true).size == 0:
        why = f"; all {len(skipped)} were unreadable" if skipped else ""
        raise DatasetError(f"{dataset}: no image to evaluate{why}. Choose a split that has images.")


def _check_temperature(temperature: float | None) -> None:
    if temperature is not None and not 0 < temperature < float("inf"):
        raise SettingsError(
            "Expected temperature to be a number above 0, or None. "
            f"Received: temperature={temperature}"
        )


def _check_shapes(
    n: int, shape: tuple[int, ...], classes: tuple[str, ...], paths: Sequence[str]
) -> None:
    if len(classes) < 2 or len(set(classes)) < len(classes):
        raise SettingsError(f"Expected two or more different classes. Received: {list(classes)}")
    if shape != (n, len(classes)) or len(paths) != n:
        raise SettingsError(
            f"Expected {n} labels to come with as many paths and with probabilities of "
            f"shape ({n}, {len(classes)}). "
            f"Received: {len(paths)} paths, probabilities of shape {shape}"
        )


def _rows(
    labels: NDArray[np.int64],
    predicted: NDArray[np.intp],
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
