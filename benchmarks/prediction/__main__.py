"""The command: ``python -m benchmarks.prediction`` measures prediction, and writes it down."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from apparel_clf import __version__
from benchmarks.errors import BenchmarkError
from benchmarks.measure import measured
from benchmarks.prediction.strangers import strangers, strangers_table
from benchmarks.prediction.tasks import GMAC
from benchmarks.tables import table
from benchmarks.versions import cpus, package_version

_ROOT = Path(__file__).parents[2]
_LIMIT = 900.0
_PACKAGES = (
    "tensorflow", "keras", "onnxruntime", "ai-edge-litert", "openvino", "numpy", "pillow",
)  # fmt: skip
#: What is exported: a name, the file, its arithmetic.
EXPORTS = (
    ("ONNX Runtime fp32", "m32.onnx", "fp32"),
    ("ONNX Runtime int8", "m8.onnx", "int8"),
    ("LiteRT fp32", "m32.tflite", "fp32"),
    ("LiteRT int8", "m8.tflite", "int8"),
    ("OpenVINO fp32", "openvino32", "fp32"),
    ("OpenVINO bf16", "openvino16", "bf16"),
    ("OpenVINO int8", "openvino8", "int8"),
)
_SCRIPT, _KERAS = "Keras script", "ours, Keras"
_STRANGERS_BY = "m8.onnx"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark. Returns the exit status."""
    options = _options(argv)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            measure = _again if options.again else _document
            document = measure(options, options.keep or Path(folder))
    except BenchmarkError as error:
        sys.stderr.write(f"benchmark: error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("benchmark: interrupted\n")
        return 130
    options.out.mkdir(parents=True, exist_ok=True)
    text = markdown(document)
    (options.out / "prediction.md").write_text(text, encoding="utf-8")
    (options.out / "prediction.json").write_text(json.dumps(document, indent=2) + "\n")
    print(f"\n{text}")
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.prediction", description=__doc__)
    data = os.environ.get("APPAREL_TEST_DATA")
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(data) / "photos" if data else None,
        help="class folders to train and judge on (default: photos in APPAREL_TEST_DATA)",
    )
    parser.add_argument("--model", type=Path, help="a .keras file instead of training one")
    parser.add_argument(
        "--keep", type=Path, help="folder for the models; those that are there are measured again"
    )
    parser.add_argument("--images", type=int, default=96, help="files of the folder")
    parser.add_argument("--calls", type=int, default=10_000, help="calls to see memory over")
    parser.add_argument(
        "--strangers",
        type=Path,
        default=Path(data) / "catalogue" if data else None,
        help="class folders of other things (default: catalogue in APPAREL_TEST_DATA)",
    )
    parser.add_argument(
        "--again",
        action="append",
        choices=list(_AGAIN),
        help="measure this part alone, on kept models; the rest is taken from the last results",
    )
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"), metavar="DIR")
    options = parser.parse_args(argv)
    if options.data is None:
        parser.error("needs --data, a folder of class folders, or APPAREL_TEST_DATA")
    return options


