"""What to crawl: settings and spider arguments become one frozen object, checked together."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.settings import BaseSettings

from apparel_clf.errors import DatasetError, SettingsError
from crawler.addresses import (
    MARKETPLACE_IMAGE_HOSTS,
    USUAL_PORTS,
    as_asked,
    is_host_pattern,
    origin,
)
from crawler.classes import DEFAULT_LANGUAGE, WantedClass, check_name, load_classes

#: Country endings of the marketplaces, by which ``marketplace=in`` means www.amazon.in, and the
#: language that titles have there.
MARKETPLACES = {
    **{"com": "en", "ae": "en", "ca": "en", "cn": "zh", "co.jp": "ja", "co.uk": "en"},
    **{"com.au": "en", "com.be": "fr", "com.br": "pt", "com.mx": "es", "com.tr": "tr", "de": "de"},
    **{"eg": "ar", "es": "es", "fr": "fr", "ie": "en", "in": "en", "it": "it", "nl": "nl"},
    **{"pl": "pl", "sa": "ar", "se": "sv", "sg": "en", "co.za": "en"},
}
# Settings that name hosts.
_HOST_LISTS = ("IMAGE_HOSTS", "BROWSER_HOSTS")
# Settings that are numbers: what each has to be, in words, and the settings that have to be that.
_NUMBERS: dict[str, tuple[str, ...]] = {
    "a whole number from 0 on": ("IMAGE_MIN_SIDE", "DOWNLOAD_MAXSIZE", "DOWNLOAD_WARNSIZE"),
    "a whole number from 1 on": (
        *("BLOCK_LIMIT", "CONCURRENT_REQUESTS", "CONCURRENT_REQUESTS_PER_DOMAIN"),
        *("PLAYWRIGHT_MAX_PAGES_PER_CONTEXT", "BROWSER_TAB_PAGES", "BROWSER_PAGES"),
    ),
    "a number from 0 on": (
        *("BLOCK_BACKOFF", "BLOCK_PAUSE_MAX", "AUTOTHROTTLE_START_DELAY", "AUTOTHROTTLE_MAX_DELAY"),
        *("IMAGE_START_DELAY", "DOWNLOAD_TIMEOUT", "PLAYWRIGHT_DEFAULT_NAVIGATION_TIMEOUT"),
    ),
    "a number above 0": (
        *("AUTOTHROTTLE_TARGET_CONCURRENCY", "IMAGE_TARGET_CONCURRENCY", "BROWSER_PAGE_TIMEOUT"),
    ),
    "a number from 1 on": ("IMAGE_MAX_ASPECT",),
}
_YES = ("1", "true", "yes", "on")
_NO = ("0", "false", "no", "off")


class CrawlArguments(BaseModel):
    """The spider's arguments: ``scrapy crawl amazon_apparel -a NAME=VALUE``.

    Each field's description is what ``scrapy crawl --help`` shows.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    marketplace: str = Field(
        "com", description="ending or host of the shop, e.g. 'in' or 'www.amazon.in'"
    )
    base_url: str = Field(
        "", description="crawl this shop instead of a marketplace, e.g. a local storefront"
    )
    classes: tuple[str, ...] = Field(
        (), description="labels to collect, separated by commas (default: all in the classes file)"
    )
    pages: int = Field(20, description="search pages to read for each query at most")
    per_class: int = Field(300, description="stop a class at this many unique images")
    dataset: str = Field("apparel", description="name of the folder under datasets/")
    sponsored: bool = Field(False, description="whether advertisements are taken too: yes or no")
    language: str = Field(
        "",
        description="of queries and title words, e.g. 'de' (default: the marketplace's)",
    )
    resume: bool = Field(
        True, description="whether to go on with the same crawl if it was interrupted: yes or no"
    )
    contact: str = Field(
        "", description="your e-mail or web address, told to the shop in the user agent"
    )

    @field_validator("marketplace", mode="before")
    @classmethod
    def _marketplace(cls, given: Any) -> str:
        return _marketplace_host(str(given))

    @field_validator("base_url", mode="before")
    @classmethod
    def _base_url(cls, given: Any) -> str:
        return _shop_root(str(given))

    @field_validator("classes", mode="before")
    @classmethod
    def _classes(cls, given: Any) -> tuple[str, ...]:
        names = (name.strip() for name in str(given).split(","))
        return tuple(dict.fromkeys(name for name in names if name)) or ("",)

    @field_validator("pages", "per_class", mode="before")
    @classmethod
    def _positive(cls, given: Any) -> int:
        text = str(given).strip()
        if not re.fullmatch(r"0*[1-9][0-9]{0,8}", text):
            raise ValueError(
                f"expected a whole number from 1 to 999999999. Received: {given!r:.40}"
            )
        return int(text)

    @field_validator("sponsored", "resume", mode="before")
    @classmethod
    def _choice(cls, given: Any) -> bool:
        text = str(given).strip().lower()
        if text not in (*_YES, *_NO):
            raise ValueError(f"expected yes or no. Received: {given!r:.40}")
        return text in _YES

    @field_validator("dataset")
    @classmethod
    def _dataset(cls, given: str) -> str:
        try:
            return check_name(given)
        except DatasetError:
            raise ValueError(
                f"expected a name of a-z, 0-9, '_' and '-'. Received: {given!r:.80}"
            ) from None

    @field_validator("language")
    @classmethod
    def _language(cls, given: str) -> str:
        if not re.fullmatch(r"[a-z]{2}", given):
            raise ValueError(f"expected two letters such as en or de. Received: {given!r:.40}")
        return given

    @field_validator("contact")
    @classmethod
    def _contact(cls, given: str) -> str:
        text = " ".join(given.split())
        if any(c in text for c in "()<>") or not text.isprintable():
            raise ValueError(
                f"expected an e-mail or web address without brackets. Received: {given!r:.80}"
            )
        return text


