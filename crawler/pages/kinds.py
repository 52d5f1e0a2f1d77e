"""What kind of page this is, from marks that were held against good pages.

Words that good pages hold too ("robot", a sign-in link, the address for automated access) are no
proof of a block and are not looked at.
"""

from __future__ import annotations

from parsel import Selector

from crawler.pages.facts import PageKind

RESULT_CARDS = '[data-component-type="s-search-result"]'
LEGACY_CARDS = "li.s-result-item[data-asin]"

_BLOCK_FORM = 'form[action*="/errors/validateCaptcha"]'
# The picture of letters to type; without it the form is a single button.
_PUZZLE = 'img[src*="captcha" i], input#captchacharacters'
_APOLOGY = 'a[href*="ref=cs_503"], img[src*="/x-locale/common/kailey-kitty"], img[id="d"][alt]'
_MISSING = 'a[href*="ref=cs_404"], img[src*="/error/title._TTD_"], img[src*="error/en_US/title"]'
_SEARCH = (
    '#search, [data-component-type="s-search-results"], [data-component-type="s-result-info-bar"], '
    "#s-results-list-atf, #noResultsTitle"
)
_PRODUCT = '#dp, #dp-container, #productTitle, input#ASIN, input[name="ASIN"]'


def page_kind(page: Selector, status: int = 200) -> PageKind:
    """Tell what kind of page this is.

    Args:
        page: the parsed page.
        status: the HTTP status that came with it.

    Returns:
        ``captcha``, ``interstitial``, ``search``, ``product``, ``error`` or ``other``.
    """
    if page.css(_BLOCK_FORM):
        return "captcha" if page.css(_PUZZLE) else "interstitial"
    if page.css(f"{RESULT_CARDS}, {LEGACY_CARDS}"):
        return "search"
    if page.css(_PRODUCT) and page.css("#productTitle, #title"):
        return "product"
    if status >= 400 or _is_apology(page):
        return "error"
    return "search" if page.css(_SEARCH) else "other"


def _is_apology(page: Selector) -> bool:
    """Whether the page is the shop's short "something went wrong" or "not found".

    Both are a few hundred words without the navigation that every served page has.
    """
    if page.css("#nav-main, #navbar, #nav-belt, #twotabsearchtextbox"):
        return False
    return bool(page.css(f"{_APOLOGY}, {_MISSING}")) or _has_error_links(page)


def _has_error_links(page: Selector) -> bool:
    return bool(page.css('a[href*="ref=cs_"], form[action*="ref=cs_"]'))
