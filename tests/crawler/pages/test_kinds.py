from __future__ import annotations

import pytest

from crawler.pages.kinds import is_apology, is_missing, page_kind
from crawler.pages.tree import read_tree

FORM = '<form action="/errors/validateCaptcha"><img src="{}"></form>'
NAVIGATION = '<div id="nav-main"></div>'


@pytest.mark.parametrize(
    ("src", "kind"),
    [
        ("https://images.example/captcha/ab/Captcha_cd.jpg", "captcha"),
        ("//images.example/CAPTCHA/x.jpg", "captcha"),
        ("/captcha/x.jpg", "captcha"),
        ("./Shop_files/Captcha_cd.jpg", "captcha"),
        ("captcha_files/captcha_cd.jpg?x=1", "captcha"),
        ("./captcha_files/requestId=1.gif", "interstitial"),
        ("captcha/logo.png", "interstitial"),
        ("https://images.example/logo.png?from=/captcha/", "interstitial"),
        ("", "interstitial"),
    ],
)
def test_letters_or_a_button(src, kind):
    assert page_kind(read_tree(FORM.format(src)), 200, has_cards=False) == kind


NOT_FOUND = '<script>var page = {"pageType": "PageNotFound"};</script>'


@pytest.mark.parametrize(
    ("html", "missing"),
    [
        (NAVIGATION + NOT_FOUND, True),
        (NAVIGATION + NOT_FOUND.replace('"', "'"), True),
        (NAVIGATION + NOT_FOUND + '<div id="search"></div>', False),
        (NAVIGATION + "<script>function showPageNotFound() {}</script>", False),
        (NAVIGATION + '<a href="/ref=cs_404_logo">Shop</a>', False),
        ('<a href="/ref=cs_404_logo">Shop</a>', True),
    ],
)
def test_missing_pages(html, missing):
    tree = read_tree(html)
    assert is_missing(tree) is missing
    assert not is_apology(tree)


@pytest.mark.parametrize(
    "title", ["ERROR: The request could not be satisfied", " 503 - Service Unavailable Error"]
)
def test_apologies_by_their_title(title):
    html = f"<title>{title}</title><p>Later.</p>"
    assert is_apology(read_tree(html))
    assert not is_apology(read_tree(html + NAVIGATION))
