"""Suspicion by a model that had not seen the image: label issues from out-of-fold predictions.

What a model makes of the images that it was trained on repeats the labels that it was told, wrong
ones too. So the given model's network and recipe are used, and its head is trained anew in folds:
each image is judged by a head that saw neither it nor its look-alikes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from apparel_clf.dataset import ManifestRow
from apparel_clf.errors import SettingsError
from apparel_clf.evaluation import LabelIssue, rank_label_issues
from apparel_clf.review.order import Suspicion

if TYPE_CHECKING:
    from apparel_clf.classifier import ApparelClassifier
    from apparel_clf.dataset import ImageSet

#: Folds, fewer where a class has few groups of images.
FOLDS = 5


@dataclass(frozen=True, eq=False)
class Predictions:
    """Judges by predictions of models that had not seen the image.

    The predictions stay; labels may change, and suspicion with them.

    Args:
        classes: class names, sorted.
        probabilities: probability of each class, ``(n, k)``.
        strangeness: distance to the nearest neighbours in the network's features, ``(n,)``.
        places: which row is which image's, by sha256.
        name: as in `Judge`.
        what: as in `Judge`.
    """

    classes: tuple[str, ...]
    probabilities: NDArray[np.float64]
    strangeness: NDArray[np.float64]
    places: Mapping[str, int]
    name: str = "model"
    what: str = "label issues by models that had not seen the image (out of fold)"

    def __call__(self, rows: Sequence[ManifestRow]) -> Mapping[str, Suspicion]:
        """Return the suspicion of images that were judged, by sha256."""
        known = {label: number for number, label in enumerate(self.classes)}
        judged = [
            row for row in rows if row.record.sha256 in self.places and row.record.label in known
        ]
        if not judged:
            return {}
        names = [row.record.sha256 for row in judged]
        places = np.array([self.places[name] for name in names])
        labels = np.array([known[row.record.label] for row in judged])
        shares = self.probabilities[places]
        issues = rank_label_issues(
            names, labels, shares, self.classes, outlier_scores=self.strangeness[places]
        )
        return {**_by_margin(names, labels, shares), **_by_issues(issues)}


def judge_by_model(
    data: ImageSet, classifier: ApparelClassifier, *, random_state: int = 0
) -> Predictions:
    """Predict every image of a version by models that had not seen it.

    Args:
        data: the version's images.
        classifier: whose settings are used; fitted or not. A network that was fine-tuned has seen
            the labels, so the one that it was made from is used.
        random_state: seed of the folds. Default 0.

    Returns:
        The judge.

    Raises:
        SettingsError: a class has fewer than two groups of images, so none can be left out.
        TrainingError: as in `cross_validate`.

    Example:
        >>> judge = judge_by_model(ImageFolder("datasets/demo/latest"), load("model.keras"))
        >>> Order.by(judge, open_version("datasets/demo/latest").rows).ranked()[0][:8]
        '0a1b2c3d'
    """
    from apparel_clf.dataset import hash_of
    from apparel_clf.training.cross_validation import Validation, strangeness

    unseen = _frozen(classifier)
    work = Validation.of(data, unseen, (), k=_folds(data), random_state=random_state)
    found = work.judged(work.recipe)
    rows = work.rows[work.recipe.head]
    shares = np.array([list(row.probabilities.values()) for row in found.report.rows])
    names = [hash_of(data.samples[place]) for place in rows.places]
    places = {name: number for number, name in enumerate(names)}
    return Predictions(data.classes, shares, strangeness(rows), places)


def _frozen(classifier: ApparelClassifier) -> ApparelClassifier:
    """An unfitted classifier of the same settings, of which no part has seen a label."""
    return type(classifier)(**{**classifier.get_params(), "fine_tune": 0})


def _folds(data: ImageSet) -> int:
    groups = defaultdict(set)
    for sample in data.samples:
        groups[sample.label].add(sample.group)
    label, found = min(groups.items(), key=lambda item: (len(item[1]), item[0]))
    if len(found) < 2:
        raise SettingsError(
            f"{data.name}: class {label!r} has {len(found)} group of images, so no model can be "
            "trained without it. Add images of the class, or review without --model"
        )
    return min(FOLDS, len(found))


def _by_issues(issues: Sequence[LabelIssue]) -> dict[str, Suspicion]:
    """The issues come first, in their order: their scores are above 1/2."""
    count = len(issues)
    return {
        issue.path: Suspicion(1 - place / (2 * count + 2), issue.suggested, issue.why, flagged=True)
        for place, issue in enumerate(issues)
    }


def _by_margin(
    names: Sequence[str], labels: NDArray[np.int64], shares: NDArray[np.float64]
) -> dict[str, Suspicion]:
    """The others follow by how unsure the model is of their label: from 1/2 to 0."""
    own = np.take_along_axis(shares, labels[:, None], 1)[:, 0]
    return {
        name: Suspicion(float(1 - share) / 2)
        for name, share in zip(names, own.tolist(), strict=True)
    }
