"""Signatures outside of memory, for work that meets more of them than it looks at again."""

from __future__ import annotations

import json
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

    def __len__(self) -> int:
        return len(self._file)

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
        return Signature.from_json(json.loads(self._file[range(len(self))[index]]))

    def append(self, signature: Signature) -> None:
        """Add a signature.

        Raises:
            OSError: the disk of temporary files is full.
        """
        self._file.append(json.dumps(signature.to_json()).encode())

    def close(self) -> None:
        """Let go of the file and forget all signatures."""
        self._file.close()
