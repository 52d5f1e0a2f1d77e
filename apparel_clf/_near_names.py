"""Finds what a mistyped path was probably meant to be."""

from __future__ import annotations

import difflib
from pathlib import Path


def near_name(path: Path) -> Path | None:
    """Find an existing path that differs from a missing one by a slip in one name.

    Args:
        path: of which some part does not exist.

    Returns:
        The path with that part's nearest sibling in its place, if it exists; else None.

    Example:
        >>> near_name(Path("datasets/rehersal/latest"))
        PosixPath('datasets/rehearsal/latest')
    """
    try:
        missing = next(part for part in (*reversed(path.parents), path) if not part.exists())
        siblings = [entry.name for entry in missing.parent.iterdir()]
    except (OSError, ValueError, StopIteration):
        return None
    for name in difflib.get_close_matches(missing.name, siblings, n=1):
        meant = missing.with_name(name) / path.relative_to(missing)
        return meant if meant.exists() else None
    return None
