"""Blocks come in many dresses: each is noticed, counted by kind, and asked again politely."""

from __future__ import annotations

import itertools
import re
import threading
from itertools import pairwise

import pytest

from crawler.breaker import FORBIDDEN_FROM

from .conftest import wait_for

pytestmark = pytest.mark.browser

CAPTCHA = '<form action="/errors/validateCaptcha"><img src="/captcha/x.jpg"><input></form>'
INTERSTITIAL = '<form action="/errors/validateCaptcha"><button>Continue shopping</button></form>'
SIGN_IN = '<form name="signIn" action="/ap/signin"><input name="password" type="password"></form>'
SHELL = '<input id="twotabsearchtextbox" value=""><div id="search"></div>'
NEVER_SETTLES = """<div id=search></div><script>
  const card = '<i data-component-type="s-search-result"></i>';
  setInterval(() => document.getElementById("search").insertAdjacentHTML("beforeend", card), 50);
</script>"""

ONCE = {
    "captcha": (200, CAPTCHA),
    "interstitial": (200, INTERSTITIAL),
    "http_202": (202, "<p>one moment</p>"),
    "http_403": (403, "<p>no</p>"),
    "http_429": (429, "<p>slower</p>"),
    "http_503": (503, "<p>later</p>"),
    "sign_in": (302, "", {"Location": "/ap/signin?return=x"}),
    "empty": (200, ""),
}


def first_then(shop, answers):
    """Answer the first request for a class's first page from `answers`, all others well."""
    good = shop.page

    def page(label, number):
        name = label.replace("-", "_")
        if name in answers and number == 1 and shop.asked_for(label) <= 1:
            return answers[name]
        return good(label, number)

    shop.page = page


def test_each_kind_is_counted_under_its_own_name_and_then_overcome(shop, crawl):
    first_then(shop, ONCE)
    other = shop.answer
    shop.answer = lambda path: (200, SIGN_IN) if path.startswith("/ap/") else other(path)
    labels = [kind.replace("_", "-") for kind in ONCE]
    run = crawl(labels=labels, BLOCK_LIMIT=20)
    assert run.code == 0, run.err
    assert run.summary["blocked"] == dict.fromkeys(ONCE, 1)
    assert run.counts == dict.fromkeys(labels, 10)
    assert run.summary["classes"]["captcha"]["blocks"] == 1


def test_a_captcha_storm_stops_the_crawl_and_keeps_its_work(shop, crawl):
    good = shop.page
    shop.page = lambda label, page: good(label, page) if page == 1 else (200, CAPTCHA)
    run = crawl(BLOCK_LIMIT=3)
    assert run.code == 3
    assert "keeps refusing (captcha" in run.err
    assert "CAPTCHA is never answered" in run.err
    assert "Traceback" not in run.err
    assert not (run.dataset / "v1").exists()
    assert run.summary["finish_reason"] == "blocked"
    # Nothing was ever sent to the puzzle's form, and no picture of it was fetched.
    assert not [path for path in shop.asked if "captcha" in path.lower()]
    assert 3 <= shop.asked_for("hats", 2) + shop.asked_for("gloves", 2) <= 6
    shop.page = good
    images = {path for path in shop.asked if path.startswith("/images/")}
    again = crawl(BLOCK_LIMIT=3)
    assert again.code == 0, again.err
    assert again.counts == {"hats": 10, "gloves": 10}
    assert shop.asked_for("hats") == 1
    assert {shop.asked[path] for path in images} == {1}


def test_two_refusals_in_a_row_pause_the_whole_shop_ever_longer(shop, crawl, said):
    """Hats are refused until everything waits.

    Gloves' images are held until then, and one of them is none, so that a second page is wanted at
    once, for which no other request has to wait.
    """
    good_page, good_image = shop.page, shop.image
    backoff = 1

    def paused():
        return "everything waits" in said()

    def image(name):
        if name.startswith("gloves1"):
            wait_for(paused, 60)
        return (200, b"<html>none</html>") if name.startswith("gloves10.") else good_image(name)

    shop.image = image
    shop.page = lambda label, number: (
        (503, "<p>later</p>")
        if label == "hats" and number == 1 and not paused()
        else good_page(label, number)
    )
    run = crawl(per_class=5, BLOCK_BACKOFF=backoff)
    assert run.code == 0, run.err
    assert run.counts == {"hats": 5, "gloves": 5}
    hats = shop.times["/s?k=hats"]
    refusals = len(hats) - 1
    assert run.summary["blocked"] == {"http_503": refusals}
    assert refusals >= 2
    waits = [backoff * 2**number for number in range(refusals)]
    told = re.findall(r"hats: the shop refused .* (?:in|for) (\d+) s\n", run.err)
    assert [int(seconds) for seconds in told] == waits
    gaps = [later - sooner for sooner, later in pairwise(hats)]
    assert all(gap >= wait for gap, wait in zip(gaps, waits, strict=True)), gaps
    (second,) = shop.times["/s?k=gloves&page=2"]
    assert second - hats[-2] >= waits[-1]