def _default(value: Any) -> str:
    """What an argument is where it is not given, as it would be typed."""
    typed = {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
    return "" if typed in ("", ()) else f" (default: {typed})"


#: The spider arguments, each with what it means.
ARGUMENTS = {
    name: info.description + _default(info.default)
    for name, info in CrawlArguments.model_fields.items()
    if info.description
}


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
        image_hosts: hosts from which images may come, as in `crawler.addresses.is_host_pattern`.
        sponsored: whether advertisements are taken too.
        language: of titles, two letters.
        resume: whether to go on with the same crawl if it was interrupted.
        deciding: settings that decide what is taken, by name: with others, it is another crawl.
    """

    base_url: str
    classes: tuple[WantedClass, ...]
    dataset: str
    datasets_folder: Path
    pages: int
    per_class: int
    contact: str
    is_marketplace: bool
    image_hosts: tuple[str, ...] = ()
    sponsored: bool = False
    language: str = DEFAULT_LANGUAGE
    resume: bool = True
    deciding: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dataset_folder(self) -> Path:
        """Where this crawl's dataset is."""
        return self.datasets_folder / self.dataset

    @property
    def key(self) -> str:
        """What tells this crawl from others: a hash of all that decides what it takes."""
        told = asdict(self)
        for name in ("dataset", "datasets_folder", "contact", "resume"):
            del told[name]
        text = json.dumps(told, sort_keys=True, default=str)
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]

    def is_own(self, url: str) -> bool:
        """Whether an address is on the shop itself: its pages lead nowhere else.

        Example:
            >>> config.is_own("https://www.amazon.com/s?k=x"), config.is_own("file:///etc/hosts")
            (True, False)
        """
        found = origin(url)
        return found is not None and found == origin(self.base_url)

    @property
    def source(self) -> str:
        """Name of the shop in records: its host."""
        return urlsplit(self.base_url).hostname or ""

    @property
    def image_slot(self) -> str:
        """Name of the download slot of images, whose pace is another than that of pages."""
        return f"images {self.source}"

    @property
    def browser_hosts(self) -> tuple[str, ...]:
        """The only hosts that rendered pages may reach, with ``*`` for any part.

        Image hosts are among them, but for a bare ``*``: leave to fetch any picture is no leave
        for a page's scripts.
        """
        domain = self.source.removeprefix("www.")
        found = (
            self.source,
            f"*.{domain}",
            *(name for name in _names(self.image_hosts) if name.strip("*.")),
            *_names(self.deciding.get("BROWSER_HOSTS", ())),
        )
        return tuple(dict.fromkeys(host for host in found if host))

    @property
    def private_hosts(self) -> frozenset[str]:
        """Host names that may lead into a private network: the shop's own, where it is there, and
        image hosts that somebody spelled out for it.
        """
        if self.is_marketplace:
            return frozenset()
        own = (host for host in self.image_hosts if host not in MARKETPLACE_IMAGE_HOSTS)
        return frozenset({self.source, *(name for name in _names(own) if "*" not in name)})

    def search_url(self, query: str, filters: Mapping[str, str] | None = None) -> str:
        """Return the address of a query's first page.

        Args:
            query: what to search for.
            filters: more parts of the address, by name.

        Example:
            >>> config.search_url("men's jeans")
            'https://www.amazon.com/s?k=men%27s+jeans'
        """
        return urljoin(self.base_url, "/s?" + urlencode({"k": query, **(filters or {})}))


