"""Which image is taken, and what hostile pictures and addresses come to."""

from __future__ import annotations

import io
import struct
import time
import zlib

import pytest
from PIL import Image

pytestmark = pytest.mark.browser


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_header(width, height):
    """A PNG that claims a size and holds no pixels."""
    chunks = [
        b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0),
        b"IDAT" + zlib.compress(bytes(1000)),
    ]
    parts = (
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def slowly():
    for _ in range(100):
        yield b"\xff\xd8\xff"
        time.sleep(0.2)


def endless():
    for _ in range(1000):
        yield bytes(100_000)


class Neighbour:
    """A server that nobody should ever ask."""

    def __init__(self):
        self.asked = []

    def answer(self, path):
        self.asked.append(path)
        return 200, b"secret"


@pytest.fixture
def neighbour(serve):
    opened = Neighbour()
    opened.url = serve(opened, host="127.0.0.2")
    return opened


def test_every_kind_of_bad_image_is_rejected_by_name(shop, crawl, neighbour, jpeg, picture):
    good = shop.image
    webp = {}

    def as_webp(name):
        data = encoded(picture(zlib.crc32(name.encode()), (120, 160)), "WEBP", quality=80)
        webp[name] = data
        return 200, data

    answers = {
        "html": lambda name: (200, "<html>a page</html>"),
        "webp": as_webp,
        "bomb": lambda name: (200, png_header(50_000, 50_000)),
        "away": lambda name: (302, b"", {"Location": f"{neighbour.url}/latest/meta-data"}),
        "file": lambda name: (302, b"", {"Location": "file:///etc/hostname"}),
        "moved": lambda name: (302, b"", {"Location": f"/images/I/new-{name}"}),
        "loop": lambda name: (302, b"", {"Location": f"/images/I/{name}"}),
        "cut": lambda name: None,
        "slow": lambda name: (200, slowly()),
        "huge": lambda name: (200, endless()),
        "small": lambda name: (200, jpeg(zlib.crc32(name.encode()), (20, 160))),
        "long": lambda name: (200, jpeg(zlib.crc32(name.encode()), (60, 600))),
        "blank": lambda name: (200, encoded(Image.new("RGB", (120, 160), "white"), "JPEG")),
        "half": lambda name: (200, good(name)[1][:2000]),
    }

    def image(name):
        kind = next((kind for kind in answers if name.startswith(kind)), None)
        return answers[kind](name) if kind else good(name)

    shop.image = image
    shop.pages = 1
    run = crawl(
        labels=["good", *answers], DOWNLOAD_TIMEOUT=3, DOWNLOAD_MAXSIZE=1_000_000, RETRY_TIMES=1
    )
    assert run.code == 1
    assert run.counts == {"good": 5, "webp": 5, "moved": 5}
    reasons = dict(run.reasons.keys())
    assert reasons == {
        "html": "not_an_image",
        "bomb": "too_many_pixels",
        "away": "foreign_host",
        "file": "foreign_host",
        "loop": "http_302",
        "cut": "download_failed",
        "slow": "download_failed",
        "huge": "download_failed",
        "small": "too_small",
        "long": "aspect",
        "blank": "blank",
        "half": "truncated",
    }
    assert set(run.reasons.values()) == {5}
    assert neighbour.asked == []
    assert "html: 0 of 300 images" in run.out + run.err
    assert "Traceback" not in run.err
    for row in run.version.rows:
        path = run.version.path / row.path
        assert Image.open(path).format == "JPEG"
        if row.record.label == "webp":
            assert row.record.signature.format == "WEBP"
            stored = run.dataset / "objects" / row.record.sha256[:2] / row.record.sha256
            assert stored.read_bytes() in webp.values()


def test_a_picture_turned_away_for_its_looks_is_kept_for_a_second_look(shop, crawl, jpeg):
    shop.image = lambda name: (200, jpeg(zlib.crc32(name.encode()), (20, 160)))
    run = crawl(labels=["hats"], pages=1)
    assert run.code == 1
    assert "no image was accepted (too_small 5)" in run.err
    assert len([p for p in (run.dataset / "objects").rglob("*") if p.is_file()]) == 5


def test_the_largest_picture_that_is_there_is_taken(shop, crawl):
    """The original of one is missing, and the larger size of another, too."""
    good = shop.image
    gone = ("hats10.jpg", "hats11.jpg", "hats11._AC_UL640_.jpg", "hats12.jpg")
    shop.image = lambda name: (404, b"") if name in gone or "hats12" in name else good(name)
    run = crawl(labels=["hats"], pages=1)
    assert run.code == 1  # one picture is not to be had in any size
    urls = {row.record.title: row.record.image_url for row in run.version.rows}
    assert urls["hats 10"].endswith("/images/I/hats10._AC_UL640_.jpg")
    assert urls["hats 11"].endswith("/images/I/hats11._AC_UL320_.jpg")
    assert urls["hats 13"].endswith("/images/I/hats13.jpg")
    assert run.reasons == {("hats", "http_404"): 1}


def test_addresses_elsewhere_are_not_fetched(shop, crawl, neighbour):
    good = shop.page
    pictures = [
        "file:///etc/passwd",
        f"{neighbour.url}/images/I/1.jpg",
        "http://localhost:1/images/I/1.jpg",
        "http://[::1]:1/images/I/1.jpg",
        "ftp://127.0.0.1/images/I/1.jpg",
        shop.url.replace("127.0.0.1", "user@127.0.0.1") + "/images/I/1.jpg",
        shop.url.rsplit(":", 1)[0] + ":9/images/I/1.jpg",
    ]
    cards = [shop.card("hats", 100 + i, picture=url, larger=url) for i, url in enumerate(pictures)]

    def page(label, number):
        status, body = good(label, number)
        return status, "".join(cards) + body

    shop.page = page
    run = crawl(labels=["hats"], pages=1)
    assert run.code == 0, run.err
    assert run.counts == {"hats": 5}
    assert run.reasons == {("hats", "foreign_host"): len(pictures)}
    assert neighbour.asked == []


def test_a_private_network_is_out_of_reach_also_where_every_host_is_allowed(shop, crawl, neighbour):
    good = shop.image
    there = f"{neighbour.url}/images/I/there.jpg"
    shop.page = lambda label, page: shop.page_of(
        label,
        page,
        [shop.card(label, i) for i in range(4)]
        + [shop.card(label, 9, picture=there, larger=there)],
    )
    shop.image = lambda name: (
        (302, b"", {"Location": there}) if name.startswith("hats0") else good(name)
    )
    run = crawl(labels=["hats"], pages=1, IMAGE_HOSTS="*")
    assert run.counts == {"hats": 3}
    told = {r.title: (r.reason, r.detail) for r in run.version.rejections()}
    assert {title: reason for title, (reason, _) in told.items()} == {
        "hats 0": "not_allowed",
        "hats 9": "not_allowed",
    }
    assert all("an address in a private network" in detail for _, detail in told.values())
    assert neighbour.asked == []


def test_a_page_that_leads_into_a_private_network_is_not_opened(shop, crawl, neighbour):
    good = shop.page
    shop.page = lambda label, page: (
        (302, "", {"Location": f"{neighbour.url}/s?k=hats"})
        if label == "hats"
        else good(label, page)
    )
    run = crawl(labels=["hats"], BLOCK_LIMIT=2)
    assert run.code == 3
    assert "cannot be read (network 2)" in run.err
    assert neighbour.asked == []


def test_image_hosts_of_ones_own(shop, crawl, neighbour, jpeg):
    """A shop's pictures on another port are fetched where the setting names it."""
    seen = []

    def answer(path):
        seen.append(path)
        return 200, jpeg(zlib.crc32(path.encode()), (120, 160))

    neighbour.answer = answer
    url = f"{neighbour.url}/images/I/elsewhere.jpg"
    shop.page = lambda label, page: shop.page_of(
        label, 9, [shop.card(label, 1, picture=url, larger=url)]
    )
    host = neighbour.url.removeprefix("http://")
    run = crawl(labels=["hats"], IMAGE_HOSTS=host)
    assert run.code == 0, run.err
    assert seen[1:] == ["/images/I/elsewhere.jpg"]
    assert seen[0] == "/robots.txt"


def test_a_product_of_two_classes_goes_to_neither_and_is_named(shop, crawl):
    good = shop.page

    def page(label, number):
        shared = shop.card("both", 1, asin="B0SHARED01", picture=f"/images/I/{label}shared.jpg")
        return shop.page_of(label, number, [shared, good(label, number)[1]])

    shop.page = page
    run = crawl(pages=1)
    assert run.code == 0, run.err
    assert run.counts == {"hats": 5, "gloves": 5}
    assert "B0SHARED01 (gloves, hats)" in run.out
    assert run.summary["label_conflicts"] == {"B0SHARED01": ["gloves", "hats"]}


def test_titles_decide_by_the_classes_words(shop, crawl):
    cards = ["Straw hat", "Hat stand", "Scarf", "HATS for men"]
    shop.page = lambda label, page: shop.page_of(
        label, 2, [shop.card(label, i, title=title) for i, title in enumerate(cards)]
    )
    toml = '[hats]\nqueries = ["hats"]\nmust.en = ["hat", "hats"]\nmust_not = ["hat stand"]\n'
    run = crawl(toml=toml)
    assert run.code == 0, run.err
    assert {row.record.title for row in run.version.rows} == {"Straw hat", "HATS for men"}
    told = {r.title: (r.reason, r.detail) for r in run.version.rejections()}
    assert told["Hat stand"] == ("title_with", "hat stand: Hat stand")
    assert told["Scarf"][0] == "title_without"
    assert run.summary["rejected"] == {"title_with": 1, "title_without": 1}
    assert run.summary["classes"]["hats"]["rejected"] == 2
    assert "turned away: title_with 1, title_without 1\n" in run.out


def test_a_dry_run_asks_nobody(shop, crawl):
    run = crawl("--dry-run", toml='[hats]\nqueries = ["hats"]\nmust_not = ["stand"]\n')
    assert run.code == 0, run.err
    assert f"{shop.url}/s?k=hats" in run.out
    assert "title without: stand" in run.out
    assert f"publish    {run.dataset / 'v1'}" in run.out
    assert shop.asked == {}
    assert not run.dataset.exists()