def test_a_retry_after_is_waited_for_by_everyone(shop, crawl, said):
    good = shop.page

    def page(label, number):
        """Hats are refused at first; gloves are shown once the crawl has read that."""
        if label == "gloves":
            wait_for(lambda: "everything waits for 5 s" in said(), 60)
            return good(label, number)
        if shop.asked_for("hats") > 1:
            return good(label, number)
        return 503, "<p>later</p>", {"Retry-After": "5"}

    shop.page = page
    run = crawl()
    assert run.code == 0, run.err
    first, again = shop.times["/s?k=hats"]
    assert again - first >= 5
    # The first page may have been under way already; the second is asked for when all may go on.
    (second,) = shop.times["/s?k=gloves&page=2"]
    assert second - first >= 5


def test_a_shop_that_asks_for_hours_is_left_alone(shop, crawl):
    shop.page = lambda label, page: (503, "<p>later</p>", {"Retry-After": "7200"})
    run = crawl()
    assert run.code == 3
    assert "asks to come back in 7200 s" in run.err
    assert shop.asked_for("hats") <= 1


def test_images_that_are_refused_are_asked_for_again(shop, crawl):
    good = shop.image
    shop.image = lambda name: (
        (503, b"", {"Retry-After": "1"})
        if name == "hats10.jpg" and shop.asked["/images/I/hats10.jpg"] < 2
        else good(name)
    )
    run = crawl()
    assert run.code == 0, run.err
    assert run.counts == {"hats": 10, "gloves": 10}
    assert run.summary["blocked"] == {"http_503": 1}


def forbid_first(shop, number):
    """Forbid the first so many images that are asked for, whichever they are."""
    good, lock, asked = shop.image, threading.Lock(), itertools.count()

    def image(name):
        with lock:
            return (403, b"") if next(asked) < number else good(name)

    shop.image = image


def test_an_image_host_that_forbids_everything_refuses(shop, crawl):
    good = shop.image
    forbid_first(shop, 10**9)
    run = crawl(BLOCK_LIMIT=2)
    assert run.code == 3
    assert "keeps refusing (http_403" in run.err
    assert "Traceback" not in run.err
    shop.image = good
    asked = shop.asked_for("hats")
    again = crawl(BLOCK_LIMIT=2)
    assert again.code == 0, again.err
    assert again.counts == {"hats": 10, "gloves": 10}
    assert again.reasons == {}
    assert shop.asked_for("hats") == asked


def test_images_that_a_host_forbade_for_a_while_are_asked_for_when_the_crawl_goes_on(shop, crawl):
    """It forbids ten pictures in three sizes each, and then nothing more: the last may be asked
    for again, and the other nine were turned away by then.
    """
    assert FORBIDDEN_FROM == 10 * 3
    forbid_first(shop, FORBIDDEN_FROM)
    run = crawl(pages=1)
    assert run.code == 1, run.err
    assert "images could not be fetched" in run.err
    assert "could not be found" not in run.err
    assert sum(run.counts.values()) == 1
    assert {reason for _, reason in run.reasons} == {"http_403"}
    assert run.summary["blocked"] == {"http_403": 1}
    again = crawl(pages=1)
    assert again.code == 0, again.err
    assert again.counts == {"hats": 5, "gloves": 5}
    assert again.reasons == {}


def test_a_picture_that_is_forbidden_is_that_pictures_matter(shop, crawl):
    """Be it the last one, after which nothing else is asked for."""
    good = shop.image
    shop.image = lambda name: (403, b"") if name.startswith("hats24") else good(name)
    for _ in range(2):
        run = crawl()
        assert run.code == 1
        assert "hats: 9 of 300 images: 1 images could not be found" in run.err
        assert run.summary["blocked"] == {}
        assert run.reasons == {("hats", "http_403"): 1}


def test_a_page_that_never_gets_ready_is_a_block(shop, crawl):
    shop.page = lambda label, page: (200, NEVER_SETTLES)
    # One class alone: the browser goes with the page, and with it what else it shows.
    run = crawl(labels=["hats"], BLOCK_LIMIT=1, BROWSER_PAGE_TIMEOUT=4)
    assert run.code == 3
    assert "cannot be read (timeout 1)" in run.err


def test_a_shell_without_results_is_not_an_empty_search(shop, crawl):
    shop.page = lambda label, page: (200, SHELL)
    run = crawl(labels=["hats"], BLOCK_LIMIT=1)
    assert run.code == 3
    assert "keeps refusing (empty 1)" in run.err


