"""The running shop over real HTTP: images, robots, odd requests, the log, opening and closing."""

from __future__ import annotations

import asyncio
import io
import shutil
import socket
import threading
import urllib.parse
import urllib.robotparser
from concurrent.futures import ThreadPoolExecutor

import aiohttp
import pytest
from PIL import Image

from apparel_clf.errors import DatasetNotFoundError, SettingsError
from crawler.storefront import Storefront, Studio, drawn_catalogue
from crawler.storefront.images import Modifiers, edited, scaled
from crawler.storefront.sources import DRAWN_SIZE


def size_of(data):
    return Image.open(io.BytesIO(data)).size


def image_path(product, modifiers=""):
    chain = f"._{modifiers}_" if modifiers else ""
    return f"/images/I/{product.image_id}{chain}.{product.extension}"


# ---- images


def test_without_modifiers_the_original_comes(fetch, shop, catalogue):
    for product in catalogue.of("jeans")[:20]:
        picture = catalogue.pictures[product.image_id]
        source = catalogue.originals[picture.key]()
        expected = edited(source, picture.edit) if picture.edit else source
        answer = fetch(shop.url + image_path(product))
        assert (answer.status, answer.headers["Content-Type"]) == (200, "image/jpeg")
        assert answer.body == expected


@pytest.mark.parametrize(
    ("modifiers", "size", "kind"),
    [
        ("AC_UL64", (48, 64), "image/jpeg"),
        ("AC_UL960", DRAWN_SIZE, "image/jpeg"),
        ("AC_UL64_FMwebp_QL65", (48, 64), "image/webp"),
        ("ac_us40", (40, 40), "image/jpeg"),
    ],
)
def test_modifiers_really_scale(fetch, shop, catalogue, modifiers, size, kind):
    product = next(product for product in catalogue.of("saree") if product.plant is None)
    answer = fetch(shop.url + image_path(product, modifiers))

    assert answer.headers["Content-Type"] == kind
    assert size_of(answer.body) == size


def test_badges_and_swatches_are_there(fetch, rendered, shop):
    page = rendered(shop.url, "/s?k=jeans")
    small = {i.get("src") for i in page.cssselect("img.s-image") if i.get("src").endswith(".png")}
    sizes = {size_of(fetch(shop.url + path).body) for path in small}
    assert sizes == {(200, 200), (40, 40)}


def test_images_may_be_kept_and_asked_for_again(fetch, shop, catalogue):
    url = shop.url + image_path(catalogue.products[0], "AC_UL64")
    first = fetch(url)
    again = fetch(url, If_None_Match=first.headers["ETag"])
    other = fetch(url, If_None_Match='"something-else"')

    assert "max-age" in first.headers["Cache-Control"]
    assert (again.status, again.body) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert (other.status, other.body) == (200, first.body)


@pytest.mark.parametrize(
    "name",
    [
        "71AAAAAAAAL.jpg",
        "71AAAAAAAAL._AC_UL320_.jpg",
        "..%2F..%2Fetc%2Fpasswd",
        "%2e%2e%2fpasswd.jpg",
        "x",
        "%00.jpg",
        "%ff%fe.jpg",
    ],
)
def test_unknown_images_are_not_found(fetch, shop, name):
    assert fetch(f"{shop.url}/images/I/{name}").status == 404


def test_the_ending_must_be_the_pictures_own(fetch, shop, catalogue):
    product = catalogue.products[0]
    assert fetch(f"{shop.url}/images/I/{product.image_id}.png").status == 404


def test_a_plus_in_an_id_may_be_escaped_or_not(fetch, shop, catalogue):
    product = next(product for product in catalogue.products if "+" in product.image_id)
    plain = fetch(shop.url + image_path(product))
    escaped = fetch(shop.url + urllib.parse.quote(image_path(product)))
    assert plain.body == escaped.body
    assert plain.status == 200


