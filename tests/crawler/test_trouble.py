"""What a crawl does when the shop misbehaves: says so, keeps what came, goes nowhere else."""

from __future__ import annotations

import subprocess
import sys
import threading
import zlib
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from apparel_clf.dataset import open_version

pytestmark = pytest.mark.browser

CARD = (
    '<div data-component-type="s-search-result" data-asin="B{number:09d}">'
    '<img class="s-image" src="/images/I/{label}{number}._AC_UL320_.jpg"><a><h2>X</h2></a></div>'
)
CAPTCHA = '<form action="/errors/validateCaptcha"><img src="/captcha/x.jpg"><input></form>'


class Shop:
    """A shop whose every answer a test decides."""

    def __init__(self, jpeg):
        self.jpeg = jpeg
        self.asked = Counter()
        self.page = self.good_page
        self.image = lambda name: (200, self.jpeg(zlib.crc32(name.encode()), (120, 160)))
        self.next = lambda label, page: f"/s?k={label}&page={page + 1}" if page < 2 else ""

    def good_page(self, label, page):
        cards = "".join(
            CARD.format(number=100 * len(label) + 10 * page + i, label=label) for i in range(5)
        )
        target = self.next(label, page)
        pager = f'<a class="s-pagination-next" href="{target}">Next</a>' if target else ""
        return 200, f'{cards}<div class="s-pagination-container">{pager}</div>'

    def answer(self, path):
        """Return status and body, or None to cut the connection."""
        self.asked[path] += 1
        parts = urlsplit(path)
        if parts.path == "/robots.txt":
            return 200, ""
        if parts.path == "/s":
            query = parse_qs(parts.query)
            return self.page(query["k"][0], int(query.get("page", ["1"])[0]))
        if parts.path.startswith("/images/I/"):
            return self.image(parts.path.rsplit("/", 1)[1])
        return 404, ""


@pytest.fixture
def shop(jpeg):
    opened = Shop(jpeg)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            answer = opened.answer(self.path)
            if answer is None:
                self.connection.close()
                return
            status, body = answer
            data = body if isinstance(body, bytes) else body.encode()
            self.send_response(status)
            if status in (301, 302):
                self.send_header("Location", body)
            self.send_header("Content-Type", "text/html" if body is not data else "image/jpeg")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    opened.url = f"http://127.0.0.1:{server.server_port}"
    yield opened
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def crawl(shop, scrapy_crawl, tmp_path):
    classes = tmp_path / "classes.toml"
    classes.write_text('[hats]\nqueries = ["hats"]\n[gloves]\nqueries = ["gloves"]\n')

    def run(**values):
        return scrapy_crawl(base_url=shop.url, CLASSES_FILE=classes, **values)

    return run


def counts(run):
    rows = open_version(run.datasets / "apparel" / "latest").rows
    return Counter(row.record.label for row in rows)


def test_a_well_behaved_shop_is_read_to_its_end(crawl):
    run = crawl()
    assert run.code == 0, run.err
    assert counts(run) == {"hats": 10, "gloves": 10}
    assert "hats: 10 of 300 images, then the search ended" in run.out


def test_a_cut_page_is_asked_for_again_and_then_reported(shop, crawl):
    good = shop.page
    shop.page = lambda label, page: None if (label, page) == ("hats", 2) else good(label, page)
    run = crawl()
    assert run.code == 1
    assert "hats: 5 of 300 images: a page failed" in run.err
    assert "Traceback" not in run.err
    assert counts(run) == {"hats": 5, "gloves": 10}
    assert shop.asked["/s?k=hats&page=2"] >= 3


def test_a_page_that_fails_once_is_no_trouble(shop, crawl):
    good = shop.page
    shop.page = lambda label, page: (
        None if label == "hats" and shop.asked["/s?k=hats"] < 2 else good(label, page)
    )
    run = crawl()
    assert run.code == 0, run.err
    assert counts(run) == {"hats": 10, "gloves": 10}


def test_a_captcha_gives_no_item_and_is_reported(shop, crawl):
    good = shop.page
    shop.page = lambda label, page: (200, CAPTCHA) if label == "hats" else good(label, page)
    run = crawl()
    assert run.code == 1
    assert "hats: 0 of 300 images: the shop answered with a page of kind 'captcha'" in run.err
    assert counts(run) == {"gloves": 10}


def test_captchas_alone_are_told_apart_from_no_results(shop, crawl):
    shop.page = lambda label, page: (200, CAPTCHA)
    run = crawl()
    assert run.code == 1
    assert "captcha 2" in run.err
    assert "never answered" in run.err
    assert not (run.datasets / "apparel" / "v1").exists()


def test_images_that_cannot_be_had_are_counted(shop, crawl):
    good = shop.image
    shop.image = lambda name: (404, "") if name.startswith("hats") else good(name)
    run = crawl()
    assert run.code == 1
    assert "hats: 0 of 300 images: 10 images could not be fetched" in run.err
    assert counts(run) == {"gloves": 10}


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"<html>a page</html>", "not_an_image"), (b"\xff\xd8\xff\xe0cut", "truncated")],
)
def test_what_is_no_image_is_rejected_by_its_bytes(shop, crawl, body, reason):
    good = shop.image
    shop.image = lambda name: (200, body) if name.startswith("hats") else good(name)
    run = crawl()
    assert counts(run) == {"gloves": 10}
    facts = open_version(run.datasets / "apparel" / "latest").facts
    assert any(name.startswith(reason) for name in facts["rejected"])


@pytest.mark.parametrize("target", ["file:///etc/hostname", "http://127.0.0.1:9/s?k=x"])
def test_a_next_page_elsewhere_is_not_followed(shop, crawl, target):
    shop.next = lambda label, page: target
    run = crawl()
    assert run.code == 1
    assert f"the next page is elsewhere: {target}" in run.err
    assert counts(run) == {"hats": 5, "gloves": 5}


def test_a_page_that_leads_away_gives_no_item(shop, crawl):
    good = shop.page
    elsewhere = shop.url.replace("127.0.0.1", "localhost") + "/s?k=gloves"
    shop.page = lambda label, page: (302, elsewhere) if label == "hats" else good(label, page)
    run = crawl()
    assert run.code == 1
    assert "a page led away" in run.err
    assert counts(run) == {"gloves": 10}


def test_stray_words_are_not_ignored(shop, scrapy_crawl):

    done = subprocess.run(
        [sys.executable, "-m", "scrapy", "crawl", "amazon_apparel", "classes=saree"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "-a classes=saree" in done.stdout + done.stderr
