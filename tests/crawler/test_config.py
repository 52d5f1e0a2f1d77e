from __future__ import annotations

from pathlib import Path

import pytest
from scrapy.settings import Settings

from apparel_clf.errors import SettingsError
from crawler import settings
from crawler.classes import load_classes
from crawler.config import ARGUMENTS, crawl_config


@pytest.fixture
def config(tmp_path):
    """Check arguments, and settings with a capital."""

    def make(toml=None, **values):
        given = Settings()
        given.setmodule("crawler.settings")
        given.update({name: value for name, value in values.items() if name.isupper()}, 40)
        if toml is not None:
            path = tmp_path / "mine.toml"
            path.write_text(toml)
            given.set("CLASSES_FILE", str(path))
        return crawl_config(given, {n: value for n, value in values.items() if n.islower()})

    return make


def test_bare_crawl_is_amazon_com_with_the_three_classes(config):
    found = config()
    assert found.base_url == "https://www.amazon.com"
    assert [c.label for c in found.classes] == ["jeans", "trousers", "saree"]
    assert [c.queries for c in found.classes] == [
        ("men's jeans",),
        ("men's trousers",),
        ("sarees",),
    ]
    assert (found.pages, found.per_class, found.dataset) == (20, 300, "apparel")
    assert found.search_url("men's jeans") == "https://www.amazon.com/s?k=men%27s+jeans"


@pytest.mark.parametrize(
    "given", ["in", "amazon.in", "www.amazon.in", "https://www.amazon.in/", "IN"]
)
def test_marketplaces_by_any_name(config, given):
    assert config(marketplace=given).base_url == "https://www.amazon.in"


def test_a_shop_of_ones_own(config):
    found = config(base_url="http://127.0.0.1:8765/")
    assert (found.base_url, found.source) == ("http://127.0.0.1:8765", "127.0.0.1")
    assert not found.is_marketplace


def test_classes_of_ones_own(config):
    toml = '[boots]\nqueries = ["winter boots", "boots", "boots"]\n'
    (only,) = config(toml).classes
    assert (only.label, only.queries) == ("boots", ("boots", "winter boots"))


def test_some_of_the_classes(config):
    found = config(classes=" saree, jeans,saree ")
    assert [c.label for c in found.classes] == ["saree", "jeans"]


@pytest.mark.parametrize("wanted", ["shoes", "jeans,shoes", "", ","])
def test_unknown_classes_are_named(config, wanted):
    with pytest.raises(SettingsError, match="classes: expected some of jeans, trousers, saree"):
        config(classes=wanted)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"base_url": "http://x", "marketplace": "in"}, "contradict"),
        ({"base_url": "ftp://x"}, "base_url: expected"),
        ({"base_url": "127.0.0.1:8000"}, "base_url: expected"),
        ({"base_url": ""}, "base_url: expected"),
        ({"base_url": "http://x/path"}, "base_url: expected"),
        ({"base_url": "http://me:secret@x"}, "base_url: expected"),
        ({"base_url": "http://[::1"}, "base_url: expected"),
        ({"base_url": "http://x:99999"}, "base_url: expected"),
        ({"base_url": "http://x:abc"}, "base_url: expected"),
        ({"base_url": "http://x|y"}, "base_url: expected"),
        ({"base_url": "http://x\\y"}, "base_url: expected"),
        ({"pages": "9" * 5000}, "pages: expected"),
        ({"marketplace": "evil.example"}, "marketplace: expected"),
        ({"pages": "0"}, "pages: expected"),
        ({"pages": "-1"}, "pages: expected"),
        ({"pages": "many"}, "pages: expected"),
        ({"per_class": "1.5"}, "per_class: expected"),
        ({"dataset": "../up"}, "dataset: expected"),
        ({"contact": "x (evil"}, "contact: expected"),
        ({"per_clas": "3"}, "per_clas: no such argument"),
        ({"sponsored": "maybe"}, "sponsored: expected yes or no"),
        ({"resume": ""}, "resume: expected yes or no"),
        ({"language": "german"}, "language: expected two letters"),
    ],
)
def test_wrong_arguments_are_named(config, arguments, words):
    with pytest.raises(SettingsError, match=words.replace("(", r"\(")):
        config(**arguments)


