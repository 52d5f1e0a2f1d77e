"""The command: ``python -m benchmarks.neighbours`` compares, and writes it down."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from apparel_clf import __version__
from benchmarks.errors import BenchmarkError
from benchmarks.neighbours.hashes import Maker, mixed, signed, skewed, uniform
from benchmarks.neighbours.results import Results
from benchmarks.neighbours.runs import Scope, compare
from benchmarks.neighbours.tables import markdown
from benchmarks.neighbours.ways import WAYS
from benchmarks.versions import cpus, package_version

_FULL = Scope((2_000, 10_000, 100_000, 1_000_000), (4, 8, 10), 3, limit=20, our_limit=60)
_QUICK = Scope((2_000, 10_000), (4, 8), 1, limit=5, our_limit=5)
_RESULTS = Path("benchmarks/results")
_PICTURE = Path("docs/images/neighbours.png")
_TITLES = {
    "uniform": "Uniform hashes",
    "skewed": "Skewed hashes",
    "real": "Hashes mixed from those of photos",
}
_PACKAGES = ("numpy", "faiss-cpu", "imagededup", "pybktree")
_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark. Returns the exit status."""
    options = _options(argv)
    try:
        _benchmark(options)
    except BenchmarkError as error:
        sys.stderr.write(f"benchmark: error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("benchmark: interrupted\n")
        return _INTERRUPTED
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.neighbours", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a few small cases; written only where --out says"
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=[way.name for way in WAYS],
        help="leave out all but this; may be repeated",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help=f"for all that is written (default {_RESULTS}, and {_PICTURE} for the picture)",
    )
    return parser.parse_args(argv)


def _benchmark(options: argparse.Namespace) -> None:
    for package in ("psutil", "matplotlib"):
        if find_spec(package) is None:
            raise BenchmarkError(f"needs the package {package}: pip install {package}")
    scope = _QUICK if options.quick else _FULL
    ways = [way for way in WAYS if not options.only or way.name in options.only]
    kinds = _kinds()
    cells = compare(ways, kinds, scope, _say)
    results = Results(
        settings=_settings(scope),
        versions=_versions(),
        kinds={kind: _TITLES[kind] for kind in kinds},
        ways={way.name: way.title for way in ways},
        cells=cells,
    )
    text = markdown(results)
    print(f"\n{text}")
    if options.out or not options.quick:
        folder = options.out or _RESULTS
        _write(results, text, folder, folder / _PICTURE.name if options.out else _PICTURE)


def _kinds() -> dict[str, Maker]:
    kinds: dict[str, Maker] = {"uniform": uniform, "skewed": skewed}
    data = os.environ.get("APPAREL_TEST_DATA")
    if data:
        photos = signed(Path(data) / "catalogue")
        _say(f"real: mixed from the hashes of {len(photos):,} photos")
        kinds["real"] = mixed(photos)
    else:
        _say("real: left out, because APPAREL_TEST_DATA is not set")
    return kinds


def _write(results: Results, text: str, folder: Path, picture: Path) -> None:
    from benchmarks.neighbours.picture import draw

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "neighbours.md").write_text(text, encoding="utf-8")
    (folder / "neighbours.json").write_text(json.dumps(results.to_json(), indent=2) + "\n")
    draw(results, picture)
    print(f"Written: {folder / 'neighbours.md'}, {folder / 'neighbours.json'}, {picture}")


def _settings(scope: Scope) -> dict[str, str]:
    return {
        "hashes": ", ".join(f"{count:,}" for count in scope.counts),
        "radii": ", ".join(map(str, scope.radii)),
        "runs of this project": f"{scope.repeat}, the median is shown; others once",
        "extrapolated if predicted to take more than": (
            f"{scope.limit:g} CPU seconds (this project {scope.our_limit:g})"
        ),
    }


def _versions() -> dict[str, str]:
    packages = {"apparel-clf": __version__} | {name: package_version(name) for name in _PACKAGES}
    return {"CPUs": str(cpus()), "Python": platform.python_version(), **packages}


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