def config_of(crawler: Crawler) -> CrawlConfig:
    """Return what the running crawl collects.

    Raises:
        NotConfigured: its spider collects no classes, or there is none, as in ``scrapy shell``;
            what is made for such crawls is left out then.
    """
    config: CrawlConfig | None = getattr(crawler.spider, "config", None)
    if config is None:
        raise NotConfigured("only for spiders that collect classes")
    return config


def crawl_config(settings: BaseSettings, arguments: Mapping[str, Any]) -> CrawlConfig:
    """Check settings and spider arguments together.

    Args:
        settings: the project's; ``CLASSES_FILE``, ``DATASETS_FOLDER``, ``CONTACT`` and those of
            images are read.
        arguments: the spider's, as text, by name; see `CrawlArguments`.

    Returns:
        The crawl's configuration.

    Raises:
        SettingsError: one message that lists everything that is wrong.
    """
    if settings.get("CONTACT"):
        arguments = {"contact": settings["CONTACT"]} | dict(arguments)
    given, problems = _checked(arguments)
    classes = _caught(problems, lambda: _classes(Path(settings["CLASSES_FILE"]), given))
    hosts = {name: _caught(problems, partial(_hosts, settings, name)) for name in _HOST_LISTS}
    numbers = _numbers(settings, problems)
    if problems:
        raise SettingsError("; ".join(problems))
    return CrawlConfig(
        base_url=given.base_url or given.marketplace,
        classes=classes or (),
        dataset=given.dataset,
        datasets_folder=Path(settings["DATASETS_FOLDER"]),
        pages=given.pages,
        per_class=given.per_class,
        contact=given.contact,
        is_marketplace=not given.base_url,
        image_hosts=_with_shops_own(hosts["IMAGE_HOSTS"], given),
        sponsored=given.sponsored,
        language=_language(given),
        resume=given.resume,
        deciding=hosts | {name: numbers[name] for name in ("IMAGE_MIN_SIDE", "IMAGE_MAX_ASPECT")},
    )


def _numbers(settings: BaseSettings, problems: list[str]) -> dict[str, float]:
    """The settings that are numbers; what is wrong with any is added to the problems."""
    found = {}
    for wanted, names in _NUMBERS.items():
        for name in names:
            number = _number(settings[name], wanted)
            if number is None:
                problems.append(f"{name}: expected {wanted}. Received: {settings[name]!r:.40}")
            else:
                found[name] = number
    return found


