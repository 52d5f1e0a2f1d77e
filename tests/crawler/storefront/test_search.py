"""Which classes a query finds, and how a page of results is laid out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.storefront.search import ADS_PAST_END, found_labels, result_page, tokens

LABELS = ("jeans", "saree", "trousers", "track_pants", "casual-shoes", "men's wear")


@pytest.mark.parametrize(
    ("query", "labels"),
    [
        ("jeans", ["jeans"]),
        ("Men's JEANS", ["jeans"]),
        ("mens jean", ["jeans"]),
        ("sarees for women", ["saree"]),
        ("pants", []),
        ("track pants", ["track_pants"]),
        ("shoes, casual", ["casual-shoes"]),
        ("jeans trousers", ["jeans", "trousers"]),
        ("men’s wear", ["men's wear"]),
        ("", []),
        ("'s", []),
        ("jeanswear", []),
    ],
)
def test_queries(query, labels):
    assert list(found_labels(LABELS, query)) == labels


def test_a_class_without_words_is_never_found():
    assert found_labels(["___"], "anything") == ()


@given(st.text())
def test_any_text_has_tokens(text):
    assert all(token == token.casefold() and "_" not in token for token in tokens(text))


def kinds(page):
    return [slot.kind for slot in page.slots]


def test_a_page_holds_its_share_of_results_in_order(catalogue):
    first = result_page(catalogue, "men's jeans", 1, 48)
    second = result_page(catalogue, "men's jeans", 2, 48)

    assert (first.first, first.last, first.total, first.pages) == (1, 48, 71, 2)
    assert (second.first, second.last) == (49, 71)
    shown = [
        slot.products[0]
        for page in (first, second)
        for slot in sorted(set(page.slots), key=lambda slot: slot.rank)
        if slot.kind == "card"
    ]
    assert tuple(shown) == catalogue.of("jeans")


def test_what_else_stands_on_a_page(catalogue):
    page = result_page(catalogue, "jeans", 1, 48)

    assert kinds(page).count("ad") == 4
    assert kinds(page).count("carousel") == 1
    assert kinds(page)[0] == "header"
    assert kinds(page)[1] == "ad"
    assert kinds(page)[-1] == "related"
    assert 15 < kinds(page).index("carousel") < 45
    others = [p for slot in page.slots if slot.kind in ("ad", "carousel") for p in slot.products]
    assert len({product.asin for product in others}) == len(others) == 10
    assert all(product.label != "jeans" for product in others)


def test_one_result_is_shown_twice_on_the_first_page(catalogue):
    ranks = [slot.rank for slot in result_page(catalogue, "jeans", 1, 48).slots if slot.rank]
    assert len(ranks) == 49
    assert set(ranks) == set(range(1, 49))


def test_the_same_page_every_time_and_another_for_another_number(catalogue):
    assert result_page(catalogue, "jeans", 1, 48) == result_page(catalogue, "jeans", 1, 48)
    first, second = (result_page(catalogue, "jeans", number, 30) for number in (1, 2))
    assert [slot.products for slot in first.slots] != [slot.products for slot in second.slots]


def test_past_the_end_there_are_only_advertisements(catalogue):
    page = result_page(catalogue, "jeans", 3, 48)

    assert page.past_end
    assert (page.first, page.last) == (97, 71)
    assert kinds(page) == ["header"] + ["ad"] * ADS_PAST_END


def test_nothing_found_gives_recommendations(catalogue):
    page = result_page(catalogue, "zebra", 1, 48)

    assert (page.total, page.pages) == (0, 0)
    assert kinds(page) == ["nothing", "carousel"]
    assert page.slots[1].products


def test_a_query_for_every_class_shows_no_advertisements(catalogue):
    page = result_page(catalogue, "jeans saree trousers", 1, 48)
    assert page.total == len(catalogue.products)
    assert not {"ad", "carousel"} & set(kinds(page))


@pytest.mark.parametrize("size", [1, 2, 7, 8, 500])
def test_every_result_is_on_exactly_one_page_whatever_the_page_size(catalogue, size):
    total = len(catalogue.of("saree"))
    ranks = []
    for number in range(1, -(-total // size) + 1):
        page = result_page(catalogue, "saree", number, size)
        ranks += sorted({slot.rank for slot in page.slots if slot.rank})
    assert ranks == list(range(1, total + 1))
