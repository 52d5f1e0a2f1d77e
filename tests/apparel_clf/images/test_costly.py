"""Small files that would take long are refused; photos of all kinds are not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from apparel_clf.errors import ImageError
from apparel_clf.images import load_image, sign
from apparel_clf.images.costly import MOST_READS, MOST_SCANS


def encoded(kind, **options):
    pixels = np.random.default_rng(0).integers(0, 256, (90, 70, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def painted_often(count):
    plain = encoded("JPEG", progressive=True)
    last = plain[plain.rindex(b"\xff\xda") : -2]
    return plain[:-2] + last * count + b"\xff\xd9"


@pytest.mark.parametrize("read", [load_image, sign])
def test_a_jpeg_that_paints_its_pixels_too_often_is_refused(read):
    with pytest.raises(ImageError, match=f"more than {MOST_SCANS} times") as caught:
        read(painted_often(MOST_SCANS))
    assert caught.value.code == "too_many_pixels"


def test_a_header_without_an_end_is_refused():
    plain = encoded("JPEG")
    endless = plain[:2] + b"\xff\xe0\x00\x02" * MOST_READS + plain[2:]
    with pytest.raises(ImageError, match="more parts than any picture needs"):
        load_image(endless)


def test_what_follows_a_picture_does_not_count():
    """Phones put a film behind the picture, whose bytes can be anything."""
    load_image(encoded("JPEG") + b"\xff\xda" * (10 * MOST_SCANS))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"progressive": True}),
        ("JPEG", {"exif": b"Exif\x00\x00" + bytes(60_000)}),
        ("PNG", {}),
        ("WEBP", {}),
        ("TIFF", {}),
        ("GIF", {}),
        ("BMP", {}),
    ],
)
def test_honest_files_pass(kind, options):
    assert load_image(encoded(kind, **options)).size == (70, 90)


def test_a_large_picture_in_many_parts_passes():
    """The limit is for headers: pixels come in as many reads as they take."""
    pixels = np.random.default_rng(0).integers(0, 256, (3000, 3000, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=0)
    assert load_image(buffer.getvalue()).size == (3000, 3000)
