"""Cross-validation: every image judged by a model that never saw it nor its look-alikes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from apparel_clf._columns import columns
from apparel_clf._progress import progress
from apparel_clf.dataset import hash_of
from apparel_clf.errors import SettingsError
from apparel_clf.evaluation import (
    EvaluationReport,
    LabelIssue,
    evaluate_predictions,
    fit_temperature,
    rank_label_issues,
    wilson_interval,
    write_label_issues,
)
from apparel_clf.model.checks import check_choice, check_whole
from apparel_clf.model.weights import describe_weights
from apparel_clf.training.basis import fit_coordinates
from apparel_clf.training.features import FeatureExtractor, Rows, compute_rows
from apparel_clf.training.fit import check_rows, check_sets, opened_cache, views_of
from apparel_clf.training.folds import Fold, make_folds, out_of_fold
from apparel_clf.training.solvers import softmax

if TYPE_CHECKING:
    from apparel_clf.classifier import ApparelClassifier
    from apparel_clf.dataset import ImageSet
    from apparel_clf.training.recipes import Recipe

# An image is as strange as its nearest neighbours are far.
_NEIGHBOURS = 5
_CHUNK = 512


@dataclass(frozen=True)
class Score:
    """How many of some images got their label.

    Args:
        n: images judged.
        hits: how many of them got their label.
    """

    n: int
    hits: int

    @property
    def accuracy(self) -> float:
        """Share of images that got their label."""
        return self.hits / self.n

    @property
    def ci(self) -> tuple[float, float]:
        """95% Wilson interval of the accuracy."""
        return wilson_interval(self.hits, self.n)


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """What cross-validation found. Made by `cross_validate`.

    Args:
        report: all images, each judged by the model of a fold that it wasn't in.
        folds: each fold by itself.
        recipe: how the models were trained.
        temperature: fitted on all predictions, or None. Each fold's probabilities were divided by
            one that was fitted on the other folds.
        issues: images whose label a person should look at, the most suspicious first.

    Example:
        >>> found = cross_validate(data)
        >>> found.accuracy, found.ci
        (0.968, (0.954, 0.978))
        >>> found.write_label_issues("look_at.csv")
    """

    report: EvaluationReport
    folds: tuple[Score, ...]
    recipe: Recipe
    temperature: float | None
    issues: tuple[LabelIssue, ...]

    @property
    def accuracy(self) -> float:
        """Share of all images that got their label."""
        return self.report.accuracy

    @property
    def ci(self) -> tuple[float, float]:
        """95% Wilson interval of the accuracy, over all images."""
        return self.report.ci

    @property
    def n(self) -> int:
        """How many images were judged."""
        return self.report.n

    def write_label_issues(self, path: str | os.PathLike[str], kind: str | None = None) -> Path:
        """Write likely label issues as a list that ``apparel-clf dataset curate`` takes.

        Args:
            path: the CSV file to write: image, label, why.
            kind: ``"label"`` for those that are probably of another class, for ``--relabel``;
                ``"outlier"`` for what looks like none of them, for ``--reject``. Default None:
                both, to look at.
        """
        check_choice("kind", kind, (None, "label", "outlier"))
        return write_label_issues([i for i in self.issues if kind in (None, i.kind)], path)

    def __str__(self) -> str:
        lines = [["fold", "n", "accuracy", "95% interval"]]
        for number, fold in enumerate(self.folds, 1):
            low, high = fold.ci
            lines.append(
                [str(number), str(fold.n), f"{fold.accuracy:.1%}", f"{low:.1%}–{high:.1%}"]
            )
        made = f"recipe {self.recipe.name}, features in {self.recipe.precision}"
        return "\n".join([str(self.report), made, "", *columns(lines)])


def cross_validate(
    data: ImageSet,
    classifier: ApparelClassifier | None = None,
    *,
    k: int = 5,
    random_state: int = 0,
) -> CrossValidation:
    """Judge a way of training by grouped, stratified cross-validation.

    Look-alikes are in one fold, so no image is judged by a model that saw its double. The frozen
    backbone's features are computed once for all folds; everything that is learnt (scaling, head,
    temperature) is learnt anew in each. For ``recipe="seed"`` the features of each epoch's views
    are computed once and shared by the folds: the models are those that its loop would give from
    the same first weights, to rounding.

    Args:
        data: labelled images, for example an `ImageFolder`.
        classifier: says how to train; nothing in it is changed. Default None: the default one.
        k: number of folds. Default 5.
        random_state: another one deals other folds. Default 0.

    Returns:
        The report over all images, each fold's figures and the likely label issues.

    Raises:
        DatasetError: no images, or one class alone.
        SettingsError: a class has fewer groups of images than there are folds, or a setting that
            cross-validation can't do: fine-tuning.
        TrainingError: a class has no readable image, or a loss is no longer a number.

    Example:
        >>> print(cross_validate(ImageFolder("photos"), ApparelClassifier(recipe="best")))
    """
    check_whole("k", k, 2)
    work = Validation.of(data, classifier, (), k=k, random_state=random_state)
    return work.judged(work.recipe)


@dataclass(frozen=True, eq=False)
class Validation:
    """Images whose features are computed and whose folds are dealt, for any number of recipes.

    Args:
        data: the images.
        classifier: whose settings are used.
        recipe: its recipe, with the arithmetic decided.
        rows: features of all readable images, by head.
        folds: of the readable images.
        random_state: seed of the folds.
    """

    data: ImageSet
    classifier: ApparelClassifier
    recipe: Recipe
    rows: dict[str, Rows]
    folds: Sequence[Fold]
    random_state: int

    @classmethod
    def of(
        cls,
        data: ImageSet,
        classifier: ApparelClassifier | None,
        heads: Sequence[str],
        *,
        k: int,
        random_state: int,
    ) -> Validation:
        """Compute the features and deal the folds.

        Args:
            data: labelled images.
            classifier: says how to train; None for the default one.
            heads: which heads' features. Empty: the recipe's.
            k: number of folds.
            random_state: seed of the folds.
        """
        from apparel_clf.classifier import ApparelClassifier

        check_sets(data, None)
        check_whole("random_state", random_state, 0)
        scarce, count = min(data.class_counts.items(), key=lambda item: item[1])
        if count < k:
            raise SettingsError(
                f"Expected at least {k} images of each class, one for each fold. {scarce!r} has "
                f"{count}: pass a smaller k, or add images"
            )
        classifier = ApparelClassifier() if classifier is None else classifier
        recipe = classifier._chosen(data, heads=heads)
        if recipe.fine_tune:
            raise SettingsError(
                "Expected fine_tune=0 in cross-validation, which trains heads alone. "
                f"Received: {recipe.fine_tune}"
            )
        rows = _features(data, classifier, recipe, heads or (recipe.head,))
        first = next(iter(rows.values()))
        samples = [data.samples[place] for place in first.places]
        folds = make_folds(samples, k, random_state) or []
        return cls(data, classifier, recipe, rows, folds, random_state)

    def judged(self, recipe: Recipe) -> CrossValidation:
        """Cross-validate a recipe.

        Args:
            recipe: its views and resize rule are those that the features were computed with.
        """
        rows = self.rows[recipe.head]
        labels = rows.labels[:: rows.views]
        logits = self.logits(recipe)
        temperature, cooled = None, logits
        if recipe.calibrate:
            temperature = fit_temperature(labels, logits)
            cooled = cooled_by_others(labels, logits, self.folds)
        probabilities = softmax(cooled.astype(np.float64))
        samples = [self.data.samples[place] for place in rows.places]
        paths = [str(sample.path) for sample in samples]
        issues = rank_label_issues(
            paths, labels, probabilities, self.data.classes, outlier_scores=strangeness(rows)
        )
        report = evaluate_predictions(
            labels,
            probabilities,
            self.data.classes,
            paths=paths,
            dataset=self.data.name,
            split=f"{len(self.folds)}-fold cross-validation",
            version_id=self.data.version_id,
            weights=describe_weights(self.classifier.weights),
            settings={
                "image_size": self.classifier.image_size,
                "random_state": self.classifier.random_state,
                "folds_random_state": self.random_state,
                "recipe": recipe.to_json(),
            },
            skipped=rows.skipped,
            temperature=temperature,
            hashes=[hash_of(sample) for sample in samples],
            label_issues=issues,
        )
        right = logits.argmax(1) == labels
        results = (Score(len(f.test), int(right[f.test].sum())) for f in self.folds)
        return CrossValidation(report, tuple(results), recipe, temperature, issues)

    def logits(self, recipe: Recipe) -> NDArray[np.float32]:
        """Predict every image by the heads of the folds that it wasn't in."""
        rows = self.rows[recipe.head]
        wanted = recipe.head_settings(self.classifier.random_state)
        show = None if self.classifier.verbose else False
        shown = iter(progress(self.folds, label="folds", show=show))
        return out_of_fold(
            rows, self.folds, len(self.data.classes), wanted, lambda _: next(shown, None)
        )


