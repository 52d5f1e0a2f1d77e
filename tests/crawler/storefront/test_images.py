"""URL modifiers: which size, quality and format a name asks for, and what really comes back."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from apparel_clf.errors import ImageError
from crawler.storefront.images import (
    Edit,
    ImageName,
    Modifiers,
    content_type,
    edited,
    encode,
    parse_modifiers,
    parse_name,
    scaled,
)


def noise(width=48, height=64):
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 255, (height, width, 3), dtype=np.uint8))


@pytest.fixture(scope="module")
def original():
    return encode(noise().resize((480, 640)), "JPEG", 90)


def opened(data):
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("AC_UL320", (240, 320)),
        ("AC_UY218", (164, 218)),
        ("AC_UX120", (120, 160)),
        ("SX240", (240, 320)),
        ("SY64", (48, 64)),
        ("SL500", (375, 500)),
        ("SY445_SX342_ControlCacheEqualizer", (334, 445)),
        ("AC_SR160,134_CB1169409_QL70", (100, 134)),
        ("ac_ul320_ql65", (240, 320)),
        ("SS200", (200, 200)),
        ("AC_US40", (40, 40)),
        ("UL960", (480, 640)),
        ("SS900", (640, 640)),
        ("UL1", (1, 1)),
        ("QL30", (480, 640)),
    ],
)
def test_sizes(original, name, size):
    assert opened(scaled(original, parse_modifiers(name))).size == size


def test_square_is_padded_with_white(original):
    image = opened(scaled(original, Modifiers(square=200)))
    assert all(channel > 250 for channel in image.getpixel((2, 100)))
    assert any(channel < 240 for channel in image.getpixel((100, 100)))


@pytest.mark.parametrize(
    ("name", "shape"),
    [("UL320", "JPEG"), ("UL320_FMwebp_QL65", "WEBP"), ("FMPNG", "PNG"), ("FMjpg", "JPEG")],
)
def test_formats(original, name, shape):
    assert opened(scaled(original, parse_modifiers(name))).format == shape


def test_png_stays_png_unless_asked_otherwise():
    original = encode(noise(), "PNG", 90)
    assert opened(scaled(original, Modifiers(width=20))).format == "PNG"
    assert opened(scaled(original, Modifiers(width=20, format="WEBP"))).format == "WEBP"


def test_lower_quality_is_smaller(original):
    sizes = [len(scaled(original, Modifiers(width=320, quality=q))) for q in (20, 65, 95)]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == 3


def test_same_request_same_bytes(original):
    modifiers = parse_modifiers("AC_UL320_FMwebp_QL65")
    assert scaled(original, modifiers) == scaled(original, modifiers)


def test_what_is_no_image_is_a_typed_error():
    with pytest.raises(ImageError):
        scaled(b"<html>", Modifiers(width=10))
    with pytest.raises(ImageError):
        edited(b"", Edit(quality=70))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("71C8dVn7nrL.jpg", ImageName("71C8dVn7nrL", None, "jpg")),
        ("11++B3A2NEL._SS200_.png", ImageName("11++B3A2NEL", Modifiers(square=200), "png")),
        ("619sE-5QgTL._AC_.jpg", ImageName("619sE-5QgTL", None, "jpg")),
        (
            "61Sb2TjEEaL.__AC_SY395_SX395_QL70_FMwebp_.jpg",
            ImageName("61Sb2TjEEaL", Modifiers(395, 395, None, 70, "WEBP"), "jpg"),
        ),
        (
            "51fdHMlyz+L._AC_SY575._SX._UX._SY._UY_.jpg",
            ImageName("51fdHMlyz+L", Modifiers(height=575), "jpg"),
        ),
    ],
)
def test_names(name, expected):
    assert parse_name(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        "",
        "71C8dVn7nrL",
        ".jpg",
        "../../etc/passwd",
        "..%2Fsecret.jpg",
        "71C8dVn7nrL._AC_UL320.jpg",
        "71C8dVn7nrL.jpg.jpg",
        "71C8dVn7nrL._" + "UL3_" * 60 + ".jpg",
        "71C8dVn7nr\x00.jpg",
    ],
)
def test_what_is_no_images_name(name):
    assert parse_name(name) is None


@pytest.mark.parametrize("text", ["", "AC", "UL0", "SR0,20", "SR20,0", "CR67,0", "XX99", "ULwebp"])
def test_modifiers_that_mean_nothing(text):
    assert parse_modifiers(text) is None


@given(st.text(alphabet="ACULSXYQFMwebpjg0123456789_.,", max_size=60))
def test_any_modifiers_give_a_picture_no_larger_than_the_original(text):
    modifiers = parse_modifiers(text)
    data = encode(noise(6, 8), "JPEG", 90)
    if modifiers is not None:
        width, height = opened(scaled(data, modifiers)).size
        assert 1 <= width <= 8
        assert 1 <= height <= 8


@pytest.mark.parametrize(
    ("quality", "scale", "size"), [(70, 1.0, (48, 64)), (80, 0.75, (36, 48)), (60, 0.001, (1, 1))]
)
def test_edits(quality, scale, size):
    original = encode(noise(), "PNG", 90)
    image = opened(edited(original, Edit(quality, scale)))
    assert (image.format, image.size) == ("JPEG", size)


@pytest.mark.parametrize(
    ("shape", "kind"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")]
)
def test_content_type_is_read_from_the_bytes(shape, kind):
    assert content_type(encode(noise(), shape, 80)) == kind


def test_unknown_bytes_are_called_that():
    assert content_type(b"hello") == "application/octet-stream"
    assert content_type(b"GIF89a") == "image/gif"
