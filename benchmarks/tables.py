"""Markdown tables that read well as text too."""

from __future__ import annotations

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a Markdown table, columns as wide as they need; numbers to the right.

    Args:
        head: titles of the columns.
        rows: as many cells each.

    Example:
        >>> print(table(["a", "b"], [["x", "1.0"]]))
        | a |   b |
        |---|----:|
        | x | 1.0 |
    """
    widths = [max(len(cell) for cell in column) for column in zip(head, *rows, strict=True)]
    rule = "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])])
    lines = [_line(head, widths), f"|{rule}|", *(_line(row, widths) for row in rows)]
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first = cells[0].ljust(widths[0])
    rest = (cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))
    return f"| {' | '.join([first, *rest])} |"
