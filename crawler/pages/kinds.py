"""What kind of page this is, from marks that were held against good pages.

Words that good pages hold too ("robot", a sign-in link, the address for automated access) are no
proof of a block and are not looked at.
"""

from __future__ import annotations

from crawler.pages.facts import PageKind
from crawler.pages.tree import Element, css, xpath

_BLOCK_FORM = css('form[action*="/validateCaptcha"]')
# The picture of letters to type; without it the form is a single button.
_PUZZLE = xpath(
    'boolean(//input[@id="captchacharacters"] | '
    '//img[contains(@src, "captcha") or contains(@src, "Captcha")])'
)
_MISSING = xpath(
    'boolean(//a[contains(@href, "ref=cs_404")] | //form[contains(@action, "ref=cs_404")] | '
    '//img[contains(@src, "/error/") and contains(@src, "/title.")])'
)
_APOLOGY = css(
    'a[href*="ref=cs_"], form[action*="ref=cs_"], img[src*="/x-locale/common/kailey-kitty"], '
    'img[src*="/error/500_503"], a[href*="/dogsofamazon"]'
)
_NAVIGATION = css("#nav-main, #navbar, #nav-belt, #twotabsearchtextbox")
_SEARCH = css(
    '#search, [data-component-type="s-search-results"], [data-component-type="s-result-info-bar"], '
    '[data-component-type="s-search-result"], #s-results-list-atf, #noResultsTitle, .s-main-slot'
)
_PRODUCT = css('#dp, #dp-container, #productTitle, input#ASIN, input[name="ASIN"]')
_PRODUCT_TITLE = css("#productTitle, #title")


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
        return "captcha" if _PUZZLE(page) else "interstitial"
    if _PRODUCT(page) and _PRODUCT_TITLE(page):
        return "product"
    if status >= 400 or is_missing(page) or is_apology(page):
        return "error"
    return "search" if _SEARCH(page) else "other"


def is_missing(page: Element) -> bool:
    """Whether the page is the shop's short "not found"."""
    return bool(_MISSING(page)) and not _NAVIGATION(page)


def is_apology(page: Element) -> bool:
    """Whether the page is the shop's short "something went wrong".

    Like the "not found", it is a few words without the navigation that every served page has.
    """
    return not is_missing(page) and not _NAVIGATION(page) and bool(_APOLOGY(page))
