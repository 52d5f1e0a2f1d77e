"""What happened in each epoch: numbers, a table, curves."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apparel_clf._extras import require
from apparel_clf.errors import SettingsError, TrainingError

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: The quantities in the order in which they are shown.
COLUMNS = ("loss", "accuracy", "val_loss", "val_accuracy")


def epoch_values(logs: Mapping[str, float], epoch: int, rate: str) -> dict[str, float]:
    """Take what is to be kept of an epoch.

    Args:
        logs: the epoch's quantities by name, perhaps among others.
        epoch: its number, from 0.
        rate: the setting that a smaller step is asked for with.

    Raises:
        TrainingError: a quantity is no longer a number; it names the epoch, counted from 1.
    """
    values = {name: float(logs[name]) for name in COLUMNS if name in logs}
    if not all(map(math.isfinite, values.values())):
        raise TrainingError(
            f"The loss is no longer a number in epoch {epoch + 1}: {values}. Pass a smaller {rate}"
        )
    return values


@dataclass(frozen=True)
class History:
    """Loss and accuracy of each epoch, on the training images and on the validation images.

    Training figures are means over an epoch's batches, taken while the head was still learning;
    validation figures are taken at its end. The loss is categorical cross-entropy in nats.

    Args:
        history: values per epoch of ``loss`` and ``accuracy`` and, where there were validation
            images, ``val_loss`` and ``val_accuracy``; as Keras' own `History.history`.
        kept: the epoch whose weights the model has, counted from 0; None for the last.

    Raises:
        SettingsError: a column is missing or the columns differ in length.

    Example:
        >>> clf.history_.to_pandas().round(3)
            loss  accuracy  val_loss  val_accuracy
        0  0.135     0.940     0.461         0.834
    """

    history: dict[str, list[float]]
    kept: int | None = None

    def __post_init__(self) -> None:
        lengths = {name: len(values) for name, values in self.history.items()}
        if not {"loss", "accuracy"} <= set(lengths) <= set(COLUMNS) or len({*lengths.values()}) > 1:
            raise SettingsError(
                "Expected a history of loss and accuracy, with val_loss and val_accuracy or "
                f"without, all of one length. Received: {lengths}"
            )

    @property
    def epoch(self) -> list[int]:
        """The epochs' numbers, from 0."""
        return list(range(len(self.history["loss"])))

    @property
    def best_epoch(self) -> int:
        """The epoch, from 0, with the lowest validation loss; without validation, training loss.

        Choosing an epoch by its validation figures flatters those figures: judge on the test
        split.
        """
        losses = self.history["val_loss" if "val_loss" in self.history else "loss"]
        return losses.index(min(losses))

    @property
    def judged_by(self) -> str:
        """By what `best_epoch` is chosen, in words: ``"val loss"`` or ``"loss"``."""
        return "val loss" if "val_loss" in self.history else "loss"

    @property
    def kept_epoch(self) -> int:
        """The epoch, from 0, whose weights the model has."""
        return len(self.epoch) - 1 if self.kept is None else self.kept

    def to_pandas(self) -> pandas.DataFrame:
        """Return a table with a row for each epoch.

        Returns:
            Columns ``loss``, ``accuracy`` and, where there were validation images, ``val_loss``
            and ``val_accuracy``; the index counts from 0.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        columns = {name: self.history[name] for name in COLUMNS if name in self.history}
        frame: pandas.DataFrame = require("pandas", "train").DataFrame(columns)
        return frame

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """Draw accuracy and loss over the epochs.

        Args:
            path: write the picture there too; the ending decides the format (.png, .svg, .pdf).

        Returns:
            A matplotlib figure.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        # Without pyplot there is no global list of figures to close and no window system to pick.
        figure: Figure = require("matplotlib.figure", "train").Figure(
            figsize=(10, 4), layout="constrained"
        )
        for axes, name in zip(figure.subplots(1, 2), ("accuracy", "loss"), strict=True):
            self._draw(axes, name)
        if path is not None:
            figure.savefig(path)
        return figure

    def to_json(self) -> dict[str, Any]:
        """Return plain values that `from_json` turns back into an equal history."""
        return {"history": {k: list(v) for k, v in self.history.items()}, "kept": self.kept}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> History:
        """Build a history from what `to_json` returned.

        Raises:
            KeyError, TypeError, ValueError: the values are not a history's.
        """
        columns = {str(name): [float(v) for v in row] for name, row in values["history"].items()}
        history = cls(columns, values["kept"])
        if not 0 <= history.kept_epoch < len(history.epoch):
            raise ValueError(f"epoch {history.kept_epoch} of {len(history.epoch)} was kept")
        return history

    def _draw(self, axes: Axes, name: str) -> None:
        # People count epochs from 1, as reports do.
        numbers = [epoch + 1 for epoch in self.epoch]
        lines = ((name, "training", "#8a8f98"), (f"val_{name}", "validation", "#1f5fbf"))
        for column, label, colour in lines:
            if column in self.history:
                axes.plot(numbers, self.history[column], label=label, color=colour, marker="o")
        kept = self.kept_epoch + 1
        axes.axvline(kept, color="#c2571a", linestyle=":", label=f"kept: epoch {kept}")
        axes.set(title=name.capitalize(), xlabel="epoch", ylabel=name)
        axes.locator_params(axis="x", integer=True)
        axes.grid(alpha=0.3)
        axes.legend()
