from __future__ import annotations

import hashlib
import io
import json

import imagehash
import pytest
from PIL import Image

from apparel_clf.errors import ImageError
from apparel_clf.images import Signature, load_image, sign


def test_signature_says_what_the_bytes_are(jpeg):
    data = jpeg(size=(60, 80))
    signature = sign(data)
    assert signature.sha256 == hashlib.sha256(data).hexdigest()
    assert (signature.width, signature.height, signature.format) == (60, 80, "JPEG")
    assert signature.size_bytes == len(data)
    assert signature.plain


def test_phash_is_imagehashs_own(jpeg):
    data = jpeg(3)
    assert f"{sign(data).phash:016x}" == str(imagehash.phash(load_image(data)))


def test_thumbnail_has_the_stated_shape_and_colour():
    buffer = io.BytesIO()
    Image.new("RGB", (40, 40), (128, 128, 128)).save(buffer, "PNG")
    thumbnail = sign(buffer.getvalue()).thumbnail_array()
    assert thumbnail.shape == (12, 12, 3)
    assert set(thumbnail.ravel().tolist()) == {128}


def test_json_round_trip(jpeg):
    signature = sign(jpeg(5))
    assert Signature.from_json(json.loads(json.dumps(signature.to_json()))) == signature


def test_errors_carry_the_name_that_was_given():
    with pytest.raises(ImageError, match=r"^https://shop/x\.jpg: "):
        sign(b"<html>", "https://shop/x.jpg")
