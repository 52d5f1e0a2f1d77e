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

from apparel_clf.dataset.duplicates import colour_rms
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


def compared_with_the_full_decode(data):
    """How many bits of the hash and how much of the thumbnail a reduced decode changes."""
    found, full = sign(data), sign(encoded(load_image(data)))
    rms = colour_rms(found.thumbnail_array(), full.thumbnail_array())
    return bits_between(found.phash, imagehashs_own(data)), float(rms)


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
    assert colour_rms(signature.thumbnail_array(), upright.thumbnail_array()) < 1


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
        assert (bits <= 4, rms < 0.7) == (True, True), photo


@pytest.mark.real_data
def test_phash_of_photos_is_imagehashs_own(test_data):
    photos = sorted(test_data.glob("catalogue/**/*.jpg"))[::20]
    photos += sorted(test_data.glob("photos/**/*.jpg"))[::10]
    assert photos
    for photo in photos:
        data = photo.read_bytes()
        assert sign(data).phash == imagehashs_own(data), photo


def test_thumbnail_has_the_stated_shape_and_colour():
    thumbnail = sign(encoded(Image.new("RGB", (40, 40), (128, 128, 128)))).thumbnail_array()
    assert thumbnail.shape == (12, 12, 3)
    assert set(thumbnail.ravel().tolist()) == {128}


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
    assert np.ptp(signature.thumbnail_array()[:, :, 0]) <= 2
    assert not signature.blank


def test_a_garment_is_not_blank(jpeg):
    signature = sign(jpeg())
    assert not signature.blank
    assert not Signature.from_json(signature.to_json()).blank


@pytest.mark.real_data
def test_no_photo_is_nearly_blank(test_data):
    photos = sorted(test_data.glob("catalogue/tops/*.jpg"))
    assert photos
    ranges = [np.ptp(sign(p.read_bytes()).thumbnail_array(), axis=(0, 1)).max() for p in photos]
    assert min(ranges) > 20


def test_json_round_trip(jpeg):
    signature = sign(jpeg(5))
    assert Signature.from_json(json.loads(json.dumps(signature.to_json()))) == signature


def test_hash_format_names_both_parts():
    assert HASH_FORMAT == "phash64+ycbcr12/2"


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
