"""A review of one version: what was decided, decisions to the file, undo, publishing."""

from __future__ import annotations

import os
import secrets
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from apparel_clf.dataset import (
    Decision,
    ManifestRow,
    Rejection,
    Version,
    check_labels,
    open_version,
    publish,
    read_decisions,
)
from apparel_clf.dataset.curate import dataset_objects, time_now, user_name, write_decisions
from apparel_clf.dataset.decisions import Action, in_force, rulings
from apparel_clf.dataset.importing import dataset_labels
from apparel_clf.dataset.version import is_version, resolve_version, unpublished
from apparel_clf.errors import DatasetError, SettingsError
from apparel_clf.images import Signature, sign
from apparel_clf.review.looks import Looks
from apparel_clf.review.order import Judge, Order
from apparel_clf.review.undo import last_step, undoing


@dataclass(frozen=True)
class Undone:
    """What an undo brought back.

    Args:
        images: whose decision changed, by sha256.
        left: how many more steps can be undone.
    """

    images: tuple[str, ...]
    left: bool


class Review:
    """A person's way through a version.

    The decisions file is what counts; nothing that was decided is kept here alone.

    Args:
        path: a version's folder, or a dataset's for its latest.
        judges: what say in which order images come, the first one first. Default: by their looks.
        who: who decides. Default None: the name that the system knows the user by.

    Raises:
        DatasetNotFoundError: there is no such folder, or the version is in no dataset's folder.
        DatasetError: it is no version.

    Example:
        >>> review = Review("datasets/demo/latest")
        >>> review.decide([review.version.rows[0].record.sha256], "reject")
        >>> review.publish().name
        'demo/v2'
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        judges: Sequence[Judge] = (),
        who: str | None = None,
    ) -> None:
        self.lock = threading.RLock()
        self.who = user_name() if who is None else who
        self._judges: tuple[Judge, ...] = (*judges, Looks())
        self._open(open_reviewable(path))

    def _open(self, version: Version) -> None:
        self.version = version
        self.dataset = version.path.parent
        self._objects = dataset_objects(self.dataset)
        self.rows = {row.record.sha256: row for row in version.rows}
        self.rejections = version.rejections()
        self._reasons: dict[str, set[str]] = defaultdict(set)
        for rejection in self.rejections:
            if rejection.sha256 and rejection.sha256 not in self.rows:
                self._reasons[rejection.sha256].add(rejection.reason)
        self.groups: dict[str, list[str]] = defaultdict(list)
        for row in version.rows:
            self.groups[row.group].append(row.record.sha256)
        self.orders = tuple(Order.by(judge, version.rows) for judge in self._judges)
        self._signatures = {sha256: row.record.signature for sha256, row in self.rows.items()}
        self.labels = dataset_labels(self.dataset) | {row.record.label for row in version.rows}
        self._read_decisions()
        self.ruled = self._rulings(self.rows)

    def _read_decisions(self) -> None:
        self.decisions = list(read_decisions(self.dataset))
        self._last = {d.signature.sha256: d for d in self.decisions}

    def _rulings(self, images: Iterable[str]) -> dict[str, Decision]:
        """What holds of the version's images among these, and of all that was turned away.

        What was turned away follows no decision on a copy: it has to be named itself to come in.
        """
        signatures = [self.rows[s].record.signature for s in images if s in self.rows]
        standing = {d.signature.sha256: d for d in in_force(self.decisions)}
        away = {sha256: standing[sha256] for sha256 in standing.keys() & self._reasons.keys()}
        return rulings(signatures, self.decisions) | away

    @property
    def classes(self) -> tuple[str, ...]:
        """The version's classes, then others that were decided on, each part sorted."""
        own = sorted({row.record.label for row in self.version.rows})
        return (*own, *sorted(self.labels - set(own)))

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to undo."""
        return last_step(self.decisions) is not None

    def is_stored(self, rejection: Rejection) -> bool:
        """Whether the picture that was turned away is at hand, so that it can be taken back."""
        return bool(rejection.sha256) and rejection.sha256 in self._objects

    def file_of(self, sha256: str) -> Path:
        """Return the file of an image that this review knows.

        Args:
            sha256: of a row or of a stored rejection; anything else is refused, so no text from a
                page leads to a file.

        Raises:
            DatasetError: it is none of them.
        """
        if sha256 in self.rows:
            return self.version.path / self.rows[sha256].path
        if sha256 in self._reasons:
            return self._objects.path(sha256)
        raise DatasetError(f"{sha256!r:.80}: no image of this version; load the page again")

    def decide(
        self, images: Sequence[str], action: Action, label: str = "", why: str = ""
    ) -> tuple[str, ...]:
        """Write decisions down, as one step; they are on the disk when the call returns.

        Args:
            images: sha256 of each.
            action: ``"reject"``, ``"relabel"`` or ``"restore"``.
            label: the class, for ``"relabel"``.
            why: a reason. Default none.

        Returns:
            The images whose state may have changed, by sha256: these, and copies of them.

        Raises:
            SettingsError: no image is given.
            DatasetError: an image isn't known, the label can't be a class's name beside the
                others, or the file can't be written. Nothing was decided then.
        """
        if not images:
            raise SettingsError("nothing to decide: choose an image first")
        with self.lock:
            if action == "relabel":
                check_labels({label, *self.labels})
            step, when = secrets.token_hex(6), time_now()
            new = [
                Decision(action, self._signature(s), label, self.who, when, why, step)
                for s in dict.fromkeys(images)
            ]
            return self._write(new)

    def undo(self) -> Undone:
        """Take the last step back; it may have been made before a reload or a restart.

        Raises:
            SettingsError: there is nothing to undo.
            DatasetError: the file can't be written.
        """
        with self.lock:
            step = last_step(self.decisions)
            if step is None:
                raise SettingsError("nothing to undo")
            images = self._write(undoing(self.decisions, step, self.who, time_now()))
            return Undone(images, self.can_undo)

    def publish(self) -> Version:
        """Publish the next version by what was decided, as ``dataset curate`` does, and open it.

        Raises:
            PublishError: as in `apparel_clf.publish`; the decisions are kept.
        """
        with self.lock:
            self._open(publish(self.dataset, show_progress=False))
            return self.version

    def pending(self) -> Counter[str]:
        """Count what the next version will do otherwise than this one, by action."""
        counted: Counter[str] = Counter()
        with self.lock:
            for sha256 in (*self.rows, *self._reasons):
                counted[self.change(sha256)] += 1
        return Counter({what: n for what, n in counted.items() if what})

    def change(self, sha256: str) -> str:
        """Say what the next version will do with an image.

        Returns:
            ``"reject"``, ``"relabel"``, ``"restore"`` where what was decided before holds no
            longer, ``"take back"`` for one that was turned away; ``""`` where it stays.
        """
        ruling, row = self.ruled.get(sha256), self.rows.get(sha256)
        if row is None:
            return "take back" if self._comes_in(sha256) else ""
        return _change(row, ruling)

    def _comes_in(self, sha256: str) -> bool:
        last = self._last.get(sha256)
        if last is None or last.action == "reject":
            return False
        return last.action == "relabel" or "rejected_by_hand" in self._reasons[sha256]

    def _signature(self, sha256: str) -> Signature:
        if sha256 not in self._signatures:
            self._signatures[sha256] = sign(self.file_of(sha256).read_bytes(), sha256)
        return self._signatures[sha256]

    def _write(self, new: Sequence[Decision]) -> tuple[str, ...]:
        write_decisions(self.dataset, new)
        self._read_decisions()  # all of them: somebody else may have decided meanwhile
        self.labels |= {decision.label for decision in new if decision.label}
        touched = [decision.signature.sha256 for decision in new]
        groups = {self.rows[s].group for s in touched if s in self.rows}
        # Copies of an image in one version are in its group.
        images = {*touched, *(s for group in groups for s in self.groups[group])}
        now = self._rulings(images)
        for sha256 in images:
            self.ruled.pop(sha256, None)
        self.ruled |= now
        return tuple(sorted(images))


def open_reviewable(path: str | os.PathLike[str]) -> Version:
    """Open a version that can be reviewed.

    Args:
        path: a version's folder, or a dataset's for its latest.

    Raises:
        DatasetNotFoundError: there is no such folder, or the version is in no dataset's folder.
        DatasetError: it is no version; a plain folder is to be imported first.
    """
    folder = resolve_version(path)
    if folder.is_dir() and not is_version(folder):
        raise DatasetError(
            unpublished(folder)
            or f"{path}: not a published version. Decisions need one to be kept beside; make it of "
            f"this folder's images first: apparel-clf dataset import {path}"
        )
    version = open_version(folder)
    dataset_objects(version.path.parent)
    return version


def _change(row: ManifestRow, ruling: Decision | None) -> str:
    if ruling is None:
        return "restore" if row.record.found_label else ""
    if ruling.action == "reject":
        return "reject"
    return "relabel" if ruling.label != row.record.label else ""
