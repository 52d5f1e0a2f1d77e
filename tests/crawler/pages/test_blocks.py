from __future__ import annotations

import gzip
import json

import pytest

from crawler.pages import parse_page

URL = "https://www.amazon.com/s?k=jeans"
CARD = '<div data-component-type="s-search-result" data-asin="B01"><h2>Jeans</h2></div>'
SIGN_IN = '<form name="signIn"><input id="ap_email"></form>'
CHALLENGE = "<script>window.gokuProps = {};</script>"
CONTENT = "<p>Trousers, shirts and shoes for all.</p>" * 60


def block(html, url=URL, status=200):
    return parse_page(html, url, status).block


@pytest.mark.parametrize("extra", [SIGN_IN, CHALLENGE, "<form action='/errors/validateCaptcha'>"])
def test_a_page_with_results_is_no_block(extra):
    assert block(CARD + extra) == ""
    assert block(extra + CARD) == ""


@pytest.mark.parametrize("status", [202, 403, 429, 500, 502, 503, 504, 599])
def test_a_status_is_a_block_even_with_results(status):
    assert block(CARD, status=status) == f"http_{status}"
    assert block("<p>Later</p>", status=status) == f"http_{status}"


@pytest.mark.parametrize("status", [400, 401, 404, 410, 451])
def test_a_status_that_will_not_pass_is_no_block(status):
    assert block("<p>No</p>", status=status) == ""


@pytest.mark.parametrize(
    "path",
    ["/ap/signin", "/ap/signin/133-01?x=1", "/ap/cvf/request", "/ap/register", "/-/en/ap/signin"],
)
def test_where_a_redirect_ends_tells(path):
    assert block(CONTENT, f"https://www.amazon.com{path}") == "sign_in"


@pytest.mark.parametrize("path", ["/s?k=ap/signin", "/ap/signing", "/map/signin.html?x=/ap/signin"])
def test_words_of_that_kind_elsewhere_do_not(path):
    assert block(CONTENT, f"https://www.amazon.com{path}") == ""


def test_a_challenge_needs_a_page_without_content():
    assert block(CHALLENGE) == "challenge"
    assert block(CHALLENGE + CONTENT) == ""


def test_a_challenge_tells_more_than_its_status():
    assert block(CHALLENGE, status=202) == "challenge"
    assert block(SIGN_IN, status=403) == "sign_in"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("", "empty"),
        ("<div id='search'></div>", "empty"),
        ("<div id='search'><p>0 results for x</p></div>", ""),
        (f"<div id='search'>{CONTENT}</div>", "empty"),
        (CONTENT, ""),
        ("<div id='dp'><b id='productTitle'>Jeans</b></div>", ""),
    ],
)
def test_pages_without_results(html, expected):
    assert block(html) == expected


@pytest.mark.real_data
def test_real_pages_are_blocks_where_an_independent_reading_says(test_data):
    folder = test_data / "amazon-pages"
    found = {}
    for name, reading in json.loads((folder / "expected.json").read_text()).items():
        html = gzip.decompress((folder / f"{name}.html.gz").read_bytes()).decode(errors="replace")
        is_block = reading["kind"] in ("captcha", "interstitial") or "dog" in name
        if bool(block(html)) != is_block:
            found[name] = block(html)
    assert found == {}
