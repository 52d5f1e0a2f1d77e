"""The command: ``python -m benchmarks.review`` measures what a review is worth."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

import apparel_clf as ac
from apparel_clf.dataset import open_version
from apparel_clf.review import Judge, Looks, Order, judge_by_model
from benchmarks.review.gain import SHARES, Trial, found_in, mended
from benchmarks.review.results import write
from benchmarks.review.spoil import Spoilt, spoil

_RESULTS = Path("benchmarks/results")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the study. Returns the exit status."""
    options = _options(argv)
    rounds = []
    for seed in range(options.seeds):
        with tempfile.TemporaryDirectory(prefix="review-") as folder:
            rounds.append(_round(options, Path(folder), seed))
        print(json.dumps(rounds[-1]), flush=True)
    sys.stdout.write(write(options.out, options.data.name, rounds))
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.review", description=__doc__)
    told = os.environ.get("APPAREL_TEST_DATA")
    folder = Path(told) if told else None
    parser.add_argument("--data", type=Path, default=folder and folder / "photos")
    parser.add_argument("--others", type=Path, default=folder and folder / "catalogue")
    parser.add_argument("--weights", help="default: none, an untrained backbone")
    parser.add_argument("--image-size", type=int, default=256)
    parser.add_argument("--seeds", type=int, default=2, help="rounds with other faults")
    parser.add_argument("--out", type=Path, default=_RESULTS, metavar="DIR")
    options = parser.parse_args(argv)
    if options.data is None or options.others is None:
        parser.error("needs --data and --others, folders of class folders, or APPAREL_TEST_DATA")
    return options


def _round(options: argparse.Namespace, folder: Path, seed: int) -> dict[str, Any]:
    spoilt = spoil(options.data, options.others, folder / "spoilt", seed)
    classifier = ac.ApparelClassifier(
        weights=options.weights,
        image_size=options.image_size,
        precision="float32",
        verbose=False,
    )
    trial = Trial.of(spoilt, classifier)
    before = trial.hits(spoilt.given)
    every = trial.hits({s: label for s, label in spoilt.truth.items() if label})
    model = judge_by_model(ac.ImageFolder(spoilt.folder / "v1"), classifier)
    return {
        "seed": seed,
        "images": len(spoilt.truth),
        "swapped": len(spoilt.swapped),
        "foreign": len(spoilt.foreign),
        "judged": len(before),
        "hits_before": int(before.sum()),
        "hits_all_mended": int(every.sum()),
        "orders": [_judged(judge, spoilt, trial, before, folder) for judge in (model, Looks())],
    }


def _judged(
    judge: Judge, spoilt: Spoilt, trial: Trial, before: np.typing.NDArray[np.bool_], folder: Path
) -> dict[str, Any]:
    copy = folder / judge.name
    shutil.copytree(spoilt.folder, copy, symlinks=True)
    ranked = Order.by(judge, open_version(spoilt.folder / "v1").rows).ranked()
    versions = [trial.hits(labels) for labels in mended(spoilt, judge, copy)]
    return {
        "name": judge.name,
        "what": judge.what,
        "found": [asdict(found) for found in found_in(ranked, spoilt)],
        "mended": [
            {
                "share": share,
                "hits": int(hits.sum()),
                "only_before": int((before & ~hits).sum()),
                "only_after": int((hits & ~before).sum()),
            }
            for share, hits in zip(SHARES, versions, strict=True)
        ],
    }


if __name__ == "__main__":
    raise SystemExit(main())
