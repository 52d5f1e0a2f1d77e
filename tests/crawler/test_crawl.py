"""The crawl as a whole: real browser, real server, real files."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter

import pytest

from apparel_clf.dataset import ImageFolder, Staging, open_version, publish
from apparel_clf.errors import DatasetError
from crawler import stats
from crawler.storefront import Storefront

pytestmark = pytest.mark.browser

PER_CLASS = 40


@pytest.fixture(scope="module")
def photos(tmp_path_factory, jpeg):
    """A shop's worth of pictures: three classes to collect and one to keep out."""
    folder = tmp_path_factory.mktemp("photos")
    for place, label in enumerate(("jeans", "trousers", "saree", "watches")):
        (folder / label).mkdir()
        for number in range(PER_CLASS):
            seed = 1000 * place + number
            (folder / label / f"{number}.jpg").write_bytes(jpeg(seed, size=(120, 160)))
    return folder


@pytest.fixture
def shop(photos):
    with Storefront(photos, page_size=24, batch_delay=0.02) as opened:
        yield opened


def check_against_truth(version, catalogue, labels):
    """Every row is a wanted product's own picture, and no picture is there twice."""
    products = catalogue.by_asin
    for row in version.rows:
        product = products[row.record.asin]
        assert product.label == row.record.label
        assert row.record.image_url.endswith(f"/{product.image_id}.{product.extension}")
    pictures = Counter(products[row.record.asin].picture for row in version.rows)
    assert set(pictures.values()) == {1}
    wanted = {product.picture for product in catalogue.of(*labels)}
    assert set(pictures) <= wanted
    return wanted - set(pictures)


def test_from_search_pages_to_a_version(shop, scrapy_crawl):
    run = scrapy_crawl(base_url=shop.url, dataset="demo", contact="me@example.org")
    assert run.code == 0, run.err
    version = open_version(run.datasets / "demo" / "latest")
    assert version.name == "demo/v1"
    assert str(version.path) in run.out
    labels = ("jeans", "trousers", "saree")
    assert check_against_truth(version, shop.catalogue, labels) == set()
    assert len(version) == 3 * PER_CLASS
    assert version.facts["removed"]["near"] > 0
    assert version.facts["removed"]["exact"] > 0
    assert version.facts["rejected"]["sponsored"] > 0


def test_only_originals_of_results_are_fetched_and_each_once(shop, scrapy_crawl):
    run = scrapy_crawl(base_url=shop.url, dataset="demo", contact="me@example.org")
    assert run.code == 0, run.err
    fetched = Counter(request.path for request in shop.requests.entries("image"))
    assert set(fetched.values()) == {1}
    known = {
        f"/images/I/{p.image_id}.{p.extension}"
        for p in shop.catalogue.of("jeans", "trousers", "saree")
    }
    assert set(fetched) <= known
    agents = {request.user_agent for request in shop.requests.entries()}
    (agent,) = agents
    assert agent.startswith("apparel-clf/")
    assert "contact: me@example.org" in agent
    assert shop.requests.entries("robots")


def test_the_next_crawl_adds_and_keeps_splits(photos, tmp_path, scrapy_crawl):
    """The shop has new pictures, and sells the old ones under other numbers."""
    folder = tmp_path / "photos"
    shutil.copytree(photos, folder)
    for number in range(20):
        name = f"{number}.jpg"
        (folder / "jeans" / name).rename(tmp_path / name)
    with Storefront(folder, batch_delay=0.0) as shop:
        first_run = scrapy_crawl(base_url=shop.url, classes="jeans,saree")
        assert first_run.code == 0, first_run.err
    first = open_version(first_run.datasets / "apparel" / "latest")
    assert len(first) == 60
    for number in range(20):
        shutil.copy(tmp_path / f"{number}.jpg", folder / "jeans" / f"{number}.jpg")
    with Storefront(folder, seed=1, batch_delay=0.0) as shop:
        second_run = scrapy_crawl(base_url=shop.url, classes="jeans,saree")
        assert second_run.code == 0, second_run.err
    second = open_version(second_run.datasets / "apparel" / "latest")
    assert (second.name, len(second)) == ("apparel/v2", 80)
    before = {row.record.sha256: row.split for row in first.rows}
    after = {row.record.sha256: row.split for row in second.rows}
    assert {sha: after[sha] for sha in before} == before


