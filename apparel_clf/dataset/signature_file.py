"""Signatures outside of memory, for work that meets more of them than it looks at again."""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from typing import overload

from apparel_clf.images import BytesApart, Signature


class SignatureFile(Sequence[Signature]):
    """A list of signatures in a temporary file, which has no name and goes with the process.

    A signature takes eight bytes of memory here rather than two thousand and more. The file is
    made with the first one.

    Example:
        >>> kept = SignatureFile()
        >>> kept.append(sign(data))
        >>> kept[0] == sign(data)
        True
    """

    def __init__(self) -> None:
        self._file = BytesApart()
        self._starts = array("Q", [0])

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, index: int) -> Signature: ...
    @overload
    def __getitem__(self, index: slice) -> list[Signature]: ...
    def __getitem__(self, index: int | slice) -> Signature | list[Signature]:
        """Read one signature, or some.

        Raises:
            IndexError: there are not so many.
        """
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        start, end = self._starts[place], self._starts[place + 1]
        return Signature.from_json(json.loads(self._file.read(start, end - start)))

    def append(self, signature: Signature) -> None:
        """Add a signature.

        Raises:
            OSError: the disk of temporary files is full.
        """
        start, length = self._file.append(json.dumps(signature.to_json()).encode())
        self._starts.append(start + length)

    def close(self) -> None:
        """Let go of the file and forget all signatures."""
        self._file.close()
        self._starts = array("Q", [0])
