"""What is known of an image when it has been fetched: the record that a journal holds."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from apparel_clf.errors import DatasetError
from apparel_clf.images import Signature

#: Where a result stood in the shop: label, query, page and position.
Place: TypeAlias = "tuple[str, str, int, int]"

# Values that the records of one page have in common.
_SHARED = frozenset({"source", "query", "page_url"})
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")


def check_label(label: str) -> str:
    """Return `label` if it can be the name of a class, which becomes the name of a folder.

    Raises:
        DatasetError: it is not made of a-z, 0-9, ``_`` and ``-`` alone.

    Example:
        >>> check_label("saree")
        'saree'
    """
    if not isinstance(label, str) or not _LABEL.fullmatch(label):
        raise DatasetError(
            f"{label!r}: not a class name. Use a-z, 0-9, '_' and '-', at most 64 of them, starting "
            "and ending with a letter or digit"
        )
    return label


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image as a result of one query.

    Args:
        label: the class.
        signature: what identifies the picture; its sha256 names the stored object.
        source: where it comes from, for example ``"www.amazon.com"``.
        query: the search that found it.
        asin: the product, or ``""``.
        title: the product's title, plain text.
        page_url: the search page.
        image_url: where the bytes were fetched.
        page: number of the search page, from 1.
        position: place on the page, from 1.
    """

    label: str
    signature: Signature
    source: str = ""
    query: str = ""
    asin: str = ""
    title: str = ""
    page_url: str = ""
    image_url: str = ""
    page: int = 0
    position: int = 0

    @property
    def sha256(self) -> str:
        """Hex digest of the stored bytes."""
        return self.signature.sha256

    @property
    def order(self) -> tuple[int, str, int, str, str]:
        """Sort key: the shop's own order, the queries of a class taking turns page by page."""
        return self.page, self.query, self.position, self.asin, self.sha256

    @property
    def place(self) -> Place:
        """Where the result stood."""
        return self.label, self.query, self.page, self.position

    @property
    def product(self) -> tuple[str, str, str]:
        """What is on offer where: two records with equal products are one result seen twice."""
        return self.source, self.asin, urlsplit(self.image_url).path

    def to_json(self) -> dict[str, Any]:
        """Return plain values that `from_json` turns back into an equal record."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "signature"}
        return values | {"signature": self.signature.to_json()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> ImageRecord:
        """Build a record from what `to_json` returned.

        Raises:
            DatasetError: the label is not a class name.
            KeyError, TypeError, ValueError: a value is missing or of the wrong kind.
        """
        numbers = ("page", "position")
        texts = [f.name for f in fields(cls) if f.name not in ("label", "signature", *numbers)]
        rest: dict[str, Any] = {
            name: _text(values.get(name, ""), shared=name in _SHARED) for name in texts
        }
        rest |= {name: int(values.get(name, 0)) for name in numbers}
        return cls(
            signature=Signature.from_json(values["signature"]),
            label=check_label(values["label"]),
            **rest,
        )


@dataclass(frozen=True, slots=True)
class Rejection:
    """An image or result that was turned away, and why.

    Args:
        label: the class that it was found for.
        reason: a stable name, for example ``"label_conflict"`` or ``"too_small"``.
        detail: a sentence for a person.
        sha256: the stored object, or ``""`` where none was stored.
        asin: the product, or ``""``.
        image_url: where its image is, or ``""``.
        source: where it comes from, for example ``"www.amazon.com"``.
        query: the search that found it.
        title: the product's title, plain text.
        page_url: the search page.
        page: number of the search page, from 1; 0 where there is none.
        position: place on the page, from 1; 0 where there is none.
        failed: True where nothing was decided: the image could not be had, and may be another
            time.
    """

    label: str
    reason: str
    detail: str = ""
    sha256: str = ""
    asin: str = ""
    image_url: str = ""
    source: str = ""
    query: str = ""
    title: str = ""
    page_url: str = ""
    page: int = 0
    position: int = 0
    failed: bool = False

    @property
    def place(self) -> Place:
        """Where the result stood."""
        return self.label, self.query, self.page, self.position

    def to_json(self) -> dict[str, Any]:
        """Return plain values that `from_json` turns back into an equal rejection."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Rejection:
        """Build a rejection from what `to_json` returned.

        Raises:
            TypeError, ValueError: a value is of the wrong kind.
        """
        texts = [f.name for f in fields(cls) if f.name not in ("page", "position", "failed")]
        rest: dict[str, Any] = {name: _text(values.get(name, "")) for name in texts}
        rest |= {name: int(values.get(name, 0)) for name in ("page", "position")}
        return cls(**rest, failed=bool(values.get("failed", False)))


@dataclass(frozen=True)
class PageRecord:
    """A search page that was read. Publishing does not look at it; going on after a stop does.

    Args:
        label: the class.
        query: the search.
        page: its number, from 1.
        facts: what was read, in the crawler's own words; plain values.
    """

    label: str
    query: str
    page: int
    facts: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return plain values that `from_json` turns back into an equal record."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> PageRecord:
        """Build a record from what `to_json` returned.

        Raises:
            DatasetError: the label is not a class name.
            KeyError, TypeError, ValueError: a value is missing or of the wrong kind.
        """
        return cls(
            label=check_label(values["label"]),
            query=_text(values["query"]),
            page=int(values["page"]),
            facts=dict(values["facts"]),
        )


def _text(value: Any, *, shared: bool = False) -> str:
    """Return a value that has to be text; `shared` keeps one copy of what many records hold."""
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {type(value).__name__}")
    return sys.intern(value) if shared else value