def _number(given: Any, wanted: str) -> float | None:
    """A setting's value if it is such a number, as `_NUMBERS` says it; else None."""
    try:
        number = int(given) if "whole" in wanted else float(given)
    except (TypeError, ValueError, OverflowError):
        return None
    least = 1 if "from 1" in wanted else 0
    return number if least <= number < math.inf and (number or "above" not in wanted) else None


def _checked(arguments: Mapping[str, Any]) -> tuple[CrawlArguments, list[str]]:
    """The arguments, and what is wrong with them; those that are wrong are left at defaults."""
    problems: list[str] = []
    if "base_url" in arguments and "marketplace" in arguments:
        problems.append("base_url and marketplace contradict each other; give one of them")
    good = dict(arguments)
    try:
        # Even the default goes through its check, which turns an ending into an address.
        return CrawlArguments(**{"marketplace": "com"} | good), problems
    except ValidationError as error:
        for found in error.errors():
            name = str(found["loc"][0])
            problems.append(f"{name}: {_told(found)}")
            good.pop(name, None)
    return CrawlArguments(**{"marketplace": "com"} | good), problems


def _told(problem: Any) -> str:
    if problem["type"] == "extra_forbidden":
        return f"no such argument; known are {', '.join(ARGUMENTS)}"
    return str(problem["msg"]).removeprefix("Value error, ")


def _caught(problems: list[str], function: Callable[[], Any]) -> Any:
    try:
        return function()
    except (DatasetError, SettingsError) as error:
        problems.append(str(error))
        return None


def _shop_root(given: str) -> str:
    found, parts = origin(given), as_asked(given)
    beyond = parts and (parts.path.strip("/") or parts.query or parts.fragment)
    if found is None or beyond or found[2] == 0:
        raise ValueError(
            "expected a shop's root address such as http://127.0.0.1:8765, without path or "
            f"password. Received: {given!r:.200}"
        )
    scheme, host, port = found
    return f"{scheme}://{host}" + ("" if port == USUAL_PORTS[scheme] else f":{port}")


def _marketplace_host(given: str) -> str:
    ending = re.sub(r"^(https?://)?(www\.)?(amazon\.)?", "", given.strip().lower()).strip("/.")
    if ending not in MARKETPLACES:
        raise ValueError(f"expected one of {', '.join(MARKETPLACES)}. Received: {given!r:.80}")
    return f"https://www.amazon.{ending}"


def _language(given: CrawlArguments) -> str:
    if given.language or given.base_url:
        return given.language or DEFAULT_LANGUAGE
    return MARKETPLACES[given.marketplace.removeprefix("https://www.amazon.")]


def _hosts(settings: BaseSettings, name: str) -> list[str]:
    """The hosts that a setting lists."""
    hosts = [str(host).strip().lower() for host in settings.getlist(name)]
    wrong = [host for host in hosts if not is_host_pattern(host)]
    if wrong:
        raise SettingsError(
            f"{name}: expected host names such as m.media-amazon.com, separated by commas. "
            f"Received: {wrong[0]!r:.80}"
        )
    return hosts


def _names(hosts: Iterable[str]) -> list[str]:
    """Hosts without their ports."""
    return [urlsplit(f"//{host}").hostname or "" for host in hosts]


def _with_shops_own(hosts: Iterable[str], given: CrawlArguments) -> tuple[str, ...]:
    """The marketplace's image hosts; a shop of one's own serves its images itself."""
    return (*hosts, urlsplit(given.base_url).netloc.lower()) if given.base_url else tuple(hosts)


def _classes(path: Path, given: CrawlArguments) -> tuple[WantedClass, ...]:
    known = load_classes(path, _language(given))
    if not given.classes:
        return known
    by_label = {c.label: c for c in known}
    if any(name not in by_label for name in given.classes):
        raise SettingsError(
            f"classes: expected some of {', '.join(by_label)} (from {path.name}). "
            f"Received: {', '.join(given.classes)!r}"
        )
    return tuple(by_label[name] for name in given.classes)
