from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
