"""A search over settings on features that are computed once: minutes where training took days."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from apparel_clf._columns import columns
from apparel_clf._extras import require
from apparel_clf._progress import progress
from apparel_clf.errors import SettingsError
from apparel_clf.evaluation.metrics import mean_log_loss
from apparel_clf.model.build import HEADS
from apparel_clf.model.checks import check_choice, check_whole
from apparel_clf.training.cross_validation import Score, Validation, cooled_by_others
from apparel_clf.training.head import SOLVERS
from apparel_clf.training.search import Curve, curves
from apparel_clf.training.solvers import softmax

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from apparel_clf.classifier import ApparelClassifier
    from apparel_clf.dataset import ImageSet
    from apparel_clf.training.recipes import Recipe

# What is tried. Epochs are found on the way: the curve over the held-out folds says how many are
# needed, so they cost nothing.
_ADAM = {
    "learning_rate": (3e-3, 1e-2, 3e-2, 1e-1),
    "batch_size": (16, 32, 64),
    "l2": (0.0, 0.01, 0.1),
}
_LBFGS = {"l2": (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)}
_ADAM_EPOCHS, _LBFGS_EPOCHS = 40, 60
# What a classifier's own setting takes out of the search.
_SEARCHED = ("solver", "learning_rate", "batch_size", "l2", "epochs")
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
            f"weights {self.weights}, features in {self.recipe.precision}. "
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
        _label_sparsely(axes)
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


def _label_sparsely(axes: Any) -> None:
    """Write few plain numbers along a logarithmic axis: minor ticks' own run into each other."""
    ticker = require("matplotlib.ticker", "train")
    low, high = axes.get_xlim()
    powers = ticker.LogLocator(subs=(1, 2, 5), numticks=15)
    # Within less than a decade powers of ten would leave a label or none.
    axes.xaxis.set_major_locator(powers if high > 4 * low else ticker.MaxNLocator(5))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(ticker.NullLocator())


def tune(
    data: ImageSet,
    classifier: ApparelClassifier | None = None,
    *,
    heads: Sequence[str] | str | None = None,
    k: int = 5,
    random_state: int = 0,
) -> Tuning:
    """Try settings of the head by grouped cross-validation on features that are computed once.

    Heads, solvers, learning rates, batch sizes and L2, all against all; the number of epochs is
    where the mean held-out loss is lowest (early stopping, without a run for each number). What
    the classifier was given of these is not searched but taken as it is.

    All heads share one set of features. With ``precision="auto"`` they may be in bfloat16 as soon
    as one of the heads holds all of the last block, though training ``"gap"`` or ``"pooled"``
    alone takes float32: the search ranks settings, it makes no claim.

    Args:
        data: labelled images to choose by: train and val, never test.
        classifier: what is not tried is as it says. Default None: the default one.
        heads: which heads to try. Default None: the classifier's where it was given one, else all
            of them.
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
        >>> print(tune(train, ApparelClassifier(solver="adam", batch_size=32)))
    """
    from apparel_clf.model.weights import describe_weights

    check_whole("k", k, 2)
    heads = _checked_heads(heads, classifier)
    if classifier is not None and classifier.settings().backbone == "loop":
        raise SettingsError(
            "Expected a recipe whose features are computed once, 'fast' or 'best'. "
            f"Received: recipe={classifier.recipe!r}"
        )
    work = Validation.of(data, classifier, heads, k=k, random_state=random_state)
    groups = list(_candidates(_given(work.classifier)))
    show = None if work.classifier.verbose else False
    count = sum(map(len, groups)) * len(heads)
    shown = iter(progress(range(count), total=count, label="trials", show=show))
    trials = []
    for head in heads:
        for trial in _trials(work, head, groups):
            trials.append(trial)
            next(shown, None)
    next(shown, None)  # lets the bar reach its end
    trials.sort(key=lambda trial: trial.log_loss)
    return Tuning(
        tuple(trials),
        work.recipe,
        len(work.folds),
        describe_weights(work.classifier.weights),
        " ".join(filter(None, (data.name, data.split_name))),
        data.version_id,
    )


def _checked_heads(
    heads: Sequence[str] | str | None, classifier: ApparelClassifier | None
) -> tuple[str, ...]:
    if heads is None:
        heads = (classifier and classifier.head) or HEADS
    heads = (heads,) if isinstance(heads, str) else tuple(heads)
    if not heads:
        raise SettingsError(f"Expected heads to be some of {HEADS}. Received: none")
    for head in heads:
        check_choice("heads", head, HEADS)
    return heads


def _given(classifier: ApparelClassifier) -> dict[str, Any]:
    """What the classifier was given of the settings that are searched otherwise."""
    own = {name: getattr(classifier, name) for name in _SEARCHED}
    return {name: value for name, value in own.items() if value is not None}


def _candidates(given: Mapping[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Yield what to try; what comes together can be trained side by side."""

    def wanted(name: str, tried: Sequence[Any]) -> Sequence[Any]:
        return [given[name]] if name in given else tried

    solvers = wanted("solver", SOLVERS)
    if "lbfgs" in solvers:
        rest = {"solver": "lbfgs", "epochs": given.get("epochs", _LBFGS_EPOCHS)}
        for l2 in wanted("l2", _LBFGS["l2"]):  # one after another: side by side saves nothing
            yield [{"l2": l2, **rest}]
    if "adam" in solvers:
        rest = {"solver": "adam", "epochs": given.get("epochs", _ADAM_EPOCHS)}
        for batch_size in wanted("batch_size", _ADAM["batch_size"]):
            yield [
                {"learning_rate": rate, "batch_size": batch_size, "l2": l2, **rest}
                for rate, l2 in product(
                    wanted("learning_rate", _ADAM["learning_rate"]), wanted("l2", _ADAM["l2"])
                )
            ]


def _trials(
    work: Validation, head: str, groups: Sequence[Sequence[dict[str, Any]]]
) -> Iterator[Trial]:
    base = work.recipe.changed(keep="last")
    wanted = [
        [
            replace(base.changed(**settings), patience=None).head_settings(
                work.classifier.random_state
            )
            for settings in together
        ]
        for together in groups
    ]
    fixed = work.classifier.epochs is not None
    found = curves(work.rows[head], work.folds, len(work.data.classes), wanted, last_only=fixed)
    for together, each in zip(groups, found, strict=True):
        for settings, curve in zip(together, each, strict=True):
            yield _trial(work, head, settings, curve)


def _trial(work: Validation, head: str, settings: dict[str, Any], curve: Curve) -> Trial:
    rows = work.rows[head]
    labels = rows.labels[:: rows.views]
    free = work.classifier.epochs is None
    epochs = int(curve.losses.argmin()) + 1 if free else len(curve.losses)
    logits = curve.logits[epochs - 1 if free else -1].astype(np.float64)
    shares = softmax(cooled_by_others(labels, logits, work.folds))
    return Trial(
        len(labels),
        int((logits.argmax(1) == labels).sum()),
        {"head": head, **settings, "epochs": epochs},
        mean_log_loss(labels, shares),
        tuple(float(loss) for loss in curve.losses),
    )
