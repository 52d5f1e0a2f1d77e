from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.words import found_phrase, tokens


@pytest.mark.parametrize(
    ("title", "phrases", "found"),
    [
        ("Women's Denim Skirt", ["women", "womens"], "womens"),
        ("Slim Fit Jeans", ["jean"], ""),
        ("JEANS, blue", ["jeans"], "jeans"),
        ("Men's T-Shirt", ["t shirt"], "t shirt"),
        ("Men's T-Shirt", ["shirt t"], ""),
        ("Herrenjeans", ["*jeans"], "*jeans"),
        ("Jeansjacke", ["*jeans"], ""),
        ("Jeansjacke", ["jeans*"], "jeans*"),
        ("Ｊｅａｎｓ", ["jeans"], "jeans"),
        ("メンズデニムパンツ", ["*デニム*"], "*デニム*"),
        ("jupe plissée", ["plissée"], "plissée"),
        ("jupe plisse\u0301e", ["plissée"], "plissée"),
        ("anything", [""], ""),
        ("anything", ["-"], ""),
        ("a [b] c", ["[b]"], "[b]"),
    ],
)
def test_phrases_are_found_as_whole_words(title, phrases, found):
    assert found_phrase(title, phrases) == found


@given(st.text(max_size=60), st.lists(st.text(max_size=20), max_size=4))
def test_any_text_is_searched(title, phrases):
    assert found_phrase(title, phrases) in ("", *phrases)


@given(st.text(max_size=60))
def test_a_title_holds_its_own_words(title):
    for word in tokens(title):
        assert found_phrase(title, [word]) == word
