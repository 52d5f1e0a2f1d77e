"""What is known of an image when it has been fetched: the record that a journal holds."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from typing import Any
from urllib.parse import urlsplit

from apparel_clf.errors import DatasetError
from apparel_clf.images import Signature

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


@dataclass(frozen=True)
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
        rest: dict[str, Any] = {name: _text(values.get(name, "")) for name in texts}
        rest |= {name: int(values.get(name, 0)) for name in numbers}
        return cls(
            signature=Signature.from_json(values["signature"]),
            label=check_label(values["label"]),
            **rest,
        )


@dataclass(frozen=True)
class Rejection:
    """An image or result that was turned away, and why.

    Args:
        label: the class that it was found for.
        reason: a stable name, for example ``"label_conflict"`` or ``"too_small"``.
        detail: a sentence for a person.
        sha256: the stored object, or ``""`` where none was stored.
        asin: the product, or ``""``.
        image_url: where its image is, or ``""``.
    """

    label: str
    reason: str
    detail: str = ""
    sha256: str = ""
    asin: str = ""
    image_url: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain values that `from_json` turns back into an equal rejection."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Rejection:
        """Build a rejection from what `to_json` returned.

        Raises:
            TypeError: a value is not text.
        """
        return cls(**{f.name: _text(values.get(f.name, "")) for f in fields(cls)})


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {type(value).__name__}")
    return value
