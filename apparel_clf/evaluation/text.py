"""An evaluation as text: what a terminal shows, and how figures are written everywhere."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from apparel_clf._columns import columns
from apparel_clf.evaluation.intervals import wilson_interval

if TYPE_CHECKING:
    from apparel_clf.evaluation.report import EvaluationReport
    from apparel_clf.training import History

#: The columns of a per-epoch table, by the name that Keras gives each figure.
EPOCH_COLUMNS = {
    "loss": "loss",
    "accuracy": "accuracy",
    "val_loss": "val loss",
    "val_accuracy": "val accuracy",
}

#: How many digits of a split's id a reader sees.
SPLIT_ID_DIGITS = 12

# Up to this many classes the table also shows the confusion matrix; more would wrap.
_MAX_COLUMNS = 8


def summary(report: EvaluationReport) -> str:
    """Write a report as a few lines of text.

    The accuracy never stands alone: its interval, the number of images, the split, the dataset
    and the weights are on the same line.

    Example:
        >>> print(summary(report))
        accuracy 95.5% (338 of n=354), 95% interval 92.8%–97.2%, split test, dataset demo/v1, ...
    """
    lines = [_headline(report), *_table(report), calibration_line(report)]
    if report.label_issues:
        lines.append(f"likely label issues: {len(report.label_issues)}")
    if report.skipped:
        lines.append(f"skipped, not counted: {len(report.skipped)} unreadable")
    return "\n".join(lines)


def describe_weights(weights: str) -> str:
    """Name the backbone's weights so that nobody takes random ones for learned ones.

    Example:
        >>> describe_weights("none"), describe_weights("imagenet")
        ('none (untrained backbone)', 'imagenet')
    """
    return "none (untrained backbone)" if weights == "none" else weights


def calibration_line(report: EvaluationReport) -> str:
    """Say in a line how far probabilities can be taken at their word.

    Example:
        >>> calibration_line(report)
        'calibration error 0.031, within the 0.039 that chance alone explains at n=337; ...'
    """
    temperature = report.temperature
    how = "not calibrated" if temperature is None else f"calibrated, temperature {temperature:.3g}"
    return f"calibration error {report.calibration}; {how}"


def _headline(report: EvaluationReport) -> str:
    hits = round(report.accuracy * report.n)
    version = "" if report.version_id else " (no version)"
    split = report.split or "none"
    if report.split_id:
        split += f" (id {report.split_id[:SPLIT_ID_DIGITS]})"
    return (
        f"accuracy {accuracy_text(hits, report.n)}, split {split}, "
        f"dataset {report.dataset}{version}, weights {describe_weights(report.weights)}"
    )


def _table(report: EvaluationReport) -> list[str]:
    """Lay the per-class figures out in columns, counts by predicted class to the right."""
    shown = report.classes if len(report.classes) <= _MAX_COLUMNS else ()
    lines = [["class", "precision", "recall", "f1", "n", *(f"→{name}" for name in shown)]]
    for name, counts in zip(report.classes, report.confusion.tolist(), strict=True):
        score = report.per_class[name]
        figures = [format_share(value) for value in (score.precision, score.recall, score.f1)]
        lines.append([name, *figures, str(score.support), *map(str, counts[: len(shown)])])
    return columns(lines)


def epoch_number(epoch: int) -> int:
    """Return the number that a reader sees: Keras counts epochs from 0, people from 1."""
    return epoch + 1


def epoch_marks(history: History, epoch: int) -> list[str]:
    """Say what sets an epoch apart: ``best``, ``kept``, both or nothing."""
    marks = {"best": history.best_epoch, "kept": history.kept_epoch}
    return [mark for mark, marked in marks.items() if marked == epoch]


def accuracy_text(hits: int, n: int) -> str:
    """Write an accuracy with what belongs to it.

    Args:
        hits: images that got their label.
        n: images judged, at least 1.

    Example:
        >>> accuracy_text(123, 124)
        '99.2% (123 of n=124), 95% interval 95.6%–99.9%'
    """
    low, high = wilson_interval(hits, n)
    return f"{hits / n:.1%} ({hits} of n={n}), 95% interval {low:.1%}–{high:.1%}"


def kept_line(history: History, val_images: int) -> str:
    """Say in a line which epoch's weights a model has and how that epoch fared.

    Args:
        history: of the training.
        val_images: how many images the validation figures are of.

    Example:
        >>> kept_line(clf.history_, 124)
        'epoch 12, the last, is kept: loss 0.170, …; the lowest val loss was at 11'
    """
    kept, best = history.kept_epoch, history.best_epoch
    values = {name: of_epoch[kept] for name, of_epoch in history.history.items()}
    told = {name: format_share(value) for name, value in values.items()}
    if "val_accuracy" in values:
        hits = round(values["val_accuracy"] * val_images)
        told["val_accuracy"] = accuracy_text(hits, val_images)
    figures = ", ".join(
        f"{EPOCH_COLUMNS[name]} {told[name]}" for name in EPOCH_COLUMNS if name in told
    )
    which = ", the last, is" if history.kept is None else ""
    rest = "" if kept == best else f"; the lowest {history.judged_by} was at {epoch_number(best)}"
    return f"epoch {epoch_number(kept)}{which} kept: {figures}{rest}"


def format_share(value: float | None) -> str:
    """Write a figure with three decimals, one that is undefined or not finite as a dash.

    Example:
        >>> format_share(0.95), format_share(None)
        ('0.950', '–')
    """
    return "–" if value is None or not math.isfinite(value) else f"{value:.3f}"
