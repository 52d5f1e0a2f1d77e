"""A crawl that is killed goes on where it was, and its version is that of one never stopped."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from urllib.parse import urlsplit

import psutil
import pytest

from apparel_clf.dataset import Staging, read_journal
from crawler.storefront import Storefront

pytestmark = pytest.mark.browser

KILLS = 20
PER_CLASS = 30
PICTURES = 60
PAGE_SIZE = 12


@pytest.fixture(scope="module")
def photos(tmp_path_factory, jpeg):
    folder = tmp_path_factory.mktemp("photos")
    for place, label in enumerate(("jeans", "trousers", "saree", "watches")):
        (folder / label).mkdir()
        for number in range(PICTURES):
            data = jpeg(1000 * place + number, size=(120, 160))
            (folder / label / f"{number}.jpg").write_bytes(data)
    return folder


@pytest.fixture
def store(photos):
    with Storefront(photos, page_size=PAGE_SIZE, batch_delay=0.0, image_delay=0.02) as opened:
        yield opened


def contents(folder):
    """Every file of a version by its path, with its bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def all_processes_of(process):
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def journalled(folder):
    """Addresses of the images that the journals hold."""
    journals = Staging(folder / "apparel").journals()
    return {urlsplit(record.image_url).path for j in journals for record in j.images}


def lines(folder):
    """How many whole lines the journals hold."""
    paths = Staging(folder / "apparel").journal_paths()
    return sum(path.read_bytes().count(b"\n") for path in paths)


