"""Where the network looked, laid over the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from apparel_clf.images.resize import square_of
from apparel_clf.inference.prediction import Prediction

# Longer sides are shown reduced: heat has few places anyway.
_LONGEST = 1024
# How strongly the hottest place covers the picture.
_STRENGTH = 0.65
# From nothing over violet and orange to yellow, told apart also without colours by lightness.
_COLOURS = np.array(
    [(0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164)], np.float64
)


@dataclass(frozen=True)
class Explanation:
    """Which parts of a picture spoke for a class.

    Grad-CAM (Selvaraju and others, 2017) on the last feature map, whose places are 32 pixels of
    the network's input wide: it tells in which part of the picture, not which thread.

    Args:
        prediction: what the network says of the picture.
        label: the class that is explained.
        heat: 0 for nothing to 1 for the most, ``float32`` of shape ``(height, width)`` of
            `picture`; all 0 where nothing spoke for the class.
        picture: the upright picture, in mode RGB, at most 1024 pixels on its longer side.
    """

    prediction: Prediction
    label: str
    heat: NDArray[np.float32]
    picture: Image.Image

    @property
    def empty(self) -> bool:
        """Whether no part of the picture speaks for the class by itself: all heat is 0.

        Usual with an untrained backbone. The overlay is then the plain picture.
        """
        return not self.heat.any()

    def overlay(self) -> Image.Image:
        """Return the picture with the heat laid over it, in mode RGB.

        Example:
            >>> clf.explain("x.jpg").overlay().save("why.png")
        """
        # One colour after the other: all three at once would take a hundred bytes a pixel.
        planes = [self._mixed(place, plane) for place, plane in enumerate(self.picture.split())]
        return Image.merge("RGB", planes)

    def _mixed(self, place: int, plane: Image.Image) -> Image.Image:
        """Lay the heat's red, green or blue over the picture's."""
        levels = np.linspace(0, 1, len(_COLOURS))
        colours = np.interp(self.heat, levels, _COLOURS[:, place])
        share = _STRENGTH * self.heat
        mixed = np.asarray(plane) * (1 - share) + colours * share
        return Image.fromarray(mixed.round().astype(np.uint8))


def explanation(
    prediction: Prediction, label: str, heat: NDArray[np.float32], picture: Image.Image, rule: str
) -> Explanation:
    """Lay the heat of a square over the picture that the square was made of.

    Args:
        prediction: what the network says of the picture.
        label: the class that is explained.
        heat: what each place of the last map speaks for the class, ``(rows, columns)``.
        picture: the picture, upright and in mode RGB.
        rule: how it was made square, one of `RESIZE_RULES`.
    """
    shown = picture.copy()
    shown.thumbnail((_LONGEST, _LONGEST), Image.Resampling.BILINEAR)
    positive = np.maximum(heat, 0)
    most = float(positive.max(initial=0))
    share = (positive / (most or 1.0)).astype(np.float32)
    return Explanation(prediction, label, _laid_over(share, shown.size, rule), shown)


def _laid_over(share: NDArray[np.float32], size: tuple[int, int], rule: str) -> NDArray[np.float32]:
    """Enlarge heat to a picture's size; what was cut off is cold, what was added is left out."""
    left, top, right, bottom = square_of(size, rule)
    square = Image.fromarray(share)
    enlarged = square.resize((right - left, bottom - top), Image.Resampling.BICUBIC)
    canvas = Image.new("F", size)
    canvas.paste(enlarged, (left, top))
    return np.asarray(np.clip(np.asarray(canvas), 0, 1), np.float32)
