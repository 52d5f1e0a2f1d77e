"""What a crawl does when the shop misbehaves: says so, keeps what came, goes nowhere else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading

import psutil
import pytest

from .conftest import wait_for

pytestmark = pytest.mark.browser

CAPTCHA = '<form action="/errors/validateCaptcha"><img src="/captcha/x.jpg"><input></form>'


def refuse_hats(shop, said, answer, first=1):
    """Answer hats alone with `answer`, from the page `first` on, and never twice in a row.

    The crawl reads a page of gloves after the first refusal and before the second, whatever is
    quicker: refusals that nothing good comes between are the shop's, and end it.
    """
    good = shop.page

    def page(label, number):
        refused = "hats: the shop refused" in said()
        if label == "gloves":
            wait_for(lambda: number == 1 or "hats: the shop refused" in said(), 60)
            return good(label, number)
        if number < first:
            return good(label, number)
        wait_for(lambda: not refused or shop.asked["/images/I/gloves20.jpg"], 60)
        return answer

    shop.page = page


def test_a_well_behaved_shop_is_read_to_its_end(crawl):
    run = crawl()
    assert run.code == 0, run.err
    assert run.counts == {"hats": 10, "gloves": 10}
    assert "hats: 10 of 300 images, then the search ended" in run.out


def test_a_cut_page_is_asked_for_again_and_then_reported(shop, crawl, said):
    refuse_hats(shop, said, None, first=2)
    run = crawl()
    assert run.code == 1
    assert "hats: 5 of 300 images: a page failed" in run.err
    assert "Traceback" not in run.err
    assert run.counts == {"hats": 5, "gloves": 10}
    assert shop.asked["/s?k=hats&page=2"] >= 3


def test_a_page_that_fails_once_is_no_trouble(shop, crawl):
    good = shop.page
    shop.page = lambda label, page: (
        None if label == "hats" and shop.asked["/s?k=hats"] < 2 else good(label, page)
    )
    run = crawl()
    assert run.code == 0, run.err
    assert run.counts == {"hats": 10, "gloves": 10}


def test_a_captcha_gives_no_item_and_is_reported(shop, crawl, said):
    refuse_hats(shop, said, (200, CAPTCHA))
    run = crawl()
    assert run.code == 1
    assert "hats: 0 of 300 images: the shop answered with a page of kind 'captcha'" in run.err
    assert run.counts == {"gloves": 10}


def test_captchas_alone_are_told_apart_from_no_results(shop, crawl):
    shop.page = lambda label, page: (200, CAPTCHA)
    run = crawl(BLOCK_LIMIT=2)
    assert run.code == 3
    assert "keeps refusing (captcha" in run.err
    assert "never answered" in run.err
    assert not (run.datasets / "apparel" / "v1").exists()


def test_images_that_are_not_there_are_counted(shop, crawl):
    good = shop.image
    shop.image = lambda name: (404, "") if name.startswith("hats") else good(name)
    run = crawl()
    assert run.code == 1
    assert "hats: 0 of 300 images: 10 images could not be found" in run.err
    assert run.counts == {"gloves": 10}


def test_a_class_may_be_called_as_a_stat_is(shop, crawl):
    cards = [shop.card("rejected", n, title=title) for n, title in enumerate(("cap", "stand"))]
    good = shop.page

    def page(label, number):
        if label == "rejected":
            return shop.page_of(label, 2, cards)
        return good(label, number) if shop.asked_for("blocked") > 1 else (503, "<p>later</p>")

    shop.page = page
    toml = '[rejected]\nqueries = ["rejected"]\nmust_not = ["stand"]\n'
    run = crawl(toml=toml + '[blocked]\nqueries = ["blocked"]\n', pages=1)
    assert run.code == 0, run.err
    assert run.summary["rejected"] == {"title_with": 1}
    assert run.summary["blocked"] == {"http_503": 1}
    told = run.summary["classes"]
    assert (told["rejected"]["rejected"], told["blocked"]["blocks"]) == (1, 1)
    assert "turned away: title_with 1\n" in run.out


HOSTILE = "Hat \x1b[31m \x9b31m \x7f \x1b]0;x\x07 \u202etah\u2066"

RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def test_what_a_page_says_reaches_no_terminal_raw(shop, crawl):
    cards = [shop.card("hats", 1, title=f"{HOSTILE} stand"), shop.card("hats", 2, title=HOSTILE)]
    shop.page = lambda label, page: shop.page_of(label, 2, ["<meta charset=utf-8>", *cards])
    toml = '[hats]\nqueries = ["hats"]\nmust_not = ["stand"]\n'
    run = crawl("-L", "DEBUG", toml=toml)
    assert run.code == 0, run.err
    assert "Dropped: title_with: stand: Hat" in run.err
    files = [*run.dataset.rglob("*.json*"), *run.dataset.glob("latest/*.md")]
    assert {"crawl.json", "manifest.jsonl", "rejections.jsonl"} <= {path.name for path in files}
    texts = {"err": run.err, "out": run.out} | {path: path.read_text() for path in files}
    assert [place for place, text in texts.items() if RAW.search(text)] == []
    (row,), (rejection,) = run.version.rows, run.version.rejections()
    assert "\u202e" in row.record.title
    assert "\u202e" in rejection.title


def test_images_that_failed_are_tried_again_by_the_same_command(shop, crawl):
    good = shop.image
    shop.image = lambda name: (500, "") if name.startswith("hats1") else good(name)
    run = crawl(RETRY_TIMES=0)
    assert run.code == 1
    assert "hats: 5 of 300 images: 5 images could not be fetched" in run.err
    assert run.counts == {"hats": 5, "gloves": 10}
    shop.image = good
    asked = shop.asked_for("hats")
    again = crawl(RETRY_TIMES=0)
    assert again.code == 0, again.err
    assert again.counts == {"hats": 10, "gloves": 10}
    assert shop.asked_for("hats") == asked
    assert again.reasons == {}


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"<html>a page</html>", "not_an_image"), (b"\xff\xd8\xff\xe0cut", "truncated")],
)
def test_what_is_no_image_is_rejected_by_its_bytes(shop, crawl, body, reason):
    good = shop.image
    shop.image = lambda name: (200, body) if name.startswith("hats") else good(name)
    run = crawl()
    assert run.counts == {"gloves": 10}
    assert run.reasons["hats", reason] == 10


@pytest.mark.parametrize("target", ["file:///etc/hostname", "http://127.0.0.1:9/s?k=x"])
def test_a_next_page_elsewhere_is_not_followed(shop, crawl, target):
    shop.next = lambda label, page: target
    run = crawl()
    assert run.code == 1
    assert f"the next page is elsewhere: {target}" in run.err
    assert run.counts == {"hats": 5, "gloves": 5}


def test_a_page_that_leads_away_gives_no_item(shop, crawl, serve, jpeg):
    good = shop.page
    elsewhere = serve(type(shop)(jpeg)) + "/s?k=hats"
    shop.page = lambda label, page: (
        (302, "", {"Location": elsewhere}) if label == "hats" else good(label, page)
    )
    run = crawl()
    assert run.code == 1
    assert "a page led away" in run.err
    assert run.counts == {"gloves": 10}


def test_stray_words_are_not_ignored():
    done = subprocess.run(
        [sys.executable, "-m", "scrapy", "crawl", "amazon_apparel", "classes=saree"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "-a classes=saree" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "way_out"),
    [("amazon_aparel", "did you mean amazon_apparel?"), ("ebay", "there is amazon_apparel")],
)
def test_an_unknown_spider_is_named(name, way_out):
    done = subprocess.run(
        [sys.executable, "-m", "scrapy", "crawl", name], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert (done.stdout, done.stderr) == ("", f"error: {name}: no such spider; {way_out}\n")


def test_pages_that_an_interruption_cuts_off_are_no_blocks(shop, crawl):
    good, told = shop.page, threading.Event()

    def page(label, number):
        if number > 1:
            told.wait(120)
        return good(label, number)

    shop.page = page
    try:
        run = crawl(
            interrupt_when=lambda: shop.asked_for("hats", 2) and shop.asked_for("gloves", 2)
        )
    finally:
        told.set()
    assert run.code == 130
    assert "refused" not in run.err
    assert run.summary["blocked"] == {}
    classes = run.summary["classes"].values()
    assert [(c["blocks"], c["troubles"]) for c in classes] == [(0, []), (0, [])]


@pytest.mark.parametrize("answer", [(503, "later"), None])
def test_a_robots_txt_that_cannot_be_read_forbids_everything(shop, crawl, answer):
    other = shop.answer

    def robots(path):
        if path == "/robots.txt" and shop.asked[path] >= 1:  # the first asks if the shop is there
            shop.asked[path] += 1
            return answer
        return other(path)

    shop.answer = robots
    run = crawl()
    assert run.code == 1
    assert "robots.txt could not be read" in run.err
    assert "Traceback" not in run.err
    assert set(shop.asked) == {"/robots.txt"}


def test_a_browser_that_does_not_start_is_named(shop, crawl, tmp_path, monkeypatch):
    broken = tmp_path / "bin" / "chromium"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{broken.parent}:{os.environ['PATH']}")
    run = crawl()
    assert run.code == 1
    assert f"{broken} does not start" in run.err
    assert "Traceback" not in run.err
    assert shop.asked == {}


def test_windows_that_a_page_opens_are_not_opened(shop, crawl):
    good = shop.page
    popups = "<script>for (let i = 0; i < 20; i++) window.open('/popup' + i)</script>"
    shop.page = lambda label, page: (200, good(label, page)[1] + popups)
    run = crawl(pages=1)
    assert run.code == 0, run.err
    assert not [path for path in shop.asked if "popup" in path]


def test_a_page_without_end_is_not_read(shop, crawl):
    good = shop.page
    # Hidden, so that no time goes into laying it out.
    flood = "<p id=x hidden></p><script>x.textContent = 'a'.repeat(2e7)</script>"
    shop.page = lambda label, page: (
        (200, good(label, page)[1] + flood) if label == "hats" else good(label, page)
    )
    run = crawl(BLOCK_LIMIT=1)
    assert run.code == 3
    assert "cannot be read (browser 1)" in run.err


def test_a_full_disk_is_named_and_nothing_is_lost(shop, crawl):
    good = shop.page
    full = threading.Event()

    def page(label, number):
        full.wait(60)
        return good(label, number)

    def fill(process):
        psutil.Process(process.pid).rlimit(psutil.RLIMIT_FSIZE, (9000, 9000))
        full.set()

    shop.page = page
    run = crawl(interrupt_when=lambda: shop.asked_for("hats"), then=fill)
    assert run.code == 1
    assert "cannot be written (File too large)" in run.err
    assert "Traceback" not in run.err
    again = crawl()
    assert again.code == 0, again.err
    assert again.counts == {"hats": 10, "gloves": 10}
