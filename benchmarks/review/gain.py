"""Plays a person who looks at the first images of an order, and measures what that is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import apparel_clf as ac
from apparel_clf.review import Judge, Order, Review
from apparel_clf.training.cross_validation import Validation
from apparel_clf.training.folds import Fold, make_folds, out_of_fold
from benchmarks.review.spoil import Spoilt

#: How much of the order the person looks at.
SHARES = (0.05, 0.10, 0.20)
FOLDS = 5


@dataclass(frozen=True)
class Found:
    """What is among the first images of an order.

    Args:
        share: how much of the order was looked at.
        looked: images looked at.
        swapped: photos under a wrong class among them.
        foreign: pictures of something else among them.
    """

    share: float
    looked: int
    swapped: int
    foreign: int


def found_in(ranked: Sequence[str], spoilt: Spoilt) -> list[Found]:
    """Count the bad ones among the first of an order.

    Args:
        ranked: sha256 of each image, the most suspicious first.
        spoilt: the dataset.
    """
    shown = [(share, set(ranked[: round(share * len(ranked))])) for share in SHARES]
    return [
        Found(share, len(first), len(first & spoilt.swapped), len(first & spoilt.foreign))
        for share, first in shown
    ]


def mended(spoilt: Spoilt, judge: Judge, folder: Path) -> list[dict[str, str]]:
    """Review the dataset as a person who knows what is right, and publish after each share.

    Args:
        spoilt: the dataset, of which `folder` is a copy.
        judge: says the order.
        folder: where it is reviewed.

    Returns:
        The labels of the versions published after each of `SHARES`, by sha256.
    """
    review = Review(folder / "v1", [judge], who="the script")
    ranked = Order.by(judge, review.version.rows).ranked()
    versions = []
    for share in SHARES:
        for sha256 in ranked[: round(share * len(ranked))]:
            _decide(review, sha256, spoilt.truth[sha256])
        rows = review.publish().rows
        versions.append({row.record.sha256: row.record.label for row in rows})
    return versions


def _decide(review: Review, sha256: str, truth: str) -> None:
    row = review.rows.get(sha256)
    if row is None or row.record.label == truth:
        return
    if truth:
        review.decide([sha256], "relabel", truth)
    else:
        review.decide([sha256], "reject")


@dataclass(frozen=True, eq=False)
class Trial:
    """Cross-validation by labels that may be wrong, judged by those that are right.

    Folds and features are the same for all labels, so differences are the labels' own.

    Args:
        work: features of all images of the spoilt version.
        folds: grouped and stratified by the right labels.
        names: sha256 of each image.
        truth: right class of each, -1 for pictures of something else, which are not judged.
    """

    work: Validation
    folds: Sequence[Fold]
    names: Sequence[str]
    truth: NDArray[np.int64]

    @classmethod
    def of(cls, spoilt: Spoilt, classifier: ac.ApparelClassifier) -> Trial:
        """Compute the features and deal the folds."""
        data = ac.ImageFolder(spoilt.folder / "v1")
        work = Validation.of(data, classifier, (), k=FOLDS, random_state=1)
        rows = work.rows[work.recipe.head]
        samples = [data.samples[place] for place in rows.places]
        names = [sample.sha256 or "" for sample in samples]
        right = [
            replace(sample, label=spoilt.truth[name] or sample.label)
            for sample, name in zip(samples, names, strict=True)
        ]
        folds = make_folds(right, FOLDS, 1) or []
        number = {label: place for place, label in enumerate(data.classes)}
        truth = np.array([number.get(spoilt.truth[name], -1) for name in names])
        return cls(work, folds, names, truth)

    def hits(self, labels: Mapping[str, str]) -> NDArray[np.bool_]:
        """Train by labels, and say which photos then get their right class.

        Args:
            labels: by sha256; images without one are not learnt from.

        Returns:
            For each photo, in the version's order.
        """
        rows = self.work.rows[self.work.recipe.head]
        number = {label: place for place, label in enumerate(self.work.data.classes)}
        given = np.array([number.get(labels.get(name, ""), -1) for name in self.names])
        learnt = [Fold(f.train[given[f.train] >= 0], f.test) for f in self.folds]
        settings = self.work.recipe.head_settings(self.work.classifier.random_state)
        # What is judged and not learnt from still needs some class.
        told = np.repeat(np.maximum(given, 0), rows.views)
        relabelled = replace(rows, labels=told.astype(rows.labels.dtype))
        logits = out_of_fold(relabelled, learnt, len(number), settings)
        photos = self.truth >= 0
        right: NDArray[np.bool_] = (logits.argmax(1) == self.truth)[photos]
        return right