def test_everything_wrong_is_said_at_once(config):
    with pytest.raises(SettingsError) as caught:
        config(pages="0", per_class="x", dataset="A B", marketplace="nope")
    for name in ("pages", "per_class", "dataset", "marketplace"):
        assert f"{name}: expected" in str(caught.value)


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("", "holds no class"),
        ("not toml", "is not TOML"),
        ("[jeans]\n", "queries"),
        ("[jeans]\nqueries = []\n", "queries"),
        ('[jeans]\nqueries = ["", "x"]\n', "queries"),
        ("jeans = 3\n", "queries"),
        ('["../x"]\nqueries = ["x"]\n', "not a class name"),
        ('[a]\nqueries = ["x"]\n[b]\nqueries = ["X", "y"]\n', "both search for"),
        ('[a]\nqueries = ["x"]\nmust = "y"\n', "expected must = "),
        ('[a]\nqueries = ["x"]\nmust_not.en = [""]\n', "expected must_not = "),
        ('[a]\nqueries = ["x"]\nmustnt = ["y"]\n', "'mustnt' is not known"),
        ('[a]\nqueries = ["x"]\nfilters = { k = "y" }\n', "expected filters = "),
        ('[a]\nqueries = ["x"]\nfilters = { "a b" = "y" }\n', "expected filters = "),
        ('[a]\nqueries = ["x"]\nfilters = 3\n', "expected filters = "),
    ],
)
def test_a_wrong_classes_file_is_named(config, toml, words):
    with pytest.raises(SettingsError, match=words):
        config(toml)


def test_a_missing_classes_file_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"none\.toml cannot be read") as caught:
        load_classes(tmp_path / "none.toml")
    assert "relative" not in str(caught.value)


def test_a_missing_classes_file_is_told_where_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError) as caught:
        load_classes(Path("shoe.toml"))
    assert str(tmp_path / "shoe.toml") in str(caught.value)
    assert str(caught.value).endswith("; shoe.toml is relative to the current folder")


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("http://127.0.0.1:8765/s?k=x&page=2", True),
        ("http://127.0.0.1:9999/s", False),
        ("https://127.0.0.1:8765/s", False),
        ("file:///etc/hosts", False),
        ("http://[x", False),
        ("", False),
    ],
)
def test_the_shop_knows_its_own_addresses(config, url, own):
    assert config(base_url="http://127.0.0.1:8765").is_own(url) is own


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("https://www.amazon.com:443/s?k=x", True),
        ("https://WWW.Amazon.com/s?k=x", True),
        ("https://www.amazon.com:80/s?k=x", False),
        ("http://www.amazon.com/s?k=x", False),
        ("http://www.amazon.com:443/s?k=x", False),
        ("https://me@www.amazon.com/s?k=x", False),
        ("https://evil.example\\@www.amazon.com/s", False),
        ("https://amazon.com/s?k=x", False),
        ("https://a|b/", False),
    ],
)
def test_the_shops_address_is_known_in_any_spelling(config, url, own):
    assert config().is_own(url) is own


def test_every_argument_is_explained():
    assert all(len(meaning) > 10 for meaning in ARGUMENTS.values())
    assert ARGUMENTS["sponsored"].endswith("yes or no (default: no)")
    assert ARGUMENTS["resume"].endswith("yes or no (default: yes)")
    assert ARGUMENTS["pages"].endswith("(default: 20)")
    assert "default" not in ARGUMENTS["contact"]


def test_queries_and_words_go_by_language(config):
    toml = """
    [hats]
    queries.en = ["hats"]
    queries.de = ["Hüte"]
    must.de = ["*hut*", "*hüte*"]
    must_not = ["stand"]
    """
    german = config(toml, marketplace="de")
    assert german.language == "de"
    (hats,) = german.classes
    assert (hats.queries, hats.must, hats.must_not) == (("Hüte",), ("*hut*", "*hüte*"), ("stand",))
    (hats,) = config(toml, marketplace="fr").classes
    assert (hats.queries, hats.must, hats.must_not) == (("hats",), (), ("stand",))
    (hats,) = config(toml, language="de").classes
    assert hats.queries == ("Hüte",)


def test_filters_are_part_of_the_search(config):
    (hats,) = config(
        '[hats]\nqueries = ["hats"]\nfilters = { rh = "n:7,p_1:A", i = "x" }\n'
    ).classes
    url = config().search_url("hats", hats.filters)
    assert url == "https://www.amazon.com/s?k=hats&i=x&rh=n%3A7%2Cp_1%3AA"


def test_one_search_with_two_filters_is_two_searches(config):
    toml = '[a]\nqueries = ["x"]\n[b]\nqueries = ["x"]\nfilters = { i = "y" }\n'
    assert len(config(toml).classes) == 2


def test_a_crawls_key_goes_by_what_it_takes(config):
    assert config().key == config(contact="me@example.org").key == config(dataset="other").key
    assert len({config(**c).key for c in ({}, {"pages": "3"}, {"sponsored": "yes"})}) == 3


def test_a_shop_of_ones_own_serves_its_own_images(config):
    found = config(base_url="http://127.0.0.1:8765")
    assert "127.0.0.1:8765" in found.image_hosts
    assert found.private_hosts >= {"127.0.0.1"}
    assert config().private_hosts == frozenset()


