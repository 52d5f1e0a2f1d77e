from __future__ import annotations

import gzip
from dataclasses import replace
from itertools import pairwise
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.pages import Page, answers, parse_page

SHOP = "https://www.amazon.com"
ASKED = f"{SHOP}/s?k=blue+jeans&i=fashion&rh=n%3A123%2Cp_89%3ALevi%27s%7CLee&s=price-asc-rank"


def page(url=ASKED, **facts):
    return Page("search", url, **facts)


def test_the_page_that_was_asked_for():
    assert answers(ASKED, page(query="blue jeans", next_url=f"{ASKED}&page=2")) == ""


@pytest.mark.parametrize(
    "served",
    [
        f"{SHOP}/s?k=Blue%20Jeans&i=fashion&rh=p_89:Lee|Levi's,n:123&s=price-asc-rank",
        f"{SHOP}/s?k=blue+jeans&i=fashion&rh=n%253A123%2Cp_89%253ALevi%2527s%257CLee&s=price-asc-rank",
        f"{ASKED}&ref=sr_pg_1&qid=1&sprefix=b&crid=2&xpid=3&_encoding=UTF8&ds=v1&dc&rnid=4&page=1",
        f"{SHOP}/-/en/s?k=blue+jeans&i=fashion&rh=n:123,p_89:Levi's|Lee&s=price-asc-rank&language=en",
        f"{SHOP}/s/ref=nb_sb?field-keywords=blue+jeans&url=search-alias%3Dfashion"
        "&rh=n:123,p_89:Lee|Levi's&s=price-asc-rank",
        f"{SHOP}/s?rh=i:fashion,k:blue+jeans,n:123,p_89:Lee|Levi's&s=price-asc-rank",
    ],
)
def test_another_spelling_of_the_same_search(served):
    assert answers(ASKED, page(served)) == ""


@pytest.mark.parametrize(
    ("asked", "served", "says"),
    [
        ("k=jeans&rh=n:1,p_89:Lee", "k=jeans&rh=n:1", "the shop dropped rh=p_89:lee"),
        ("k=jeans&rh=n:1", "k=jeans", "the shop dropped rh=n:1"),
        ("k=jeans&i=fashion", "k=jeans", "the shop dropped i=fashion"),
        ("k=jeans&i=fashion", "k=jeans&i=garden", "the shop changed i=fashion"),
        ("k=jeans&s=review-rank", "k=jeans", "the shop dropped s=review-rank"),
        ("k=jeans", "k=trousers", "the shop changed k=jeans"),
        ("k=jeans", "i=fashion", "the shop dropped k=jeans"),
        ("k=jeans&low-price=10", "k=jeans", "the shop dropped low-price=10"),
        ("k=jeans&p_n_size=3", "k=jeans", "the shop dropped p_n_size=3"),
        ("k=jeans&i=aps&s=relevanceblender", "k=jeans", ""),
        ("k=jeans&low-price=10&high-price=20", "k=jeans&rh=p_36:1000-2000", ""),
        ("k=jeans&ref=nav&qid=7&colour=blue", "k=jeans", ""),
        ("k=jeans", "k=jeans&rh=n:1&i=fashion", ""),
        ("k=jeans&rh=n:1,n:2", "k=jeans&rh=n:1", "the shop dropped rh=n:2"),
        ("k=jeans&node=1", "k=jeans", "the shop dropped rh=n:1"),
        ("k=%EF%BC%AAeans", "k=jeans", ""),
        ("rh=n:1", "rh=n:1", ""),
    ],
)
def test_what_the_address_says(asked, served, says):
    assert answers(f"{SHOP}/s?{asked}", page(f"{SHOP}/s?{served}")) == says


@pytest.mark.parametrize(
    ("following", "says"),
    [
        ("s?k=jeans&rh=n:1&page=2", ""),
        ("s?rh=k:jeans,n:1&page=2", ""),
        ("s?page=2&qid=1&ref=sr_pg_1&rh=n:1,p_1:x&dc&k=jeans&i=fashion&xpid=2", ""),
        ("-/en/s?k=jeans&rh=n:1&page=2&language=en", ""),
        ("s?rh=n:1&page=2", "the next page dropped k=jeans"),
        ("s?k=jeans&page=2", "the next page dropped rh=n:1"),
        ("s?k=shorts&rh=n:1&page=2", "the next page changed k=jeans"),
        ("s?k=jeans&rh=n:2&page=2", "the next page dropped rh=n:1"),
        ("deals?page=2", "the next page dropped k=jeans"),
    ],
)
def test_what_the_next_address_says(following, says):
    asked = f"{SHOP}/s?k=jeans&rh=n:1"
    assert answers(asked, page(asked, next_url=f"{SHOP}/{following}")) == says


