"""What a command of the command line hands back: its answer, and how it went."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

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
