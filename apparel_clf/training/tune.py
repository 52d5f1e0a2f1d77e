"""A search over settings on features that are computed once: minutes where training took days."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apparel_clf._columns import columns
from apparel_clf._extras import require
from apparel_clf._progress import progress
from apparel_clf.errors import SettingsError
from apparel_clf.evaluation.metrics import mean_log_loss
from apparel_clf.model.build import HEADS
from apparel_clf.model.checks import check_choice, check_whole
from apparel_clf.training.cross_validation import Score, Validation, cooled_by_others
from apparel_clf.training.features import Rows
from apparel_clf.training.folds import Fold
from apparel_clf.training.head import (
    HeadSettings,
    OnWeights,
    Prepared,
    prepare,
    softmax,
    solve_all,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from apparel_clf.classifier import ApparelClassifier
    from apparel_clf.dataset import ImageSet
    from apparel_clf.training.recipes import Recipe

# What is tried. Adam's epochs are found on the way: its curve over the held-out folds says how
# many it needs, so they cost nothing.
_ADAM = {
    "learning_rate": (3e-3, 1e-2, 3e-2, 1e-1),
    "batch_size": (16, 32, 64),
    "l2": (0.0, 0.01, 0.1),
}
_LBFGS = {"l2": (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)}
_ADAM_EPOCHS, _LBFGS_EPOCHS = 40, 60
_SHOWN = 12


@dataclass(frozen=True)
class Trial(Score):
    """One set of settings and how it fared over all folds.

    Args:
        n: images judged.
        hits: how many got their label.
        settings: what differs from the recipe.
        log_loss: mean negative log probability of the true class, in nats, after a temperature
            that was fitted on the other folds.
        epochs_loss: mean loss on held-out images after each epoch.
    """

    settings: dict[str, Any]
    log_loss: float
    epochs_loss: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "settings": self.settings,
            "n": self.n,
            "accuracy": self.accuracy,
            "ci": list(self.ci),
            "log_loss": self.log_loss,
            "epochs_loss": list(self.epochs_loss),
        }


@dataclass(frozen=True, eq=False)
class Tuning:
    """What a search found. Made by `tune`.

    Args:
        trials: all sets of settings, the lowest log loss first.
        recipe: what they differ from.
        folds: number of folds.
        weights: where the backbone's weights came from.
        dataset: name of the dataset and of the part that was chosen by.
        version_id: identifier of the dataset version's content, or None.

    Example:
        >>> found = tune(data)
        >>> clf = ApparelClassifier(**found.best.settings).fit(train, val)
    """

    trials: tuple[Trial, ...]
    recipe: Recipe
    folds: int
    weights: str
    dataset: str
    version_id: str | None

    @property
    def best(self) -> Trial:
        """The trial with the lowest log loss.

        Being the best of many, its figures flatter it: judge the settings on the test split.
        """
        return self.trials[0]

    def __str__(self) -> str:
        names = ["head", "solver", "learning_rate", "batch_size", "l2", "epochs"]
        lines = [[*names, "log loss", "accuracy", "95% interval"]]
        for trial in self.trials[:_SHOWN]:
            low, high = trial.ci
            lines.append(
                [
                    *(str(trial.settings.get(name, "")) for name in names),
                    f"{trial.log_loss:.4f}",
                    f"{trial.accuracy:.1%}",
                    f"{low:.1%}–{high:.1%}",
                ]
            )
        rest = len(self.trials) - _SHOWN
        more = [f"and {rest} more"] if rest > 0 else []
        note = (
            f"n={self.best.n} of {self.dataset}, {self.folds}-fold grouped cross-validation, "
            f"weights {self.weights}. "
            "The best of many is flattered by the choice: judge it on the test split."
        )
        return "\n".join([*columns(lines), *more, note])

    def to_json(self) -> dict[str, Any]:
        """Return plain values, all trials among them."""
        return {
            "recipe": self.recipe.to_json(),
            "folds": self.folds,
            "weights": self.weights,
            "dataset": self.dataset,
            "version_id": self.version_id,
            "best": self.best.to_json(),
            "trials": [trial.to_json() for trial in self.trials],
        }

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the log loss of each trial, and the held-out loss of the best ones by epoch.

        Args:
            path: write the picture there too; the ending decides the format (.png, .svg, .pdf).

        Returns:
            A matplotlib figure.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        figure: Figure = require("matplotlib.figure", "train").Figure(
            figsize=(11, 4.5), layout="constrained"
        )
        left, right = figure.subplots(1, 2)
        self._draw_trials(left)
        self._draw_epochs(right)
        if path is not None:
            figure.savefig(Path(path))
        return figure

    def _draw_trials(self, axes: Any) -> None:
        for place, head in enumerate(sorted({t.settings["head"] for t in self.trials})):
            for solver, marker in (("adam", "o"), ("lbfgs", "^")):
                of = [
                    (t.log_loss, t.accuracy)
                    for t in self.trials
                    if (t.settings["head"], t.settings["solver"]) == (head, solver)
                ]
                if of:
                    axes.scatter(
                        *zip(*of, strict=True),
                        marker=marker,
                        color=f"C{place}",
                        label=f"{head}, {solver}",
                        alpha=0.7,
                    )
        axes.set(xscale="log", xlabel="log loss, held out", ylabel="accuracy, held out")
        axes.set_title("every trial")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)

    def _draw_epochs(self, axes: Any) -> None:
        for trial in self.trials[:5]:
            told = ", ".join(f"{k} {v}" for k, v in trial.settings.items() if k != "epochs")
            numbers = range(1, len(trial.epochs_loss) + 1)
            axes.plot(numbers, trial.epochs_loss, label=told)
            axes.plot(
                trial.settings["epochs"],
                trial.epochs_loss[trial.settings["epochs"] - 1],
                "o",
                color=axes.lines[-1].get_color(),
            )
        axes.set(xlabel="epoch", ylabel="loss, held out", title="the five best, by epoch")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)


def tune(
    data: ImageSet,
    classifier: ApparelClassifier | None = None,
    *,
    heads: Sequence[str] | str = HEADS,
    k: int = 5,
    random_state: int = 0,
) -> Tuning:
    """Try settings of the head by grouped cross-validation on features that are computed once.

    Heads, solvers, learning rates, batch sizes and L2, all against all; the number of epochs is
    where the mean held-out loss is lowest (early stopping, without a run for each number).

    Args:
        data: labelled images to choose by: train and val, never test.
        classifier: what is not tried is as it says. Default None: the default one.
        heads: which heads to try. Default: all of them.
        k: number of folds. Default 5.
        random_state: another one deals other folds. Default 0.

    Returns:
        All trials, the best first.

    Raises:
        DatasetError: no images, or one class alone.
        SettingsError: a class has fewer groups of images than there are folds, a head that isn't
            known, or a recipe that computes no features beforehand.

    Example:
        >>> print(tune(train))
    """
    from apparel_clf.model.weights import describe_weights

    check_whole("k", k, 2)
    heads = (heads,) if isinstance(heads, str) else tuple(heads)
    if not heads:
        raise SettingsError(f"Expected heads to be some of {HEADS}. Received: none")
    for head in heads:
        check_choice("heads", head, HEADS)
    if classifier is not None and classifier.settings().backbone == "loop":
        raise SettingsError(
            "Expected a recipe whose features are computed once, 'fast' or 'best'. "
            f"Received: recipe={classifier.recipe!r}"
        )
    work = Validation.of(data, classifier, heads, k=k, random_state=random_state)
    show = None if work.classifier.verbose else False
    count = sum(map(len, _candidates())) * len(heads)
    shown = iter(progress(range(count), total=count, label="trials", show=show))
    trials = []
    for head in heads:
        ready = [_prepared(work, work.rows[head], fold) for fold in work.folds]
        for together in _candidates():
            trials += _trials(work, head, ready, together)
            for _ in together:
                next(shown, None)
    trials.sort(key=lambda trial: trial.log_loss)
    return Tuning(
        tuple(trials),
        work.recipe,
        len(work.folds),
        describe_weights(work.classifier.weights),
        " ".join(filter(None, (data.name, data.split_name))),
        data.version_id,
    )


def _candidates() -> Iterator[list[dict[str, Any]]]:
    """Yield what to try; what comes together can be trained side by side."""
    lbfgs = {"solver": "lbfgs", "epochs": _LBFGS_EPOCHS}
    for l2 in _LBFGS["l2"]:  # one after another: side by side they only take memory
        yield [{"l2": l2, **lbfgs}]
    adam = {"solver": "adam", "epochs": _ADAM_EPOCHS}
    for batch_size in _ADAM["batch_size"]:
        rates = product(_ADAM["learning_rate"], _ADAM["l2"])
        yield [
            {"learning_rate": rate, "batch_size": batch_size, "l2": l2, **adam}
            for rate, l2 in rates
        ]


def _prepared(work: Validation, rows: Rows, fold: Fold) -> Prepared:
    settings = work.recipe.head_settings(work.classifier.random_state)
    held = rows.of(fold.test, [0])
    return prepare(rows.of(fold.train), held, len(work.data.classes), settings)


def _trials(
    work: Validation, head: str, ready: Sequence[Prepared], together: Sequence[dict[str, Any]]
) -> list[Trial]:
    recipes = [work.recipe.changed(keep="last", **settings) for settings in together]
    wanted = [
        replace(recipe, patience=None).head_settings(work.classifier.random_state)
        for recipe in recipes
    ]
    by_fold = [_runs(prepared, wanted) for prepared in ready]
    return [
        _trial(work, head, settings, runs)
        for settings, runs in zip(together, zip(*by_fold, strict=True), strict=True)
    ]


def _trial(work: Validation, head: str, settings: dict[str, Any], runs: Sequence[_Run]) -> Trial:
    curve = np.mean([run.losses for run in runs], axis=0)
    epochs = int(curve.argmin()) + 1
    rows = work.rows[head]
    labels = rows.labels[:: rows.views]
    logits = np.empty((len(labels), len(work.data.classes)))
    for run, fold in zip(runs, work.folds, strict=True):
        logits[fold.test] = run.logits[epochs - 1]
    shares = softmax(cooled_by_others(labels, logits, work.folds))
    return Trial(
        len(labels),
        int((logits.argmax(1) == labels).sum()),
        {"head": head, **settings, "epochs": epochs},
        mean_log_loss(labels, shares),
        tuple(float(loss) for loss in curve),
    )


class _Run(NamedTuple):
    """One fold's training: the held-out images' loss and logits after each epoch."""

    losses: list[float]
    logits: list[NDArray[Any]]


def _runs(prepared: Prepared, wanted: Sequence[HeadSettings]) -> list[_Run]:
    """Train on one fold by several settings."""
    held = prepared.val if prepared.val is not None else np.empty((0, 1))
    runs = [_Run([], []) for _ in wanted]

    def noting(run: _Run) -> OnWeights:
        # Of every epoch of every setting: halves are enough to keep.
        return lambda weights: run.logits.append(
            np.asarray(held @ weights[:-1] + weights[-1], np.float32)
        )

    trained = solve_all(prepared, wanted, on_weights=[noting(run) for run in runs])
    if any(head.interrupted for head in trained):
        raise KeyboardInterrupt
    for run, head, settings in zip(runs, trained, wanted, strict=True):
        run.losses.extend(head.history.history["val_loss"])
        # L-BFGS may have come to its end before: there it stays.
        missing = settings.epochs - len(run.losses)
        run.losses.extend(run.losses[-1:] * missing)
        run.logits.extend(run.logits[-1:] * missing)
    return runs
