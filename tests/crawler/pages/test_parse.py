from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.pages import parse_page

URL = "https://www.amazon.com/s?k=jeans&page=2"


def card(asin="B000000001", inner="", classes="s-result-item", **attributes):
    extra = " ".join(f'{name}="{value}"' for name, value in attributes.items())
    return (
        f'<div data-component-type="s-search-result" data-asin="{asin}" '
        f'class="{classes}" {extra}>{inner}</div>'
    )


def picture(image_id="71abcDEF+-L", **attributes):
    base = f"https://m.media-amazon.com/images/I/{image_id}"
    srcset = ", ".join(f"{base}._AC_UL{int(320 * f)}_.jpg {f:g}x" for f in (1, 1.5, 2, 2.5, 3))
    values = {"src": f"{base}._AC_UL320_.jpg", "srcset": srcset} | attributes
    return '<img class="s-image" ' + " ".join(f'{k}="{v}"' for k, v in values.items()) + ">"


def search(*cards, bar='1-48 of over 2,000 results for "jeans"', pager=""):
    return (
        f'<html><body><div id="search"><div data-component-type="s-result-info-bar"><h1>{bar}</h1>'
        f'</div><div class="s-main-slot">{"".join(cards)}</div>{pager}</div></body></html>'
    )


NEXT = '<a class="s-pagination-item s-pagination-next" href="/s?k=jeans&amp;page=3">Next</a>'


def only(html):
    (result,) = parse_page(html, URL).results
    return result


def test_a_card_is_read_whole():
    inner = (
        picture()
        + "<h2><span>Northfold</span></h2>"
        + '<a href="/dp/B000000001"><h2><span>Slim Jeans,  Blue &amp; Grey</span></h2></a>'
        + '<span class="a-price"><span class="a-offscreen">$29.95</span></span>'
        + "<h2>1 sustainability certification</h2>"
    )
    result = only(search(card(inner=inner)))
    assert (result.asin, result.position, result.price) == ("B000000001", 1, "$29.95")
    assert (result.brand, result.title) == ("Northfold", "Slim Jeans, Blue & Grey")
    assert result.image_id == "71abcDEF+-L"
    assert result.image_url == "https://m.media-amazon.com/images/I/71abcDEF+-L.jpg"
    assert [c.factor for c in result.candidates] == [1, 1.5, 2, 2.5, 3]
    assert not result.sponsored


def test_the_older_heading_round_the_link():
    inner = picture() + '<h2><a href="/dp/B1"><span>Slim Jeans</span></a></h2>'
    result = only(search(card(inner=inner)))
    assert (result.brand, result.title) == ("", "Slim Jeans")


def test_badges_and_swatches_are_not_the_product():
    base = "https://m.media-amazon.com/images/I/"
    inner = (
        picture("71realreal1")
        + f'<img class="s-image" src="{base}badgebadge1._SS200_.png">'
        + f'<img class="s-image" src="{base}swatchswat1._AC_US40_.jpg">'
    )
    assert only(search(card(inner=inner))).image_id == "71realreal1"


def test_carousel_tiles_are_not_results():
    tile = f'<div class="s-result-item" data-asin="B0CAROUSEL">{picture()}</div>'
    loose = picture("outsideacar")
    page = parse_page(search(card(inner=picture()), tile, loose), URL)
    assert [r.asin for r in page.results] == ["B000000001"]


def test_slots_without_a_product_are_not_results():
    page = parse_page(search(card(asin=""), card(asin=" "), card(inner=picture())), URL)
    assert len(page.results) == 1


@pytest.mark.parametrize(
    ("classes", "inner"),
    [
        ("s-result-item AdHolder", ""),
        ("s-result-item", '<div class="AdHolder"></div>'),
        ("s-result-item", '<a href="/sspa/click?x=1">x</a>'),
        ("s-result-item", '<span class="puis-sponsored-label-text">Gesponsert</span>'),
        ("s-result-item", '<span class="s-sponsored-label-text">Sponsored</span>'),
    ],
)
def test_advertisements_are_marked(classes, inner):
    assert only(search(card(classes=classes, inner=picture() + inner))).sponsored


@pytest.mark.parametrize("dash", ["-", "–"])
def test_an_advertisements_prefix_is_no_title(dash):
    inner = picture(alt=f"Sponsored Ad {dash} Slim Jeans")
    assert only(search(card(inner=inner))).title == "Slim Jeans"


def test_a_saved_page_has_local_sources():
    result = only(search(card(inner=picture(src="./jeans_files/71abc.jpg"))))
    assert result.image_url == "https://m.media-amazon.com/images/I/71abcDEF+-L.jpg"


def test_a_card_without_a_picture_or_price_is_still_a_result():
    result = only(search(card(inner="<a><h2>Jeans</h2></a>")))
    assert (result.image_url, result.image_id, result.candidates, result.price) == ("", "", (), "")


def test_an_inlined_picture_is_no_address():
    inner = '<img class="s-image" src="data:image/gif;base64,R0lGODlh">'
    assert only(search(card(inner=inner))).image_url == ""


