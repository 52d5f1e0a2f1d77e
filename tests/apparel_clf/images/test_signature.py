from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from apparel_clf.errors import ImageError
from apparel_clf.images import HASH_FORMAT, Signature, load_image, sign


def encoded(image, format="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def imagehashs_own(data):
    return int(str(imagehash.phash(load_image(data))), 16)


def bits_between(first, second):
    return (first ^ second).bit_count()


def between(first, second):
    """Root mean square difference of two thumbnails, of 255."""
    planes = [np.frombuffer(s.thumbnail, dtype=np.uint8).astype(float) for s in (first, second)]
    return float(np.sqrt(np.square(planes[0] - planes[1]).mean()))


def compared_with_the_full_decode(data):
    """How many bits of the hash and how much of the thumbnail a reduced decode changes."""
    found, full = sign(data), sign(encoded(load_image(data)))
    return bits_between(found.phash, imagehashs_own(data)), between(found, full)


def test_signature_says_what_the_bytes_are(jpeg):
    data = jpeg(size=(60, 80))
    signature = sign(data)
    assert signature.sha256 == hashlib.sha256(data).hexdigest()
    assert (signature.width, signature.height, signature.format) == (60, 80, "JPEG")
    assert signature.size_bytes == len(data)
    assert signature.plain


def test_a_large_jpeg_keeps_its_own_size(jpeg):
    signature = sign(jpeg(size=(1203, 900)))
    assert (signature.width, signature.height) == (1203, 900)


def test_a_turned_jpeg_has_the_signature_of_the_upright_picture(picture):
    turned = picture(4, size=(600, 800))
    exif = Image.Exif()
    exif[0x0112] = 6
    signature = sign(encoded(turned, "JPEG", quality=95, exif=exif))
    upright = sign(encoded(turned.transpose(Image.Transpose.ROTATE_270)))
    assert (signature.width, signature.height, signature.plain) == (800, 600, False)
    assert bits_between(signature.phash, upright.phash) <= 2
    assert between(signature, upright) < 1


noise = arrays(np.uint8, st.tuples(st.integers(1, 50), st.integers(1, 50), st.just(3)))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 90), st.integers(1, 90))
def test_phash_is_imagehashs_own(seed, width, height):
    pixels = np.random.default_rng(seed).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    # Below six pixels a side, a picture's frequencies are tied: see the test of symmetry.
    size = (width + 6, height + 6)
    data = encoded(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))
    assert sign(data).phash == imagehashs_own(data)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("size", [(60, 80), (224, 224), (255, 900)])
def test_phash_of_a_jpeg_too_small_to_reduce_is_imagehashs_own(picture, mode, size):
    data = encoded(picture(9, size).convert(mode), "JPEG")
    assert sign(data).phash == imagehashs_own(data)


@given(st.tuples(*[st.integers(0, 255)] * 3), st.integers(1, 40), st.integers(1, 40))
@settings(deadline=None)
def test_phash_of_a_flat_picture_is_imagehashs_own(colour, width, height):
    data = encoded(Image.new("RGB", (width, height), colour))
    assert sign(data).phash == imagehashs_own(data)


@given(noise)
@settings(max_examples=50, deadline=None)
def test_tied_frequencies_of_a_mirrored_picture_are_no_bits(pixels):
    """Every odd column's frequency is zero in theory; round-off must not decide its bit."""
    mirrored = np.concatenate([pixels, pixels[:, ::-1]], axis=1)
    odd_columns = int("01010101" * 8, 2)
    phash = sign(encoded(Image.fromarray(mirrored))).phash
    assert phash & odd_columns in (0, odd_columns)


@pytest.mark.parametrize("size", [(256, 256), (257, 263), (384, 512), (500, 500), (1203, 900)])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_reduced_jpegs_are_near_the_full_decode(picture, size, options):
    for seed in range(3):
        data = encoded(picture(seed, size), "JPEG", quality=85, **options)
        bits, rms = compared_with_the_full_decode(data)
        assert (bits <= 4, rms < 1) == (True, True)


@pytest.mark.real_data
@pytest.mark.parametrize("size", [(257, 257), (500, 500), (800, 800), (1500, 1500), (900, 1203)])
def test_reduced_photos_are_near_the_full_decode(test_data, size):
    photos = sorted((test_data / "catalogue").rglob("*.jpg"))[::300]
    assert photos
    for photo in photos:
        large = load_image(photo).resize(size, Image.Resampling.LANCZOS)
        bits, rms = compared_with_the_full_decode(encoded(large, "JPEG", quality=85))
        assert (bits <= 4, rms < 2) == (True, True), photo


@pytest.mark.real_data
def test_phash_of_photos_is_nearly_imagehashs_own(test_data):
    """Equal where the photo is too small to be decoded smaller, within four bits elsewhere."""
    for folder, most in (("catalogue", 4), ("photos", 0)):
        photos = sorted(test_data.glob(f"{folder}/**/*.jpg"))[::15]
        assert photos
        for photo in photos:
            data = photo.read_bytes()
            assert bits_between(sign(data).phash, imagehashs_own(data)) <= most, photo


def test_thumbnail_has_the_stated_shape_and_colour():
    signature = sign(encoded(Image.new("RGB", (40, 40), (128, 128, 128))))
    assert (signature.luma().shape, signature.chroma().shape) == ((32, 32), (2, 12, 12))
    assert set(signature.thumbnail) == {128}