def random_moment(rng, store, folder, whole):
    """A moment at which to kill a crawl, told by what it has done; on any machine it comes.

    Mostly when the journal has grown by so many lines, up to a quarter of all; sometimes before
    that, at one of the first requests.
    """
    asked, written = len(store.requests), lines(folder)
    if rng.random() < 0.25:
        first = rng.randint(1, 4)
        return lambda: len(store.requests) >= asked + first
    # A crawl that has written all but its end is killed while it publishes.
    aim = min(written + rng.randint(1, whole // 4), max(whole, written + 1))
    return lambda: lines(folder) >= aim


def test_twenty_kills_change_nothing(store, scrapy_crawl, tmp_path):
    values = {"base_url": store.url, "per_class": PER_CLASS}
    whole = scrapy_crawl(**values)
    assert whole.code == 0, whole.err
    wanted, length = contents(whole.dataset / "v1"), lines(whole.datasets)
    rng = random.Random(7)
    children: list[psutil.Process] = []
    kills, crawls, went_on = 0, 0, 0
    folder = tmp_path / "killed0"

    def kill(process):
        time.sleep(rng.uniform(0, 0.1))  # between two lines
        children.extend(all_processes_of(process))
        process.kill()

    while kills < KILLS or not (folder / "apparel" / "v1").exists():
        folder = tmp_path / f"killed{crawls}"
        assert crawls < KILLS, "crawls come to their end before they can be killed"
        assert not (folder / "apparel" / "v1").exists()
        have = journalled(folder)
        asked_before = len(store.requests)
        # Past the twentieth, never.
        moment = random_moment(rng, store, folder, length) if kills < KILLS else lambda: False
        run = scrapy_crawl(interrupt_when=moment, then=kill, DATASETS_FOLDER=folder, **values)
        assert run.code in (0, -signal.SIGKILL), run.err
        assert run.code != 0 or not have or "going on with" in run.err
        kills += run.code != 0
        went_on += bool(have)
        asked = [r.path for r in store.requests.entries()[asked_before:] if r.kind == "image"]
        assert have.isdisjoint(asked)
        if (folder / "apparel" / "v1").exists():
            assert contents(folder / "apparel" / "v1") == wanted
            crawls += kills < KILLS
    assert kills >= KILLS
    # Most kills came between the first image and the version, and the next run went on from there.
    assert went_on >= KILLS // 2
    _, alive = psutil.wait_procs(children, timeout=120)
    assert alive == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_told_to_stop_it_goes_on_where_it_was(store, scrapy_crawl, tmp_path, number):
    values = {"base_url": store.url, "classes": "jeans,saree", "per_class": PER_CLASS}
    whole = scrapy_crawl(**values)
    assert whole.code == 0, whole.err
    pages = store.requests.counts["search"]
    store.requests.clear()
    folder = tmp_path / "stopped"
    run = scrapy_crawl(
        interrupt_when=lambda: store.requests.counts["image"] > 15,
        then=lambda process: process.send_signal(number),
        DATASETS_FOLDER=folder,
        **values,
    )
    assert run.code == 130
    assert "run the same command again" in run.err
    assert not (folder / "apparel" / "v1").exists()
    (path,) = (folder / "apparel" / "journals").iterdir()
    read = len(read_journal(path, with_pages=True).pages)
    asked = store.requests.counts["search"]
    again = scrapy_crawl(DATASETS_FOLDER=folder, **values)
    assert again.code == 0, again.err
    assert "going on with an interrupted crawl" in again.err
    fetched = Counter(request.path for request in store.requests.entries("image"))
    assert set(fetched.values()) == {1}
    assert read > 0
    assert store.requests.counts["search"] - asked == pages - read
    assert contents(folder / "apparel" / "v1") == contents(whole.dataset / "v1")
    assert again.summary["resumed"] is True
    # What has come to its end is not gone on with.
    assert "going on" not in whole.err
    assert "go on " not in scrapy_crawl("--dry-run", DATASETS_FOLDER=folder, **values).out


@pytest.fixture
def resumed(shop, crawl):
    """Interrupt a crawl when its one page is journalled; then go on with it, and stop it again."""
    good = shop.image
    shop.pages = 1
    shop.page = lambda label, page: shop.page_of(
        label, page, [shop.card(label, i) for i in range(40)]
    )

    def slowly(name):
        time.sleep(1 if images_asked(shop) % 4 == 3 else 0)
        return good(name)

    def run(then, **values):
        shop.image = slowly
        few = {"labels": ["hats"], "CONCURRENT_REQUESTS_PER_DOMAIN": 1, **values}
        first = crawl(interrupt_when=lambda: images_asked(shop) > 2, **few)
        assert first.code == 130, first.err
        asked = images_asked(shop)
        assert 0 < asked < 30
        stopped = crawl(interrupt_when=lambda: images_asked(shop) > asked + 2, then=then, **few)
        assert "going on with an interrupted crawl" in stopped.err
        assert shop.asked_for("hats") == 1
        shop.image = good
        again = crawl(labels=["hats"])
        assert again.code == 0, again.err
        assert again.counts == {"hats": 40}
        assert shop.asked_for("hats") == 1
        return stopped

    return run


def images_asked(shop):
    return sum(times for path, times in shop.asked.items() if path.startswith("/images/"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_crawl_that_goes_on_can_be_told_to_stop(resumed, number):
    stopped = resumed(lambda process: process.send_signal(number))
    assert stopped.code == 130
    assert "run the same command again" in stopped.err
    assert "Traceback" not in stopped.err


def test_a_crawl_that_goes_on_ends_where_the_disk_is_full(resumed):
    stopped = resumed(
        lambda process: psutil.Process(process.pid).rlimit(psutil.RLIMIT_FSIZE, (900, 900))
    )
    assert stopped.code == 1
    assert "cannot be written (File too large)" in stopped.err


def test_a_crawl_that_goes_on_ends_where_the_shop_refuses(shop, resumed):
    def refuse(_process):
        shop.image = lambda name: (429, b"")

    stopped = resumed(refuse, BLOCK_LIMIT=3)
    assert stopped.code == 3
    assert "http_429" in stopped.err


def test_another_command_begins_a_crawl_of_its_own(store, scrapy_crawl, tmp_path):
    run = scrapy_crawl(
        interrupt_when=lambda: store.requests.counts["image"] > 10,
        base_url=store.url,
        classes="jeans",
        per_class=PER_CLASS,
    )
    assert run.code == 130
    same = {"base_url": store.url, "classes": "jeans", "per_class": PER_CLASS}
    assert "go on " in scrapy_crawl("--dry-run", **same).out
    assert "go on " not in scrapy_crawl("--dry-run", resume="no", **same).out
    other = scrapy_crawl(**(same | {"per_class": 5}))
    assert other.code == 0, other.err
    assert "going on" not in other.err
    assert len(list((other.dataset / "journals").iterdir())) == 2


def kill_browser(process):
    """Kill Chromium's main process, as a machine short of memory does. Returns how many it were."""
    killed = 0
    for child in all_processes_of(process):
        try:
            words = child.cmdline()
        except psutil.Error:
            continue
        if "--headless" in " ".join(words) and not any("--type=" in word for word in words):
            os.kill(child.pid, signal.SIGKILL)
            killed += 1
    return killed


def test_a_browser_that_is_killed_is_started_again(store, scrapy_crawl):
    labels, killed = ("jeans", "saree"), []
    run = scrapy_crawl(
        interrupt_when=lambda: store.requests.counts["search"] >= 3,
        then=lambda process: killed.append(kill_browser(process)),
        base_url=store.url,
        classes=",".join(labels),
        per_class=PICTURES + 1,  # so that no class has enough before its last page
        LOG_LEVEL="INFO",
    )
    assert run.code == 0, run.err
    assert killed == [1]
    assert "'playwright/browser_count': 2," in run.err
    assert "Traceback" not in run.err
    assert len(run.version) == len(labels) * PICTURES
    for label in labels:
        pages = -(-len(store.catalogue.of(label)) // PAGE_SIZE)
        assert run.summary["classes"][label]["pages"] == pages > 3


def test_a_page_that_hangs_the_browser_is_tried_in_a_new_one(shop, crawl):
    good = shop.page
    hang = "<script>setTimeout(() => { while (true) {} }, 50)</script>"
    shop.page = lambda label, page: (
        (200, good(label, page)[1] + hang)
        if label == "hats" and shop.asked_for("hats") < 2 and page == 1
        else good(label, page)
    )
    run = crawl(BROWSER_PAGE_TIMEOUT=15)
    assert run.code == 0, run.err
    assert run.counts == {"hats": 10, "gloves": 10}
    # What another tab was still at goes with the browser.
    assert set(run.summary["blocked"]) <= {"timeout", "browser"}
    assert run.summary["blocked"]["timeout"] > 0


def test_tabs_and_browsers_are_replaced_after_a_while(shop, crawl):
    shop.pages = 4
    run = crawl(BROWSER_PAGES=3, BROWSER_TAB_PAGES=2, LOG_LEVEL="INFO")
    assert run.code == 0, run.err
    assert run.counts == {"hats": 20, "gloves": 20}
    assert "'playwright/browser_count': 3" in run.err
