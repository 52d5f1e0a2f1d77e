from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from apparel_clf.dataset import JournalWriter, read_journal
from apparel_clf.images import sign
from crawler.classes import WantedClass
from crawler.config import CrawlConfig
from crawler.items import ApparelItem
from crawler.journal import CrawlJournal
from crawler.pages import parse_page

PAGE = parse_page(
    '<div data-component-type="s-search-result" data-asin="B1"><img class="s-image" '
    'src="https://m.media-amazon.com/images/I/71a._AC_UL320_.jpg"><a><h2>“Jeans”</h2></a></div>',
    "https://www.amazon.com/s?k=jeans",
)


@pytest.fixture
def config(tmp_path):
    return CrawlConfig(
        base_url="https://www.amazon.com",
        classes=(WantedClass("jeans", ("jeans",)),),
        dataset="x",
        datasets_folder=Path(tmp_path),
        pages=3,
        per_class=5,
        contact="",
        is_marketplace=True,
    )


@pytest.fixture
def item(config):
    return ApparelItem("jeans", "jeans", config.source, "u", 1, 1, "B1", "Jeans", "https://x/1.jpg")


@pytest.fixture
def interrupted(config, item, jpeg):
    """A crawl that read a page, stored an image, turned one away, and was killed."""
    journal = CrawlJournal(config)
    data = jpeg(1)
    journal._staging.objects.put(data)
    journal.add_page("jeans", "jeans", 1, PAGE)
    journal.add_image(item.record(sign(data)))
    journal.add_rejection(replace(item, position=2).rejection("sponsored", "an ad"))
    journal.add_rejection(replace(item, position=3).rejection("http_500", "no", failed=True))
    journal.close()
    return journal


def test_a_crawl_that_does_nothing_leaves_nothing(config):
    journal = CrawlJournal(config)
    journal.end(published=True)
    journal.close()
    assert not config.dataset_folder.exists()
    assert not journal.began


def test_an_interrupted_crawl_is_gone_on_with(config, interrupted, item):
    journal = CrawlJournal(config)
    assert journal.resumed
    assert journal.before == "1 pages and 1 images"
    assert journal.page("jeans", "jeans", 1) == PAGE
    assert journal.page("jeans", "jeans", 2) is None
    assert journal.image(item.place).asin == "B1"
    assert journal.rejection(("jeans", "jeans", 1, 2)).reason == "sponsored"
    assert journal.rejection(("jeans", "jeans", 1, 3)) is None  # it may be had now
    assert set(journal.known) == {"https://x/1.jpg"}
    before = journal._path.read_bytes()
    journal.add_page("jeans", "jeans", 1, PAGE)
    journal.add_image(journal.image(item.place))
    assert journal._path.read_bytes() == before
    journal.close()


@pytest.mark.parametrize(
    "change",
    [
        {"per_class": 6},
        {"pages": 4},
        {"sponsored": True},
        {"classes": (WantedClass("jeans", ("jeans",), must=("jeans",)),)},
        {"base_url": "https://www.amazon.in"},
        {"deciding": {"IMAGE_MIN_SIDE": 99}},
        {"resume": False},
    ],
)
def test_another_crawl_is_another_journal(config, interrupted, change):
    journal = CrawlJournal(replace(config, **change))
    assert not journal.resumed
    assert set(journal.known) == {"https://x/1.jpg"}


@pytest.mark.parametrize("change", [{"contact": "me@example.org"}, {"resume": True}])
def test_what_decides_nothing_makes_no_other_crawl(config, interrupted, change):
    journal = CrawlJournal(replace(config, **change))
    assert journal.resumed
    journal.close()


def test_two_crawls_at_once_do_not_share_a_journal(config, interrupted):
    first = CrawlJournal(config)
    second = CrawlJournal(config)
    assert (first.resumed, second.resumed) == (True, False)
    first.close()


def test_a_crawl_counts_as_over_when_its_version_is_there(config, interrupted):
    journal = CrawlJournal(config)
    journal.end(published=True)
    journal.close()
    again = CrawlJournal(config)
    assert again.resumed  # killed while publishing
    again.close()
    version = config.dataset_folder / "v1"
    version.mkdir()
    (version / "version.json").write_text("{}")
    assert not CrawlJournal(config).resumed


def test_a_crawl_without_images_is_over_at_once(config, interrupted):
    journal = CrawlJournal(config)
    journal.end(published=False)
    journal.close()
    assert not CrawlJournal(config).resumed


def test_a_journal_cut_at_any_byte_is_gone_on_with(config, interrupted):
    whole = interrupted._path.read_bytes()
    header = whole.index(b"\n") + 1
    for length in range(header, len(whole), 97):
        interrupted._path.write_bytes(whole[:length])
        journal = CrawlJournal(config)
        assert journal.resumed
        journal.add_page("jeans", "jeans", 9, PAGE)
        journal.close()
        read = read_journal(interrupted._path, with_pages=True)
        assert read.pages[-1].page == 9


def test_what_was_begun_anew_is_not_gone_on_with_later(config, interrupted):
    fresh = CrawlJournal(replace(config, resume=False))
    fresh.add_page("jeans", "jeans", 1, PAGE)
    fresh.end(published=False)
    fresh.close()
    assert not CrawlJournal(config).resumed


def test_a_damaged_object_is_fetched_again(config, interrupted, item):
    (stored,) = [p for p in (config.dataset_folder / "objects").rglob("*") if p.is_file()]
    stored.chmod(0o600)
    stored.write_bytes(b"")
    journal = CrawlJournal(config)
    assert journal.image(item.place) is None
    assert journal.known == {}
    journal.close()


def test_one_writer_at_a_time(tmp_path):
    with JournalWriter(tmp_path / "1.jsonl"), pytest.raises(Exception, match="another crawl"):
        JournalWriter(tmp_path / "1.jsonl")


def test_left_overs_of_a_kill_are_cleaned_up_when_they_are_old(config, interrupted):
    import os

    folder = config.dataset_folder / "objects" / "ab"
    folder.mkdir(exist_ok=True)
    old, new = folder / ".tmp-old", folder / ".tmp-new"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    CrawlJournal(config).close()
    assert (old.exists(), new.exists()) == (False, True)
