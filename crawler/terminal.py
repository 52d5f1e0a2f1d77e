"""Lines for the person at the terminal, kept apart from progress bars."""

from __future__ import annotations

import sys

from tqdm import tqdm

from apparel_clf._printable import printable


def say(text: str) -> None:
    """Write a line to standard error, above the progress bars if there are any."""
    tqdm.write(printable(text), file=sys.stderr)