@pytest.mark.parametrize(
    ("name", "value", "lost"),
    [
        ("i", "fashion", "i=fashion"),
        ("s", "price-asc-rank", "s=price-asc-rank"),
        ("low-price", "10", "low-price=10"),
        ("high-price", "20", "high-price=20"),
        ("bbn", "7", "bbn=7"),
        ("p_n_size", "3", "p_n_size=3"),
        ("field-brand", "Lee", "field-brand=lee"),
        ("node", "5", "rh=n:5"),
        ("rh", "n:1,p_89:Lee", "rh=n:1"),
    ],
)
def test_a_next_link_keeps_each_filter(name, value, lost):
    plain = f"{SHOP}/s?k=jeans"
    asked = f"{plain}&{name}={value}"
    assert answers(asked, page(asked, next_url=f"{asked}&page=2")) == ""
    dropped = answers(asked, page(asked, next_url=f"{plain}&page=2"))
    assert dropped == f"the next page dropped {lost}"
    changed = answers(asked, page(asked, next_url=f"{plain}&{name}=other&page=2"))
    assert changed.split(" ", 4)[-1] == lost


@pytest.mark.parametrize(
    ("box", "says"),
    [
        ("", ""),
        ("Blue  JEANS ", ""),
        ("ｂｌｕｅ jeans", ""),
        ("red jeans", "the search box shows 'red jeans', asked was 'blue jeans'"),
    ],
)
def test_what_the_search_box_says(box, says):
    asked = f"{SHOP}/s?k=blue+jeans"
    assert answers(asked, page(asked, query=box)) == says


@pytest.mark.parametrize(
    "url", ["file:///home/someone/page.html", f"{SHOP}/saved.html", "http://[", ""]
)
def test_an_address_that_tells_nothing_is_no_difference(url):
    assert answers(ASKED, page(url, query="blue jeans")) == ""
    assert answers(url, page(ASKED, query="blue jeans")) == ""


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=20))
def test_any_text_gives_an_answer(asked, served, box):
    served_page = page(f"{SHOP}/s?{served}", query=box, next_url=f"{SHOP}/s?{served}")
    assert isinstance(answers(f"{SHOP}/s?{asked}", served_page), str)


@given(st.text(max_size=80))
def test_a_search_answers_itself(asked):
    url = f"{SHOP}/s?{asked}"
    assert answers(url, page(url, next_url=url)) == ""


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("k=men’s+jeans", "k=men's+jeans"),
        ("k=jeans&rh=n:1,n:2", "k=jeans&rh=n:2"),
        ("k=jeans&rh=p_36:100-200", "k=jeans&low-price=1&high-price=2"),
        ("k=jeans&low-price=1", "k=jeans&rh=p_36:100-"),
        ("k=jeans&p_n_size=3", "k=jeans&rh=p_n_size:3"),
        ("k=jeans&node=1", "k=jeans&rh=n:1"),
        ("rh=n:1", "node=1"),
    ],
)
def test_the_same_in_another_form_is_the_same(asked, served):
    there = f"{SHOP}/s?{served}"
    assert answers(f"{SHOP}/s?{asked}", page(there)) == ""
    assert answers(f"{SHOP}/s?{asked}", page(f"{SHOP}/s?{asked}", next_url=there)) == ""


_PARTS = st.lists(
    st.sampled_from(
        [
            "k=a",
            "k=b",
            "i=x",
            "i=y",
            "s=new",
            "s=featured-rank",
            "bbn=1",
            "node=1",
            "rh=n:1",
            "rh=p_1:x",
            "p_1=x",
            "field-brand=lee",
            "rh=p_1:x,p_2:y|z",
            "qid=1",
            "ref=sr_pg_1",
        ]
    ),
    max_size=4,
)


@st.composite
def _chains(draw):
    """Three addresses, each with the filters of the one before in any order, and maybe one lost."""
    chain = [draw(_PARTS)]
    for _ in range(2):
        parts = draw(st.permutations(chain[-1] + draw(_PARTS)))
        chain.append(parts[draw(st.integers(0, 1)) :])
    return [f"{SHOP}/s?{'&'.join(parts)}" for parts in chain]


@given(_chains())
def test_pages_that_answer_each_other_answer_the_first_search(chain):
    """So it is enough to compare each page with its own address and with the next one."""
    first, _, last = chain
    if not any(answers(here, page(here, next_url=there)) for here, there in pairwise(chain)):
        assert answers(first, page(last)) == ""


def _real_pages(folder):
    for path in sorted((folder / "amazon-pages").glob("*.html.gz")):
        html = gzip.decompress(path.read_bytes()).decode(errors="replace")
        yield path.name, parse_page(html, f"{SHOP}/s")


def _without(url, *names):
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query) if name not in names]
    return urlunsplit(parts._replace(query=urlencode(kept)))


@pytest.mark.real_data
def test_real_next_links_lose_nothing_and_no_filter_of_theirs_may_be_lost(test_data):
    links = {name: found for name, found in _real_pages(test_data) if found.next_url}
    assert len(links) > 20
    filters = 0
    for name, found in links.items():
        asked = _without(found.next_url, "page", "qid", "xpid", "ref", "crid", "sprefix", "rnid")
        words = urlencode({"k": found.query})
        assert answers(asked, replace(found, url=asked)) == "", name
        assert answers(f"{SHOP}/s?{words}", replace(found, url=asked)) == "", name
        for lost in {"k", "i", "rh", "s", "low-price", "bbn"} & set(_names(asked)):
            filters += 1
            left = replace(found, url=asked, next_url=_without(found.next_url, lost, "keywords"))
            assert answers(asked, left).startswith("the next page dropped"), (name, lost)
    assert filters > len(links)


def _names(url):
    return [name for name, _ in parse_qsl(urlsplit(url).query)]
