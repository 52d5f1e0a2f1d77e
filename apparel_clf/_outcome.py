"""What a command of the command line hands back: its answer, and how it went."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apparel_clf.errors import ImageError, SettingsError

DONE, FAILED, INTERRUPTED = 0, 1, 130


@dataclass(frozen=True)
class Outcome:
    """What a command has to say: as text, as a JSON document, and as an exit code."""

    text: str
    document: dict[str, Any]
    problems: list[str] = field(default_factory=list)

    @property
    def code(self) -> int:
        """The exit code: 1 where something could not be done, though the rest was."""
        return FAILED if self.problems else DONE


@dataclass(frozen=True)
class Streamed:
    """An answer that is written while it comes about.

    Args:
        parts: text for standard output, as it is, and errors of single items between.
    """

    parts: Iterator[str | ImageError]


def make_way(output: Path, *, force: bool) -> None:
    """Find out before the work, not after it, that the output can't be written."""
    if output.is_dir():
        raise SettingsError(f"{output}: this is a folder; choose the name of a file")
    if output.exists() and not force:
        raise SettingsError(
            f"{output}: exists already; choose another name, or replace it with --force"
        )
    output.parent.mkdir(parents=True, exist_ok=True)
