"""The models under load: a tiny network, where all but the network counts, and a full-size one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from apparel_clf.classifier import ApparelClassifier
from apparel_clf.dataset import ImageSet, Sample

_COLOURS = {"jeans": (60, 80, 150), "saree": (190, 60, 60), "trousers": (150, 140, 110)}
_EACH = 6


class _Tiny(ApparelClassifier):
    """The classifier on two small layers."""

    _blocks = ((4, 1), (8, 1))  # type: ignore[assignment] # fewer blocks than VGG16 has


def made(folder: Path) -> dict[str, Path]:
    """Train both on a few drawn pictures; what they say does not matter here.

    Args:
        folder: where to write them.

    Returns:
        Name and file of each.
    """
    train = _drawn(folder)
    tiny = _Tiny(weights=None, image_size=32, precision="float32", verbose=False).fit(train)
    full = ApparelClassifier(weights=None, views=1, precision="float32", verbose=False).fit(train)
    exported = folder / "full.onnx"
    full.export(exported)
    return {
        "Tiny network": tiny.save(folder / "tiny.keras"),
        "VGG16 at 256 pixels": exported,
    }


def _drawn(folder: Path) -> ImageSet:
    rng = np.random.default_rng(0)
    samples = []
    for label, colour in _COLOURS.items():
        for number in range(_EACH):
            path = folder / f"{label}-{number}.png"
            pixels = rng.normal(colour, 40.0, (80, 60, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(path)
            samples.append(Sample(path, label, "train"))
    return ImageSet(samples, _COLOURS, name="drawn", split_name="train", version_id=None)