def test_photos_of_a_folder_are_sent_byte_for_byte(fetch, tmp_path):
    photos = {}
    for label, shape in (("jeans", "JPEG"), ("saree", "PNG"), ("tops", "WEBP")):
        (tmp_path / label).mkdir()
        path = tmp_path / label / f"a.{shape.lower()}"
        Image.new("RGB", (30, 40), "navy").save(path)
        photos[label] = path.read_bytes()
    with Storefront(tmp_path) as shop:
        for product in shop.catalogue.products:
            answer = fetch(shop.url + image_path(product))
            assert answer.body == photos[product.label]
            small = fetch(shop.url + image_path(product, "AC_UL20"))
            assert size_of(small.body) == (15, 20)


def test_a_broken_photo_is_sent_as_it_is_and_cannot_be_scaled(fetch, tmp_path):
    for label in ("jeans", "saree"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "a.jpg").write_bytes(b"\xff\xd8\xff broken")
    with Storefront(tmp_path) as shop:
        product = shop.catalogue.products[0]
        assert fetch(shop.url + image_path(product)).body == b"\xff\xd8\xff broken"
        assert fetch(shop.url + image_path(product, "AC_UL20")).status == 404
        assert fetch(f"{shop.url}/dp/{product.asin}").status == 404


def test_a_photo_that_went_away_is_not_found(fetch, tmp_path):
    for label in ("jeans", "saree"):
        (tmp_path / label).mkdir()
        Image.new("RGB", (30, 40)).save(tmp_path / label / "a.jpg")
    with Storefront(tmp_path) as shop:
        shutil.rmtree(tmp_path / "jeans")
        (product,) = shop.catalogue.of("jeans")
        assert fetch(shop.url + image_path(product)).status == 404


def test_scaled_files_come_as_the_image_module_makes_them(fetch, shop, catalogue):
    product = next(product for product in catalogue.of("jeans") if product.plant is None)
    original = fetch(shop.url + image_path(product)).body
    answer = fetch(shop.url + image_path(product, "SX40"))
    assert answer.body == scaled(original, Modifiers(width=40))


# ---- drawing once, keeping what was drawn


def counted_studio(studio, drawn):
    def draw(garment, size):
        drawn.append(garment)
        return studio.draw(garment, size)

    return Studio(studio.classes, studio.design, draw)


def test_nothing_is_drawn_before_it_is_asked_for_and_then_once(fetch, studio):
    drawn = []
    with Storefront(drawn_catalogue(per_class=8, studio=counted_studio(studio, drawn))) as shop:
        fetch(shop.url + "/s?k=jeans")
        assert drawn == []
        url = shop.url + image_path(shop.catalogue.of("jeans")[0])
        with ThreadPoolExecutor(8) as pool:
            bodies = set(pool.map(lambda _: fetch(url).body, range(16)))
        assert len(bodies) == 1
        assert len(drawn) == 1


def test_drawing_does_not_hold_up_other_requests(fetch, studio):
    drawing, hold = threading.Event(), threading.Event()

    def slow(garment, size):
        drawing.set()
        hold.wait(120)
        return studio.draw(garment, size)

    slow_studio = Studio(studio.classes, studio.design, slow)
    catalogue = drawn_catalogue(per_class=4, studio=slow_studio)
    with Storefront(catalogue) as shop, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(fetch, shop.url + image_path(catalogue.products[0]))
        try:
            assert drawing.wait(60)
            assert fetch(shop.url + "/robots.txt").status == 200
            assert not waiting.done()
        finally:
            hold.set()
        assert waiting.result().status == 200


# ---- robots, products, advertisements, odd requests


def test_robots_refuse_scrapy_and_welcome_others(fetch, shop, catalogue):
    rules = urllib.robotparser.RobotFileParser()
    rules.parse(fetch(shop.url + "/robots.txt").text.splitlines())

    for path in ("/s?k=jeans", "/s?k=jeans&page=2", image_path(catalogue.products[0]), "/"):
        assert rules.can_fetch("apparel-clf/0.1 (+mailto:me@example.org)", path)
        assert not rules.can_fetch("Scrapy/2.13 (+https://scrapy.org)", path)
    assert not rules.can_fetch("anyone", "/gp/cart")


@pytest.mark.parametrize(
    "form", ["/dp/{}", "/Some-Jeans/dp/{}", "/Some-Jeans/dp/{}/ref=sr_1_2?k=1"]
)
def test_product_addresses(fetch, shop, catalogue, form):
    assert fetch(shop.url + form.format(catalogue.products[0].asin)).status == 200