def _document(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    import apparel_clf as ac

    train, val, test = ac.ImageFolder(options.data).split()
    if options.model:
        classifier = ac.load(options.model)
    else:
        classifier = ac.ApparelClassifier(weights=None, verbose=False).fit(train, val)
    folder.mkdir(parents=True, exist_ok=True)
    model = classifier.save(folder / "m.keras")
    exported = dict(_exported(classifier, folder, train, test))
    images = [sample.path.resolve() for sample in test.samples][: options.images]
    ways = {_SCRIPT: model, _KERAS: model}
    ways |= {f"ours, {name}": folder / file for name, file, _ in EXPORTS}
    return {
        "settings": _settings(options, classifier, len(images)),
        "ways": {name: _way(name, path, images) for name, path in ways.items()},
        "exports": exported,
        **{part: measure(options, folder) for part, measure in _AGAIN.items()},
    }


def _again(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The last results with parts measured anew that depend on no other."""
    last = options.out / "prediction.json"
    if not ((folder / _STRANGERS_BY).is_file() and last.is_file()):
        raise BenchmarkError(f"--again needs {folder / _STRANGERS_BY} (see --keep) and {last}")
    document: dict[str, Any] = json.loads(last.read_text())
    return document | {part: _AGAIN[part](options, folder) for part in options.again}


def _exported(classifier: Any, folder: Path, train: Any, test: Any) -> Iterator[tuple[str, Any]]:
    before = classifier.predict_proba(test)
    for name, file, precision in EXPORTS:
        if not (folder / file).exists():
            # All are written, so that all can be measured; the table shows what each loses.
            classifier.export(
                folder / file, precision, calibrate_on=train, verify_on=test, max_loss=100.0
            )
        yield (
            name,
            _compared(before, folder / file, test, classifier.classes_) | {"precision": precision},
        )


def _compared(before: Any, path: Path, test: Any, classes: Sequence[str]) -> dict[str, Any]:
    """Hold an export's answers against Keras' own."""
    import numpy as np

    import apparel_clf as ac

    after = ac.load(path).predict_proba(test)
    labels = [classes.index(sample.label) for sample in test.samples]
    files = [path] if path.is_file() else list(path.iterdir())
    return {
        "size_bytes": sum(file.stat().st_size for file in files),
        "n": len(labels),
        "accuracy": float(np.mean(after.argmax(axis=1) == labels)),
        "accuracy_before": float(np.mean(before.argmax(axis=1) == labels)),
        "agreement": float(np.mean(after.argmax(axis=1) == before.argmax(axis=1))),
        "difference": float(np.abs(after - before).max()),
    }


def _calls(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Memory over many calls, on a small square so that they take no hour."""
    import apparel_clf as ac

    train, _, test = ac.ImageFolder(options.data).split()
    small = ac.ApparelClassifier(weights=None, image_size=32, head="gap", verbose=False)
    small.fit(train).save(folder / "small.keras")
    found = {}
    for file in ("small.keras", "small.onnx", "small.tflite", "small-openvino"):
        if file != "small.keras":
            small.export(folder / file)
        found[file] = _task(
            "calls", folder / file, [test.samples[0].path], "--calls", str(options.calls)
        )
        print(f"{file}: {found[file]}", flush=True)
    return found


def _limit(options: argparse.Namespace, folder: Path) -> dict[str, Any]:  # noqa: ARG001
    return _task("limit", None, [])


def _strangers(options: argparse.Namespace, folder: Path) -> Any:
    return strangers(folder / _STRANGERS_BY, options.data, options.strangers)


#: Parts of the results that depend on no other, by name.
_AGAIN = {"limit": _limit, "calls": _calls, "strangers": _strangers}


def _way(name: str, path: Path, images: list[Path]) -> dict[str, Any]:
    kind = "script" if name == _SCRIPT else "ours"
    # The first run fills the disk's cache, as on a machine where the model was used before.
    cold = sorted(
        (_task(f"cold_{kind}", path, images[:1]) for _ in range(3)), key=lambda t: t["wall_s"]
    )[1]
    warm = _task(f"warm_{kind}", path, images)
    print(f"{name}: {cold['wall_s']:.2f} s cold, {warm['one_s'] * 1e3:.0f} ms", flush=True)
    return {
        "cold_s": cold["wall_s"],
        "cold_mb": cold["peak_mb"],
        "one_s": warm["one_s"],
        "folder_s": warm["folder_s"],
        "warm_mb": warm["peak_mb"],
    }


def _task(name: str, model: Path | None, images: list[Path], *more: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.prediction.tasks", name, *more]
    command += ["--model", str(model)] if model else []
    command += ["--images", *map(str, images)]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        out = Path(folder) / "out.txt"
        shell = ["sh", "-c", f'exec "$@" > {out}', "sh", *command]
        usage = measured(shell, folder=Path(folder), root=_ROOT, limit=_LIMIT)
        told = json.loads(out.read_text().splitlines()[-1])
    return {**told, "wall_s": usage.wall}


def _settings(options: argparse.Namespace, classifier: Any, images: int) -> dict[str, Any]:
    return {
        "weights": {"none": "none (untrained backbone)"}.get(
            classifier.weights_, classifier.weights_
        ),
        "image size": classifier.image_size,
        "files of the folder": images,
        "data": options.data.name,
        "CPUs": cpus(),
        "apparel-clf": __version__,
        **{name: package_version(name) for name in _PACKAGES},
    }


def markdown(document: dict[str, Any]) -> str:
    """Lay the figures out as tables.

    Args:
        document: settings and figures.
    """
    lines = [f"- {name}: {value}" for name, value in document["settings"].items()]
    parts = [
        "# Prediction",
        "## From a process's start, and warm\n\n" + _speed(document["ways"]),
        "Times faster than the script in brackets. Cold: from the start of the process to its "
        "first label and its end. A folder's figure has reading and decoding in it.",
        "## What each export says, beside Keras\n\n" + _agreement(document["exports"]),
        "## Share of the machine's limit\n\n" + _limits(document),
        "A share above 100% is possible: convolutions can be quicker than these products, and some "
        "runtimes save multiplications (Winograd).",
        "## Memory over many calls\n\n" + _memory(document["calls"]),
        "## Pictures of other things\n\n" + strangers_table(document["strangers"]),
        "Strangers are from another source than the photos. A distance (fitted on train) knows the "
        "source as well, as the last column shows; within one source: "
        "[strangers](strangers.md).",
        "## Settings and versions\n\n" + "\n".join(lines),
    ]
    return "\n\n".join(parts) + "\n"


def _speed(ways: dict[str, dict[str, float]]) -> str:
    script = ways[_SCRIPT]

    def cell(way: dict[str, float], name: str, scale: float, places: int) -> str:
        return f"{way[name] * scale:.{places}f} ({script[name] / way[name]:.1f}x)"

    rows = [
        [
            name,
            cell(way, "cold_s", 1, 2),
            f"{way['cold_mb']:.0f}",
            cell(way, "one_s", 1e3, 0),
            cell(way, "folder_s", 1e3, 0),
        ]
        for name, way in ways.items()
    ]
    head = ["way", "cold, s", "cold, MB", "one image, ms", "in a folder, ms an image"]
    return table(head, rows)


def _agreement(exports: dict[str, dict[str, Any]]) -> str:
    rows = [
        [
            name,
            f"{found['size_bytes'] / 1e6:.1f}",
            f"{found['accuracy']:.1%}",
            f"{found['accuracy_before']:.1%}",
            str(found["n"]),
            f"{found['agreement']:.1%}",
            f"{found['difference']:.1e}",
        ]
        for name, found in exports.items()
    ]
    head = ["export", "MB", "accuracy", "Keras", "n", "same labels", "largest difference"]
    return table(head, rows)


def _limits(document: dict[str, Any]) -> str:
    limit = document["limit"]
    work = GMAC * (document["settings"]["image size"] / 256) ** 2
    rows = [
        [name, f"{rate:.0f}", f"{rate / limit['int8_gmac_s' if 'int8' in name else 'gmac_s']:.0%}"]
        for name, way in document["ways"].items()
        for rate in [work / way["folder_s"]]
    ]
    return (
        f"Products of matrices: {limit['gmac_s']:.0f} GMAC/s in float32 (NumPy), "
        f"{limit['int8_gmac_s']:.0f} in int8 (ONNX Runtime). Each way is held against its own.\n\n"
        + table(["way", "GMAC/s of VGG16 in a folder", "share"], rows)
    )  # fmt: skip


def _memory(calls: dict[str, Any]) -> str:
    rows = [
        [name, f"{found['calls']:,}", *(f"{mb:.0f}" for mb in found["rss_mb"])]
        for name, found in calls.items()
    ]
    return table(["model", "calls", "MB after a tenth", "MB at the end"], rows)


if __name__ == "__main__":
    sys.exit(main())
