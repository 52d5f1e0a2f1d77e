"""What to crawl: settings and spider arguments become one frozen object, checked together."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from scrapy.settings import BaseSettings

from apparel_clf.dataset import check_label
from apparel_clf.errors import DatasetError, SettingsError
from crawler.pages.images import split_url

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: Country endings of the marketplaces, by which ``marketplace=in`` means www.amazon.in.
MARKETPLACES = (
    *("com", "ae", "ca", "cn", "co.jp", "co.uk", "com.au", "com.be", "com.br", "com.mx"),
    *("com.tr", "de", "eg", "es", "fr", "ie", "in", "it", "nl", "pl", "sa", "se", "sg"),
)
#: The spider arguments, each with what it means; also what ``scrapy crawl`` shows as help.
ARGUMENTS = {
    "marketplace": "ending or host of the shop, e.g. 'in' or 'www.amazon.in' (default: com)",
    "classes": "labels to collect, separated by commas (default: all in the classes file)",
    "pages": "search pages to read for each query at most (default: 20)",
    "per_class": "stop a class at this many unique images (default: 300)",
    "dataset": "name of the folder under datasets/ (default: apparel)",
    "base_url": "crawl this shop instead of a marketplace, e.g. a local storefront",
    "contact": "your e-mail or web address, told to the shop in the user agent",
}


@dataclass(frozen=True)
class ClassQueries:
    """A class and the searches that find it.

    Args:
        label: the class.
        queries: what to search for, sorted; pages of a class are read in turns.
    """

    label: str
    queries: tuple[str, ...]


@dataclass(frozen=True)
class CrawlConfig:
    """Everything that a crawl needs to know, free of contradictions.

    Args:
        base_url: root of the shop, for example ``"https://www.amazon.com"``.
        classes: what to collect.
        dataset: name of the dataset.
        datasets_folder: where datasets are.
        pages: search pages for each query at most.
        per_class: unique images for each class at most.
        contact: how the shop can reach whoever crawls, or ``""``.
        is_marketplace: False where `base_url` was given: a storefront or a shop of one's own.
    """

    base_url: str
    classes: tuple[ClassQueries, ...]
    dataset: str
    datasets_folder: Path
    pages: int
    per_class: int
    contact: str
    is_marketplace: bool

    @property
    def dataset_folder(self) -> Path:
        """Where this crawl's dataset is."""
        return self.datasets_folder / self.dataset

    def is_own(self, url: str) -> bool:
        """Whether an address is on the shop itself: its pages lead nowhere else.

        Example:
            >>> config.is_own("https://www.amazon.com/s?k=x"), config.is_own("file:///etc/hosts")
            (True, False)
        """
        parts = split_url(url)
        own = urlsplit(self.base_url)
        return parts is not None and (parts.scheme, parts.netloc) == (own.scheme, own.netloc)

    @property
    def source(self) -> str:
        """Name of the shop in records: its host."""
        return urlsplit(self.base_url).hostname or ""

    def search_url(self, query: str) -> str:
        """Return the address of a query's first page.

        Example:
            >>> config.search_url("men's jeans")
            'https://www.amazon.com/s?k=men%27s+jeans'
        """
        return urljoin(self.base_url, "/s?" + urlencode({"k": query}))


def crawl_config(settings: BaseSettings, arguments: Mapping[str, Any]) -> CrawlConfig:
    """Check settings and spider arguments together.

    Args:
        settings: the project's; ``CLASSES_FILE``, ``DATASETS_FOLDER`` and ``CONTACT`` are read.
        arguments: the spider's, as text, by name; see `ARGUMENTS`.

    Returns:
        The crawl's configuration.

    Raises:
        SettingsError: one message that lists everything that is wrong.
    """
    problems = _Problems()
    for name in sorted(set(arguments) - set(ARGUMENTS)):
        problems.add(f"{name}: no such argument; known are {', '.join(ARGUMENTS)}")
    if "base_url" in arguments and "marketplace" in arguments:
        problems.add("base_url and marketplace contradict each other; give one of them")
    classes_file = Path(settings["CLASSES_FILE"])
    config = CrawlConfig(
        base_url=problems.catch(_base_url, arguments, default=""),
        classes=problems.catch(_classes, classes_file, arguments.get("classes"), default=()),
        dataset=problems.catch(_dataset, arguments.get("dataset", "apparel"), default=""),
        datasets_folder=Path(settings["DATASETS_FOLDER"]),
        pages=problems.catch(_positive, "pages", arguments.get("pages", 20), default=0),
        per_class=problems.catch(
            _positive, "per_class", arguments.get("per_class", 300), default=0
        ),
        contact=problems.catch(
            _contact, arguments.get("contact") or settings.get("CONTACT") or "", default=""
        ),
        is_marketplace="base_url" not in arguments,
    )
    problems.raise_if_any()
    return config


