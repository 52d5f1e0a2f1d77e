"""Which images probably bear a wrong label, or belong to none of the classes."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from apparel_clf.errors import SettingsError
from apparel_clf.evaluation.checks import checked_labels, checked_probabilities
from apparel_clf.evaluation.files import write_text

Kind = Literal["label", "outlier"]

#: An image is an outlier this many sigmas above the median of its label's images.
OUTLIER_SIGMAS = 5.0
#: A label with fewer images than this says too little; its images are held against all images.
MIN_IMAGES = 10

# Of normally distributed values, one sigma in units of the median and of the mean distance from
# the centre: 1/Φ⁻¹(0.75) and sqrt(π/2).
_SIGMA_BY_MEDIAN, _SIGMA_BY_MEAN = 1.482602218505602, 1.2533141373155003


@dataclass(frozen=True)
class LabelIssue:
    """An image whose label a person should look at.

    Args:
        path: the image's file.
        label: the label that it has.
        suggested: the label that it probably should have, or None for an outlier.
        kind: ``"label"`` for probably another class, ``"outlier"`` for an image that looks like
            none of the classes.
        score: share of the images judged that are less suspicious than this one by the measure of
            its kind, 0 to 1; higher is more suspicious.
        why: the reason, for a person.
    """

    path: str
    label: str
    suggested: str | None
    kind: Kind
    score: float
    why: str

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "path": self.path,
            "label": self.label,
            "suggested": self.suggested,
            "kind": self.kind,
            "score": self.score,
            "why": self.why,
        }


def rank_label_issues(
    paths: Sequence[str],
    y_true: NDArray[np.integer[Any]],
    probabilities: NDArray[np.floating[Any]],
    classes: Sequence[str],
    *,
    outlier_scores: NDArray[np.floating[Any]] | Sequence[float] | None = None,
    limit: int | None = None,
) -> tuple[LabelIssue, ...]:
    """Find images that are probably labelled wrongly, the most suspicious first.

    An image probably is of another class where the model says so with at least the probability
    that it gives, on average, to images of that class. This threshold of each class of its own
    makes up for classes of which a model is never very sure. Such images are ranked by their
    margin: the probability of the label less that of the likeliest other class.

    Source: C. Northcutt, L. Jiang and I. Chuang (2021), "Confident learning: estimating
    uncertainty in dataset labels", Journal of Artificial Intelligence Research 70, 1373–1411,
    equations 1 and 2, without their step from counts to a joint distribution.

    Outliers are images whose score is more than 5 sigmas above the median of their own label's
    images, a sigma being 1.4826 times the median distance from it. An image that is both is an
    outlier if it would be one among the images of the suggested class too; else it is of that
    class.

    The two measures have no unit in common. What they share is rank: an image's score is the share
    of all images that its own measure finds less suspicious.

    Args:
        paths: the images' files, `n` of them.
        y_true: index into `classes` of each image's label, integers of shape ``(n,)``.
        probabilities: probability of each class, shape ``(n, k)``, rows adding up to 1. Valid only
            from a model that was not trained on the image itself (out of fold): otherwise it
            repeats the label that it was told.
        classes: the `k` class names.
        outlier_scores: for each image how strange it looks, higher is stranger; for example the
            mean distance to its nearest neighbours among the features. Any unit. Default None:
            look for no outliers.
        limit: at most so many. Default None: all.

    Returns:
        The issues; of equal score labels before outliers, then by path.

    Raises:
        SettingsError: lengths disagree, a number is not finite, or `limit` is below 0.

    Example:
        >>> found = rank_label_issues(paths, labels, probabilities, ["jeans", "saree"])
        >>> found[0].label, found[0].suggested
        ('jeans', 'saree')
    """
    shares = checked_probabilities(probabilities, len(paths), paths)
    labels = checked_labels(y_true, len(classes))
    _check(len(paths), labels, shares, classes, limit)
    suggested = _confident_classes(labels, shares)
    sigmas = _sigmas(labels, outlier_scores, len(classes))
    own = np.take_along_axis(sigmas, labels[:, np.newaxis], axis=1)[:, 0]
    there = np.take_along_axis(sigmas, suggested[:, np.newaxis], axis=1)[:, 0]
    outlier = (own > OUTLIER_SIGMAS) & (there > OUTLIER_SIGMAS)
    by_label = _ranks(-_margins(labels, shares))
    by_outlier = _ranks(own)
    given, better = labels.tolist(), suggested.tolist()
    issues = [
        _outlier(paths[i], classes[given[i]], own[i], by_outlier[i])
        if outlier[i]
        else _wrong_label(paths[i], classes, given[i], better[i], shares[i], by_label[i])
        for i in np.flatnonzero(outlier | (suggested != labels)).tolist()
    ]
    issues.sort(key=lambda issue: (-issue.score, issue.kind, issue.path))
    return tuple(issues[:limit])


def write_label_issues(issues: Iterable[LabelIssue], path: str | os.PathLike[str]) -> Path:
    """Write issues as a list that `apparel_clf.dataset.read_list` and ``dataset curate`` take.

    The columns are ``image``, ``label`` (the suggested label; empty for an outlier, which has none
    and is a candidate for removal) and ``why``. A list is for one purpose: give ``--relabel`` the
    issues of kind ``"label"``, and ``--reject`` those of kind ``"outlier"``, after a person has
    looked at them.

    Args:
        issues: what to write.
        path: file to write; folders that are missing are made. The list is CSV; where a file's
            name has a line break, blanks at its ends or bytes that are no text, none of which a
            line of that CSV can carry, it is JSON lines with the same names, which `read_list`
            tells apart.

    Returns:
        The path written.

    Raises:
        OSError: the file cannot be written.

    Example:
        >>> wrong = [issue for issue in report.label_issues if issue.kind == "label"]
        >>> write_label_issues(wrong, "relabel.csv")  # look at it, then:
        >>> # apparel-clf dataset curate datasets/demo --relabel relabel.csv
    """
    rows = [
        {"image": issue.path, "label": issue.suggested or "", "why": issue.why} for issue in issues
    ]
    fits = all(_fits_a_line(value) for row in rows for value in row.values())
    return write_text(path, _csv(rows) if fits else _json_lines(rows))


def _check(
    n: int,
    labels: NDArray[np.int64],
    shares: NDArray[np.float64],
    classes: Sequence[str],
    limit: int | None,
) -> None:
    if len(labels) != n or shares.shape[1] != len(classes):
        raise SettingsError(
            f"Expected {n} paths to come with as many labels, and {len(classes)} classes with as "
            f"many columns. Received: {len(labels)} labels, {shares.shape[1]} columns"
        )
    if limit is not None and limit < 0:
        raise SettingsError(f"Expected limit to be 0 or more. Received: limit={limit}")


def _confident_classes(labels: NDArray[np.int64], shares: NDArray[np.float64]) -> NDArray[np.int64]:
    """For each image the class that it confidently is of; its own label where there is none."""
    # A class without images has no threshold, and nothing is confidently of it.
    thresholds = np.array(
        [
            shares[labels == number, number].mean() if (labels == number).any() else np.inf
            for number in range(shares.shape[1])
        ]
    )
    # Equal numbers have a mean that misses them by a hair.
    confident = np.where(shares >= thresholds - 1e-9, shares, -1.0)
    best: NDArray[np.int64] = confident.argmax(axis=1)
    mine = np.take_along_axis(shares, labels[:, np.newaxis], axis=1)[:, 0]
    return np.where(confident.max(axis=1) > mine, best, labels)


def _margins(labels: NDArray[np.int64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability of the label less that of the likeliest other class, -1 to 1."""
    rest = shares.copy()
    np.put_along_axis(rest, labels[:, np.newaxis], -1.0, axis=1)
    mine: NDArray[np.float64] = np.take_along_axis(shares, labels[:, np.newaxis], axis=1)[:, 0]
    others: NDArray[np.float64] = rest.max(axis=1)
    return mine - others


