from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.pages import parse_page
from crawler.pages.careful import cut, has_crowded_tag, tamed
from crawler.pages.tree import css, read_tree, text_of

URL = "https://www.amazon.com/s?k=jeans"
CASES = sorted((Path(__file__).parent / "cases").glob("*/input.html"))
# The HTML of a stream of pieces is taken out of it before.
PAGES = [path for path in CASES if not path.parent.name.startswith("streamed")]
CARD = (
    '<div data-component-type="s-search-result" data-asin="B{0}">'
    '<img class="s-image" src="https://x.example/images/I/7{0}.jpg"><a><h2>Jeans {0}</h2></a>'
)
NEXT = '<a class="s-pagination-next" href="/s?k=jeans&amp;page=2">Next</a>'


def crowded(attributes):
    return "<p " + " ".join(f'a{number}="x"' for number in range(attributes)) + ">"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.parent.name)
def test_a_page_written_anew_says_the_same(path):
    html = path.read_text(encoding="utf-8")
    assert parse_page(tamed(html), URL) == parse_page(html, URL)


@pytest.mark.real_data
def test_real_pages_written_anew_say_the_same_and_need_it_not(test_data):
    for path in sorted((test_data / "amazon-pages").glob("*.html.gz")):
        html = gzip.decompress(path.read_bytes()).decode(errors="replace")
        assert not has_crowded_tag(html), path.name
        assert cut(html) is html, path.name
        assert parse_page(tamed(html), URL) == parse_page(html, URL), path.name


@pytest.mark.parametrize(
    ("html", "again"),
    [
        ("", ""),
        ("<!-- jeans -->", ""),
        ("jeans", "<html><body>jeans</body></html>"),
        ("<p>a</html>b", "<html><body><p>a</p>b</body></html>"),
        ('<b id="&quot;<&amp;">', '<html><body><b id="&quot;&lt;&amp;"></b></body></html>'),
        ("<b>1 &lt; 2", "<html><body><b>1 &lt; 2</b></body></html>"),
        ("<script>1 < 2 && 3</script>", "<html><head><script>1 < 2 && 3</script></head></html>"),
        ("<p>a<br>b", "<html><body><p>a<br>b</p></body></html>"),
    ],
)
def test_what_is_written(html, again):
    assert tamed(html) == again


@pytest.mark.parametrize(
    ("html", "is_crowded"),
    [
        (crowded(50), False),
        (crowded(20_000), True),
        ("<p " + " ".join(f"a{number}" for number in range(20_000)) + ">", True),
        (f'<p title="{"a b=c " * 5000}">', False),
        (f'<p title="{"&quot;a&quot;:1," * 5000}">', False),
        ("<p>" * 5000, False),
    ],
)
def test_crowded_tags(html, is_crowded):
    assert has_crowded_tag(html) is is_crowded


def test_a_crowded_tag_keeps_its_first_attributes_and_hides_nothing():
    tree = read_tree(f"{crowded(100_000)}jeans</p>{CARD.format(1)}")
    (paragraph,) = css("p")(tree)
    assert (paragraph.get("a0"), text_of(paragraph)) == ("x", "jeans")
    assert 100 < len(paragraph.attrib) < 1000
    assert len(css("h2")(tree)) == 1


def test_cards_that_leave_all_their_tags_open_are_all_read():
    html = "".join(CARD.format(number) + "<i>" * 41 for number in range(60)) + NEXT
    page = parse_page(html, URL)
    assert [result.asin for result in page.results] == [f"B{number}" for number in range(60)]
    assert all(result.title and result.image_id for result in page.results)
    assert page.next_url == f"{URL}&page=2"


@pytest.mark.parametrize("depth", [1000, 2040, 2050, 5000, 50_000])
def test_what_lies_deep_and_what_comes_after_it_is_found(depth):
    tree = read_tree("<i>" * depth + "<b>deep</b>" + "</i>" * depth + "<p>after</p>")
    assert [text_of(found) for found in css("b, p")(tree)] == ["deep", "after"]


def test_a_page_of_millions_of_elements_is_cut():
    assert cut("<p>a" * 10) == "<p>a" * 10
    short = cut("<p>a" * 1_000_000)
    assert short.endswith("<p>a")
    assert 100_000 < short.count("<") < 500_000


@given(st.text(alphabet="<>/=\"'ab \n&;!-", max_size=200))
def test_any_text_can_be_written_anew(text):
    assert isinstance(tamed(text), str)