def strangeness(rows: Rows) -> NDArray[np.float64]:
    """Say how far each image is from its nearest neighbours, whatever their class.

    Args:
        rows: features; of each image the plain view counts.

    Returns:
        ``(images,)``: the mean distance to the five nearest others, in standardised features
        (k-th nearest neighbours as a measure of outliers: Ramaswamy and others, 2000).
    """
    plain = rows.features[:: rows.views]
    _, places = fit_coordinates(plain)
    squares = np.square(places).sum(1)
    near = min(_NEIGHBOURS, len(plain) - 1)
    found = np.zeros(len(plain))
    for start in range(0, len(plain), _CHUNK):
        some = slice(start, start + _CHUNK)
        distances = squares[some, None] + squares - 2 * (places[some] @ places.T)
        nearest = np.partition(distances, near, axis=1)[:, : near + 1]
        # Each image is its own nearest; rounding may make that a little less than 0.
        found[some] = np.sqrt(np.maximum(nearest, 0)).sum(1) / max(near, 1)
    return found


def _features(
    data: ImageSet, classifier: ApparelClassifier, recipe: Recipe, heads: Sequence[str]
) -> dict[str, Rows]:
    model = classifier._network(len(data.classes), recipe)
    extractor = FeatureExtractor(model, recipe.precision)
    views = views_of(extractor.side, recipe, classifier.random_state)
    show = None if classifier.verbose else False
    with opened_cache() as cache:
        one = heads[0] if len(heads) == 1 else None
        computed = compute_rows(
            data.samples, data.classes, extractor, views,
            head=one, cache=cache, label="features", show=show,
        )  # fmt: skip
    rows = {heads[0]: computed}
    if one is None:
        rows = {
            head: replace(computed, features=computed.features[:, extractor.columns(head)])
            for head in heads
        }
    first = next(iter(rows.values()))
    check_rows(first, None, data.classes, recipe)
    return rows


def cooled_by_others(
    labels: NDArray[np.int64], logits: NDArray[Any], folds: Sequence[Fold]
) -> NDArray[Any]:
    """Divide each fold's logits by the temperature that fits the other folds.

    Args:
        labels: class of each image.
        logits: ``(images, classes)``, from heads that didn't see the image.
        folds: of the images.
    """
    cooled = logits.copy()
    for fold in folds:
        others = np.setdiff1d(np.arange(len(labels)), fold.test)
        cooled[fold.test] /= fit_temperature(labels[others], logits[others])
    return cooled
