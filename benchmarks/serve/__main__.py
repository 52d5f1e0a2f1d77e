"""The command: ``python -m benchmarks.serve`` loads the service, and writes down how it did."""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from apparel_clf import __version__
from benchmarks.errors import BenchmarkError
from benchmarks.versions import cpus, package_version

_RESULTS = Path("benchmarks/results")
_PACKAGES = ("fastapi", "uvicorn", "python-multipart", "pillow", "tensorflow", "onnxruntime")
_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the load test. Returns the exit status: 1 where an answer was not as it should be."""
    options = _options(argv)
    try:
        with tempfile.TemporaryDirectory() as folder:
            _benchmark(options, Path(folder))
    except BenchmarkError as error:
        sys.stderr.write(f"benchmark: error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("benchmark: interrupted\n")
        return _INTERRUPTED
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serve", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="for each model")
    parser.add_argument("--clients", type=int, default=8, help="requests under way at a time")
    parser.add_argument(
        "--model", type=Path, action="append", help="instead of those made here; may be repeated"
    )
    parser.add_argument("--out", type=Path, default=_RESULTS, metavar="DIR")
    return parser.parse_args(argv)


def _benchmark(options: argparse.Namespace, folder: Path) -> None:
    for package in ("psutil", "fastapi", "uvicorn"):
        if find_spec(package) is None:
            raise BenchmarkError(f"needs the package {package}: pip install {package}")
    from benchmarks.serve.load import run, service
    from benchmarks.serve.models import made
    from benchmarks.serve.tables import Round, markdown, unexpected
    from benchmarks.serve.uploads import cases

    models = {path.name: path for path in options.model} if options.model else made(folder)
    requests = cases()
    rounds = []
    for name, path in models.items():
        print(f"{name}: {options.seconds:.0f} s", flush=True)
        with service(path) as (place, runtime):
            answered, watch = run(place, requests, options.clients, options.seconds)
        rounds.append(Round(name, runtime, options.seconds, options.clients, answered, watch))
    versions = {"CPUs": str(cpus()), "Python": platform.python_version()}
    versions |= {"apparel-clf": __version__} | {n: package_version(n) for n in _PACKAGES}
    text = markdown(rounds, versions)
    print(f"\n{text}")
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "serve.md").write_text(text, encoding="utf-8")
    document = {"versions": versions, "rounds": [each.to_json() for each in rounds]}
    (options.out / "serve.json").write_text(json.dumps(document, indent=2) + "\n")
    wrong = [row for each in rounds for row in unexpected(each.answered)]
    if wrong:
        told = ", ".join(sorted({f"{row.case.name}: {row.status}" for row in wrong}))
        raise BenchmarkError(f"{len(wrong)} answers were not as they should be: {told}")


if __name__ == "__main__":
    sys.exit(main())