def test_a_dropped_filter_is_noticed(shop, crawl):
    """The second page is one of everything: its results are not taken for those of the class."""
    shop.next = lambda label, page: f"/s?k={label}&rh=n%3A7&page=2" if page == 1 else ""
    good = shop.page
    box = '<input id="twotabsearchtextbox" value="everything"><div id="search"></div>'
    shop.page = lambda label, page: (
        (200, good(label, page)[1] + (box if page == 2 else ""))
        if label == "hats"
        else good(label, page)
    )
    toml = '[hats]\nqueries = ["hats"]\nfilters = { rh = "n:7" }\n'
    for _ in range(2):  # a second run must not take what the first turned away
        run = crawl(toml=toml)
        assert run.code == 1
        assert "the shop answered another search: the search box shows 'everything'" in run.err
        assert run.summary["blocked"] == {"filter_dropped": 2}
        assert run.counts == {"hats": 5}


FILTERED = "k=hats&i=fashion&rh=n%3A7"
CLASSES = """
[hats]
queries = ["hats"]
filters = { i = "fashion", rh = "n:7" }
[gloves]
queries = ["gloves"]
"""


def follow(shop, link):
    """Let the first page of hats lead to `link`."""
    following = shop.next
    shop.next = lambda label, page: (
        following(label, page) if label == "gloves" else link if page == 1 else ""
    )


def test_a_next_link_with_its_filters_in_another_form_is_followed(shop, crawl):
    follow(shop, "/s?page=2&rh=n%3A7%2Cp_1%3Ax&qid=5&dc&i=fashion&ref=sr_pg_1&xpid=3&k=hats")
    run = crawl(toml=CLASSES)
    assert run.code == 0, run.err
    assert run.counts == {"hats": 10, "gloves": 10}
    assert run.summary["blocked"] == {}


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ("/s?k=hats&i=fashion&page=2", "the next page dropped rh=n:7"),
        ("/s?k=hats&rh=n%3A7&page=2", "the next page dropped i=fashion"),
    ],
)
def test_a_next_link_that_lost_a_filter_is_not_followed(shop, crawl, link, told):
    follow(shop, link)
    run = crawl(toml=CLASSES)
    assert run.code == 1
    assert f"hats: 0 of 300 images: the shop answered another search: {told}" in run.err
    assert run.summary["blocked"] == {"filter_dropped": 2}
    assert run.counts == {"gloves": 10}
    assert shop.asked[f"/s?{FILTERED}"] == 2
    assert shop.asked[link] == 0


def test_a_page_that_leads_to_another_search_is_not_taken(shop, crawl):
    second, everything = f"/s?{FILTERED}&page=2", "/s?k=hats&i=fashion&page=2"
    follow(shop, second)
    other = shop.answer
    shop.answer = lambda path: (
        (302, "", {"Location": everything}) if path == second else other(path)
    )
    run = crawl(toml=CLASSES)
    assert run.code == 1
    assert "hats: 5 of 300 images: the shop answered another search: the shop dropped" in run.err
    assert run.summary["blocked"] == {"filter_dropped": 2}
    assert run.counts == {"hats": 5, "gloves": 10}
    assert shop.asked[everything] == 2


def test_past_the_end_is_an_end(shop, crawl):
    good = shop.page
    bar = '<div data-component-type="s-result-info-bar"><h1>321-306 of over 400 results</h1></div>'
    shop.page = lambda label, page: (
        (200, bar + good(label, page)[1]) if page == 2 else good(label, page)
    )
    run = crawl()
    assert run.code == 0, run.err
    assert run.counts == {"hats": 5, "gloves": 5}
    assert run.reasons["hats", "past_end"] == 5
    assert shop.asked_for("hats", 3) == 0


def test_advertisements_alone_are_past_the_end_after_the_results_only(shop, crawl):
    """Those who want advertisements want them beside results, or as the answer to a search."""

    def page(label, number):
        status, html = good(label, number)
        advertised = html.replace('search-result"', 'search-result" class="AdHolder"')
        return status, advertised if label == "gloves" or number == 2 else html

    good = shop.page
    shop.page = page
    follow(shop, "/s?k=hats&page=2")
    shop.pages = 1
    run = crawl(sponsored="yes")
    assert run.code == 0, run.err
    assert run.counts == {"hats": 5, "gloves": 5}
    assert run.reasons == {("hats", "past_end"): 5}


def test_a_search_that_never_ends_is_left(shop, crawl):
    """Pages that repeat themselves are left at once, ever new ones at the limit of pages."""
    shop.pages = 1000
    good = shop.page
    shop.page = lambda label, page: (
        shop.page_of(label, page, [shop.card(label, i) for i in range(5)])
        if label == "hats"
        else good(label, page)
    )
    run = crawl(pages=4)
    assert run.code == 0, run.err
    assert run.counts == {"hats": 5, "gloves": 20}
    assert shop.asked_for("hats", 2) == 1
    assert shop.asked_for("hats", 3) == 0
    assert shop.asked_for("gloves", 5) == 0
