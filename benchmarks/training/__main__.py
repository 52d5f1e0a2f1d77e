"""The command: ``python -m benchmarks.training`` measures training, and writes it down."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from apparel_clf import __version__
from benchmarks.errors import BenchmarkError
from benchmarks.measure import measured
from benchmarks.tables import table
from benchmarks.training.tasks import FINE_TUNED, GMAC, TASKS
from benchmarks.versions import cpus, package_version

_ROOT = Path(__file__).parents[2]
_RESULTS = Path("benchmarks/results")
_LIMIT = 7200.0
#: Epochs of the comparison; the seed's are extrapolated from two.
EPOCHS = 20
_PACKAGES = ("tensorflow", "keras", "numpy", "pillow", "scikit-learn")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark. Returns the exit status."""
    options = _options(argv)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as kept:
            found = {name: _measured(name, options, Path(kept)) for name in _wanted(options)}
    except BenchmarkError as error:
        sys.stderr.write(f"benchmark: error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("benchmark: interrupted\n")
        return 130
    document = {"settings": _settings(options), "tasks": found}
    options.out.mkdir(parents=True, exist_ok=True)
    text = markdown(document)
    (options.out / "training.md").write_text(text, encoding="utf-8")
    (options.out / "training.json").write_text(json.dumps(document, indent=2) + "\n")
    print(f"\n{text}")
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    data = os.environ.get("APPAREL_TEST_DATA")
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(data) / "catalogue" if data else None,
        help="class folders (default: catalogue in APPAREL_TEST_DATA)",
    )
    parser.add_argument("--train", type=int, default=750)
    parser.add_argument("--val", type=int, default=337)
    parser.add_argument("--only", action="append", choices=list(TASKS))
    parser.add_argument("--out", type=Path, default=_RESULTS, metavar="DIR")
    options = parser.parse_args(argv)
    if options.data is None:
        parser.error("needs --data, a folder of class folders, or APPAREL_TEST_DATA")
    return options


def _wanted(options: argparse.Namespace) -> list[str]:
    # In this order: the second and third find the first one's features.
    return [name for name in TASKS if options.only is None or name in options.only]


def _measured(name: str, options: argparse.Namespace, kept: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.training.tasks", name]
    command += ["--data", str(options.data.resolve())]
    command += ["--train", str(options.train), "--val", str(options.val)]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        keeps = name in {"fast", "again", "one_percent_new"}
        cache = kept if keeps else Path(folder) / "cache"
        os.environ["APPAREL_CLF_CACHE"] = str(cache)
        out = Path(folder) / "out.txt"
        shell = ["sh", "-c", f'exec "$@" > {out}', "sh", *command]
        usage = measured(shell, folder=Path(folder), root=_ROOT, limit=_LIMIT)
        told = json.loads(out.read_text().splitlines()[-1])
    print(f"{name}: {usage.wall:.1f} s, {usage.peak_python / 1e6:.0f} MB", flush=True)
    return {**told, "wall_s": usage.wall, "peak_mb": usage.peak_python / 1e6}


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "training images": options.train,
        "validation images": options.val,
        "epochs": EPOCHS,
        "weights": "none (untrained backbone)",
        "CPUs": cpus(),
        "apparel-clf": __version__,
        **{name: package_version(name) for name in _PACKAGES},
    }


def markdown(document: dict[str, Any]) -> str:
    """Lay the figures out as tables.

    Args:
        document: settings, and the figures of each task that was run.
    """
    found = document["tasks"]
    parts = ["# Training", _ways(found), _fine_tuning(found), _limits(found)]
    lines = [f"- {name}: {value}" for name, value in document["settings"].items()]
    parts += ["## Settings and versions\n\n" + "\n".join(lines)]
    return "\n\n".join(part for part in parts if part) + "\n"


def seed_seconds(seed: dict[str, Any]) -> float:
    """Extrapolate the seed's training from its measured epochs.

    Args:
        seed: its figures; the second epoch is timed by itself, the first has the start-up in it.
    """
    return float(seed["to_first_epoch"] + (EPOCHS - 1) * seed["epochs"][0])


def _ways(found: dict[str, Any]) -> str:
    names = {
        "seed": f"seed, {EPOCHS} epochs, extrapolated from 2",
        "fast": f"fast, {EPOCHS} epochs",
        "again": "the same again, features from the cache",
        "one_percent_new": "with 1% of the images new",
        "best": "best",
    }
    base = seed_seconds(found["seed"]) if "seed" in found else None
    rows = []
    for name, title in names.items():
        if name in found:
            seconds = base if name == "seed" and base else found[name]["seconds"]
            ratio = f"{base / seconds:.1f}" if base else ""
            rows.append([title, f"{seconds:.1f}", ratio, f"{found[name]['peak_mb']:,.0f}"])
    head = ["way", "fit, s", "times faster", "peak memory, MB"]
    return "## From images to a fitted model\n\n" + table(head, rows) if rows else ""


def _fine_tuning(found: dict[str, Any]) -> str:
    if not {"whole", "block5"} <= set(found):
        return ""
    ours, theirs = found["block5"], found["whole"]
    # Without each one's first: the head's training comes before it, or tracing is in it.
    after, whole = ours["epochs"][1 - FINE_TUNED :], theirs["epochs"][1:]
    losses = ours["history"]["val_loss"][-FINE_TUNED:]
    rows = [
        ["whole network", f"{median(whole):.1f}", _told(whole), f"{theirs['peak_mb']:,.0f}"],
        ["from block 4's outputs", f"{median(after):.1f}", _told(after), f"{ours['peak_mb']:,.0f}"],
        ["ratio", f"{median(whole) / median(after):.1f}", "", ""],
    ]
    apart = max(abs(a - b) for a, b in zip(losses, theirs["val_loss"], strict=False))
    return (
        "## Fine-tuning block 5, float32\n\n"
        + table(["way", "an epoch, s", "each", "peak memory, MB"], rows)
        + f"\n\nValidation losses of equal epochs differ by {apart:.1e} at most."
    )


def _told(seconds: Sequence[float]) -> str:
    return ", ".join(f"{each:.1f}" for each in seconds)


def _limits(found: dict[str, Any]) -> str:
    if "limit" not in found:
        return ""
    rows = []
    for name in ("float32", "bfloat16"):
        told = found["limit"][name]
        used = told["images_per_s"] * GMAC
        rows.append(
            [
                name,
                f"{told['gmac_per_s']:.0f}",
                f"{told['images_per_s']:.1f}",
                f"{used:.0f}",
                f"{used / told['gmac_per_s']:.0%}",
            ]
        )
    head = ["arithmetic", "matrices, GMAC/s", "features, img/s", "of VGG16, GMAC/s", "share"]
    return (
        "## Share of the machine's limit\n\n"
        + table(head, rows)
        + "\n\nA share above 100% is possible in float32: 3x3 convolutions on many channels are "
        "computed with a quarter of the multiplications (Winograd)."
    )


if __name__ == "__main__":
    raise SystemExit(main())
