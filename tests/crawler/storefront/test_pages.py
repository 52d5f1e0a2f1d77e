"""The markup: what a crawler must find in it, and what it must not take for a result."""

from __future__ import annotations

import html as markup
import json
import re
from urllib.parse import parse_qsl, urlencode, urlsplit

import lxml.html
import pytest

from crawler.storefront import drawn_catalogue, pages
from crawler.storefront.search import result_page

RESULT = '[data-component-type="s-search-result"]'


def one(page, selector):
    (found,) = page.cssselect(selector)
    return found


def text(node):
    return " ".join(node.text_content().split())


@pytest.fixture(scope="module")
def page(rendered, opened):
    return rendered(opened.url, "/s?k=men%27s+jeans")


@pytest.fixture(scope="module")
def cards(page):
    return page.cssselect(RESULT)


@pytest.fixture(scope="module")
def organic(cards):
    return [card for card in cards if "AdHolder" not in card.get("class").split()]


@pytest.fixture(scope="module")
def sponsored(cards):
    return [card for card in cards if "AdHolder" in card.get("class").split()]


# ---- the shell


def test_a_plain_fetch_sees_no_cards(fetch, shop):
    answer = fetch(shop.url + "/s?k=jeans")

    assert answer.status == 200
    shell = lxml.html.fromstring(answer.text)
    assert not shell.cssselect("[data-asin]")
    assert not shell.cssselect("img")
    assert not shell.cssselect(".s-pagination-container")
    assert len(one(shell, ".s-main-slot")) == 0


def test_the_header_holds_words_that_fool_naive_block_detection(fetch, shop):
    html = fetch(shop.url + "/s?k=jeans").text.lower()

    assert all(word in html for word in ("ap/signin", "robot", "sorry"))
    blocks = ("validatecaptcha", "opfcaptcha", "dogsofamazon")
    assert not any(word in html for word in blocks)


def test_every_part_but_the_last_says_that_more_follows(fetch, shop):
    parts = [json.loads(fetch(f"{shop.url}/s/query?k=jeans&batch={n}").text) for n in range(3)]

    assert [part["more"] for part in parts] == [True, True, False]
    assert [bool(part["bar"]) for part in parts] == [True, False, False]
    assert [bool(part["pager"].strip()) for part in parts] == [False, False, True]
    counts = [part["html"].count('data-component-type="s-search-result"') for part in parts]
    assert all(count >= 10 for count in counts)
    assert sum(counts) == 53


# ---- cards


def test_organic_cards_show_the_catalogues_products(organic, catalogue):
    shown = list(dict.fromkeys(card.get("data-asin") for card in organic))
    assert shown == [product.asin for product in catalogue.of("jeans")[:48]]
    assert len(organic) == 49


def test_the_first_image_of_a_card_is_the_product(organic, catalogue):
    for card in organic:
        product = catalogue.by_asin[card.get("data-asin")]
        image = card.cssselect("img.s-image")[0]
        assert image.get("src") == f"/images/I/{product.image_id}._AC_UL320_.jpg"
        assert image.get("alt") == f"{product.brand} {product.title}"


def test_srcset_has_five_sizes_the_last_sometimes_fractional(organic):
    last = set()
    for card in organic:
        entries = card.cssselect("img.s-image")[0].get("srcset").split(", ")
        factors = [float(entry.split()[1].removesuffix("x")) for entry in entries]
        assert factors[:4] == [1.0, 1.5, 2.0, 2.5]
        assert all("_FMwebp_QL65_.jpg" in entry for entry in entries[1:])
        last.update(factors[4:])
    assert last == {3.0, 2.7935}


def test_brand_comes_first_and_the_title_stands_in_the_link(organic, catalogue):
    for card in organic:
        product = catalogue.by_asin[card.get("data-asin")]
        headings = card.cssselect("h2")
        assert text(headings[0]) == product.brand
        assert text(one(card, "a > h2")) == product.title == text(headings[1])
        assert f"/dp/{product.asin}/" in one(card, "a > h2").getparent().get("href")


def test_some_cards_end_with_a_certificate(organic):
    counts = {len(card.cssselect("h2")) for card in organic}
    assert counts == {2, 3}


def test_badges_and_swatches_are_images_of_the_same_kind(organic, catalogue):
    extra = [image for card in organic for image in card.cssselect("img.s-image")[1:]]
    badges = [image for image in extra if "_SS200_.png" in image.get("src")]
    swatches = [image for image in extra if "_AC_US40_" in image.get("src")]

    assert badges
    assert swatches
    assert len(badges) + len(swatches) == len(extra)
    assert not any(badge.get("srcset") for badge in badges)
    ids = {re.search(r"/I/([^.]+)", image.get("src"))[1] for image in extra}
    assert ids <= catalogue.filler_ids


