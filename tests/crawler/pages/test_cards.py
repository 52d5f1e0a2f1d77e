from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.pages import parse_page
from crawler.pages.cards import without_ad_prefix


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Sponsored Ad - Jeans", "Jeans"),
        ("Sponsored Ad -Jeans", "Jeans"),
        ("sponsored ad — Jeans", "Jeans"),
        ("\u200fإعلان مُموَّل – Jeans", "Jeans"),
        ("Gesponserte Anzeige – Jeans", "Jeans"),
        ("[Sponsored]Jeans", "Jeans"),
        ("Sponsored", "Sponsored"),
        ("Sponsored-team jeans", "Sponsored-team jeans"),
        ("Jeans - Sponsored Ad", "Jeans - Sponsored Ad"),
        ("[2 pack] Jeans", "[2 pack] Jeans"),
    ],
)
def test_ad_prefixes(text, title):
    assert without_ad_prefix(text) == title


@given(st.text(max_size=60))
def test_a_title_only_gets_shorter(text):
    assert " ".join(text.split()).endswith(without_ad_prefix(text))


def results(html):
    return parse_page(html, "https://shop.example/s?k=jeans").results


CARD = '<div data-component-type="s-search-result" data-asin="{}">'


@pytest.mark.parametrize(
    ("price", "shown"),
    [
        ('<b class="a-price"><i class="a-offscreen">$5 - $9</i></b>', "$5"),
        ('<b class="a-price"><i class="a-offscreen">-$5</i></b>', "-$5"),
        ('<b class="a-price"><i class="a-offscreen"></i></b><b class="a-price"></b>', ""),
    ],
)
def test_prices(price, shown):
    price = price.replace("<b", "<span").replace("</b", "</span")
    (result,) = results(f"{CARD.format('B01')}{price}</div>")
    assert result.price == shown


@pytest.mark.parametrize(
    "price",
    [
        '<span class="a-price">',
        '<span class="a-price"><b class="a-offscreen"></b>',
        '<span class="sx-price">',
        '<span class="s-price"><sup class="sx-price-whole"></sup>',
        "<a><h2>",
        "<h2><a>",
    ],
)
def test_what_lies_in_itself_a_thousand_times_is_read_once(price):
    (result,) = results(CARD.format("B01") + price * 1500 + "jeans")
    assert result.asin == "B01"


def test_thousands_of_cards_in_each_other_are_read():
    asins = [f"B{number}" for number in range(1000)]
    found = results("".join(map(CARD.format, asins)))
    assert [result.asin for result in found] == asins


def test_no_more_cards_are_read_than_any_page_has():
    assert len(results(f"{CARD.format('B01')}</div>" * 5000)) == 1000


@pytest.mark.parametrize("holder", ["noscript", "template", 'li class="a-carousel-card"'])
def test_cards_in_what_is_not_shown_are_none(holder):
    assert results(f"<{holder}>{CARD.format('B01')}</div></{holder.split()[0]}>") == ()
    assert results(f"{CARD.format('B01')}<{holder}></{holder.split()[0]}></div>") != ()