def test_one_product_twice_is_two_results():
    page = parse_page(search(card(inner=picture()), card(inner=picture())), URL)
    assert [(r.asin, r.position) for r in page.results] == [("B000000001", 1), ("B000000001", 2)]


def test_next_page_and_total():
    page = parse_page(search(card(inner=picture()), pager=NEXT), URL)
    assert page.next_url == "https://www.amazon.com/s?k=jeans&page=3"
    assert (page.total, page.past_end) == (2000, False)


def test_the_last_page_has_no_next():
    pager = '<span class="s-pagination-item s-pagination-next s-pagination-disabled">Next</span>'
    assert parse_page(search(card(inner=picture()), pager=pager), URL).next_url is None


def test_past_the_end_is_noticed_even_with_a_pager():
    html = search(card(inner=picture()), bar="321-306 of over 30,000 results", pager=NEXT)
    page = parse_page(html, URL)
    assert (page.past_end, page.next_url) == (True, None)


@pytest.mark.parametrize("href", ["javascript:void(0)", "#", ""])
def test_a_pager_that_leads_nowhere(href):
    pager = f'<a class="s-pagination-next" href="{href}">Next</a>'
    assert parse_page(search(card(inner=picture()), pager=pager), URL).next_url is None


def test_the_layout_before_2020():
    html = """
    <div id="resultsCol"><h2 id="s-result-count">1-16 von 86 Ergebnissen für "x"</h2>
    <ul id="s-results-list-atf"><li class="s-result-item" data-asin="B01">
      <img class="s-access-image" src="https://images-eu.ssl-images-amazon.com/images/I/51abcdefghL._AC_US218_.jpg">
      <a class="s-access-detail-page"><h2>Jeans</h2></a><span class="s-price">EUR 21,90</span></li>
    </ul><a id="pagnNextLink" href="/s?page=2">Weiter</a></div>"""
    page = parse_page(html, "https://www.amazon.de/s?k=x")
    (result,) = page.results
    assert (result.asin, result.image_id, result.title) == ("B01", "51abcdefghL", "Jeans")
    assert page.next_url == "https://www.amazon.de/s?page=2"
    assert page.total == 86


FORM = '<form method="get" action="/errors/validateCaptcha">{}</form>'


@pytest.mark.parametrize(
    ("html", "status", "kind"),
    [
        (FORM.format('<img src="https://images/captcha/x.jpg"><input name="x">'), 200, "captcha"),
        (FORM.format('<input id="captchacharacters">'), 200, "captcha"),
        (FORM.format("<button>Continue shopping</button>"), 200, "interstitial"),
        ('<a href="/ref=cs_503_link"><img src="/x.png"></a>', 503, "error"),
        ("<h1>Service Unavailable</h1>", 503, "error"),
        ('<div id="dp"><h1 id="title"><span id="productTitle">X</span></h1></div>', 200, "product"),
        ('<div id="search"><span>No results for x.</span></div>', 200, "search"),
        ("<h1>Robots of the world</h1><a href='/ap/signin'>Sign in</a>", 200, "other"),
        ("", 200, "other"),
    ],
)
def test_kinds(html, status, kind):
    page = parse_page(html, URL, status)
    assert page.kind == kind
    assert page.results == ()


def test_words_of_blocks_on_a_good_page_are_no_block():
    html = search(
        card(inner=picture() + "<a href='/ap/signin'>robot captcha</a>"), bar="1-2 of 2 results"
    )
    assert parse_page(html, URL).kind == "search"


@given(st.text(max_size=300))
def test_any_text_gives_a_page(text):
    assert parse_page(text, URL).url == URL


@given(st.text(alphabet='<>"=/ abdivs-image', max_size=200))
def test_any_markup_in_a_card_gives_a_page(text):
    assert parse_page(search(card(inner=text)), URL).kind in ("search", "product")


@pytest.mark.real_data
def test_real_pages_are_read_as_the_independent_reading_says(test_data):
    folder = test_data / "amazon-pages"
    expected = json.loads((folder / "expected.json").read_text())
    assert len(expected) > 30
    wrong = {}
    for name, reading in expected.items():
        html = gzip.decompress((folder / f"{name}.html.gz").read_bytes()).decode(errors="replace")
        page = parse_page(html, URL)
        found = {
            "kind": page.kind,
            "results": [[r.asin, r.image_id, r.sponsored] for r in page.results],
            "has_next": page.next_url is not None,
        }
        differs = {k: found[k] for k in found if k in reading and found[k] != reading[k]}
        if differs:
            wrong[name] = differs
    assert wrong == {}


@pytest.mark.real_data
def test_real_results_have_titles(test_data):
    for path in sorted((test_data / "amazon-pages").glob("*.html.gz")):
        page = parse_page(gzip.decompress(path.read_bytes()).decode(errors="replace"), URL)
        assert all(r.title and not r.title.startswith("Sponsored Ad") for r in page.results)