def _sigmas(
    labels: NDArray[np.int64],
    outlier_scores: NDArray[np.floating[Any]] | Sequence[float] | None,
    classes: int,
) -> NDArray[np.float64]:
    """How many sigmas each image is above the median of each class, shape ``(n, k)``."""
    if outlier_scores is None:
        return np.zeros((len(labels), classes))
    scores = np.asarray(outlier_scores, dtype=np.float64)
    if scores.shape != labels.shape or not np.isfinite(scores).all():
        raise SettingsError(
            f"Expected outlier_scores to be {len(labels)} finite numbers. "
            f"Received: shape {scores.shape}, {int((~np.isfinite(scores)).sum())} not finite"
        )
    columns = []
    for number in range(classes):
        inside = scores[labels == number]
        centre, sigma = _spread(inside if len(inside) >= MIN_IMAGES else scores)
        columns.append((scores - centre) / sigma if sigma else np.zeros_like(scores))
    return np.stack(columns, axis=1)


def _spread(values: NDArray[np.float64]) -> tuple[float, float]:
    """Median, and a sigma that outliers don't move; 0 where all values are equal."""
    centre = float(np.median(values))
    distances = np.abs(values - centre)
    # Where more than half of the values are equal the median distance is 0 and says nothing.
    sigma = _SIGMA_BY_MEDIAN * np.median(distances) or _SIGMA_BY_MEAN * distances.mean()
    return centre, float(sigma)


def _ranks(suspicion: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of images that are less suspicious than each."""
    ranks: NDArray[np.float64] = np.searchsorted(np.sort(suspicion), suspicion) / len(suspicion)
    return ranks


def _wrong_label(
    path: str,
    classes: Sequence[str],
    label: int,
    suggested: int,
    shares: NDArray[np.float64],
    score: float,
) -> LabelIssue:
    why = (
        f"looks like {classes[suggested]}: a model that had not seen it gives "
        f"{classes[suggested]} {shares[suggested]:.0%}, {classes[label]} {shares[label]:.0%}"
    )
    return LabelIssue(str(path), classes[label], classes[suggested], "label", float(score), why)


def _outlier(path: str, label: str, sigmas: float, score: float) -> LabelIssue:
    why = f"looks like none of the classes: {sigmas:.1f} sigmas stranger than the usual {label}"
    return LabelIssue(str(path), label, None, "outlier", float(score), why)


def _fits_a_line(value: str) -> bool:
    """Whether `read_list` gets a value back from a cell of CSV, which it strips."""
    is_text = not any("\ud800" <= character <= "\udfff" for character in value)
    return is_text and value == value.strip() and not {"\n", "\r"} & set(value)


def _csv(rows: Iterable[dict[str, str]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_ALL)
    buffer.write("image,label,why\n")
    # Quoted throughout: a name that begins with # would be a comment.
    writer.writerows(row.values() for row in rows)
    return buffer.getvalue()


def _json_lines(rows: Iterable[dict[str, str]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)