class _Problems:
    """Collects what is wrong, so that a person fixes all of it at once."""

    def __init__(self) -> None:
        self._found: list[str] = []

    def add(self, problem: str) -> None:
        self._found.append(problem)

    def catch(self, function: Any, *values: Any, default: Any) -> Any:
        try:
            return function(*values)
        except (DatasetError, SettingsError) as error:
            self.add(str(error))
            return default

    def raise_if_any(self) -> None:
        if self._found:
            raise SettingsError("; ".join(self._found))


def _base_url(arguments: Mapping[str, Any]) -> str:
    if "base_url" not in arguments:
        return f"https://{_marketplace_host(str(arguments.get('marketplace', 'com')))}"
    given = str(arguments["base_url"])
    if not _is_root(given):
        raise SettingsError(
            "base_url: expected a shop's root address such as http://127.0.0.1:8765, without path "
            f"or password. Received: {given!r}"
        )
    return given.rstrip("/")


def _is_root(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port  # raises ValueError where it is no number or too large
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and port != 0
        and not (parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc)
    )


def _marketplace_host(given: str) -> str:
    ending = re.sub(r"^(https?://)?(www\.)?(amazon\.)?", "", given.strip().lower()).strip("/.")
    if ending not in MARKETPLACES:
        raise SettingsError(
            f"marketplace: expected one of {', '.join(MARKETPLACES)}. Received: {given!r}"
        )
    return f"www.amazon.{ending}"


def _positive(name: str, given: Any) -> int:
    text = str(given).strip()
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", text):
        raise SettingsError(
            f"{name}: expected a whole number from 1 to 999999999. Received: {given!r:.40}"
        )
    return int(text)


def _dataset(given: Any) -> str:
    try:
        return check_label(str(given))
    except DatasetError:
        raise SettingsError(
            f"dataset: expected a name of a-z, 0-9, '_' and '-'. Received: {given!r}"
        ) from None


def _contact(given: str) -> str:
    text = " ".join(str(given).split())
    if any(c in text for c in "()<>") or not text.isprintable():
        raise SettingsError(
            f"contact: expected an e-mail or web address without brackets. Received: {given!r}"
        )
    return text


def _classes(path: Path, wanted: Any) -> tuple[ClassQueries, ...]:
    known = load_classes(path)
    if wanted is None:
        return known
    names = [name.strip() for name in str(wanted).split(",") if name.strip()]
    by_label = {c.label: c for c in known}
    unknown = [name for name in names if name not in by_label]
    if unknown or not names:
        raise SettingsError(
            f"classes: expected some of {', '.join(by_label)} (from {path.name}). "
            f"Received: {wanted!r}"
        )
    return tuple(by_label[name] for name in dict.fromkeys(names))


def load_classes(path: Path) -> tuple[ClassQueries, ...]:
    """Read a classes file.

    Args:
        path: a TOML file with a table for each class; see ``crawler/classes.toml``.

    Returns:
        The classes, in the file's order.

    Raises:
        SettingsError: the file is missing, not TOML, or a class has no queries.
        DatasetError: a class has a name that cannot be a folder's.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"CLASSES_FILE: {path} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise SettingsError(f"CLASSES_FILE: {path} is not TOML ({error})") from error
    if not tables:
        raise SettingsError(f"CLASSES_FILE: {path} holds no class; add a table such as [jeans]")
    classes = tuple(_class_queries(path, label, table) for label, table in tables.items())
    _check_queries_differ(path, classes)
    return classes


def _check_queries_differ(path: Path, classes: tuple[ClassQueries, ...]) -> None:
    """One search for two classes would find every image under both, and so under neither."""
    label_of: dict[str, str] = {}
    for wanted in classes:
        for query in wanted.queries:
            other = label_of.setdefault(query.lower(), wanted.label)
            if other != wanted.label:
                raise SettingsError(
                    f"CLASSES_FILE: {path}, {other!r} and {wanted.label!r} both search for "
                    f"{query!r}; give each class queries of its own"
                )


def _class_queries(path: Path, label: str, table: Any) -> ClassQueries:
    queries = table.get("queries") if isinstance(table, dict) else None
    if (
        not isinstance(queries, list)
        or not queries
        or not all(isinstance(q, str) and q.strip() for q in queries)
    ):
        raise SettingsError(
            f'CLASSES_FILE: {path}, class {label!r}: expected queries = ["…"] with some text'
        )
    return ClassQueries(check_label(label), tuple(sorted({" ".join(q.split()) for q in queries})))
