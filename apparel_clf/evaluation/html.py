"""Lays an evaluation out as one self-contained HTML page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from apparel_clf._extras import require
from apparel_clf._version import __version__
from apparel_clf.evaluation.curves import Series, curve_svg
from apparel_clf.evaluation.plain import plain_value
from apparel_clf.evaluation.reliability import reliability_svg
from apparel_clf.evaluation.settings import setting_rows
from apparel_clf.evaluation.text import (
    EPOCH_COLUMNS,
    SPLIT_ID_DIGITS,
    describe_weights,
    epoch_marks,
    epoch_number,
    format_share,
)
from apparel_clf.evaluation.thumbnails import Thumbnail, picture_thumbnail, short_name, thumbnail

if TYPE_CHECKING:
    from PIL import Image

    from apparel_clf.dataset import ImageSet
    from apparel_clf.evaluation.calibration import Calibration
    from apparel_clf.evaluation.label_issues import LabelIssue
    from apparel_clf.evaluation.report import EvaluationReport, Row
    from apparel_clf.training import History

SAMPLES_PER_CLASS = 8
MAX_MISTAKES = 24
MAX_EXAMPLES = 12
#: How many of the likeliest classes are shown beside an example.
TOP_CLASSES = 3
MAX_SKIPPED = 50
#: A table of more epochs than this is folded.
MAX_EPOCHS_OPEN = 15
MAX_ISSUES = 24
#: How many images are shown with their augmented views, and how many pictures of each.
MAX_AUGMENTED = 6
MAX_VIEWS = 8


_SHA256 = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")


@dataclass(frozen=True)
class _Card:
    """An evaluated image as the page shows it."""

    picture: Thumbnail
    row: Row
    top: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class _Cell:
    """One cell of the confusion matrix; `share` is of the row, that is of the true class."""

    true: str
    predicted: str
    count: int
    share: float | None


def render(
    report: EvaluationReport,
    samples: ImageSet | None = None,
    augmented: Sequence[tuple[str, Sequence[Image.Image]]] = (),
) -> str:
    """Render a report as an HTML page.

    Args:
        report: what to show.
        samples: images to show as samples of each class. Default None: those of the report.
        augmented: for each image a caption and pictures, first as it is and then augmented views;
            of six images at most, and of eight pictures each. Default: no such section.

    Returns:
        The page. Equal inputs and equal image files give equal text.

    Raises:
        MissingExtraError: jinja2 or matplotlib is not installed.

    Example:
        >>> render(report).startswith("<!doctype html>")
        True
    """
    # An image may be both a sample and a mistake; it is read once.
    picture = lru_cache(maxsize=None)(thumbnail)
    markup = require("markupsafe", "train").Markup
    text: str = (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            version=__version__,
            weights=describe_weights(report.weights),
            notes=_notes(report),
            split_id=(report.split_id or "")[:SPLIT_ID_DIGITS],
            hits=sum(row.right for row in report.rows),
            matrix=_matrix(report),
            reliability=markup(reliability_svg(report.calibration)),
            trust=_trust(report.calibration),
            mistakes=[_card(row, picture) for row in report.mistakes[:MAX_MISTAKES]],
            issues=[(issue, picture(issue.path)) for issue in report.label_issues[:MAX_ISSUES]],
            issue_counts=_issue_counts(report.label_issues),
            examples=[_card(row, picture) for row in _examples(report)],
            samples=_samples(report, samples, picture),
            samples_from=_samples_name(report, samples),
            augmented=_augmented(augmented),
            curves=[(title, markup(svg)) for title, svg in _curves(report.history)],
            epochs=_epochs(report.history),
            folded=report.history is not None and len(report.history.epoch) > MAX_EPOCHS_OPEN,
            settings=setting_rows(report.settings),
            skipped=[(short_name(path), reason) for path, reason in report.skipped[:MAX_SKIPPED]],
        )
    )
    return text


def _environment() -> Any:
    jinja2 = require("jinja2", "train")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("apparel_clf.evaluation", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["share"] = format_share
    environment.filters["percent"] = _percent
    environment.filters["plural"] = _plural
    environment.filters["brief"] = _brief
    return environment


def spread(items: Sequence[Any], count: int) -> list[Any]:
    """Take `count` items at equal distances, the first among them: a choice that favours none.

    Example:
        >>> spread("abcdefgh", 3)
        ['a', 'c', 'f']
    """
    if len(items) <= count:
        return list(items)
    return [items[place * len(items) // count] for place in range(count)]


def _notes(report: EvaluationReport) -> list[tuple[str, str]]:
    """What a reader must know before quoting the figure, as title and text."""
    notes = []
    if report.untrained:
        notes.append(
            (
                "Untrained backbone",
                "The backbone's weights are random numbers: it has never seen a picture. Only the "
                "head on top of it was trained. These figures show that the whole way works and "
                "how far random features carry; they say nothing of the ImageNet model. Train "
                "with the ImageNet weights before you quote a figure.",
            )
        )
    if report.split == "train":
        notes.append(
            (
                "Judged on the training images",
                "The model has seen these very images, so the figures flatter it. Judge it on the "
                "test split.",
            )
        )
    if report.split == "val":
        notes.append(
            (
                "Judged on the val split",
                "The best epoch was chosen on these images, which flatters the figures a little. "
                "Judge on the test split.",
            )
        )
    return notes


def _matrix(report: EvaluationReport) -> list[tuple[str, list[_Cell]]]:
    return [
        (true, _matrix_row(true, counts, report.classes))
        for true, counts in zip(report.classes, report.confusion.tolist(), strict=True)
    ]


def _matrix_row(true: str, counts: list[int], classes: Sequence[str]) -> list[_Cell]:
    total = sum(counts)
    return [
        _Cell(true, name, count, count / total if total else None)
        for name, count in zip(classes, counts, strict=True)
    ]


def _trust(found: Calibration) -> str:
    """Judge the calibration error against what chance alone shows."""
    if found.within_band:
        return (
            "No more than chance alone explains: a model that is right exactly as often as it "
            f"says would show up to {found.null_high:.3f} on as many images, 95 times in 100."
        )
    points = 100 * found.overconfidence
    lean = (
        f"On average the model is too {'sure' if points > 0 else 'unsure'}, "
        f"by {abs(points):.1f} points."
        if abs(points) >= 1
        else "It is too sure in some ranges and too unsure in others."
    )
    return (
        "More than chance alone explains: a model that is right exactly as often as it says would "
        f"show at most {found.null_high:.3f} on as many images, 95 times in 100. {lean}"
    )


def _issue_counts(issues: Sequence[LabelIssue]) -> list[str]:
    """How many issues there are of each kind, in words, a kind without any left out."""
    outliers = sum(issue.kind == "outlier" for issue in issues)
    said = (
        (len(issues) - outliers, "probably of another class"),
        (outliers, "perhaps of none of the classes"),
    )
    return [f"{_plural(count, 'image')} {words}" for count, words in said if count]


def _augmented(
    given: Sequence[tuple[str, Sequence[Image.Image]]],
) -> list[tuple[str, list[tuple[str, Thumbnail]]]]:
    """Caption, and of each picture what it is and its thumbnail."""
    return [
        (
            caption,
            [
                (name, picture_thumbnail(view, f"{caption}, {name}"))
                for name, view in zip(_view_names(len(views)), views, strict=False)
            ],
        )
        for caption, views in given[:MAX_AUGMENTED]
    ]


def _view_names(count: int) -> list[str]:
    return ["as it is", *(f"view {number}" for number in range(1, count))][:MAX_VIEWS]


def _card(row: Row, picture: Any) -> _Card:
    ranked = sorted(row.probabilities.items(), key=lambda item: -item[1])
    return _Card(picture(row.path), row, tuple(ranked[:TOP_CLASSES]))


def _examples(report: EvaluationReport) -> list[Row]:
    """Rows spread evenly over the images judged, the classes taking equal parts."""
    per_class = max(1, MAX_EXAMPLES // len(report.classes))
    chosen = []
    for name in report.classes[:MAX_EXAMPLES]:
        chosen += spread([row for row in report.rows if row.true == name], per_class)
    return chosen


def _samples(
    report: EvaluationReport, samples: ImageSet | None, picture: Any
) -> list[tuple[str, int, list[Thumbnail]]]:
    """Class, number of images and a few of its pictures."""
    paths = _paths_by_class(report, samples)
    return [
        (name, len(found), [picture(path) for path in spread(found, SAMPLES_PER_CLASS)])
        for name, found in paths.items()
    ]


def _paths_by_class(report: EvaluationReport, samples: ImageSet | None) -> dict[str, list[str]]:
    labelled: Iterable[tuple[str, str]] = (
        ((row.true, row.path) for row in report.rows)
        if samples is None
        else ((sample.label, str(sample.path)) for sample in samples.samples)
    )
    paths: dict[str, list[str]] = {name: [] for name in report.classes}
    for label, path in labelled:
        paths.setdefault(label, []).append(path)
    return paths


def _samples_name(report: EvaluationReport, samples: ImageSet | None) -> str:
    split = report.split if samples is None else samples.split_name
    return f"the {split} split" if split else "the dataset"


def _curves(history: History | None) -> list[tuple[str, str]]:
    """Title and picture of accuracy and loss by epoch."""
    if history is None or not history.epoch:
        return []
    return [
        ("Accuracy", _curve("accuracy", history, percent=True)),
        ("Loss", _curve("loss", history, percent=False)),
    ]


def _curve(name: str, history: History, *, percent: bool) -> str:
    lines = [
        Series(label, history.history[column])
        for label, column in (("train", name), ("val", f"val_{name}"))
        if column in history.history
    ]
    best = epoch_number(history.best_epoch)
    numbers = [epoch_number(epoch) for epoch in history.epoch]
    return curve_svg(f"{name} by epoch", numbers, lines, best=best, percent=percent)


def _epochs(history: History | None) -> dict[str, Any] | None:
    """The per-epoch table: its columns, and for each epoch its number, figures and marks."""
    if history is None or not history.epoch:
        return None
    columns = [column for column in EPOCH_COLUMNS if column in history.history]
    rows = [
        (
            epoch_number(epoch),
            plain_value([history.history[column][place] for column in columns]),
            epoch_marks(history, epoch),
        )
        for place, epoch in enumerate(history.epoch)
    ]
    return {"columns": [EPOCH_COLUMNS[column] for column in columns], "rows": rows}


def _brief(name: str) -> str:
    """Shorten a sha256 in a file's name; the first digits are enough to find it by."""
    return _SHA256.sub(r"\1…", name)


def _percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{100 * value:.{digits}f}%"


def _plural(count: int, noun: str, plural: str | None = None) -> str:
    """Write a count with its noun: 1 image, 2 images."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
