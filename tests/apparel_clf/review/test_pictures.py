"""Pictures are made anew, kept in bounded memory, and never blown up."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from apparel_clf.errors import ImageError
from apparel_clf.review.pictures import Pictures


@pytest.fixture
def find(tmp_path, jpeg):
    """Where pictures are, by their names, which say their seed."""
    for seed in range(8):
        (tmp_path / str(seed)).write_bytes(jpeg(seed, (300, 400)))
    return lambda name: tmp_path / name


def size_of(data):
    with Image.open(io.BytesIO(data)) as image:
        return image.format, image.size


def test_pictures_are_small_jpegs_and_never_blown_up(find):
    pictures = Pictures()
    assert size_of(pictures.get("1", 100, find)) == ("JPEG", (75, 100))
    assert size_of(pictures.get("1", 1600, find)) == ("JPEG", (300, 400))


def test_what_was_made_is_made_once(find, tmp_path):
    pictures = Pictures()
    first = pictures.get("1", 100, find)
    (tmp_path / "1").unlink()
    assert pictures.get("1", 100, find) == first
    with pytest.raises(ImageError):
        pictures.get("1", 101, find)


def test_memory_is_bounded_and_the_oldest_goes_first(find, tmp_path):
    one = len(Pictures().get("0", 100, find))
    pictures = Pictures(kept_bytes=3 * one)
    for name in "0123450":
        pictures.get(name, 100, find)
        assert pictures.kept_bytes <= 3 * one + 2000
    (tmp_path / "0").unlink()
    pictures.get("0", 100, find)
    (tmp_path / "2").unlink()
    with pytest.raises(ImageError):
        pictures.get("2", 100, find)


def test_many_at_a_time_get_the_same(find):
    pictures = Pictures()
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: pictures.get(str(n % 8), 100, find), range(80)))
    assert made[:8] * 10 == made


def test_metadata_of_the_original_is_not_passed_on(tmp_path, picture):
    exif = Image.Exif()
    exif[0x010E] = "who took it"
    picture(1).save(tmp_path / "x", "JPEG", exif=exif)
    assert b"who took it" in (tmp_path / "x").read_bytes()
    assert b"who took it" not in Pictures().get("x", 100, lambda name: tmp_path / name)
