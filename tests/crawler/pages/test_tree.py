from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.pages.tree import Lookup, css, read_tree, text_of


def chunk(html):
    return json.dumps(["dispatch", "data-main-slot:search-result-1", {"html": html}])


@pytest.mark.parametrize(
    "text", ["", " \x00 ", "<!-- only -->", "<?pi?>", "\ud800", "<!doctype html>", "jeans", "]"]
)
def test_anything_gives_a_tree(text):
    assert list(read_tree(text).iter()) != []


def test_an_encoding_that_the_page_claims_is_not_believed():
    page = '<?xml version="1.0" encoding="utf-16"?><meta charset="latin-1"><p>Größe</p>'
    assert text_of(read_tree(page)) == "Größe"


@pytest.mark.parametrize("between", ["&&&", "\n&&&\n", " &&& \n "])
def test_a_stream_gives_the_html_of_its_pieces(between):
    tree = read_tree(between.join([chunk("<p>a &&& b</p>"), chunk("<p>c</p>")]) + between)
    assert [text_of(p) for p in css("p")(tree)] == ["a &&& b", "c"]


@pytest.mark.parametrize(
    "broken", ["", "[", '["dispatch"', "[" * 50_000, "[5]", '["x", {"html": 5}]', '["x", {}]']
)
def test_a_broken_piece_costs_only_itself(broken):
    tree = read_tree("&&&".join([chunk("<p>a</p>"), broken, chunk("<p>b</p>")]))
    assert [text_of(p) for p in css("p")(tree)] == ["a", "b"]


@given(st.text(alphabet='[]{}"&dispatch,html: ', max_size=80))
def test_any_stream_gives_a_tree(text):
    assert list(read_tree('["dispatch"' + text).iter()) != []


def test_a_lookup_finds_by_class_and_tag():
    tree = read_tree('<p class="a  b">1</p><b class="a">2</b><i class="a">3</i>')
    held = Lookup(tree, "p", "b")
    assert [e.text for e in held.of_class("a")] == ["1", "2"]
    assert [e.text for e in held.of_tag("p")] == ["1"]
    assert (held.of_class("c"), held.of_tag("i")) == ([], [])


def test_comments_are_no_text():
    assert text_of(read_tree("<p>Slim <!-- old --> <b>jeans</b>\n</p>")) == "Slim jeans"
