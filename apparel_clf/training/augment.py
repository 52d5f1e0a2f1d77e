"""Augmentation: a picture's further views, each fixed by the picture's own content."""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from PIL import Image

from apparel_clf.errors import SettingsError
from apparel_clf.images.resize import border_colour

# Beyond these a garment is no longer the same picture, or nothing of it is left.
_LARGEST = {"rotation": 180.0, "zoom": 0.9, "shift": 0.9, "brightness": 0.9}


@dataclass(frozen=True)
class Augmentation:
    """How far a view may stray from its picture. Each amount is drawn evenly from ± its value.

    Args:
        flip: mirror left and right in half of the views. Default True.
        rotation: degrees. Default 10.
        zoom: fraction by which the picture grows or shrinks. Default 0.1.
        shift: fraction of width and of height. Default 0.05.
        brightness: fraction by which all colours grow lighter or darker. Default 0.15.

    Raises:
        SettingsError: an amount is negative or too large.

    Example:
        >>> Augmentation(rotation=5).apply(load_image("x.jpg"), seed=1).size
        (600, 800)
    """

    flip: bool = True
    rotation: float = 10.0
    zoom: float = 0.1
    shift: float = 0.05
    brightness: float = 0.15

    def __post_init__(self) -> None:
        for name, largest in _LARGEST.items():
            value = getattr(self, name)
            if not isinstance(value, (int, float)) or not 0 <= value <= largest:
                raise SettingsError(
                    f"Expected {name} to be a number from 0 to {largest}. Received: {value!r}"
                )

    @classmethod
    def none(cls) -> Augmentation:
        """Return the augmentation that changes nothing."""
        return cls(flip=False, rotation=0.0, zoom=0.0, shift=0.0, brightness=0.0)

    @property
    def changes(self) -> bool:
        """Whether a view can differ from its picture at all."""
        return self != Augmentation.none()

    def apply(self, image: Image.Image, seed: int) -> Image.Image:
        """Make one view of a picture.

        Args:
            image: a PIL image in mode RGB; not changed.
            seed: decides everything that is drawn; see `view_seed`.

        Returns:
            A new image of the same size. What comes in from outside the picture has the colour
            of its border.
        """
        # Always six draws, so that switching one amount off leaves the others as they were.
        mirror, *drawn = np.random.default_rng(seed).uniform(-1.0, 1.0, 6).tolist()
        turn, grow, right, down, light = drawn
        moved = image.transform(
            image.size,
            Image.Transform.AFFINE,
            self._inverse(image.size, self.flip and mirror < 0, turn, grow, right, down),
            resample=Image.Resampling.BICUBIC,
            fillcolor=border_colour(image),
        )
        factor = 1.0 + self.brightness * light
        return moved.point([min(255, round(value * factor)) for value in range(256)] * 3)

    def to_json(self) -> dict[str, Any]:
        """Return the amounts as plain values; ``Augmentation(**values)`` reads them back."""
        return asdict(self)

    def _inverse(
        self,
        size: tuple[int, int],
        mirrored: bool,
        turn: float,
        grow: float,
        right: float,
        down: float,
    ) -> tuple[float, ...]:
        """Return the affine map from a pixel of the view to the pixel of the picture it shows."""
        width, height = size
        angle = math.radians(self.rotation * turn)
        scale = 1.0 / (1.0 + self.zoom * grow)
        cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
        sign = -1.0 if mirrored else 1.0
        a, b, d, e = sign * cos, sign * sin, -sin, cos
        x = width / 2 + self.shift * right * width
        y = height / 2 + self.shift * down * height
        return a, b, width / 2 - a * x - b * y, d, e, height / 2 - d * x - e * y


def view_seed(image: Image.Image, view: int, random_state: int) -> int:
    """Derive a view's seed from the picture's pixels, so that order and path don't matter.

    Args:
        image: the decoded picture.
        view: number of the view, from 1; view 0 is the plain picture and needs no seed.
        random_state: the run's seed.

    Returns:
        A whole number below 2**64.
    """
    digest = hashlib.sha256(f"{image.size}:{view}:{random_state}:".encode())
    digest.update(image.tobytes())
    return int.from_bytes(digest.digest()[:8], "big")
