"""The command: ``python -m benchmarks.strangers`` compares scores, and writes it down."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apparel_clf import __version__
from apparel_clf.model.weights import describe_weights
from benchmarks.strangers.judging import judged
from benchmarks.strangers.results import write
from benchmarks.strangers.trials import trials_of
from benchmarks.versions import cpus, package_version

_RESULTS = Path("benchmarks/results")
_PACKAGES = ("tensorflow", "keras", "numpy", "pillow", "scikit-learn")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the study. Returns the exit status."""
    options = _options(argv)
    rows: list[dict[str, Any]] = []
    for trial in trials_of(options.data, options.others, options.weights):
        rows += judged(trial)
        print(f"{trial.name}: {len(trial.known.samples)} known", flush=True)
    sys.stdout.write(write(options.out, _settings(options), rows))
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.strangers", description=__doc__)
    told = os.environ.get("APPAREL_TEST_DATA")
    folder = Path(told) if told else None
    parser.add_argument("--data", type=Path, default=folder and folder / "photos")
    parser.add_argument("--others", type=Path, default=folder and folder / "catalogue")
    parser.add_argument("--weights", help="default: none, an untrained backbone")
    parser.add_argument("--out", type=Path, default=_RESULTS, metavar="DIR")
    options = parser.parse_args(argv)
    if options.data is None or options.others is None:
        parser.error("needs --data and --others, folders of class folders, or APPAREL_TEST_DATA")
    return options


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    told = describe_weights(options.weights)
    return {
        "weights": "none (untrained backbone)" if told == "none" else told,
        "data": options.data.name,
        "others": options.others.name,
        "apparel-clf": __version__,
        "CPUs": cpus(),
        **{name: package_version(name) for name in _PACKAGES},
    }


if __name__ == "__main__":
    raise SystemExit(main())
