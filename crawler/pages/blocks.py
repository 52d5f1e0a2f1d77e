"""Why a page is to be asked for again, politely: it is no answer, though it may look like one.

| block | what came instead of an answer |
|---|---|
| ``captcha``, ``interstitial`` | letters to type, a button to press |
| ``sign_in`` | a form to sign in or to register |
| ``challenge`` | a bot manager's script, which would have to run first |
| ``http_202``, ``http_403``, ``http_429``, ``http_503`` and other ``http_5…`` | that HTTP status |
| ``error`` | the shop's own apology |
| ``empty`` | nothing, or the frame of a search page without a word about results |
"""

from __future__ import annotations

import re

from crawler.pages.claims import readable_text
from crawler.pages.facts import Page
from crawler.pages.images import split_url
from crawler.pages.kinds import is_apology
from crawler.pages.tree import Element, css

_SIGN_IN_PATH = re.compile(r"/ap/(?:signin|cvf|register|mfa|challenge|forgotpassword)\b")
_SIGN_IN_FORM = css(
    'form[name="signIn"], form[name="register"], input#ap_email, input#ap_email_login, '
    "input#ap_password"
)
_CHALLENGE = re.compile(
    r"awsWafCookieDomainList|AwsWafIntegration|\bgokuProps\b|awswaf\.com/|/challenge\.js\b"
    r"|\bbm-verify\b|/_sec/(?:verify|cp_challenge)|\bsec-if-cpt-container\b"
)
# A challenge is a script and a sentence; a page with more to read is a page.
_CHALLENGE_LETTERS = 1500
_FEW_LETTERS = 100


def block_of(page: Page, tree: Element, source: str, status: int) -> str:
    """Tell why a page is to be asked for again.

    Args:
        page: its facts.
        tree: the page, parsed.
        source: the page's text.
        status: the HTTP status that came with it.

    Returns:
        One of the values above, or ``""`` for a page that is what it is: also a missing page, a
        product, and a search that found nothing.
    """
    if page.results:
        return _status_block(status)
    if page.kind in ("captcha", "interstitial"):
        return page.kind
    if page.kind == "product":
        return _status_block(status)
    if _asks_to_sign_in(page, tree):
        return "sign_in"
    if _is_challenge(tree, source):
        return "challenge"
    return _status_block(status) or _content_block(page, tree)


def _status_block(status: int) -> str:
    return f"http_{status}" if status in (202, 403, 429) or 500 <= status <= 599 else ""


def _asks_to_sign_in(page: Page, tree: Element) -> bool:
    """A link to sign in is on every good page; the address or the form itself are the proof."""
    parts = split_url(page.url)
    return bool(parts and _SIGN_IN_PATH.search(parts.path)) or bool(_SIGN_IN_FORM(tree))


def _is_challenge(tree: Element, source: str) -> bool:
    return bool(_CHALLENGE.search(source)) and len(readable_text(tree)) < _CHALLENGE_LETTERS


def _content_block(page: Page, tree: Element) -> str:
    if page.kind == "error":
        return "error" if is_apology(tree) else ""
    if page.kind == "search":
        return "" if page.no_results or page.past_end else "empty"
    return "empty" if len(readable_text(tree)) < _FEW_LETTERS else ""