def test_prices_are_the_catalogues_and_some_are_missing(organic, catalogue):
    shown = set()
    for card in organic:
        price = catalogue.by_asin[card.get("data-asin")].price
        found = [text(node) for node in card.cssselect(".a-price > .a-offscreen")]
        assert found == ([] if price is None else [f"${price:.2f}"])
        shown.add(price is None)
    assert shown == {True, False}


def test_indexes_run_through_the_page(page):
    indexes = [int(node.get("data-index")) for node in page.cssselect("[data-index]")]
    assert indexes == list(range(len(indexes)))


# ---- what is no result


def test_advertisements_are_marked_in_every_way(sponsored, catalogue):
    assert len(sponsored) == 4
    for card in sponsored:
        product = catalogue.by_asin[card.get("data-asin")]
        assert product.label != "jeans"
        assert card.cssselect(".puis-sponsored-label-text")
        assert card.cssselect("img.s-image")[0].get("alt").startswith("Sponsored Ad - ")
        links = [link.get("href") for link in card.cssselect("a[href^='/']")]
        assert links
        assert all(link.startswith("/sspa/click?") for link in links)
        assert text(one(card, "a > h2")) == product.title


def test_organic_cards_carry_no_mark_of_an_advertisement(organic):
    for card in organic:
        html = lxml.html.tostring(card, encoding="unicode")
        assert "sspa" not in html
        assert "ponsored" not in html


def test_carousel_tiles_look_like_results_and_are_none(page, catalogue):
    tiles = page.cssselect('.s-result-item[data-asin]:not([data-asin=""]):not([data-index])')

    assert len(tiles) == 6
    for tile in tiles:
        assert tile.get("data-component-type") is None
        assert not tile.cssselect(RESULT)
        assert catalogue.by_asin[tile.get("data-asin")].label != "jeans"
        assert tile.cssselect("img.s-image")
        assert all(
            up.get("data-component-type") != "s-search-result" for up in tile.iterancestors()
        )


def test_empty_slots_have_an_empty_asin(page):
    assert len(page.cssselect('.s-result-item[data-asin=""]')) == 3


# ---- bar and pager


def test_bar_and_pager_from_first_to_last_page(rendered, shop):
    path, ranges = "/s?k=men%27s+jeans", []
    while path:
        page = rendered(shop.url, path)
        ranges.append(text(one(page, '[data-component-type="s-result-info-bar"] h2')))
        following = page.cssselect("a.s-pagination-next")
        path = following[0].get("href") if following else None
    assert ranges == [
        '1-48 of 71 results for "men\'s jeans"',
        '49-71 of 71 results for "men\'s jeans"',
    ]
    assert one(page, "span.s-pagination-next").get("aria-disabled") == "true"
    assert one(page, "a.s-pagination-previous").get("href") == "/s?k=men%27s+jeans&ref=sr_pg_2"


def test_past_the_end_the_range_is_inverted(rendered, shop):
    page = rendered(shop.url, "/s?k=jeans&page=9")

    assert text(one(page, '[data-component-type="s-result-info-bar"] h2')).startswith(
        "385-71 of 71"
    )
    assert not page.cssselect(".s-pagination-container")
    cards = page.cssselect(RESULT)
    assert len(cards) == 6
    assert all("AdHolder" in card.get("class") for card in cards)


def test_nothing_found(rendered, shop):
    page = rendered(shop.url, "/s?k=zebra")

    assert "No results for zebra" in text(one(page, ".s-no-results-result"))
    assert not page.cssselect(RESULT)
    assert not page.cssselect('[data-component-type="s-result-info-bar"]')
    assert page.cssselect(".s-result-item[data-asin] img.s-image")


@pytest.mark.parametrize(
    ("number", "named"), [(1, [1, 2]), (2, [1, 2, 3]), (5, [1, 4, 5, 6]), (8, [1, 7, 8])]
)
def test_pager_names_the_pages_around(catalogue, number, named):
    assert pages.pager_numbers(result_page(catalogue, "jeans", number, 9)) == named


# ---- the old layout


def test_legacy_layout(rendered, shop, catalogue):
    page = rendered(shop.url, "/s?k=jeans&layout=legacy")
    cards = page.cssselect("li.s-result-item[data-asin]")

    assert not page.cssselect("[data-component-type='s-search-result']")
    assert len(cards) == 53
    sponsored = [card for card in cards if card.cssselect(".s-sponsored-header")]
    assert len(sponsored) == 4
    for card in cards:
        product = catalogue.by_asin[card.get("data-asin")]
        assert (product.label != "jeans") == (card in sponsored)
        image = one(card, "img.s-access-image")
        assert image.get("src") == f"/images/I/{product.image_id}._AC_US218_.jpg"
        assert image.get("srcset").endswith(" 2.2935x")
        assert text(one(card, "h2.s-access-title")).removeprefix("[Sponsored]") == product.title
    assert text(one(page, "#s-result-count")).startswith("1-48 of 71 results for")
    assert one(page, "a#pagnNextLink").get("href") == "/s?k=jeans&page=2&layout=legacy"


