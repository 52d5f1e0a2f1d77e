"""The table of epochs that is printed while training runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from apparel_clf.training.history import COLUMNS


class EpochTable:
    """Writes a row for each epoch; a star marks each that is the best so far.

    Args:
        write: takes each line, with its newline.

    Example:
        >>> table = EpochTable(sys.stderr.write)
        >>> table.row(0, {"loss": 0.51, "accuracy": 0.8, "val_loss": 0.4, "val_accuracy": 0.9})
        epoch        loss    accuracy    val_loss  val_accuracy  (* = lowest val_loss so far)
            1      0.5100      0.8000      0.4000        0.9000  *
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._best = float("inf")

    def row(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Write one epoch's row, before the first one the header too.

        Args:
            epoch: its number, from 0; people are shown it from 1.
            logs: its quantities by name.
        """
        names = [name for name in COLUMNS if name in logs]
        if epoch == 0:
            header = "".join(f"{name:>14}" for name in names)
            judge = "val_loss" if "val_loss" in logs else "loss"
            self._write(f"{'epoch':>5}{header}  (* = lowest {judge} so far)\n")
        cells = "".join(f"{logs[name]:14.4f}" for name in names)
        judged = logs.get("val_loss", logs["loss"])
        mark = "  *" if judged < self._best else ""
        self._best = min(self._best, judged)
        self._write(f"{epoch + 1:>5}{cells}{mark}\n")