def test_every_link_of_a_search_page_leads_somewhere(fetch, rendered, shop):
    page = rendered(shop.url, "/s?k=jeans")
    links = {link.get("href") for link in page.cssselect(".s-main-slot a[href^='/']")}
    sample = sorted(links)[::12]
    assert any(link.startswith("/sspa/") for link in sample)
    assert all(fetch(shop.url + link).status == 200 for link in sample)


@pytest.mark.parametrize(
    "path",
    [
        "/dp/B000000000",
        "/dp/..%2f..",
        "/sspa/click",
        "/sspa/click?url=https%3A%2F%2Fexample.org%2F",
        "/sspa/click?url=https%3A%2F%2Fexample.org%2Fdp%2FB000000000",
        "/sspa/click?url=http%3A%2F%2F%5B",
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/app.py",
        "/../../etc/passwd",
        "/ap/signin",
        "/nowhere",
    ],
)
def test_what_is_not_there_is_not_found(fetch, shop, path):
    answer = fetch(shop.url + path)
    assert answer.status == 404
    assert "Page not found" in answer.text


@pytest.mark.parametrize(
    "query",
    [
        "",
        "k=",
        "k=jeans&page=-1",
        "k=jeans&page=abc",
        "k=jeans&page=0",
        "k=jeans&page=1.5",
        "k=jeans&page=%D9%A3",
        "k=jeans&page=" + "9" * 5000,
        "k=" + "jeans+" * 800,
        "k=%ff%fe",
        "k=%ED%A0%80",
        "k=%00%0a%0d",
        "k=%F0%9F%91%96",
        "page=2",
        "k=jeans&k=saree",
        "k=jeans&layout=%3Cnone%3E",
        "k=jeans&batch=77",
        "k=jeans&batch=-1",
        "k=jeans&batch=x",
        "k=jeans;page=2",
        "%",
        "k=%zz",
    ],
)
def test_no_query_breaks_the_shop(fetch, shop, query):
    for path in ("/s", "/s/query"):
        assert fetch(f"{shop.url}{path}?{query}").status == 200


def test_a_page_number_that_is_none_means_the_first(rendered, shop):
    for number in ("-1", "abc", "0", ""):
        page = rendered(shop.url, f"/s?k=jeans&page={number}")
        assert "1-48 of 71" in page.text_content()


def test_a_huge_page_number_is_past_the_end(rendered, shop):
    page = rendered(shop.url, "/s?k=jeans&page=" + "9" * 30)
    assert "-71 of 71" in page.text_content()
    assert not page.cssselect(".s-pagination-container")


@pytest.fixture
def own(catalogue):
    """A shop that nobody else asks: others' browsers may leave requests behind."""
    with Storefront(catalogue) as shop:
        yield shop


def test_other_methods_are_refused_and_head_is_answered(own):
    async def ask():
        async with aiohttp.ClientSession() as session:
            post = await session.post(own.url + "/s?k=jeans", data={"k": "x"})
            head = await session.head(own.url + "/")
            return post.status, head.status

    assert asyncio.run(ask()) == (405, 200)
    assert own.requests.entries()[0].status == 405


def test_garbage_on_the_wire_leaves_the_shop_standing(fetch, shop, caplog):
    address = urllib.parse.urlsplit(shop.url)
    with socket.create_connection((address.hostname, address.port), timeout=60) as wire:
        wire.sendall(b"\x00\xff nonsense\r\n\r\n")
        assert b" 400 " in wire.recv(200)
    assert fetch(shop.url + "/").status == 200
    assert caplog.records == []


def test_a_fault_of_the_shop_itself_is_told(fetch, catalogue, studio, caplog):
    def draw(_, size):
        raise ZeroDivisionError("no garment")

    broken = drawn_catalogue(per_class=2, studio=Studio(studio.classes, studio.design, draw))
    with Storefront(broken) as shop:
        assert fetch(shop.url + image_path(broken.products[0])).status == 500
    assert "no garment" in caplog.text


# ---- the log