def test_running_again_fetches_no_image_again(shop, scrapy_crawl):
    first = scrapy_crawl(base_url=shop.url, classes="saree")
    assert first.code == 0, first.err
    assert "the same images" not in first.out
    assert shop.requests.counts["image"] > 0
    shop.requests.clear()
    again = scrapy_crawl(base_url=shop.url, classes="saree")
    assert again.code == 0, again.err
    assert shop.requests.counts["image"] == 0
    v1, v2 = (open_version(again.datasets / "apparel" / v) for v in ("v1", "v2"))
    assert v1.id == v2.id
    assert f"id {v2.id[:12]} (the same images as v1)\n" in again.out


def test_a_feed_lists_the_unique_images(shop, scrapy_crawl, tmp_path):
    feed = tmp_path / "results.jsonl"
    run = scrapy_crawl(base_url=shop.url, classes="jeans", FEEDS=json.dumps({str(feed): {}}))
    assert run.code == 0, run.err
    rows = [json.loads(line) for line in feed.read_text().splitlines()]
    assert len({row["sha256"] for row in rows}) == len(rows) >= PER_CLASS
    assert {row["label"] for row in rows} == {"jeans"}


def test_a_class_stops_when_it_has_enough(shop, scrapy_crawl):
    run = scrapy_crawl(base_url=shop.url, classes="jeans", per_class=10)
    assert run.code == 0, run.err
    version = open_version(run.datasets / "apparel" / "latest")
    assert len(version) == 10
    pages = [r for r in shop.requests.entries("search") if "page=2" in r.path]
    assert pages == []
    head, line = (row.split() for row in run.out.splitlines()[:2])
    told = dict(zip(head, line, strict=True))
    # The page was read to its end: what it holds beyond the limit is stored, not published.
    assert (told["class"], told["published"]) == ("jeans", "10")
    found = run.summary["classes"]["jeans"]
    assert 10 < int(told["accepted"]) == found["accepted"]
    numbers = ", ".join(f"{name} {found[name]}" for name in stats.COLUMNS if name != "accepted")
    assert re.search(rf"^jeans: 10 of 10 images \({numbers}\), \d+\.\d/s$", run.err, re.MULTILINE)


def test_cards_that_come_in_slowly_are_all_read(photos, scrapy_crawl):
    # Twice as long as the cards of a whole page must stand still.
    with Storefront(photos, page_size=24, batch_delay=0.6) as shop:
        run = scrapy_crawl(base_url=shop.url, classes="jeans", per_class=100)
        assert run.code == 0, run.err
        version = open_version(run.datasets / "apparel" / "latest")
        assert check_against_truth(version, shop.catalogue, ("jeans",)) == set()
    assert f"jeans: {PER_CLASS} of 100 images, then the search ended" in run.out
    assert re.search(
        rf"^jeans: {PER_CLASS} of 100 images \(.*\), \d.*/s, \d+ s left$", run.err, re.M
    )


def test_advertisements_are_taken_where_they_are_wanted(shop, scrapy_crawl):
    run = scrapy_crawl(base_url=shop.url, classes="saree", sponsored="yes")
    assert run.code == 0, run.err
    products = shop.catalogue.by_asin
    shown = {products[row.record.asin].label for row in run.version.rows}
    assert "watches" in shown  # of another class, so it was shown as an advertisement alone
    assert {row.record.label for row in run.version.rows} == {"saree"}
    pictures = {products[row.record.asin].picture for row in run.version.rows}
    assert {product.picture for product in shop.catalogue.of("saree")} <= pictures
    assert "sponsored" not in run.summary["rejected"]
    assert run.summary["sponsored"] is True


def test_an_interrupted_crawl_keeps_its_work(photos, scrapy_crawl):
    with Storefront(photos, page_size=24, image_delay=0.1) as shop:
        run = scrapy_crawl(
            interrupt_when=lambda: shop.requests.counts["image"] > 20, base_url=shop.url
        )
    assert run.code == 130
    assert "apparel-clf dataset publish" in run.err
    assert "Traceback" not in run.err
    dataset = run.datasets / "apparel"
    assert not (dataset / "v1").exists()
    assert len(publish(dataset)) >= 15


