"""Bytes that stay in a temporary file until somebody looks at them."""

from __future__ import annotations

import os
import tempfile
import threading
from array import array

_NONE = -1


class ApartBytes:
    """Some bytes of a `BytesApart`: compares and hashes as they do, and takes hardly any room.

    ``bytes(apart)`` reads them.
    """

    __slots__ = ("_file", "_number")

    def __init__(self, file: BytesApart, number: int) -> None:
        self._file, self._number = file, number

    def __bytes__(self) -> bytes:
        return self._file[self._number]

    def __len__(self) -> int:
        return self._file.length(self._number)

    def __hash__(self) -> int:
        return hash(bytes(self))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (bytes, ApartBytes)):
            return NotImplemented
        return self is other or (len(self) == len(other) and bytes(self) == bytes(other))

    def __reduce__(self) -> tuple[type[bytes], tuple[bytes]]:
        """What is copied or sent to another process is bytes again."""
        return bytes, (bytes(self),)

    def __repr__(self) -> str:
        return repr(bytes(self))


class BytesApart:
    """A list of bytes in a temporary file, which has no name and goes with the process.

    The file is made with the first bytes. Of each entry eight bytes stay in memory.

    Example:
        >>> apart = BytesApart()
        >>> kept = apart.keep(b"a small copy of a picture")
        >>> kept == b"a small copy of a picture", bytes(kept)[:7]
        (True, b'a small')
    """

    def __init__(self) -> None:
        self._file = _NONE
        self._starts = array("Q", [0])
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __getitem__(self, number: int) -> bytes:
        """Read bytes back by their number, from 0."""
        return os.pread(self._file, self.length(number), self._starts[number])

    def length(self, number: int) -> int:
        """Return how many bytes an entry has, without reading it."""
        return self._starts[number + 1] - self._starts[number]

    def keep(self, data: bytes) -> bytes | ApartBytes:
        """Return what to hold in the place of bytes: themselves where the disk is full."""
        try:
            return ApartBytes(self, self.append(data))
        except OSError:
            return data

    def append(self, data: bytes) -> int:
        """Put bytes into the file; return their number.

        Raises:
            OSError: the disk of temporary files is full.
        """
        with self._lock:
            if self._file == _NONE:
                with tempfile.TemporaryFile(prefix="apparel-clf-") as file:
                    self._file = os.dup(file.fileno())
            start, written = self._starts[-1], 0
            while written < len(data):  # a disk that is nearly full takes a part, then none
                written += os.pwrite(self._file, data[written:], start + written)
            self._starts.append(start + written)
            return len(self) - 1

    def close(self) -> None:
        """Let go of the file and all that is in it; nothing that was kept can be read any more."""
        if self._file != _NONE:
            os.close(self._file)
        self._file, self._starts = _NONE, array("Q", [0])

    def __del__(self) -> None:
        self.close()
