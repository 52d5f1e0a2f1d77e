from __future__ import annotations

import pytest

from crawler.pages.claims import claim_of, is_past_end, next_url_of, says_no_results, total_of
from crawler.pages.tree import read_tree

BAR = '<div data-component-type="s-result-info-bar"><h1>{}</h1></div>'


@pytest.mark.parametrize(
    ("claim", "total"),
    [
        ("1-48 of over 50,000 results for", 50000),
        ("16 results for", 16),
        ("1-16 of 16 results", 16),
        ("1-48 von mehr als 10.000 Ergebnissen für", 10000),
        ("1-16 sur plus de 50\u00a0000 résultats", 50000),
        ("1 009-1 024 av över 2 000 resultat", 2000),
        ("検索結果 1,234 件中 1-48件", 1234),
        ("1-48 of over 1,00,000 results", 100000),
        ("1-48 aus 2'000", 2000),
        ("321-306 of 306 results", 306),
        ("1–24", 24),
        ("results", None),
        ("9" * 400, int("9" * 18)),
    ],
)
def test_totals(claim, total):
    assert total_of(claim, "") == total


def test_a_script_counts_where_the_bar_does_not():
    assert total_of("", '{"totalResultCount": 12}') == 12
    assert total_of("1-2 of over 10", '{"totalResultCount":12}') == 10


@pytest.mark.parametrize(
    ("claim", "past"),
    [
        ("321-306 of over 30,000", True),
        ("1,009 – 1,008 of 1,008", True),
        ("289-306 of over 30,000", False),
        ("999-1,008 of 1,008", False),
        ("1-1 of 1", False),
        ("", False),
    ],
)
def test_past_the_end(claim, past):
    assert is_past_end(claim) is past


@pytest.mark.parametrize(
    ("bar", "claim"),
    [
        ('7 results for "levi 501-400"', "7 results for"),
        ('7 results for <span class="a-color-state">501-400</span>', "7 results for"),
        ("7 Ergebnisse für „501-400“", "7 Ergebnisse für"),
        ('"501-400" için 7 sonuç', "için 7 sonuç"),
        ("7 results <select><option>Under 25</option></select>", "7 results"),
        ("results", ""),
    ],
)
def test_the_words_searched_for_are_no_claim(bar, claim):
    assert claim_of(read_tree(BAR.format(bar))) == claim


@pytest.mark.parametrize(
    ("html", "says"),
    [
        ("<p>No results for <b>x</b>.</p>", True),
        ("<p>Your search did not match any products.</p>", True),
        ("<p>La ricerca non corrisponde a nessun prodotto</p>", True),
        ("<p>لا توجد نتائج</p>", True),
        ("<p>没有找到与x相关的结果</p>", True),
        ('<div class="s-no-results-result"></div>', True),
        ("<script>var words = 'No results for';</script>", False),
        ("<p>Casino results for all.</p>", False),
    ],
)
def test_no_results(html, says):
    assert says_no_results(read_tree(html)) is says


@pytest.mark.parametrize("text", ["1,11,", "1", "1-"])
def test_the_words_of_a_hostile_bar_are_cut(text):
    claim = claim_of(read_tree(BAR.format(text * 200_000)))
    assert 0 < len(claim) <= 300
    assert not is_past_end(claim)
    assert total_of(claim, "") is not None


def test_the_words_of_a_bar_of_thousands_of_elements_are_cut():
    claim = claim_of(read_tree(BAR.format("<i>1</i> " * 50_000)))
    assert 0 < len(claim) <= 300


@pytest.mark.parametrize("url", ["", "s?k=jeans", "file:///home/someone/Shop.html", "http://["])
@pytest.mark.parametrize("link", ['<a class="s-pagination-next"', '<link rel="next"'])
def test_a_next_address_is_absolute_or_none(url, link):
    assert next_url_of(read_tree(f'{link} href="/s?page=2">'), url) is None
    absolute = "https://shop.example/s?page=2"
    assert next_url_of(read_tree(f'{link} href="{absolute}">'), url) == absolute


@pytest.mark.parametrize(
    ("link", "following"),
    [
        ("#/ref=sr_pg_2?page=2", "https://shop.example/s/ref=sr_pg_2?page=2"),
        ("#/other", None),
        ("#ref=x", None),
    ],
)
def test_an_address_left_to_a_script(link, following):
    pager = read_tree(f'<a id="pagnNextLink" href="{link}">')
    assert next_url_of(pager, "https://shop.example/s?k=jeans") == following


@pytest.mark.parametrize(
    "pager",
    [
        '<span class="s-pagination-item s-pagination-disabled">Next</span>',
        '<div id="pagn"><span class="pagnRA1">Next</span></div>',
        '<ul class="a-pagination"><li class="a-last a-disabled">Next</li></ul>',
        '<a class="s-pagination-next s-pagination-disabled" href="/s?page=9">Next</a>',
    ],
)
def test_what_is_merely_called_next_does_not_outweigh_a_pager_at_its_end(pager):
    called = '<a rel="next" href="/s?page=3">Next</a>'
    url = "https://shop.example/s"
    assert next_url_of(read_tree(called + pager), url) is None
    assert next_url_of(read_tree(called), url) == f"{url}?page=3"