def test_pages_limit_the_search(shop, scrapy_crawl):
    run = scrapy_crawl(base_url=shop.url, classes="jeans", pages=1)
    assert run.code == 0, run.err
    rows = open_version(run.datasets / "apparel" / "latest").rows
    assert {row.record.page for row in rows} == {1}
    assert len(rows) < PER_CLASS


def test_a_search_without_results_says_so(shop, scrapy_crawl, tmp_path):
    classes = tmp_path / "classes.toml"
    classes.write_text('[hats]\nqueries = ["straw hats"]\n')
    run = scrapy_crawl(base_url=shop.url, CLASSES_FILE=classes)
    assert run.code == 1
    assert "no image was accepted: the shop has nothing for these searches" in run.err
    assert "--dry-run" in run.err
    assert "published" not in run.out
    assert "Traceback" not in run.err
    assert {path.name for path in run.dataset.iterdir()} == {"crawl.json", "journals"}
    for opened in (open_version, ImageFolder):
        with pytest.raises(DatasetError, match=r"holds no version yet: .* crawl\.json there tells"):
            opened(run.dataset)


def test_small_pictures_are_rejected_with_their_reason(shop, scrapy_crawl):
    run = scrapy_crawl(base_url=shop.url, classes="jeans", IMAGE_MIN_SIDE=500)
    assert run.code == 1
    assert "too_small" in run.err
    (journal,) = Staging(run.datasets / "apparel").journals()
    reasons = {rejection.reason for rejection in journal.rejections}
    assert "too_small" in reasons
    assert journal.images == []


def test_robots_txt_is_obeyed(photos, scrapy_crawl):
    with Storefront(photos) as shop:
        run = scrapy_crawl(base_url=shop.url, classes="jeans", ROBOTSTXT_USER_AGENT="Scrapy")
        assert run.code == 1
        assert "robots.txt" in run.err
        assert shop.requests.entries("search") == []
        assert shop.requests.entries("image") == []


def test_an_unreachable_shop_is_one_clear_error(scrapy_crawl):
    run = scrapy_crawl(base_url="http://127.0.0.1:9")
    assert run.code == 1
    assert run.err.count("\n") == 1
    assert "cannot be reached" in run.err
    assert "scrapy storefront" in run.err
    assert not run.datasets.exists()


def test_wrong_arguments_are_one_clear_error(scrapy_crawl):
    run = scrapy_crawl(base_url="http://127.0.0.1:9", marketplace="in", pages=0)
    assert run.code == 2
    assert run.err.count("\n") == 1
    assert "contradict" in run.err
    assert "pages: expected" in run.err


@pytest.mark.real_data
def test_real_photos_with_distractors(test_data, tmp_path, scrapy_crawl):
    """Every photo of the three classes once, under its own label; nothing else.

    Three photos are missing, and were looked at: each is the same picture as the one that is named
    with it, under another number.
    """
    folder = tmp_path / "photos"
    shutil.copytree(test_data / "photos", folder)
    for kind in sorted((test_data / "catalogue").iterdir()):
        shutil.copytree(kind, folder / f"other_{kind.name}")
    with Storefront(folder, batch_delay=0.02) as shop:
        run = scrapy_crawl(base_url=shop.url, dataset="real", per_class=1000)
        catalogue = shop.catalogue
        fetched = {request.path for request in shop.requests.entries("image")}
    assert run.code == 0, run.err
    version = open_version(run.datasets / "real" / "latest")
    labels = ("jeans", "trousers", "saree")
    missing = check_against_truth(version, catalogue, labels)
    known = [
        {"photo/jeans/4977.jpg", "photo/jeans/4978.jpg"},
        {"photo/jeans/46892.jpg", "photo/jeans/46894.jpg"},
        {"photo/trousers/13228.jpg", "photo/trousers/13229.jpg"},
    ]
    assert len(missing) == len(known)
    assert all(len(missing & pair) == 1 for pair in known)
    assert len(version) == sum(1 for _ in (test_data / "photos").rglob("*.jpg")) - len(known)
    assert not any("_" in path.rsplit("/", 1)[1] for path in fetched)
    card = json.loads((version.path / "version.json").read_text())
    assert card["images"] == len(version)
