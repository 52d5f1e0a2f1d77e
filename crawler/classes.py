"""The classes file: what to search for, and which titles belong to a class."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apparel_clf.errors import DatasetError, SettingsError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: The language whose queries are asked where a class has none in the shop's.
DEFAULT_LANGUAGE = "en"

# Stricter than a class name of a dataset has to be: names here are typed in commands, with commas
# between them, and become names of statistics.
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")


def check_name(name: str) -> str:
    """Return the name of a class or dataset that a crawl can be asked for.

    Raises:
        DatasetError: it is not made of a-z, 0-9, ``_`` and ``-`` alone.

    Example:
        >>> check_name("saree")
        'saree'
    """
    if not _NAME.fullmatch(name):
        raise DatasetError(
            f"{name!r}: not a class name that a crawl takes. Use a-z, 0-9, '_' and '-', at most 64 "
            "of them, starting and ending with a letter or digit"
        )
    return name


@dataclass(frozen=True)
class WantedClass:
    """A class, the searches that find it and the titles that belong to it.

    Args:
        label: the class.
        queries: what to search for, sorted; pages of a class are read in turns.
        must: words of which a title has to hold one; none where any title will do.
        must_not: words that turn a title away.
        filters: more parts of the search's address, by name.
    """

    label: str
    queries: tuple[str, ...]
    must: tuple[str, ...] = ()
    must_not: tuple[str, ...] = ()
    filters: Mapping[str, str] = field(default_factory=dict)


def load_classes(path: Path, language: str = DEFAULT_LANGUAGE) -> tuple[WantedClass, ...]:
    """Read a classes file.

    Args:
        path: a TOML file with a table for each class; see ``crawler/classes.toml``.
        language: which of the lists by language to take. Default ``"en"``.

    Returns:
        The classes, in the file's order.

    Raises:
        SettingsError: the file is missing, not TOML, or a class has no queries.
        DatasetError: a class has a name that cannot be a folder's.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        relative = "" if path.is_absolute() else f"; {path} is relative to the current folder"
        raise SettingsError(
            f"CLASSES_FILE: {path.absolute()} cannot be read ({error.strerror}){relative}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"CLASSES_FILE: {path} is not TOML ({error})") from error
    if not tables:
        raise SettingsError(f"CLASSES_FILE: {path} holds no class; add a table such as [jeans]")
    classes = tuple(_class(path, label, table, language) for label, table in tables.items())
    _check_queries_differ(path, classes)
    return classes


def _check_queries_differ(path: Path, classes: tuple[WantedClass, ...]) -> None:
    """One search for two classes would find every image under both, and so under neither."""
    label_of: dict[tuple[str, str], str] = {}
    for wanted in classes:
        for query in wanted.queries:
            search = query.lower(), json.dumps(wanted.filters, sort_keys=True, default=str)
            other = label_of.setdefault(search, wanted.label)
            if other != wanted.label:
                raise SettingsError(
                    f"CLASSES_FILE: {path}, {other!r} and {wanted.label!r} both search for "
                    f"{query!r}; give each class queries of its own"
                )


def _class(path: Path, label: str, table: Any, language: str) -> WantedClass:
    where = f"CLASSES_FILE: {path}, class {label!r}"
    if not isinstance(table, dict):
        raise SettingsError(f'{where}: expected a table with queries = ["…"]')
    unknown = sorted(set(table) - {"queries", "must", "must_not", "filters"})
    if unknown:
        raise SettingsError(
            f"{where}: {unknown[0]!r} is not known; known are queries, must, must_not and filters"
        )
    queries = _texts(where, "queries", table, language, DEFAULT_LANGUAGE)
    if not queries:
        raise SettingsError(f'{where}: expected queries = ["…"] with some text')
    return WantedClass(
        label=check_name(label),
        queries=tuple(sorted(set(queries))),
        must=_texts(where, "must", table, language),
        must_not=_texts(where, "must_not", table, language),
        filters=_filters(where, table.get("filters", {})),
    )


def _texts(where: str, name: str, table: Any, *languages: str) -> tuple[str, ...]:
    """A list of texts, or that of the first of these languages that a table of lists has."""
    by_language = table.get(name, [])
    if not isinstance(by_language, dict):
        by_language = dict.fromkeys(languages, by_language)
    for texts in by_language.values():
        if not isinstance(texts, list) or not all(isinstance(t, str) and t.strip() for t in texts):
            raise SettingsError(f'{where}: expected {name} = ["…"] with some text')
    found: list[str] = next((by_language[c] for c in languages if c in by_language), [])
    return tuple(" ".join(text.split()) for text in found)


def _filters(where: str, given: Any) -> dict[str, str]:
    wrong = not isinstance(given, dict) or not all(
        re.fullmatch(r"[a-z_-]{1,30}", name) and name not in ("k", "page") and isinstance(text, str)
        for name, text in given.items()
    )
    if wrong:
        raise SettingsError(
            f'{where}: expected filters = {{ i = "fashion", rh = "…" }}, parts of a search\'s '
            "address other than k and page"
        )
    return dict(sorted(given.items()))
