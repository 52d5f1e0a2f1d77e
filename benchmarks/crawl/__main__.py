"""The command: ``python -m benchmarks.crawl`` compares, measures growth, and writes it down."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from benchmarks.crawl import shop
from benchmarks.crawl.results import Results
from benchmarks.crawl.tables import markdown
from benchmarks.crawl.versions import pace, versions
from benchmarks.crawl.ways import WAYS
from benchmarks.errors import BenchmarkError

#: Fewer than this, and a search has one page, without the pager that all ways wait for.
LEAST = 150
_NAMES = ("ours", "selenium", "stock", "quiet", "growth")
_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark. Returns the exit status."""
    options = _options(argv)
    signal.signal(signal.SIGTERM, _stop)
    try:
        _benchmark(options)
    except BenchmarkError as error:
        sys.stderr.write(f"benchmark: error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("benchmark: interrupted; everything it started is gone\n")
        return _INTERRUPTED
    return 0


def sizes(text: str) -> tuple[int, ...]:
    """Read sizes such as ``"1000,3000"``; an empty text means none.

    Raises:
        argparse.ArgumentTypeError: a part is no number, or too small.
    """
    return tuple(_size(part) for part in text.split(",") if part.strip())


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crawl", description=__doc__)
    parser.add_argument(
        "--images", type=_size, default=1000, metavar="N", help="unique images (default 1000)"
    )
    parser.add_argument(
        "--repeat", type=_positive, default=3, metavar="R", help="runs of each way (default 3)"
    )
    parser.add_argument(
        "--growth",
        type=sizes,
        default=sizes("1000,3000,10000"),
        metavar="N,N,…",
        help="catalogues for the growth (default 1000,3000,10000; empty for none)",
    )
    parser.add_argument(
        "--only", action="append", choices=_NAMES, help="leave out all but this; may be repeated"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("benchmarks/results"),
        metavar="DIR",
        help="for crawl.md and crawl.json (default benchmarks/results)",
    )
    return parser.parse_args(argv)


def _benchmark(options: argparse.Namespace) -> None:
    _check_psutil()
    from benchmarks.crawl.runs import compare, grow

    wanted = set(options.only or _NAMES)
    ways = [way for way in WAYS if way.name in wanted]
    compared = compare(ways, options.images, options.repeat, _say) if ways else ()
    growth = grow(options.growth, _say) if "growth" in wanted else ()
    _write(Results(_settings(options), versions(), compared, growth), options.out)


def _settings(options: argparse.Namespace) -> dict[str, object]:
    return {
        "unique images": options.images,
        "runs of each way": options.repeat,
        "growth": ", ".join(map(str, options.growth)) or "none",
        "seconds before each page": shop.PAGE_DELAY,
        "seconds before each image": shop.IMAGE_DELAY,
        **pace(),
    }


def _write(results: Results, folder: Path) -> None:
    text = markdown(results)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "crawl.md").write_text(text, encoding="utf-8")
    (folder / "crawl.json").write_text(json.dumps(results.to_json(), indent=2) + "\n")
    print(f"\n{text}\nWritten: {folder / 'crawl.md'}, {folder / 'crawl.json'}")


def _check_psutil() -> None:
    if find_spec("psutil") is None:
        raise BenchmarkError("needs the package psutil: pip install psutil")


def _size(text: str) -> int:
    number = _positive(text)
    if number < LEAST:
        raise argparse.ArgumentTypeError(f"expected {LEAST} or more. Received: {text!r}")
    return number


def _positive(text: str) -> int:
    if not text.strip().isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1. Received: {text!r}")
    return int(text)


def _stop(*_: object) -> NoReturn:
    """End as for Ctrl-C when told to terminate, so that nothing is left running."""
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
