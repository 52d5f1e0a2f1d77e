"""Finds the code blocks of the guides, and the commands in those of a shell."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_BLOCK = re.compile(r"^( *)```([\w-]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_OPERATORS = {"|", "||", "&&", "&", ";"}
_VARIABLE = re.compile(r"[A-Z_]+=.*")


@dataclass(frozen=True)
class Block:
    """A fenced block: the document's place in the repository, its first line there, its text."""

    document: str
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.document}:{self.line}"


def guides() -> list[str]:
    """Return the places of all documents whose blocks are run or checked."""
    front = ["README.md", "CONTRIBUTING.md", "datasets/README.md", "benchmarks/README.md"]
    return [*front, *(str(p.relative_to(ROOT)) for p in sorted((ROOT / "docs").glob("*.md")))]


def blocks_of(document: str) -> list[Block]:
    text = (ROOT / document).read_text("utf-8")
    return [
        Block(
            document,
            text.count("\n", 0, found.start(3)) + 1,
            found[2],
            textwrap.dedent(found[3]),
        )
        for found in _BLOCK.finditer(text)
    ]


def commands_of(block: Block) -> Iterator[tuple[str, ...]]:
    """Yield each command of a shell block as words; comments, redirections and variables left out.

    Example:
        >>> list(commands_of(Block("x.md", 1, "sh", "A=1 ls -l > f  # all\\ncat f | wc")))
        [('ls', '-l'), ('cat', 'f'), ('wc',)]
    """
    for line in block.text.replace("\\\n", " ").splitlines():
        command: list[str] = []
        for word in [*_words(line), ";"]:
            if word not in _OPERATORS:
                command.append(word)
                continue
            while command and _VARIABLE.fullmatch(command[0]):
                command.pop(0)
            if command:
                yield tuple(command)
            command = []


def _words(line: str) -> Iterator[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    for word in lexer:
        if set(word) <= set("<>&") and set(word) & set("<>"):
            next(lexer, None)
        else:
            yield word
