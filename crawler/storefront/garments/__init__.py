"""Drawn garments: a catalogue of jeans, trousers and sarees that needs no files.

Example:
    >>> from crawler.storefront.garments import design, draw
    >>> draw(design("saree", 7)).save("saree.jpg", quality=90)
"""

from __future__ import annotations

from crawler.storefront.garments.photo import draw
from crawler.storefront.garments.spec import GARMENT_CLASSES, Garment, design, palette

__all__ = ["GARMENT_CLASSES", "Garment", "design", "draw", "palette"]
