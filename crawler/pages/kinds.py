"""What kind of page this is, from marks that were held against good pages.

Words that good pages hold too ("robot", a sign-in link, the address for automated access) are no
proof of a block and are not looked at.
"""

from __future__ import annotations

import re

from crawler.pages.facts import PageKind
from crawler.pages.tree import Element, css, xpath

_BLOCK_FORM = css('form[action*="/validateCaptcha"]')
# The letters to type and their picture; without them the form is a single button.
_LETTERS = css("input#captchacharacters")
_PICTURES = xpath("//img/@src")
# In a folder of the shop's or, on a saved page, by its own name. The folder of a saved page has the
# page's name, which can be anything.
_PUZZLE = re.compile(
    r"(?:https?:/)?/(?:[^?#]*/)?captcha/|(?:[^?#]*/)?captcha_[^/?#]*(?:[?#]|$)", re.IGNORECASE
)
_MISSING = xpath(
    'boolean(//a[contains(@href, "ref=cs_404")] | //form[contains(@action, "ref=cs_404")] | '
    '//img[contains(@src, "/error/") and contains(@src, "/title.")])'
)
# The "not found" in the frame of every other page has its name in the scripts that measure it, in
# all languages.
_MISSING_IN_FRAME = xpath(
    """boolean(//script[contains(., "'PageNotFound'") or contains(., '"PageNotFound"')])"""
)
_APOLOGY = css(
    'a[href*="ref=cs_"], form[action*="ref=cs_"], img[src*="/x-locale/common/kailey-kitty"], '
    'img[src*="/error/500_503"], a[href*="/dogsofamazon"]'
)
# The servers before the shop's have but a title, and no mark.
_APOLOGY_TITLE = xpath(
    'boolean(//title[contains(., "The request could not be satisfied") or '
    'starts-with(normalize-space(.), "503 - Service Unavailable")])'
)
_NAVIGATION = css("#nav-main, #navbar, #nav-belt, #twotabsearchtextbox")
_SEARCH = css(
    '#search, [data-component-type="s-search-results"], [data-component-type="s-result-info-bar"], '
    '[data-component-type="s-search-result"], #s-results-list-atf, #atfResults, #noResultsTitle, '
    ".s-main-slot"
)
_PRODUCT = css('#dp, #dp-container, #productTitle, input#ASIN, input[name="ASIN"]')
_PRODUCT_TITLE = css("#productTitle, #title")
# Books of years ago, gift cards, films: each has a page of its own.
_OTHER_PRODUCT = css("#btAsinTitle, #ebooksProductTitle, #gc-asin-title, #dv-dp-left-content")


def page_kind(page: Element, status: int, has_cards: bool) -> PageKind:
    """Tell what kind of page this is.

    Args:
        page: the parsed page.
        status: the HTTP status that came with it.
        has_cards: whether it holds results; then it is a search page whatever else it holds.

    Returns:
        ``captcha``, ``interstitial``, ``search``, ``product``, ``error`` or ``other``.
    """
    if has_cards:
        return "search"
    if _BLOCK_FORM(page):
        return "captcha" if _has_puzzle(page) else "interstitial"
    if (_PRODUCT(page) and _PRODUCT_TITLE(page)) or _OTHER_PRODUCT(page):
        return "product"
    if status >= 400 or is_missing(page) or is_apology(page):
        return "error"
    return "search" if _SEARCH(page) else "other"


def is_missing(page: Element) -> bool:
    """Whether the page is the shop's "not found": a short one, or in the frame of all others."""
    if _NAVIGATION(page):
        return bool(_MISSING_IN_FRAME(page)) and not _SEARCH(page)
    return bool(_MISSING(page))


def is_apology(page: Element) -> bool:
    """Whether the page is a short "something went wrong", of the shop or of a server before it.

    It is a few words without the navigation that every served page has.
    """
    is_told = bool(_APOLOGY(page)) or bool(_APOLOGY_TITLE(page))
    return is_told and not _NAVIGATION(page) and not _MISSING(page)


def _has_puzzle(page: Element) -> bool:
    return bool(_LETTERS(page)) or any(_PUZZLE.match(src.strip()) for src in _PICTURES(page))
