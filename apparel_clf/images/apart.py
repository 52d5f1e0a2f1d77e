"""Bytes that stay in a temporary file until somebody looks at them."""

from __future__ import annotations

import os
import tempfile
import threading

_NONE = -1


class ApartBytes:
    """Some bytes of a `BytesApart`: compares and hashes as they do, and takes a tenth of the room.

    ``bytes(apart)`` reads them.
    """

    __slots__ = ("_file", "_hash", "_place")

    def __init__(self, file: BytesApart, place: tuple[int, int], hashed: int) -> None:
        self._file, self._place, self._hash = file, place, hashed

    def __bytes__(self) -> bytes:
        return self._file.read(*self._place)

    def __len__(self) -> int:
        return self._place[1]

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (bytes, ApartBytes)):
            return NotImplemented
        return self is other or (hash(self) == hash(other) and bytes(self) == bytes(other))

    def __reduce__(self) -> tuple[type[bytes], tuple[bytes]]:
        """What is copied or sent to another process is bytes again."""
        return bytes, (bytes(self),)

    def __repr__(self) -> str:
        return repr(bytes(self))


class BytesApart:
    """A temporary file of bytes, which has no name and goes with the process.

    The file is made with the first bytes.

    Example:
        >>> apart = BytesApart()
        >>> kept = apart.keep(b"a small copy of a picture")
        >>> kept == b"a small copy of a picture", bytes(kept)[:7]
        (True, b'a small')
    """

    def __init__(self) -> None:
        self._file = _NONE
        self._end = 0
        self._lock = threading.Lock()

    def keep(self, data: bytes) -> bytes | ApartBytes:
        """Return what to hold in the place of bytes: themselves where the disk is full."""
        try:
            return ApartBytes(self, self.append(data), hash(data))
        except OSError:
            return data

    def append(self, data: bytes) -> tuple[int, int]:
        """Put bytes into the file; return where they start and how many they are.

        Raises:
            OSError: the disk of temporary files is full.
        """
        with self._lock:
            if self._file == _NONE:
                with tempfile.TemporaryFile(prefix="apparel-clf-") as file:
                    self._file = os.dup(file.fileno())
            start, written = self._end, 0
            while written < len(data):  # a disk that is nearly full takes a part, then none
                written += os.pwrite(self._file, data[written:], start + written)
            self._end = start + written
            return start, written

    def read(self, start: int, length: int) -> bytes:
        """Read bytes back."""
        return os.pread(self._file, length, start)

    def close(self) -> None:
        """Let go of the file and all that is in it; nothing that was kept can be read any more."""
        if self._file != _NONE:
            os.close(self._file)
        self._file, self._end = _NONE, 0

    def __del__(self) -> None:
        self.close()
