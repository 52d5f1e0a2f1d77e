"""What was seen before, in a few bytes for each: a set of ten thousand texts takes a megabyte."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TypeAlias

#: What is marked: its hash is drawn at random.
Text: TypeAlias = str | bytes | tuple[str, ...]

_MARK = (1 << 64) - 1


class Marks:
    """A set of texts that can't be read back: it holds each text's hash, eight bytes.

    Where hashes have 64 bits, the chance that any two of 60,000 texts share one is 10^-10. Python
    draws them anew in each process (unless ``PYTHONHASHSEED`` is set), so that nobody can make two
    that do. Adding takes longer the more are held: 10 µs at 100,000.

    Example:
        >>> seen = Marks()
        >>> seen.add("B07XYZ1234"), seen.add("B07XYZ1234"), "B07XYZ1234" in seen
        (True, False, True)
    """

    def __init__(self) -> None:
        self._marks = array("Q")

    def __len__(self) -> int:
        return len(self._marks)

    def __contains__(self, text: Text) -> bool:
        return _find(self._marks, text)[2]

    def add(self, text: Text) -> bool:
        """Take a text in.

        Args:
            text: a text, bytes, or several texts.

        Returns:
            Whether it is new.
        """
        mark, place, held = _find(self._marks, text)
        if not held:
            self._marks.insert(place, mark)
        return not held

    def clear(self) -> None:
        """Forget all."""
        self._marks = array("Q")


class MarkedNumbers:
    """A dictionary of numbers whose keys can't be read back, as in `Marks`: 16 bytes for each.

    Example:
        >>> places = MarkedNumbers()
        >>> places["https://example.org/1.jpg"] = 7
        >>> places["https://example.org/1.jpg"], "https://example.org/2.jpg" in places
        (7, False)
    """

    def __init__(self) -> None:
        self._marks, self._numbers = array("Q"), array("Q")

    def __len__(self) -> int:
        return len(self._marks)

    def __contains__(self, text: Text) -> bool:
        return _find(self._marks, text)[2]

    def __getitem__(self, text: Text) -> int:
        _, place, held = _find(self._marks, text)
        if not held:
            raise KeyError(text)
        return self._numbers[place]

    def __setitem__(self, text: Text, number: int) -> None:
        mark, place, held = _find(self._marks, text)
        if held:
            self._numbers[place] = number
        else:
            self._marks.insert(place, mark)
            self._numbers.insert(place, number)

    def clear(self) -> None:
        """Forget all."""
        self._marks, self._numbers = array("Q"), array("Q")


def _find(marks: array[int], text: Text) -> tuple[int, int, bool]:
    """The mark of a text, where it is or belongs, and whether it is there."""
    mark = hash(text) & _MARK
    place = bisect_left(marks, mark)
    return mark, place, place < len(marks) and marks[place] == mark
