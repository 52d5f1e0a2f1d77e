"""Recipes: named, printable sets of training settings, each of which can be overridden."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

from apparel_clf._columns import columns
from apparel_clf.errors import SettingsError
from apparel_clf.images import RESIZE_RULES
from apparel_clf.model.build import HEADS
from apparel_clf.model.checks import check_choice, check_number, check_whole
from apparel_clf.training.augment import Augmentation
from apparel_clf.training.head import KEEP, SOLVERS, HeadSettings
from apparel_clf.training.precision import PRECISIONS

#: Where the frozen backbone runs: once before training, or anew for every batch of every epoch.
BACKBONES = ("cached", "loop")

_WORDS = {
    "backbone": "the frozen backbone runs",
    "head": "the head sees",
    "resize": "pictures are made square by",
    "views": "views of each training image",
    "augmentation": "further views change",
    "standardize": "features are standardised",
    "solver": "the head is trained by",
    "epochs": "epochs",
    "learning_rate": "learning rate",
    "batch_size": "batch size",
    "l2": "L2",
    "keep": "weights kept, of epoch",
    "patience": "stops after epochs without gain",
    "precision": "features are computed in",
    "calibrate": "temperature fitted out of fold",
    "fine_tune": "then epochs of fine-tuning block 5",
    "fine_tune_rate": "at a learning rate of",
}


@dataclass(frozen=True)
class Recipe:
    """How a classifier is trained.

    Args:
        name: ``"seed"``, ``"fast"``, ``"best"``, or what you call your own.
        backbone: ``"cached"``: features are computed once, before the epochs; ``"loop"``: in every
            epoch anew, with fresh augmentation, as the original did.
        head: what the head sees, one of `HEADS`.
        resize: how a picture is made square, one of `RESIZE_RULES`.
        views: how often each training image is seen: once plain, then augmented. In the loop each
            epoch has a fresh view instead.
        augmentation: what augmented views may change.
        standardize: take each feature to mean 0 and equal spread.
        solver: ``"adam"`` or ``"lbfgs"``.
        epochs: passes over the training views.
        learning_rate: Adam's step size.
        batch_size: rows in each of Adam's steps.
        l2: strength of weight decay (Adam) or of the L2 penalty (L-BFGS); see `HeadSettings`.
        keep: which epoch's weights are kept, ``"last"`` or ``"best"`` by validation loss.
        patience: stop after so many epochs without a lower validation loss; None for never.
        precision: arithmetic of the features, ``"float32"``, ``"bfloat16"`` or ``"auto"``: bfloat16
            where it is clearly faster and the head holds all of the last block, else float32.
        calibrate: fit a temperature on out-of-fold predictions of the training images and build
            it into the head.
        fine_tune: epochs of training block 5 together with the head afterwards; 0 for none.
        fine_tune_rate: Adam's step size for these.

    Example:
        >>> recipe("fast").epochs
        40
        >>> print(recipe("best"))
    """

    name: str
    backbone: str = "cached"
    head: str = "flatten"
    resize: str = "pad"
    views: int = 1
    augmentation: Augmentation = field(default_factory=Augmentation)
    standardize: bool = True
    solver: str = "adam"
    epochs: int = 20
    learning_rate: float = 1e-2
    batch_size: int = 32
    l2: float = 0.1
    keep: str = "last"
    patience: int | None = None
    precision: str = "auto"
    calibrate: bool = True
    fine_tune: int = 0
    fine_tune_rate: float = 1e-5

    def __str__(self) -> str:
        values = self.to_json()
        lines = [[name, str(values[name]), words] for name, words in _WORDS.items()]
        return "\n".join([f"recipe {self.name}", *columns(lines)])

    def changed(self, **settings: Any) -> Recipe:
        """Return the recipe with some settings of your own; None leaves one as it is.

        Raises:
            SettingsError: no recipe has such a setting, or its value is not allowed.

        Example:
            >>> recipe("fast").changed(epochs=40).epochs
            40
        """
        unknown = sorted(set(settings) - {f.name for f in fields(self)})
        if unknown:
            raise SettingsError(f"No recipe has the setting {unknown[0]!r}; it has {list(_WORDS)}")
        made = replace(self, **{k: v for k, v in settings.items() if v is not None})
        made.check()
        return made

    def check(self) -> None:
        """Raise SettingsError if a setting has a value that is not allowed."""
        for name, allowed in _CHOICES.items():
            check_choice(name, getattr(self, name), allowed)
        for name, least in {"views": 1, "epochs": 1, "batch_size": 1, "fine_tune": 0}.items():
            check_whole(name, getattr(self, name), least)
        check_number("learning_rate", self.learning_rate, positive=True)
        check_number("fine_tune_rate", self.fine_tune_rate, positive=True)
        check_number("l2", self.l2)
        if self.patience is not None:
            check_whole("patience", self.patience, 1)
        if not isinstance(self.augmentation, Augmentation):
            raise SettingsError(
                f"Expected augmentation to be an Augmentation. Received: {self.augmentation!r}"
            )
        wrong = {k: getattr(self, k) for k, v in _LOOP.items() if getattr(self, k) != v}
        if self.backbone == "loop" and wrong:
            raise SettingsError(
                "Expected with backbone='loop', where no feature is known before it is trained on, "
                f"{', '.join(f'{k}={v!r}' for k, v in _LOOP.items())}. Received: {wrong}"
            )
        if self.fine_tune and self.head not in {"flatten", "gap"}:
            raise SettingsError(
                "Expected head='flatten' or 'gap' with fine_tune, which runs the last block alone. "
                f"Received: head={self.head!r}"
            )

    def head_settings(self, random_state: int) -> HeadSettings:
        """Return what concerns the head alone.

        Args:
            random_state: seed of the training.
        """
        return HeadSettings(
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            l2=self.l2,
            keep=self.keep,
            random_state=random_state,
            solver=self.solver,
            standardize=self.standardize,
            patience=self.patience,
            fresh_views=self.backbone == "loop",
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain values that `from_json` turns back into an equal recipe."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return values | {"augmentation": self.augmentation.to_json()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Recipe:
        """Build a recipe from what `to_json` returned.

        Raises:
            KeyError, TypeError, ValueError: the values are not a recipe's.
        """
        made = cls(**(values | {"augmentation": Augmentation(**values["augmentation"])}))
        made.check()
        return made


# What the loop cannot do otherwise.
_LOOP = {
    "solver": "adam",
    "standardize": False,
    "views": 1,
    "precision": "float32",
    "calibrate": False,
    "fine_tune": 0,
}
_CHOICES = {
    "backbone": BACKBONES,
    "head": HEADS,
    "resize": RESIZE_RULES,
    "solver": SOLVERS,
    "keep": KEEP,
    "precision": PRECISIONS,
}

#: All recipes by name. What goes into them, and why: docs/recipes.md.
RECIPES = {
    "seed": Recipe(
        "seed",
        backbone="loop",
        standardize=False,
        epochs=12,
        learning_rate=1e-3,
        l2=0.0,
        precision="float32",
        calibrate=False,
    ),
    "fast": Recipe("fast", solver="lbfgs", epochs=40, l2=1e-5),
    "best": Recipe("best", head="pooled+flatten", views=5, solver="lbfgs", epochs=100, l2=1e-5),
}


def recipe(name: str) -> Recipe:
    """Return a recipe.

    Args:
        name: ``"seed"``, the original project's training, to compare with; ``"fast"``, the
            default; or ``"best"``, which takes longer.

    Raises:
        SettingsError: there is no such recipe.

    Example:
        >>> recipe("seed").backbone
        'loop'
    """
    check_choice("recipe", name, tuple(RECIPES))
    return RECIPES[name]