def test_the_mirrored_hash_is_that_of_the_mirrored_picture(picture):
    for seed in range(5):
        image = picture(seed, (300, 400))
        turned = sign(encoded(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)))
        assert bits_between(sign(encoded(image)).phash_mirrored, turned.phash) <= 2


def drawn_on_white(left, top, right, bottom, size=(128, 192)):
    image = Image.new("RGB", size, "white")
    image.paste((40, 60, 120), (left, top, right, bottom))
    return image


def test_the_content_box_is_where_the_picture_is():
    box = sign(encoded(drawn_on_white(32, 48, 96, 144))).content_box
    assert np.abs(np.subtract(box, (64, 64, 192, 192))).max() <= 4
    assert sign(encoded(Image.new("RGB", (128, 192), "white"))).content_box == (0, 0, 256, 256)


def test_padding_leaves_the_hash_of_the_content(picture):
    garment = picture(1, (120, 160))
    narrow, wide = Image.new("RGB", (160, 200), "white"), Image.new("RGB", (240, 200), "white")
    narrow.paste(garment, (20, 20))
    wide.paste(garment, (60, 20))
    first, second = sign(encoded(narrow)), sign(encoded(wide))
    assert bits_between(first.phash, second.phash) > 8
    assert bits_between(first.phash_content, second.phash_content) <= 8


def test_a_badge_leaves_the_hash_of_the_centre(picture):
    image = picture(3, (200, 300))
    badged = image.copy()
    badged.paste((200, 20, 20), (4, 4, 40, 30))
    first, second = sign(encoded(image)), sign(encoded(badged))
    assert bits_between(first.phash_centre, second.phash_centre) <= 2


def test_what_was_enlarged_is_less_sharp():
    pixels = np.random.default_rng(0).integers(0, 256, (200, 150, 3), dtype=np.uint8)
    image = Image.fromarray(pixels).resize((300, 400), Image.Resampling.BICUBIC)
    blurred = image.resize((75, 100)).resize(image.size, Image.Resampling.BICUBIC)
    assert sign(encoded(blurred)).sharpness < sign(encoded(image)).sharpness / 2


@pytest.mark.parametrize("size", [(1, 1), (2, 500), (500, 2), (1, 90)])
def test_the_narrowest_pictures_have_signatures(size):
    signature = sign(encoded(Image.new("RGB", size, "red")))
    assert (signature.width, signature.height) == size
    assert Signature.from_json(signature.to_json()) == signature


@pytest.mark.parametrize(
    "change",
    [
        {"sha256": "../x"},
        {"phash_centre": "zz"},
        {"content_box": [0, 0, 0, 256]},
        {"content_box": [0, 0, 257, 256]},
        {"thumbnail": "AAAA"},
        {"width": "wide"},
        {"width": 0},
        {"height": -1},
        {"size_bytes": 0},
        {"sharpness": float("nan")},
        {"sharpness": float("inf")},
        {"sharpness": -0.1},
    ],
)
def test_values_that_are_no_signature_are_refused(jpeg, change):
    with pytest.raises((KeyError, TypeError, ValueError)):
        Signature.from_json(sign(jpeg()).to_json() | change)


@pytest.mark.parametrize("colour", ["white", "black", (200, 30, 60)])
@pytest.mark.parametrize("format", ["PNG", "JPEG"])
def test_a_picture_of_one_colour_is_blank(colour, format):
    assert sign(encoded(Image.new("RGB", (300, 400), colour), format)).blank


def test_a_noisy_picture_of_one_colour_is_blank():
    pixels = np.random.default_rng(0).normal(240, 4, (80, 60, 3)).clip(0, 255).astype(np.uint8)
    assert sign(encoded(Image.fromarray(pixels), "JPEG")).blank


def test_colour_alone_is_something_to_see():
    """Red and green of one brightness: the thumbnail's first channel is flat."""
    image = Image.new("RGB", (40, 40), (150, 0, 0))
    image.paste((0, 76, 0), (0, 0, 20, 40))
    signature = sign(encoded(image))
    assert np.ptp(signature.luma()) <= 2
    assert not signature.blank


def test_a_garment_is_not_blank(jpeg):
    signature = sign(jpeg())
    assert not signature.blank
    assert not Signature.from_json(signature.to_json()).blank


@pytest.mark.real_data
def test_no_photo_is_nearly_blank(test_data):
    photos = sorted(test_data.glob("catalogue/tops/*.jpg"))
    assert photos
    ranges = [np.ptp(sign(p.read_bytes()).luma()) for p in photos]
    assert min(ranges) > 20


def test_json_round_trip(jpeg):
    signature = sign(jpeg(5))
    assert Signature.from_json(json.loads(json.dumps(signature.to_json()))) == signature


def test_hash_format_names_its_parts():
    assert HASH_FORMAT == "phash64x3+y32c12/4"


def test_errors_carry_the_name_that_was_given():
    with pytest.raises(ImageError, match=r"^https://shop/x\.jpg: "):
        sign(b"<html>", "https://shop/x.jpg")


def test_signing_needs_neither_scipy_nor_imagehash(tmp_path, jpeg):
    path = tmp_path / "x.jpg"
    path.write_bytes(jpeg())
    code = (
        "import pathlib, sys; from apparel_clf.images import sign;"
        f"sign(pathlib.Path({str(path)!r}).read_bytes());"
        "sys.exit(bool({'scipy', 'imagehash'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
