"""Lines for the person at the terminal, kept apart from progress bars."""

from __future__ import annotations

import sys

from tqdm import tqdm


def printable(text: str) -> str:
    r"""Return a text with control characters, which a page could have put in, spelled out.

    Example:
        >>> printable("a\x1b[31mb")
        'a\\x1b[31mb'
    """
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def say(text: str) -> None:
    """Write a line to standard error, above the progress bars if there are any."""
    tqdm.write(printable(text), file=sys.stderr)
