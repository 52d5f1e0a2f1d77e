"""The command: ``python -m benchmarks.recipes`` cross-validates recipes, and writes it down."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apparel_clf as ac
from benchmarks.tables import table
from benchmarks.versions import cpus, package_version

_RESULTS = Path("benchmarks/results")
#: What is compared with the first: its name, and the classifier's settings.
VARIANTS: dict[str, dict[str, Any]] = {
    "seed": {"recipe": "seed"},
    "fast": {},
    "best": {"recipe": "best"},
    "plain probe: L2 of 1e-3": {"l2": 1e-3, "epochs": 100},
    "fast, L2 of 1e-4": {"l2": 1e-4},
    "fast, L2 of 1e-6": {"l2": 1e-6},
    "fast, 12 steps": {"epochs": 12},
    "fast, Adam": {"solver": "adam", "learning_rate": 3e-2, "l2": 0.0, "epochs": 20},
    "fast, mean of block 5": {"head": "gap"},
    "fast, means of blocks 2 to 5": {"head": "pooled"},
    "fast, means and all of block 5": {"head": "pooled+flatten"},
    "fast, 2 views": {"views": 2},
    "fast, 5 views": {"views": 5},
    "fast, crop": {"resize": "crop"},
    "fast, stretch": {"resize": "stretch"},
    "fast, bfloat16": {"precision": "bfloat16"},
}
_PACKAGES = ("tensorflow", "keras", "numpy", "pillow", "scikit-learn")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the study. Returns the exit status."""
    options = _options(argv)
    data = ac.ImageFolder(options.data)
    chosen = {n: s for n, s in VARIANTS.items() if not options.only or n in options.only}
    judged: dict[str, Any] = {}
    rows = []
    for name, settings in chosen.items():
        began = time.perf_counter()
        settings = {"precision": "float32", "verbose": False, **settings}
        classifier = ac.ApparelClassifier(weights=options.weights, **settings)
        judged[name] = ac.cross_validate(data, classifier, k=options.folds)
        rows.append(_row(name, judged, time.perf_counter() - began))
        print(json.dumps(rows[-1]), flush=True)
    _write(options, data, rows)
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recipes", description=__doc__)
    folder = os.environ.get("APPAREL_TEST_DATA")
    default = Path(folder) / "photos" if folder else None
    parser.add_argument("--data", type=Path, default=default, help="class folders")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--weights", help="default: none, an untrained backbone")
    parser.add_argument("--only", action="append", choices=list(VARIANTS))
    parser.add_argument("--name", default="recipes", help="of the files written")
    parser.add_argument("--out", type=Path, default=_RESULTS, metavar="DIR")
    options = parser.parse_args(argv)
    if options.data is None:
        parser.error("needs --data, a folder of class folders, or APPAREL_TEST_DATA")
    return options


def _row(name: str, judged: dict[str, Any], seconds: float) -> dict[str, Any]:
    found = judged[name]
    first = next(iter(judged.values()))
    beside = ac.compare(first, found) if found is not first else None
    return {
        "name": name,
        "n": found.n,
        "errors": sum(not row.right for row in found.report.rows),
        "accuracy": found.accuracy,
        "ci": list(found.ci),
        "log_loss": found.report.log_loss,
        "ece": found.report.calibration.ece,
        "ece_null_high": found.report.calibration.null_high,
        "temperature": found.temperature,
        "only_first_right": beside.only_a_right if beside else None,
        "only_this_right": beside.only_b_right if beside else None,
        "p_value": beside.p_value if beside else None,
        "per_class_recall": {k: v.recall for k, v in found.report.per_class.items()},
        "folds": [fold.accuracy for fold in found.folds],
        "weights": found.report.weights,
        "split_id": found.report.split_id,
        "recipe": found.recipe.to_json(),
        "seconds": seconds,
    }


def _write(options: argparse.Namespace, data: Any, rows: list[dict[str, Any]]) -> None:
    lines = [
        [
            row["name"],
            f"{row['errors']}",
            f"{row['accuracy']:.1%}",
            f"{row['ci'][0]:.1%} to {row['ci'][1]:.1%}",
            f"{row['log_loss']:.3f}",
            f"{row['ece']:.3f} ({row['ece_null_high']:.3f})",
            "" if row["p_value"] is None else f"{row['only_first_right']}",
            "" if row["p_value"] is None else f"{row['only_this_right']}",
            "" if row["p_value"] is None else f"{row['p_value']:.1e}",
        ]
        for row in rows
    ]
    first = rows[0]["name"]
    head = ["recipe", "errors", "accuracy", "95% interval", "log loss", "ECE (chance)"]
    head += [f"only {first} right", "only this right", "McNemar p"]
    weights = rows[0]["weights"]
    told = "none (untrained backbone)" if weights == "none" else weights
    text = (
        f"# Recipes, {options.data.name}\n\n"
        f"n={rows[0]['n']}, {options.folds}-fold grouped, stratified cross-validation, the same "
        f"folds for all; weights {told}; features in float32 where a "
        f"line says nothing else. Classes: "
        f"{', '.join(f'{k} {v}' for k, v in data.class_counts.items())}.\n\n"
        + table(head, lines)
        + "\n\nECE: calibration error after a temperature that the other folds gave, and what "
        "chance alone stays under 19 times in 20.\n\n"
        + "\n".join(f"- {name}: {package_version(name)}" for name in _PACKAGES)
        + f"\n- CPUs: {cpus()}\n- apparel-clf: {ac.__version__}\n"
    )
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / f"{options.name}.md").write_text(text, encoding="utf-8")
    (options.out / f"{options.name}.json").write_text(json.dumps(rows, indent=2) + "\n")
    sys.stdout.write(text)


if __name__ == "__main__":
    raise SystemExit(main())
