"""A small judged set with real pictures, from which every test of the evaluation starts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from apparel_clf.evaluation import evaluate_predictions
from apparel_clf.training import History

CLASSES = ("jeans", "saree", "trousers")
COLOURS = {"jeans": "navy", "saree": "crimson", "trousers": "olive"}
# Row by row: true class, probabilities. Six right, two wrong: jeans taken for trousers.
ANSWERS = (
    ("jeans", (0.9, 0.0, 0.1)),
    ("jeans", (0.6, 0.1, 0.3)),
    ("jeans", (0.2, 0.0, 0.8)),
    ("jeans", (0.45, 0.0, 0.55)),
    ("saree", (0.1, 0.8, 0.1)),
    ("saree", (0.0, 1.0, 0.0)),
    ("trousers", (0.3, 0.1, 0.6)),
    ("trousers", (0.0, 0.3, 0.7)),
)


@pytest.fixture
def pictures(tmp_path):
    """Paths of eight drawn pictures, one for each of ANSWERS, in test/<class>/."""
    paths = []
    for number, (label, _) in enumerate(ANSWERS):
        path = tmp_path / "demo" / "test" / label / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40 + number, 60), COLOURS[label]).save(path)
        paths.append(str(path))
    return paths


@pytest.fixture
def history():
    return History(
        {
            "loss": [0.9, 0.5, 0.3],
            "accuracy": [0.5, 0.8, 0.9],
            "val_loss": [0.8, 0.4, 0.6],
            "val_accuracy": [0.6, 0.9, 0.8],
        },
        kept=1,
    )


@pytest.fixture
def judge(pictures):
    """A function that evaluates ANSWERS; any argument can be given another value."""

    def run(**changes):
        given = {
            "y_true": np.array([CLASSES.index(label) for label, _ in ANSWERS]),
            "probabilities": np.array([row for _, row in ANSWERS], dtype=np.float32),
            "classes": CLASSES,
            "paths": pictures,
            "dataset": "demo/v1",
            "split": "test",
            "version_id": "0123456789abcdef",
            "weights": "imagenet",
        }
        return evaluate_predictions(**{**given, **changes})

    return run


@pytest.fixture
def add_picture(tmp_path):
    """A function that writes bytes under a name of one's choice and returns the path."""

    def write(name: str, data: bytes) -> str:
        path = Path(tmp_path) / name
        path.write_bytes(data)
        return str(path)

    return write
