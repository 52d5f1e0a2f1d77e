"""SHA256SUMS: the hash of every file of a version, in the format of the tool ``sha256sum``."""

from __future__ import annotations

import hashlib
import os
import re

#: Name of the file; ``sha256sum -c SHA256SUMS`` in the version's folder checks the version.
SUMS = "SHA256SUMS"

# No step up and no absolute path: a damaged line must not lead out of the version.
_LINE = re.compile(r"([0-9a-f]{64}) [ *]((?!/|(?:.*/)?\.\.?(?:/|$))[^\n\0]+)")
_BUFFER_SIZE = 1 << 18


def sums_line(path: str, digest: str) -> bytes:
    """Return a file's line in SHA256SUMS; lines are sorted by path.

    Args:
        path: relative to SHA256SUMS, with forward slashes.
        digest: the file's sha256 in hex.

    Example:
        >>> sums_line("README.md", 64 * "0").split()[1]
        b'README.md'
    """
    return f"{digest}  {path}\n".encode()


def parse_sums(data: bytes) -> tuple[dict[str, str], list[int]]:
    """Read the content of a SHA256SUMS file.

    Args:
        data: its bytes.

    Returns:
        The sha256 of each path, and the numbers of the lines that cannot be read.
    """
    digests, bad = {}, []
    lines = data.decode("utf-8", "replace").split("\n")
    torn = lines.pop()
    for number, line in enumerate(lines, 1):
        found = _LINE.fullmatch(line)
        if found is None or found[2] in digests:
            bad.append(number)
        else:
            digests[found[2]] = found[1]
    return digests, [*bad, len(lines) + 1] if torn else bad


class FileHasher:
    """Hashes one file after the other through one buffer. One thread at a time.

    Example:
        >>> FileHasher().digest("datasets/demo/v1/README.md")[1]
        1834
    """

    def __init__(self) -> None:
        self._buffer = memoryview(bytearray(_BUFFER_SIZE))

    def digest(self, path: str | os.PathLike[str]) -> tuple[str, int]:
        """Return a file's sha256 in hex, and its length.

        Raises:
            OSError: it cannot be read.
        """
        sha256, size = hashlib.sha256(), 0
        # Not a file object: it takes more system calls, at each of which threads wait for another.
        descriptor = os.open(path, os.O_RDONLY)
        try:
            while count := os.readv(descriptor, [self._buffer]):
                sha256.update(self._buffer[:count])
                size += count
        finally:
            os.close(descriptor)
        return sha256.hexdigest(), size
