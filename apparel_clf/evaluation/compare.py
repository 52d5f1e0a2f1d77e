"""Whether one classifier is better than another on the same images, or only luckier."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from apparel_clf._extras import require
from apparel_clf.errors import SettingsError
from apparel_clf.evaluation.files import write_text
from apparel_clf.evaluation.intervals import paired_interval
from apparel_clf.evaluation.report import Row

#: Written into every JSON document; the number grows when a field changes its meaning.
COMPARISON_FORMAT = "apparel-clf/comparison/1"

# So many images are named in an error.
_NAMED = 3


class Judged(Protocol):
    """What `compare` needs of a report: an `EvaluationReport` is one."""

    @property
    def rows(self) -> Sequence[Row]:
        """One row per image."""

    @property
    def accuracy(self) -> float:
        """Share of rows that are right, 0 to 1."""

    @property
    def n(self) -> int:
        """Number of rows."""


class HasReport(Protocol):
    """Something that carries a report."""

    @property
    def report(self) -> Judged:
        """The report."""


@dataclass(frozen=True)
class Comparison:
    """Two classifiers, a and b, on the same images. Made by `compare`.

    Args:
        both_right: number of images that both got right.
        only_a_right: number that a got right and b wrong.
        only_b_right: number that b got right and a wrong.
        both_wrong: number that both got wrong.
        p_value: of McNemar's exact test: how probable it is that the images on which only one is
            right fall as unevenly as this, were each as likely to be the one.
        ci: 95% interval of `difference`, low and high, by Newcombe's method 10. It takes the
            images as independent of each other.

    Source: Q. McNemar (1947), Psychometrika 12, 153–157; that test for two classifiers on one test
    set: T. G. Dietterich (1998), Neural Computation 10, 1895–1923. For the interval see
    `paired_interval`.

    Example:
        >>> print(compare(before, after))
        b is right on 31 images that a gets wrong, a on 9 that b gets wrong; McNemar p = 0.0007; ...
    """

    both_right: int
    only_a_right: int
    only_b_right: int
    both_wrong: int
    p_value: float
    ci: tuple[float, float]

    @property
    def n(self) -> int:
        """Number of images."""
        return self.both_right + self.only_a_right + self.only_b_right + self.both_wrong

    @property
    def errors(self) -> tuple[int, int]:
        """Number of images that a gets wrong, and that b gets wrong."""
        return self.both_wrong + self.only_b_right, self.both_wrong + self.only_a_right

    @property
    def accuracy(self) -> tuple[float, float]:
        """Accuracy of a and of b, 0 to 1."""
        wrong_a, wrong_b = self.errors
        return (self.n - wrong_a) / self.n, (self.n - wrong_b) / self.n

    @property
    def difference(self) -> float:
        """Accuracy of b less that of a, -1 to 1."""
        return (self.only_b_right - self.only_a_right) / self.n

    @property
    def error_ratio(self) -> float | None:
        """Errors of b for each error of a; None where a makes none."""
        wrong_a, wrong_b = self.errors
        return wrong_b / wrong_a if wrong_a else None

    def differ(self, alpha: float = 0.05) -> bool:
        """Whether the two differ by more than chance.

        Args:
            alpha: how often a difference may be seen where there is none, 0 to 1. Default 0.05.

        Returns:
            Whether `p_value` is below `alpha`. False means no sign of a difference, not that there
            is none.
        """
        return self.p_value < alpha

    def __str__(self) -> str:
        (accuracy_a, accuracy_b), (low, high) = self.accuracy, self.ci
        p = "< 0.0001" if self.p_value < 0.0001 else f"= {self.p_value:.4f}"
        return (
            f"b is right on {_images(self.only_b_right)} that a gets wrong, "
            f"a on {self.only_a_right:,} that b gets wrong; McNemar p {p}; "
            f"{'they differ' if self.differ() else 'no sign that they differ'}\n"
            f"accuracy {accuracy_a:.1%} (a) and {accuracy_b:.1%} (b) of n={self.n}: "
            f"{100 * self.difference:+.1f} points, "
            f"95% interval {100 * low:+.1f} to {100 * high:+.1f}"
        )

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Write the comparison as a JSON document.

        Args:
            path: file to write, UTF-8; folders that are missing are made. Default None: none.

        Returns:
            The document.

        Raises:
            OSError: the file cannot be written.

        Example:
            >>> json.loads(compare(before, after).to_json())["only_b_right"]
            31
        """
        text = json.dumps(self._document(), indent=2, allow_nan=False)
        if path is not None:
            write_text(path, text + "\n")
        return text

    def _document(self) -> dict[str, Any]:
        return {
            "format": COMPARISON_FORMAT,
            "n": self.n,
            "accuracy": list(self.accuracy),
            "errors": list(self.errors),
            "both_right": self.both_right,
            "only_a_right": self.only_a_right,
            "only_b_right": self.only_b_right,
            "both_wrong": self.both_wrong,
            "p_value": self.p_value,
            "difference": self.difference,
            "ci": list(self.ci),
            "error_ratio": self.error_ratio,
            "differ": self.differ(),
        }


