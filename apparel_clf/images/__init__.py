"""Bytes in, an upright RGB image or a typed error out; signatures for finding duplicates."""

from apparel_clf.images.apart import ApartBytes, BytesApart
from apparel_clf.images.decode import (
    DECODERS,
    MAX_PIXELS,
    Header,
    ImageSource,
    describe,
    image_bytes,
    load_image,
    read_header,
)
from apparel_clf.images.resize import RESIZE_RULES, to_square
from apparel_clf.images.signature import HASH_FORMAT, Keep, Signature, sign

__all__ = [
    "DECODERS",
    "HASH_FORMAT",
    "MAX_PIXELS",
    "RESIZE_RULES",
    "ApartBytes",
    "BytesApart",
    "Header",
    "ImageSource",
    "Keep",
    "Signature",
    "describe",
    "image_bytes",
    "load_image",
    "read_header",
    "sign",
    "to_square",
]
