from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from apparel_clf.errors import SettingsError
from apparel_clf.images import to_square
from apparel_clf.images.resize import border_colour


@pytest.mark.parametrize("rule", ["pad", "crop", "stretch"])
@pytest.mark.parametrize("size", [(60, 80), (80, 60), (1, 300), (256, 256)])
def test_every_shape_becomes_the_square(picture, rule, size):
    square = to_square(picture(size=size), 64, rule)
    assert (square.shape, square.dtype) == ((64, 64, 3), np.uint8)


def test_pad_keeps_the_aspect_ratio_and_fills_with_the_border():
    image = Image.new("RGB", (20, 40), (250, 240, 230))
    image.paste((0, 0, 0), (5, 10, 15, 30))
    square = to_square(image, 40, "pad")
    assert (square[:, :10] == (250, 240, 230)).all()
    dark = np.argwhere(square[:, :, 0] < 100)
    height, width = np.ptp(dark, axis=0) + 1
    assert (height, width) == (20, 10)


def test_crop_cuts_the_longer_side():
    image = Image.new("RGB", (20, 40), "white")
    image.paste((255, 0, 0), (0, 0, 20, 8))
    assert not (to_square(image, 20, "crop")[:, :, 1] < 50).any()


def test_unknown_rule_is_refused(picture):
    with pytest.raises(SettingsError, match="Received: 'squash'"):
        to_square(picture(), 8, "squash")


def test_border_colour_is_the_median_of_the_edge():
    image = Image.new("RGB", (10, 10), (240, 241, 242))
    image.paste((0, 0, 0), (2, 2, 8, 8))
    image.putpixel((0, 0), (9, 9, 9))
    assert border_colour(image) == (240, 241, 242)
