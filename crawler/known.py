"""Pictures that need not be fetched again, by key; their signatures are kept outside of memory."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, MutableMapping
from typing import TypeVar

from apparel_clf.dataset import SignatureFile
from apparel_clf.images import Signature

Key = TypeVar("Key", bound=Hashable)


class KnownPictures(MutableMapping[Key, Signature]):
    """A dictionary of signatures that holds their places in a temporary file.

    Example:
        >>> known = KnownPictures[str]()
        >>> known["https://example.org/1.jpg"] = sign(data)
        >>> known["https://example.org/1.jpg"] == sign(data)
        True
    """

    def __init__(self) -> None:
        self._signatures = SignatureFile()
        self._places: dict[Key, int] = {}

    def __getitem__(self, key: Key) -> Signature:
        return self._signatures[self._places[key]]

    def __setitem__(self, key: Key, signature: Signature) -> None:
        """Take in a signature.

        Raises:
            OSError: the disk of temporary files is full.
        """
        self._signatures.append(signature)
        self._places[key] = len(self._signatures) - 1

    def __delitem__(self, key: Key) -> None:
        del self._places[key]

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def __iter__(self) -> Iterator[Key]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def clear(self) -> None:
        """Forget all, and let go of the file."""
        self._places.clear()
        self._signatures.close()