@pytest.mark.parametrize(
    ("given", "root"),
    [
        ("http://LOCALHOST:8765", "http://localhost:8765"),
        ("http://127.0.0.1:80/", "http://127.0.0.1"),
        ("https://x.org:443", "https://x.org"),
        ("http://[::1]:8765", "http://[::1]:8765"),
    ],
)
def test_a_shops_address_in_any_spelling(config, given, root):
    assert config(base_url=given).base_url == root


def test_settings_that_are_no_numbers_are_named(config):
    with pytest.raises(SettingsError, match=r"IMAGE_MIN_SIDE: expected a whole.*BLOCK_BACKOFF"):
        config(IMAGE_MIN_SIDE="abc", BLOCK_BACKOFF="-1")


NUMBERS = [name for name, value in vars(settings).items() if type(value) in (int, float)]


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", ["abc", "-1", "nan", "inf", "", None])
def test_every_setting_that_is_a_number_has_to_be_one(config, name, value):
    with pytest.raises(SettingsError, match=f"^{name}: expected a .*number .*Received: {value!r}$"):
        config(**{name: value})


@pytest.mark.parametrize(
    ("name", "least"),
    [
        *((name, 1) for name in ("BLOCK_LIMIT", "CONCURRENT_REQUESTS", "BROWSER_PAGES")),
        *((name, 1) for name in ("BROWSER_TAB_PAGES", "CONCURRENT_REQUESTS_PER_DOMAIN")),
        *((name, 1) for name in ("PLAYWRIGHT_MAX_PAGES_PER_CONTEXT", "IMAGE_MAX_ASPECT")),
        *((name, 0.1) for name in ("IMAGE_TARGET_CONCURRENCY", "BROWSER_PAGE_TIMEOUT")),
        ("AUTOTHROTTLE_TARGET_CONCURRENCY", 0.1),
    ],
)
def test_settings_that_make_no_sense_at_nothing(config, name, least):
    with pytest.raises(SettingsError, match=f"{name}: expected a .*number"):
        config(**{name: "0"})
    assert config(**{name: str(least)})


@pytest.mark.parametrize("name", ["BLOCK_BACKOFF", "IMAGE_START_DELAY", "DOWNLOAD_MAXSIZE"])
def test_settings_that_may_be_nothing(config, name):
    assert config(**{name: "0"})


def test_a_number_on_the_command_line_is_that_of_the_settings_file(config):
    assert config(IMAGE_MIN_SIDE="48", IMAGE_MAX_ASPECT="4").key == config().key
    assert config(IMAGE_MIN_SIDE="49").key != config().key


def test_hosts_on_the_command_line_are_a_list(config):
    found = config(BROWSER_HOSTS="*.cdn.example, proxy.lan:3128", IMAGE_HOSTS="M.example,n.example")
    assert found.browser_hosts[-2:] == ("*.cdn.example", "proxy.lan")
    assert found.image_hosts == ("m.example", "n.example")
    listed = ", ".join(settings.BROWSER_HOSTS)
    assert config(BROWSER_HOSTS=listed).key == config().key


@pytest.mark.parametrize("name", ["BROWSER_HOSTS", "IMAGE_HOSTS"])
@pytest.mark.parametrize("value", [None, "", []])
def test_no_hosts_are_none(config, name, value):
    assert config(**{name: value}).browser_hosts[:2] == ("www.amazon.com", "*.amazon.com")


@pytest.mark.parametrize("name", ["BROWSER_HOSTS", "IMAGE_HOSTS"])
@pytest.mark.parametrize("wrong", ["https://x.org", "a b", "x.org/y", "[::1", "[::zz]", ","])
def test_hosts_that_are_none_are_named(config, name, wrong):
    with pytest.raises(SettingsError, match=f"{name}: expected host names such as"):
        config(**{name: wrong})


def test_any_host_for_images_is_none_for_a_pages_scripts(config):
    hosts = config(IMAGE_HOSTS=["*", "*.example.org"]).browser_hosts
    assert "*" not in hosts
    assert "*.example.org" in hosts


def test_hosts_of_a_shop_of_ones_own_may_be_next_door_and_a_marketplaces_may_not(config):
    """Whoever answers for a marketplace's names leads no crawl into one's own network."""
    own = config(base_url="http://shop.lan:8000")
    assert own.private_hosts == {"shop.lan"}
    named = config(base_url="http://shop.lan:8000", IMAGE_HOSTS="images.lan:9000,*.lan")
    assert named.private_hosts == {"shop.lan", "images.lan"}
    assert config(IMAGE_HOSTS="images.lan").private_hosts == frozenset()
