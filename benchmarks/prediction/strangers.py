"""How many pictures of other things a model keeps from being sold as one of its classes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.tables import table

_STRANGERS = 400


def strangers(model: Path, data: Path, others: Path | None) -> list[dict[str, Any]]:
    """See how many pictures of other things are kept from being sold as one of ours.

    What is uncertain is fitted on train, val and one half of the strangers, and judged on test and
    the other half; and on pictures of the model's own classes from where the strangers come from,
    since a model may know the place instead of the thing.

    Args:
        model: a model file.
        data: class folders that the model was trained on, with their splits.
        others: class folders.
    """
    import apparel_clf as ac

    if others is None:
        return []
    train, val, test = ac.ImageFolder(data).split()
    classifier = ac.load(model)
    classifier.verbose = False
    learnt, held, own = _drawn(ac.ImageFolder(others).samples, classifier.classes_)
    rows = []
    judged: list[list[Any]] = []
    told: list[bool] = []
    for fitted, precision, more, seen in (
        ("val", 0.99, None, None), ("val and strangers", 0.8, learnt, None),
        ("val and strangers", 0.9, learnt, None), ("val and strangers", 0.95, learnt, None),
        ("val and train", 0.99, None, train), ("val, train and strangers", 0.95, learnt, None),
    ):  # fmt: skip
        threshold = classifier.fit_threshold(val, precision, more, train=seen)
        if seen or not judged:
            judged = [classifier.predict(images) for images in (test, held, own)]
            told = [p.label == path.parent.name for p, path in zip(judged[2], own, strict=True)]
        least = 2.0 if threshold is None else threshold
        known, unknown, elsewhere = ([_sure(p, least) for p in found] for found in judged)
        right = [p.label == s.label for p, s in zip(judged[0], test.samples, strict=True)]
        rows.append(
            {
                "fitted_on": fitted,
                "precision": precision,
                "threshold": threshold,
                "known": len(known),
                "known_kept": sum(known),
                "known_right": sum(k and r for k, r in zip(known, right, strict=True)),
                "strangers": len(unknown),
                "strangers_kept": sum(unknown),
                "elsewhere": len(elsewhere),
                "elsewhere_kept": sum(elsewhere),
                "elsewhere_right": sum(told),
            }
        )
    return rows


def _drawn(samples: Sequence[Any], classes: Sequence[str]) -> tuple[list[Path], ...]:
    """Two halves of some strangers, and some pictures of the classes themselves."""
    strange = [s.path for s in samples if s.label not in classes]
    drawn = random.Random(0).sample(strange, min(_STRANGERS, len(strange)))
    own = [s.path for s in samples if s.label in classes]
    return drawn[::2], drawn[1::2], random.Random(0).sample(own, min(_STRANGERS // 4, len(own)))


def _sure(prediction: Any, least: float) -> bool:
    near = prediction.distance is None or prediction.distance <= 1
    return bool(near and prediction.confidence >= least)


def strangers_table(found: list[dict[str, Any]]) -> str:
    """Lay out what `strangers` found."""
    rows = [
        [
            one["fitted_on"],
            f"{one['precision']:.0%}",
            "none is enough" if one["threshold"] is None else f"{one['threshold']:.3f}",
            f"{one['known_kept']} of {one['known']}, {one['known_right']} right",
            f"{one['strangers'] - one['strangers_kept']} of {one['strangers']}",
            f"{one['elsewhere'] - one['elsewhere_kept']} of {one['elsewhere']}, "
            f"{one['elsewhere_right']} labelled right",
        ]
        for one in found
    ]
    head = ["fitted on", "precision asked", "threshold", "test images kept", "strangers refused"]
    return table([*head, "own classes from there refused"], rows)