def test_legacy_layout_ends(rendered, shop):
    last = rendered(shop.url, "/s?k=jeans&layout=legacy&page=2")
    past = rendered(shop.url, "/s?k=jeans&layout=legacy&page=3")
    nothing = rendered(shop.url, "/s?k=zebra&layout=legacy")

    assert last.cssselect("#pagnPrevLink")
    assert not last.cssselect("#pagnNextLink")
    assert not past.cssselect("#pagn")
    assert text(one(nothing, "#noResultsTitle")) == 'No results for "zebra"'
    assert not nothing.cssselect("li.s-result-item")


# ---- other pages


def test_product_page(fetch, shop, catalogue):
    product = catalogue.of("jeans")[0]
    answer = fetch(f"{shop.url}/dp/{product.asin}")
    page = lxml.html.fromstring(answer.text)

    image = one(page, "#landingImage")
    assert image.get("data-old-hires") == f"/images/I/{product.image_id}._AC_UL1500_.jpg"
    sizes = json.loads(image.get("data-a-dynamic-image"))
    assert all(product.image_id in url for url in sizes)
    assert set(map(tuple, sizes.values())) == {(527, 395), (567, 425), (667, 500)}
    assert text(one(page, "#productTitle")) == product.title
    assert re.search(r"'colorImages': \{\"initial\": \[\{\"hiRes\": \"/images", answer.text)
    assert '"hiRes": null' in answer.text


def test_home_page_has_a_form_and_a_tile_for_each_class(fetch, shop):
    page = lxml.html.fromstring(fetch(shop.url + "/").text)

    form = one(page, "form[action='/s']")
    assert form.get("method") == "get"
    assert one(form, "input[name=k]") is not None
    tiles = page.cssselect("a.home-tile")
    assert [tile.get("href") for tile in tiles] == ["/s?k=jeans", "/s?k=saree", "/s?k=trousers"]
    assert all(len(tile.cssselect("img")) == 4 for tile in tiles)


@pytest.mark.parametrize("path", ["/", "/s?k=jeans", "/s?k=jeans&layout=legacy", "/dp/{asin}"])
def test_words_of_the_catalogue_are_escaped(rendered, fetch, shop, catalogue, path):
    path = path.format(asin=catalogue.products[0].asin)
    page = rendered(shop.url, path) if path.startswith("/s") else None
    html = lxml.html.tostring(page, encoding="unicode") if page is not None else None
    html = html or fetch(shop.url + path).text
    assert '<b>"' not in html
    assert "&lt;b&gt;" in html


@pytest.mark.parametrize("layout", ["modern", "legacy"])
@pytest.mark.parametrize("start", ["", "jeans "])
def test_words_of_a_query_are_escaped(fetch, shop, start, layout):
    evil = f'{start}"><script>alert(1)</script>'
    path = pages.search_url(evil, 1, layout)
    parts = json.loads(fetch(shop.url + path.replace("/s?", "/s/query?") + "&batch=0").text)
    for html in (fetch(shop.url + path).text, parts["html"], parts["bar"]):
        assert "<script>alert" not in html
    last = fetch(shop.url + path.replace("/s?", "/s/query?") + "&batch=2").text
    assert "<script>alert" not in last


def test_a_title_cannot_end_the_products_script(studio):
    catalogue = drawn_catalogue(per_class=2, studio=studio)
    product = catalogue.products[0]
    html = pages.product_page(product, (96, 128))
    assert html.count("</script>") == html.count("<script")


def test_slugs_hold_plain_words_only(catalogue):
    url = pages.product_url(catalogue.of("jeans")[0], "ref=sr_1_1")
    assert re.fullmatch(r"/Jeans-b-\d+-b-more/dp/B0\w{8}/ref=sr_1_1", url)


def test_rendering_is_deterministic(catalogue):
    page = result_page(catalogue, "jeans", 1, 48)
    assert pages.batch(catalogue, page, "modern", 1) == pages.batch(catalogue, page, "modern", 1)


@pytest.mark.parametrize("layout", pages.LAYOUTS)
def test_links_to_other_pages_keep_the_filters(catalogue, layout):
    page = result_page(catalogue, "jeans", 2, 16)
    more = (("i", "fashion"), ("rh", "n:1,p_36:-500"), ("query", "x"), ("query", "<y>"))
    pager = pages.batch(catalogue, page, layout, pages.BATCHES - 1, more)["pager"]
    links = [markup.unescape(link) for link in re.findall(r'href="([^"]+)"', pager)]
    assert len(links) >= 3
    for link in links:
        asked = parse_qsl(urlsplit(link).query)
        assert [pair for pair in asked if pair in more] == list(more)
    assert urlencode(more) in markup.unescape(pages.shell(page, layout, 0.0, more))
