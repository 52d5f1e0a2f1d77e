"""What tests of the classifier share: small labelled sets, a network that is quick to train."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from apparel_clf.classifier import ApparelClassifier
from apparel_clf.dataset import ImageSet, Sample

# Two convolutions with a pooling after each: of the same kind as VGG16, and trained in a second.
SMALL_BLOCKS = ((4, 1), (8, 1))
COLOURS = {"jeans": (60, 80, 150), "saree": (190, 60, 60), "trousers": (150, 140, 110)}


class SmallClassifier(ApparelClassifier):
    """The classifier on a small untrained backbone."""

    _blocks = SMALL_BLOCKS


def noisy_square(label: str, seed: int) -> Image.Image:
    """A picture of a class: its colour, with noise and a lighter stripe somewhere."""
    rng = np.random.default_rng([seed, len(label)])
    pixels = rng.normal(COLOURS[label], 40.0, (40, 30, 3))
    left = int(rng.integers(0, 25))
    pixels[:, left : left + 5] += 60
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def labelled_set(parent: Path, name: str, count: int = 8, first_seed: int = 0) -> ImageSet:
    """Write images of three classes and return them as a set."""
    samples = []
    for label in COLOURS:
        folder = parent / name / label
        folder.mkdir(parents=True)
        for seed in range(first_seed, first_seed + count):
            path = folder / f"{seed}.png"
            noisy_square(label, seed).save(path)
            samples.append(Sample(path, label, name))
    return ImageSet(samples, COLOURS, name="toy/v1", split_name=name, version_id="abc123")


@pytest.fixture
def small_set(tmp_path: Path) -> Callable[..., ImageSet]:
    """Write images of three classes and return them as a set."""

    def make(name: str = "train", count: int = 8, first_seed: int = 0) -> ImageSet:
        return labelled_set(tmp_path, name, count, first_seed)

    return make


@pytest.fixture
def small_classifier() -> Callable[..., ApparelClassifier]:
    """Make an unfitted classifier that is quick to train."""

    def make(**params: object) -> ApparelClassifier:
        defaults = {"weights": None, "image_size": 32, "precision": "float32", "verbose": False}
        return SmallClassifier(**{**defaults, **params})

    return make
