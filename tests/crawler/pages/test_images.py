from __future__ import annotations

import pytest

from crawler.pages import image_id_of, original_url, parse_srcset

M = "https://m.media-amazon.com/images/I/"


@pytest.mark.parametrize(
    ("url", "image_id", "original"),
    [
        (f"{M}71C8dVn7nrL._AC_UL320_.jpg", "71C8dVn7nrL", f"{M}71C8dVn7nrL.jpg"),
        (f"{M}71C8dVn7nrL.jpg", "71C8dVn7nrL", f"{M}71C8dVn7nrL.jpg"),
        (f"{M}61F+a-b9xyL._AC_UY218_.png", "61F+a-b9xyL", f"{M}61F+a-b9xyL.png"),
        (
            f"{M}51x._SY445_SX342_ControlCacheEqualizer_.jpg",
            "51x",
            f"{M}51x.jpg",
        ),
        (f"{M}51x._FMwebp_QL65_.jpg?v=2#f", "51x", f"{M}51x.jpg"),
        (
            "https://m.media-amazon.com/images/W/WEBP_402378-T1/images/I/51x._AC_UL320_.jpg",
            "51x",
            f"{M}51x.jpg",
        ),
        ("https://ecx.images-amazon.com/images/I/41a.jpg", "41a", None),
        ("https://m.media-amazon.com/images/G/01/badge._SS200_.png", "", None),
        ("./saved_files/71x.jpg", "", None),
    ],
)
def test_ids_and_originals(url, image_id, original):
    assert image_id_of(url) == image_id
    assert original_url(url) == (original or url)


def test_srcset_is_sorted_and_absolute():
    found = parse_srcset("/b.jpg 2.2935x, /a.jpg 1x", "https://shop.example/s?k=x")
    assert [(c.url, c.factor) for c in found] == [
        ("https://shop.example/a.jpg", 1.0),
        ("https://shop.example/b.jpg", 2.2935),
    ]


@pytest.mark.parametrize(
    ("srcset", "factors"),
    [
        ("", []),
        ("  ,  ", []),
        ("a.jpg", [1.0]),
        ("a.jpg 1x, b.jpg 300w, c.jpg x", [1.0]),
        ("a,b.jpg 1x, c.jpg 2x", [1.0, 2.0]),
        ("a.jpg 1x,", [1.0]),
        ("a.jpg 1x,b,c.jpg 1.5x,d.jpg 2x", [1.0, 1.5, 2.0]),
        ("data:image/gif;base64,R0lGODlh 1x, b.jpg 2x", [2.0]),
    ],
)
def test_odd_srcsets(srcset, factors):
    assert [c.factor for c in parse_srcset(srcset, "https://x.example/")] == factors
