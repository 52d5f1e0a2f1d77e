"""What is known of an image when it has been fetched: the record that a journal holds."""

from __future__ import annotations

import functools
import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from apparel_clf.errors import DatasetError
from apparel_clf.images import Keep, Signature

#: Where a result stood in the shop: label, query, page and position.
Place: TypeAlias = "tuple[str, str, int, int]"

# Values that the records of one page have in common.
_SHARED = frozenset({"source", "query", "page_url"})
_LABEL_CHARACTERS, _LABEL_BYTES = 64, 200
# What class names are seen to hold. No separator, quote or pattern of a file system or shell is
# among them: Hugging Face reads a class folder's name as part of a glob pattern.
_LABEL_PUNCTUATION = frozenset("_-.,'’&+()! ")
# Letters and marks that are not seen: two names that look the same would be two classes.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def check_label(label: str) -> str:
    """Return `label` if it can be the name of a class, which becomes the name of a folder.

    A class name is text in any script: letters, marks, digits, ``_ - . , ' ’ & + ( ) !`` and
    spaces inside. It holds nothing that a file system, a pattern or another reader of image
    folders takes for something else, and is written in Unicode's composed form (NFC), so that a
    name is spelled in one way only.

    Args:
        label: the name, at most 64 characters and 200 bytes of UTF-8.

    Returns:
        The same name.

    Raises:
        DatasetError: it cannot be a class name; says why, and gives the NFC form of one that
            isn't in it.

    Example:
        >>> check_label("Robe d'été")
        "Robe d'été"
        >>> check_label("../x")
        Traceback (most recent call last):
        apparel_clf.errors.DatasetError: '../x': not a class name: it starts with '.'. ...
    """
    problem = (
        _label_problem(label)
        if isinstance(label, str)
        else f"expected text, got {type(label).__name__}"
    )
    if problem:
        raise DatasetError(
            f"{label!r:.200}: not a class name: {problem}. Use letters, digits, spaces inside and "
            f"_ - . , ' & + ( ) !, at most {_LABEL_CHARACTERS} characters"
        )
    return label


def check_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """Check class names together, as folders beside each other.

    Two names that differ only in case or in how accents are written are one folder on some file
    systems, macOS's for one, and two on others.

    Args:
        labels: the names, in any order, repeated or not.

    Returns:
        Each name once, sorted.

    Raises:
        DatasetError: one cannot be a class name, or two of them cannot be told apart everywhere;
            names both.

    Example:
        >>> check_labels(["saree", "jeans", "saree"])
        ('jeans', 'saree')
        >>> check_labels(["Jeans", "jeans"])
        Traceback (most recent call last):
        apparel_clf.errors.DatasetError: classes 'Jeans' and 'jeans' differ only in case ...
    """
    checked = tuple(sorted({check_label(label) for label in labels}))
    spelled: dict[str, str] = {}
    for label in checked:
        other = spelled.setdefault(_folded(label), label)
        if other != label:
            raise DatasetError(
                f"classes {other!r} and {label!r} differ only in case or in how a letter is "
                "written, and are one folder on some file systems; rename one of them, or give "
                "all their images one label"
            )
    return checked


def _folded(label: str) -> str:
    decomposed = unicodedata.normalize("NFD", label).casefold()
    return unicodedata.normalize("NFD", decomposed)


@functools.lru_cache(maxsize=4096)
def _label_problem(label: str) -> str:
    """What keeps a name from being a class's; nothing where it can be one.

    Millions of lines name a handful of classes.
    """
    if not label:
        return "it is empty"
    if len(label) > _LABEL_CHARACTERS:
        return f"it has {len(label)} characters"
    if label.startswith((".", "-", " ", "__")) or unicodedata.category(label[0])[0] == "M":
        return f"it starts with {label[:2] if label[0] == '_' else label[0]!r}"
    if label.endswith((" ", ".")):
        return f"it ends with {label[-1]!r}"
    for character in label:
        # Letters, marks and numbers; what is no character yet, for one, may become anything.
        known = unicodedata.category(character)[0] in "LMN" and not _UNSEEN.match(character)
        if not known and character not in _LABEL_PUNCTUATION:
            return f"it holds {character!a}"
    composed = unicodedata.normalize("NFC", label)
    if composed != label:
        return f"it is not in Unicode's composed form (NFC), which is {composed!a} ({composed})"
    if len(label.encode()) > _LABEL_BYTES:
        return f"it takes {len(label.encode())} bytes of UTF-8, more than {_LABEL_BYTES}"
    return ""


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
        given_split: the split that its source had it in, which it keeps; ``""`` for none.
        found_label: the class that it was found under, where a person has named another one; else
            ``""``.
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
    given_split: str = ""
    found_label: str = ""

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

    def as_found(self) -> ImageRecord:
        """Return the record without what a person decided: under the class it was found under."""
        if not self.found_label:
            return self
        return replace(self, label=self.found_label, found_label="")

    def relabelled(self, label: str) -> ImageRecord:
        """Return the record under the class that a person named."""
        return replace(self, label=label, found_label=self.found_label or self.label)

    @property
    def product(self) -> tuple[str, str, str]:
        """What is on offer where: two records with equal products are one result seen twice."""
        return self.source, self.asin, urlsplit(self.image_url).path

    def to_json(self) -> dict[str, Any]:
        """Return plain values that `from_json` turns back into an equal record."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "signature"}
        return values | {"signature": self.signature.to_json()}

    @classmethod
    def from_json(cls, values: dict[str, Any], keep: Keep = bytes) -> ImageRecord:
        """Build a record from what `to_json` returned.

        Args:
            values: from `to_json`.
            keep: as in `Signature.from_json`.

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
            signature=Signature.from_json(values["signature"], keep),
            label=sys.intern(check_label(values["label"])),
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
