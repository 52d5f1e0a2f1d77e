"""Writes text files whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """Write beside the final place and rename, so that no half-written file is ever seen.

    Args:
        path: file to write, UTF-8; folders that are missing are made.
        text: its content; ends of lines stay as they are.

    Returns:
        The path written.

    Raises:
        OSError: the file cannot be written.

    Example:
        >>> write_text("runs/note.txt", "done\\n").name
        'note.txt'
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        # A file name that is not text becomes an escape, valid in JSON and readable in HTML.
        partial.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target
