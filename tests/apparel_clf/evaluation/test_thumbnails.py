from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

from apparel_clf.evaluation.thumbnails import (
    THUMBNAIL_SIDE,
    picture_thumbnail,
    short_name,
    thumbnail,
)


def _decoded(uri):
    head, data = uri.split(",")
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


@pytest.mark.parametrize(
    ("size", "expected"),
    [((600, 800), (120, 160)), ((800, 200), (160, 40)), ((60, 80), (60, 80)), ((1, 1), (1, 1))],
)
def test_is_bounded_keeps_its_shape_and_is_never_blown_up(tmp_path, size, expected):
    path = tmp_path / "x.png"
    Image.new("RGB", size, "teal").save(path)
    small = thumbnail(str(path))
    assert (small.width, small.height) == expected == _decoded(small.uri).size
    assert max(expected) <= THUMBNAIL_SIDE
    assert small.problem is None


def test_is_upright(tmp_path):
    path = tmp_path / "x.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (80, 40), "teal").save(path, exif=exif)
    assert _decoded(thumbnail(str(path)).uri).size == (40, 80)


@pytest.mark.parametrize(
    ("data", "words"), [(b"", "empty"), (b"<html>", "HTML page"), (None, "no such file")]
)
def test_what_cannot_be_read_says_why(tmp_path, data, words):
    path = tmp_path / "x.jpg"
    if data is not None:
        path.write_bytes(data)
    gone = thumbnail(str(path))
    assert gone.uri is None
    assert words in gone.problem
    assert gone.name.endswith("x.jpg")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/home/me/datasets/demo/v1/test/jeans/x.jpg", "test/jeans/x.jpg"),
        ("jeans/x.jpg", "jeans/x.jpg"),
        ("x.jpg", "x.jpg"),
    ],
)
def test_short_name(path, name):
    assert short_name(path) == name


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1", "CMYK"])
def test_a_picture_in_memory_stays_as_it_is(mode):
    picture = Image.new(mode, (320, 160))
    small = picture_thumbnail(picture, "view 1")
    assert (small.name, small.width, small.height) == ("view 1", 160, 80)
    assert _decoded(small.uri).size == (160, 80)
    assert (picture.mode, picture.size) == (mode, (320, 160))
