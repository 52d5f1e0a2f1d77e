"""A picture of any shape becomes the square that the network takes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from apparel_clf.errors import SettingsError

#: ``pad`` keeps the aspect ratio and fills with the picture's own border colour, ``crop`` keeps it
#: and cuts the longer side, ``stretch`` does neither.
RESIZE_RULES = ("pad", "crop", "stretch")


def to_square(image: Image.Image, side: int, rule: str = "pad") -> NDArray[np.uint8]:
    """Resize an RGB image to a square, with Pillow's antialiased bilinear filter.

    Args:
        image: a PIL image in mode RGB, as `load_image` returns it.
        side: pixels of the square's side.
        rule: ``"pad"`` (default), ``"crop"`` or ``"stretch"``.

    Returns:
        Array of shape ``(side, side, 3)``, ``uint8``, RGB, values 0 to 255.

    Raises:
        SettingsError: `rule` is none of the three, or `side` is less than 1.

    Example:
        >>> to_square(load_image("x.jpg"), 256).shape
        (256, 256, 3)
    """
    if rule not in RESIZE_RULES:
        raise SettingsError(f"Expected resize to be one of {RESIZE_RULES}. Received: {rule!r}")
    if side < 1:
        raise SettingsError(f"Expected side to be 1 or more. Received: {side}")
    if rule == "stretch":
        return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR))
    width, height = image.size
    longer, shorter = max(width, height), min(width, height)
    scale = side / (longer if rule == "pad" else shorter)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    resized = image.resize(size, Image.Resampling.BILINEAR)
    canvas = Image.new("RGB", (side, side), border_colour(image))
    canvas.paste(resized, ((side - size[0]) // 2, (side - size[1]) // 2))
    return np.asarray(canvas)


def square_of(size: tuple[int, int], rule: str) -> tuple[int, int, int, int]:
    """Return which part of a picture the square of `to_square` shows, to the nearest pixel.

    Args:
        size: width and height of the picture.
        rule: one of `RESIZE_RULES`.

    Returns:
        Left, top, right and bottom, in pixels of the picture; beyond its edges where it is padded.

    Example:
        >>> square_of((100, 200), "pad"), square_of((100, 200), "crop")
        ((-50, 0, 150, 200), (0, 50, 100, 150))
    """
    width, height = size
    if rule == "stretch":
        return 0, 0, width, height
    side = max(size) if rule == "pad" else min(size)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side


def border_colour(image: Image.Image) -> tuple[int, int, int]:
    """Return the median colour of an RGB image's outermost pixels, what its background looks like.

    Example:
        >>> border_colour(Image.new("RGB", (4, 4), "white"))
        (255, 255, 255)
    """
    width, height = image.size
    lines = [
        (0, 0, width, 1),
        (0, height - 1, width, height),
        (0, 0, 1, height),
        (width - 1, 0, width, height),
    ]
    # Cut out first: an array of the whole picture would be a copy of it.
    edges = np.concatenate([np.asarray(image.crop(line)).reshape(-1, 3) for line in lines])
    red, green, blue = np.median(edges, axis=0).astype(int).tolist()
    return red, green, blue
