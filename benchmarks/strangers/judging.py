"""How well each score tells strangers, out of fold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apparel_clf._extras import require
from apparel_clf.evaluation import wilson_interval
from apparel_clf.training.features import Rows
from apparel_clf.training.folds import make_folds
from apparel_clf.training.head import train_head
from apparel_clf.training.recipes import recipe
from benchmarks.strangers.scores import OF_FEATURES, OF_LOGITS, Learnt, Seen, Values
from benchmarks.strangers.trials import Table, Trial

#: Shares of the known validation pictures that a threshold keeps.
KEPT = (0.95, 0.99)
_FOLDS = 5
#: What the scores of features look at: block 5's mean, or the means of blocks 2 to 5.
FEATURES = ("gap", "pooled")
# The score that is also tried together with confidence.
_JOINED = "32 directions"


@dataclass
class Tally:
    """What one score says of one group of strangers, over the folds.

    Args:
        strangers: how many there are.
        areas: AUROC of each fold.
        test_refused: known test pictures refused, by share kept.
        strangers_refused: strangers refused, by share kept; each is judged in every fold.
    """

    strangers: int
    areas: list[float] = field(default_factory=list)
    test: int = 0
    test_refused: dict[float, int] = field(default_factory=lambda: defaultdict(int))
    strangers_refused: dict[float, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, val: Values, test: Values, strange: Values) -> None:
        """Take in a fold's scores: the threshold goes by `val` alone."""
        self.areas.append(_auroc(test, strange))
        self.test += len(test)
        for kept in KEPT:
            threshold = np.sort(val)[int((1 - kept) * len(val) + 1e-9)]
            self.test_refused[kept] += int((test < threshold).sum())
            self.strangers_refused[kept] += int((strange < threshold).sum())

    def to_json(self) -> dict[str, Any]:
        """Return plain values. A stranger counts once: its mean over the folds."""
        found: dict[str, Any] = {"auroc": float(np.mean(self.areas)), "kept": []}
        for kept in KEPT:
            refused = self.strangers_refused[kept] / _FOLDS
            found["kept"].append(
                {
                    "val_kept": kept,
                    "test": self.test,
                    "test_refused": self.test_refused[kept],
                    "test_ci": list(wilson_interval(self.test_refused[kept], self.test)),
                    "strangers": self.strangers,
                    "strangers_refused": refused,
                    "strangers_ci": list(wilson_interval(round(refused), self.strangers)),
                }
            )
        return found


def judged(trial: Trial) -> list[dict[str, Any]]:
    """Judge all scores in a trial: in each fold learnt, given a threshold, and judged apart.

    Args:
        trial: known pictures and strangers.
    """
    samples, classes = trial.known.samples, trial.known.classes
    labels = np.array([classes.index(sample.label) for sample in samples], np.int64)
    folds = make_folds(samples, _FOLDS, 0) or []
    tallies: dict[tuple[str, str], Tally] = {}
    for number, fold in enumerate(folds):
        held = folds[(number + 1) % len(folds)].test
        train = np.setdiff1d(fold.train, held)
        known = {"val": trial.known.at(held.tolist()), "test": trial.known.at(fold.test.tolist())}
        tables = known | dict(trial.strangers)
        for score, found in _scores(trial.known.at(train.tolist()), labels[train], tables):
            for name, table in trial.strangers.items():
                tally = tallies.setdefault((score, name), Tally(len(table.samples)))
                tally.add(found["val"], found["test"], found[name])
    return [
        {"trial": trial.name, "fair": trial.fair, "score": score, "strangers": name}
        | tally.to_json()
        for (score, name), tally in tallies.items()
    ]


def _scores(
    train: Table, labels: NDArray[np.int64], tables: Mapping[str, Table]
) -> Iterator[tuple[str, dict[str, Values]]]:
    """Yield each score's name, and its values for each table."""
    fast = recipe("fast")
    rows = Rows(train.seen_by(fast.head), labels)
    head = train_head(rows, None, len(train.classes), fast.head_settings(0))

    def seen(table: Table, taps: str) -> Seen:
        return Seen(table.seen_by(taps), head.logits(table.seen_by(fast.head)).astype(np.float64))

    by_confidence: dict[str, Values] = {}
    for taps in FEATURES:
        learnt = Learnt(seen(train, taps), labels)
        shown = {name: seen(table, taps) for name, table in tables.items()}
        first = taps == FEATURES[0]
        for name, score in {**(OF_LOGITS if first else {}), **OF_FEATURES}.items():
            title = name if name in OF_LOGITS else f"{name} ({taps})"
            found = {told: score(learnt, those) for told, those in shown.items()}
            yield title, found
            by_confidence = found if name == "softmax" else by_confidence
            if name == _JOINED:
                yield f"softmax or {title}", either(by_confidence, found)


def either(first: Mapping[str, Values], second: Mapping[str, Values]) -> dict[str, Values]:
    """Join two scores: a picture is as likely known as the one that says less.

    Each is taken as the share of validation pictures at or below it, so that they can be compared.
    """
    return {
        name: np.minimum(_share(first["val"], first[name]), _share(second["val"], second[name]))
        for name in first
    }


def _share(val: Values, values: Values) -> Values:
    return np.searchsorted(np.sort(val), values, side="right") / len(val)


def _auroc(known: Values, strange: Values) -> float:
    truth: Sequence[float] = np.r_[np.ones(len(known)), np.zeros(len(strange))].tolist()
    area = require("sklearn.metrics", "train").roc_auc_score(truth, np.r_[known, strange])
    return float(area)
