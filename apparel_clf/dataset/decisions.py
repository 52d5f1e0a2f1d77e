"""What a person decided about images: kept in a file, and applied whenever a version is made."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from apparel_clf._printable import json_text
from apparel_clf.dataset.likeness import HASH_DISTANCE, HASHES, hashes, judge
from apparel_clf.dataset.records import check_label
from apparel_clf.dataset.staging import drop_torn_end
from apparel_clf.errors import DatasetError
from apparel_clf.images import Signature

#: The file in a dataset's folder.
DECISIONS = "decisions.jsonl"
#: What can be decided of an image. ``relabel`` names its class, and takes it in where a crawl had
#: turned it away; ``restore`` takes back what was decided before.
Action = Literal["reject", "relabel", "restore"]

# Left out of a line where they are empty.
_STEPS = ("step", "undoes")
# Images and decisions whose hashes are compared at a time, and pairs that are judged.
_BLOCK, _TILE = 4096, 1024
_BATCH = 512


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about one image, by whom, when and why.

    Args:
        action: ``"reject"``, ``"relabel"`` or ``"restore"``.
        signature: the image. The decision also holds for its copies, at any size.
        label: the class that it really is of, for ``"relabel"``; else ``""``.
        who: name of the person.
        when: date and time, ISO 8601.
        why: a sentence.
        step: names what was decided together, so that it can be undone together. Default none.
        undoes: the step that this decision undoes. Default none.
    """

    action: Action
    signature: Signature
    label: str = ""
    who: str = ""
    when: str = ""
    why: str = ""
    step: str = ""
    undoes: str = ""

    @property
    def words(self) -> str:
        """The decision's reason with who and when, for a person."""
        said = ", ".join(part for part in (self.who, self.when) if part)
        return " ".join(part for part in (self.why, f"({said})" if said else "") if part)

    def to_json(self) -> dict[str, Any]:
        """Return plain values that `from_json` turns back into an equal decision."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "signature"}
        told = {name: value for name, value in values.items() if value or name not in _STEPS}
        return told | {"signature": self.signature.to_json()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Decision:
        """Build a decision from what `to_json` returned.

        Raises:
            DatasetError: the label is not a class name.
            KeyError, TypeError, ValueError: a value is missing or of the wrong kind.
        """
        action = values["action"]
        if action not in get_args(Action):
            raise ValueError(f"an action {action!r}")
        return cls(
            action=action,
            signature=Signature.from_json(values["signature"]),
            label=check_label(values["label"]) if action == "relabel" else "",
            **{name: str(values.get(name, "")) for name in ("who", "when", "why", *_STEPS)},
        )


def read_decisions(folder: Path) -> tuple[Decision, ...]:
    """Read a dataset's decisions, oldest first.

    Args:
        folder: the dataset's folder.

    Returns:
        The decisions; none where there is no file. A last line that was cut off is left out.

    Raises:
        DatasetError: a whole line cannot be read.
    """
    path = folder / DECISIONS
    if not path.exists():
        return ()
    found = []
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):  # torn by a crash
                break
            try:
                found.append(Decision.from_json(json.loads(line.decode("utf-8", "replace"))))
            except (
                AttributeError,
                KeyError,
                OverflowError,
                RecursionError,
                TypeError,
                ValueError,
            ) as error:
                raise DatasetError(
                    f"{path}, line {number}: not a decision ({error}). Mend or remove the line"
                ) from error
    return tuple(found)


def add_decisions(folder: Path, decisions: Iterable[Decision]) -> None:
    """Append decisions to a dataset's file; they are on the disk when the call returns.

    Args:
        folder: the dataset's folder.
        decisions: what to add, in order.
    """
    lines = [json_text(decision.to_json(), sort_keys=True) + "\n" for decision in decisions]
    path = folder / DECISIONS
    with path.open("a", encoding="utf-8", errors="replace") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        drop_torn_end(path)
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())


def in_force(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """Return what holds in the end: of several decisions on one image the last, none if restored.

    Example:
        >>> in_force([Decision("reject", signature), Decision("restore", signature)])
        ()
    """
    last: dict[str, Decision] = {}
    for decision in decisions:
        last.pop(decision.signature.sha256, None)  # so that its place is that of the last one
        last[decision.signature.sha256] = decision
    return tuple(decision for decision in last.values() if decision.action != "restore")


def rulings(signatures: Sequence[Signature], decisions: Iterable[Decision]) -> dict[str, Decision]:
    """Find the decision that holds for each image: its own, or that on a copy of it.

    Args:
        signatures: the images.
        decisions: what was decided, oldest first.

    Returns:
        Decisions by the image's sha256. An image that was decided on itself, restored ones too,
        does not follow those on its copies; of several copies the last decision counts.
    """
    decisions = list(decisions)
    decided = {decision.signature.sha256 for decision in decisions}
    standing = in_force(decisions)
    own = {d.signature.sha256: d for d in standing}
    found = {s.sha256: own[s.sha256] for s in signatures if s.sha256 in own}
    others = [s for s in signatures if s.sha256 not in decided and not s.blank]
    copied = [d for d in standing if not d.signature.blank]
    for start in range(0, len(others), _BLOCK):
        found |= _by_copies(others[start : start + _BLOCK], copied)
    return found


def _by_copies(
    signatures: Sequence[Signature], decisions: Sequence[Decision]
) -> dict[str, Decision]:
    found: dict[str, Decision] = {}
    pairs: list[tuple[int, int]] = []
    of_decisions = [decision.signature for decision in decisions]
    for start in range(0, len(decisions), _TILE):
        pairs += _near(signatures, of_decisions[start : start + _TILE], start)
    # In the order of the decisions, so that the last one is the one that stays.
    pairs.sort(key=lambda pair: pair[1])
    for start in range(0, len(pairs), _BATCH):
        batch = pairs[start : start + _BATCH]
        images, decided = [signatures[i] for i, _ in batch], [of_decisions[k] for _, k in batch]
        verdicts = judge(images, decided, copies_only=True)
        for (i, k), verdict in zip(batch, verdicts, strict=True):
            if verdict is not None:
                found[signatures[i].sha256] = decisions[k]
    return found


def _near(
    signatures: Sequence[Signature], others: Sequence[Signature], first: int
) -> list[tuple[int, int]]:
    near = np.zeros((len(signatures), len(others)), dtype=bool)
    for name in HASHES:
        between = hashes(signatures, name)[:, None] ^ hashes(others, name)[None]
        near |= np.bitwise_count(between) <= HASH_DISTANCE
    places, which = np.nonzero(near)
    return list(zip(places.tolist(), (which + first).tolist(), strict=True))