def test_log_tells_what_was_fetched_by_whom(fetch, own, catalogue):
    fetch(own.url + "/s?k=jeans&page=2", User_Agent="crawler/1.0")
    fetch(own.url + "/nowhere")
    fetch(own.url + image_path(catalogue.products[0]))

    first, second, third = own.requests
    assert (first.path, first.kind, first.status) == ("/s?k=jeans&page=2", "search", 200)
    assert first.user_agent == "crawler/1.0"
    assert (second.kind, second.status) == ("other", 404)
    assert third.kind == "image"
    assert 0 <= first.at <= second.at <= third.at
    assert own.requests.counts == {"search": 1, "other": 1, "image": 1}
    assert own.requests.paths("search") == ["/s?k=jeans&page=2"]
    assert len(own.requests) == 3


# ---- opening and closing


def test_closing_frees_thread_and_port(fetch, catalogue):
    before = set(threading.enumerate())  # of which some may end of themselves
    with Storefront(catalogue) as shop:
        port = int(shop.url.rsplit(":", 1)[1])
        fetch(shop.url + image_path(catalogue.products[0]))
    assert set(threading.enumerate()) <= before
    with Storefront(catalogue, port=port) as again:
        assert again.url.endswith(f":{port}")
        assert fetch(again.url + "/").status == 200


def test_closing_does_not_wait_for_idle_connections(catalogue):
    with Storefront(catalogue) as shop:
        address = urllib.parse.urlsplit(shop.url)
        wire = socket.create_connection((address.hostname, address.port), timeout=60)
        wire.sendall(b"GET /robots.txt HTTP/1.1\r\nHost: x\r\n\r\n")
        assert wire.recv(4000).startswith(b"HTTP/1.1 200")
    with wire:
        while wire.recv(4000):
            pass  # the rest of the answer, then the end


def test_an_error_in_the_block_still_closes(catalogue):
    shop = Storefront(catalogue)
    urls = []
    with pytest.raises(ZeroDivisionError), shop:
        urls.append(shop.url) or 1 / 0
    address = urllib.parse.urlsplit(urls[0])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port), timeout=5)


def test_opening_twice_is_refused_and_closing_twice_is_not(catalogue):
    shop = Storefront(catalogue)
    with shop, pytest.raises(SettingsError, match="opens once"):
        shop.start()
    shop.stop()
    with pytest.raises(SettingsError, match="closed"):
        _ = shop.url


def test_a_shop_that_was_never_opened_leaves_nothing_behind(catalogue):
    Storefront(catalogue).stop()


def test_a_taken_port_is_named(catalogue):
    with Storefront(catalogue) as shop:
        port = int(shop.url.rsplit(":", 1)[1])
        with pytest.raises(SettingsError, match=f"port {port} is taken: choose another"):
            Storefront(catalogue, port=port).start()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.org", "::", "", "8.8.8.8"])
def test_only_loopback(catalogue, host):
    with pytest.raises(SettingsError, match="loopback"):
        Storefront(catalogue, host=host)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.2", "::1"])
def test_loopback_addresses(fetch, catalogue, host):
    try:
        with Storefront(catalogue, host=host) as shop:
            assert fetch(shop.url + "/robots.txt").status == 200
    except SettingsError as error:
        pytest.skip(f"this machine has no {host}: {error}")


@pytest.mark.parametrize(
    "wrong",
    [
        {"page_size": 0},
        {"page_delay": -1.0},
        {"image_delay": float("nan")},
        {"batch_delay": -0.1},
        {"per_class": 5},
        {"port": 70000},
    ],
)
def test_wrong_values_are_named(catalogue, wrong):
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        Storefront(catalogue, **wrong).start()


def test_a_missing_folder_is_an_error_at_once(tmp_path):
    with pytest.raises(DatasetNotFoundError):
        Storefront(tmp_path / "nowhere")


def test_delays_are_kept(fetch, catalogue):
    with Storefront(catalogue, page_delay=0.2, image_delay=0.3) as shop:
        fetch(shop.url + "/robots.txt")
        fetch(shop.url + "/s?k=jeans")
        fetch(shop.url + image_path(catalogue.products[0]))
        robots, page, image = (request.at for request in shop.requests)
    assert page - robots >= 0.2
    assert image - page >= 0.3
