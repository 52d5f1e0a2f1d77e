"""The command: ``python -m benchmarks.duplicates`` measures and writes it down."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from apparel_clf import __version__
from apparel_clf.dataset import likeness
from apparel_clf.images import HASH_FORMAT
from benchmarks.duplicates import pictures
from benchmarks.duplicates.pictures import Picture
from benchmarks.duplicates.results import Results
from benchmarks.duplicates.sheets import write_sheet
from benchmarks.duplicates.speed import search, signing
from benchmarks.duplicates.study import Study, study
from benchmarks.duplicates.tables import markdown
from benchmarks.errors import BenchmarkError
from benchmarks.versions import cpus, package_version

_RESULTS, _FIGURES = Path("benchmarks/results"), Path("docs/images")
_PACKAGES = ("numpy", "pillow", "imagehash", "matplotlib")
_LIMITS = (
    "HASH_DISTANCE",
    "NEAR_LUMA",
    "NEAR_LUMA_MOVED",
    "NEAR_CONTRAST",
    "NEAR_CHROMA",
    "NEAR_GAIN",
    "NEAR_SQUEEZE",
    "MOVED_PIXELS",
    "BADGE_REST",
    "BADGE_MOST",
    "RECOLOUR_SHAPE",
)


@dataclass(frozen=True)
class Sizes:
    """How much is looked at.

    Args:
        photos: of the catalogue; None for all.
        photo_sample: photos that copies are made of.
        drawn: garments.
        drawn_sample: garments that copies are made of.
        recolours: garments drawn again in another colour.
        timed: pictures whose signing is timed at each size.
        repeats: how often.
    """

    photos: int | None
    photo_sample: int
    drawn: int
    drawn_sample: int
    recolours: int
    timed: int
    repeats: int


_FULL = Sizes(None, 500, 500, 120, 120, 30, 5)
_QUICK = Sizes(120, 10, 40, 6, 8, 3, 1)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark. Returns the exit status."""
    options = _options(argv)
    try:
        _benchmark(_QUICK if options.quick else _FULL, options.quick, options.out)
    except BenchmarkError as error:
        sys.stderr.write(f"benchmark: error: {error}\n")
        return 1
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.duplicates", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="few pictures; written only with --out"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help=f"write everything here, and contact sheets of pairs too (default: {_RESULTS}, "
        f"figures to {_FIGURES}, no contact sheets)",
    )
    return parser.parse_args(argv)


def _benchmark(sizes: Sizes, quick: bool, out: Path | None) -> None:
    folder = pictures.catalogue()
    if folder is None:
        _say(f"{pictures.VARIABLE} is not set: no photos, drawn garments alone")
    _say("signing")
    photos = pictures.photos(folder, sizes.photos) if folder else []
    drawn = pictures.drawn(sizes.drawn)
    recoloured = pictures.recoloured(sizes.drawn, sizes.recolours)
    samples = {
        "photos": pictures.sample(photos, sizes.photo_sample),
        "drawn": pictures.sample(drawn, sizes.drawn_sample),
    }
    _say("speed")
    timed = pictures.sample(photos or drawn, sizes.timed)
    speeds, costs = signing(timed, sizes.repeats), search(photos or drawn)
    found = study(photos, drawn, recoloured, samples, _say)
    results = Results(_settings(samples), _versions(), found, speeds, costs)
    print(f"\n{markdown(results)}")
    if out is not None:
        _write(results, out, out)
        _write_sheets(found, [*photos, *drawn, *(picture for _, picture in recoloured)], out)
    elif not quick:
        _write(results, _RESULTS, _FIGURES)


def _settings(samples: Mapping[str, Sequence[Picture]]) -> dict[str, object]:
    chosen = {f"copies are made of, {name}": len(pictures) for name, pictures in samples.items()}
    return {**chosen, **{name: getattr(likeness, name) for name in _LIMITS}}


def _versions() -> dict[str, str]:
    packages = {name: package_version(name) for name in _PACKAGES}
    return {
        "CPUs": str(cpus()),
        "Python": platform.python_version(),
        "apparel-clf": __version__,
        "hash format": HASH_FORMAT,
        **packages,
    }


def _write(results: Results, folder: Path, figures: Path) -> None:
    from benchmarks.duplicates.figures import write_figures

    folder.mkdir(parents=True, exist_ok=True)
    text, values = folder / "duplicates.md", folder / "duplicates.json"
    text.write_text(markdown(results), encoding="utf-8")
    values.write_text(json.dumps(results.to_json(), indent=2) + "\n", encoding="utf-8")
    written = [text, values, *write_figures(results.study, figures)]
    _say(f"Written: {', '.join(map(str, written))}")


def _write_sheets(found: Study, known: Sequence[Picture], folder: Path) -> None:
    files = {picture.name: picture.data for picture in known}
    taken = [pair for kind in found.removals for pair in kind.taken]
    pairs = [(pair.first, pair.second, pair.reason) for pair in taken]
    write_sheet(folder / "taken.png", pairs, files)
    write_sheet(folder / "next.png", list(found.next), files)


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