def compare(a: Judged | HasReport, b: Judged | HasReport) -> Comparison:
    """Compare two classifiers that were judged on the same images.

    Args:
        a: report of the one, or something whose `report` is one.
        b: report of the other. Images are matched by path, in any order.

    Returns:
        The comparison; differences are b less a.

    Raises:
        SettingsError: the images or their labels are not the same, an image is in a report twice,
            or an argument is no report.
        MissingExtraError: scipy, which comes with scikit-learn, is not installed.

    Example:
        >>> compare(clf.evaluate(test), other.evaluate(test)).differ()
        False
    """
    rows_a, rows_b = _by_path(a, "a"), _by_path(b, "b")
    _check_same(rows_a, rows_b)
    cells = Counter((row.right, rows_b[path].right) for path, row in rows_a.items())
    both, only_a = cells[True, True], cells[True, False]
    only_b, neither = cells[False, True], cells[False, False]
    return Comparison(
        both_right=both,
        only_a_right=only_a,
        only_b_right=only_b,
        both_wrong=neither,
        p_value=mcnemar(only_a, only_b),
        ci=paired_interval(both, only_a, only_b, neither),
    )


def mcnemar(only_a: int, only_b: int) -> float:
    """Compute the p-value of McNemar's exact test, two-sided.

    Args:
        only_a: number of images that only a got right.
        only_b: number of images that only b got right.

    Returns:
        The p-value, 0 to 1; 1 where both counts are 0.

    Raises:
        MissingExtraError: scipy is not installed.

    Example:
        >>> round(mcnemar(9, 31), 4)
        0.0007
    """
    if not only_a + only_b:
        return 1.0
    stats: Any = require("scipy.stats", "train")
    return float(stats.binomtest(only_a, only_a + only_b, 0.5).pvalue)


def _by_path(judged: Judged | HasReport, name: str) -> dict[str, Row]:
    report = getattr(judged, "report", judged)
    rows = getattr(report, "rows", None)
    if not rows:
        raise SettingsError(
            f"Expected {name} to be a report with rows. Received: {type(judged).__name__}"
        )
    twice = [path for path, count in Counter(row.path for row in rows).items() if count > 1]
    if twice:
        raise SettingsError(
            f"Expected each image once. Received: {_some(twice)} more than once in {name}"
        )
    return {row.path: row for row in rows}


def _check_same(rows_a: dict[str, Row], rows_b: dict[str, Row]) -> None:
    only_a, only_b = rows_a.keys() - rows_b.keys(), rows_b.keys() - rows_a.keys()
    found = [
        f"only in {name}: {_some(paths)}"
        for name, paths in zip("ab", (only_a, only_b), strict=True)
        if paths
    ]
    if found:
        raise SettingsError(
            f"Expected both reports to be of the same images. Received: {'; '.join(found)}"
        )
    others = [path for path, row in rows_a.items() if row.true != rows_b[path].true]
    if others:
        raise SettingsError(
            f"Expected both reports to have the same true labels. Received: {_some(others)} with "
            "another label in b than in a"
        )


def _some(paths: Iterable[str]) -> str:
    """How many, and the first few by name."""
    ordered = sorted(paths)
    more = ", …" if len(ordered) > _NAMED else ""
    return f"{_images(len(ordered))} ({', '.join(ordered[:_NAMED])}{more})"


def _images(count: int) -> str:
    return f"{count:,} image{'' if count == 1 else 's'}"
