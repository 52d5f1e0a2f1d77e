"""What is measured, each in a process of its own: ``python -m benchmarks.training.tasks NAME``.

The last line of standard output is a JSON document with the task's own figures.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import apparel_clf as ac
from apparel_clf.training import table as epoch_table

#: Multiplications of VGG16 without its top for one picture of 256x256, in 10^9.
GMAC = 20.04
_SIDE = 256
#: Epochs of fine-tuning from block 4's outputs.
FINE_TUNED = 3
#: Epochs of fine-tuning on the whole network that are measured; the first also traces it.
_FULL_EPOCHS = 2
#: A tenth of the recipes' default, which makes the loss of an untrained backbone ten times as
#: large: two ways of training can be compared only where neither diverges.
_RATE = 1e-6


def subset(folder: Path, train: int, val: int, more: float = 0.0) -> tuple[Any, Any]:
    """Take images at equal distances through a folder, so that all classes are there.

    Args:
        folder: class folders.
        train: how many to learn from.
        val: how many to watch.
        more: share of the training images that are exchanged for others.
    """
    data = ac.ImageFolder(folder)
    samples = data.samples
    chosen = [samples[i * len(samples) // (train + val)] for i in range(train + val)]
    left = [s for s in samples if s not in set(chosen)]
    watched = set(range(0, train + val, (train + val) // val)[:val])
    parts: dict[str, list[Any]] = {"train": [], "val": []}
    for number, sample in enumerate(chosen):
        parts["val" if number in watched else "train"].append(sample)
    for number in range(round(more * train)):
        label = parts["train"][number].label
        fresh = next(s for s in left if s.label == label)
        left.remove(fresh)
        parts["train"][number] = fresh
    return data.subset("train", parts["train"]), data.subset("val", parts["val"])


class _Clock(epoch_table.EpochTable):
    """Notes when each epoch ended."""

    ends: list[float] = []  # noqa: RUF012 # one for the process, which trains once

    def row(self, epoch: int, logs: Mapping[str, float]) -> None:  # noqa: ARG002
        """Note an epoch's end."""
        _Clock.ends.append(time.perf_counter())


def fit(recipe: str, epochs: int, options: argparse.Namespace, **own: Any) -> dict[str, Any]:
    """Train from nothing to a fitted classifier; seconds of all and of each epoch."""
    from apparel_clf.training import fit as module

    module.EpochTable = _Clock  # type: ignore[attr-defined] # the clock that the benchmark reads
    train, val = subset(options.data, options.train, options.val, own.pop("more", 0.0))
    began = time.perf_counter()
    classifier = ac.ApparelClassifier(recipe=recipe, weights=None, epochs=epochs, **own)
    classifier.fit(train, val)
    done = time.perf_counter()
    return {
        "seconds": done - began,
        "to_first_epoch": _Clock.ends[0] - began,
        "epochs": list(np.diff(_Clock.ends)),
        "precision": classifier.precision_,
        "history": classifier.history_.history,
    }


def block5(options: argparse.Namespace) -> dict[str, Any]:
    """Fine-tune block 5 from block 4's outputs; seconds of an epoch, and validation losses."""
    own = {"head": "flatten", "fine_tune": FINE_TUNED, "fine_tune_rate": _RATE, "calibrate": False}
    return fit("fast", 20, options, precision=options.precision, **own)


def whole(options: argparse.Namespace) -> dict[str, Any]:
    """Fine-tune block 5 with the whole network in the loop, as is usual."""
    import keras

    from apparel_clf.images import load_image, to_square

    train, val = subset(options.data, options.train, options.val)
    classifier = ac.ApparelClassifier(
        recipe="fast", weights=None, epochs=20, calibrate=False, precision="float32"
    ).fit(train, val)
    model = classifier.model_
    for layer in model.layers:
        layer.trainable = layer.name.startswith("block5_conv") or layer.name == "probabilities"
    model.compile(keras.optimizers.Adam(_RATE), "categorical_crossentropy", metrics=["accuracy"])

    def arrays(images: Any) -> tuple[Any, Any]:
        squares = [to_square(load_image(s.path), _SIDE) for s in images.samples]
        labels = [images.classes.index(s.label) for s in images.samples]
        return np.stack(squares), np.eye(len(images.classes), dtype=np.float32)[labels]

    (x, y), held = arrays(train), arrays(val)
    rng, seconds, losses = np.random.default_rng(0), [], []
    for _ in range(_FULL_EPOCHS):
        began = time.perf_counter()
        order = rng.permutation(len(x))
        for start in range(0, len(x), 32):
            rows = order[start : start + 32]
            model.train_on_batch(x[rows].astype(np.float32), y[rows])
        told = model.evaluate(*held, batch_size=32, verbose=0, return_dict=True)
        seconds.append(time.perf_counter() - began)
        losses.append(told["loss"])
    return {"epochs": seconds, "val_loss": losses}


def limit(options: argparse.Namespace) -> dict[str, Any]:  # noqa: ARG001
    """The machine's own rate of multiplying matrices, and that of the features."""
    from apparel_clf.model.backend import tensorflow_module
    from apparel_clf.model.build import build_network
    from apparel_clf.model.weights import fill_backbone
    from apparel_clf.training.features import FeatureExtractor

    tf = tensorflow_module()
    model = build_network(3, _SIDE, "flatten", 0)
    fill_backbone(model, None, 0)
    pictures = list(np.random.default_rng(0).integers(0, 256, (8, _SIDE, _SIDE, 3), np.uint8))
    found: dict[str, Any] = {}
    for name in ("float32", "bfloat16"):
        square = tf.cast(tf.random.stateless_normal((2048, 2048), (0, 1)), name)
        product = tf.function(lambda a: tf.reduce_max(tf.matmul(a, a)), autograph=False)
        extract = FeatureExtractor(model, name)
        found[name] = {
            "gmac_per_s": 2048**3 / 1e9 / _median(partial(_waited, product, square)),
            "images_per_s": len(pictures) / _median(partial(extract, pictures)),
        }
    return found


def _waited(product: Callable[[Any], Any], square: Any) -> Any:
    return product(square).numpy()


def _median(run: Callable[[], Any], repeats: int = 5) -> float:
    run()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds))


TASKS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "seed": lambda o: fit("seed", 2, o),
    "fast": lambda o: fit("fast", 20, o),
    "again": lambda o: fit("fast", 20, o),
    "one_percent_new": lambda o: fit("fast", 20, o, more=0.01),
    "best": lambda o: fit("best", 100, o),
    "block5": block5,
    "whole": whole,
    "limit": limit,
}


def main() -> None:
    """Run one task."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--train", type=int, default=750)
    parser.add_argument("--val", type=int, default=337)
    parser.add_argument("--precision", default="float32")
    options = parser.parse_args()
    sys.stdout.write(json.dumps(TASKS[options.task](options)) + "\n")


if __name__ == "__main__":
    main()
