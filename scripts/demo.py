"""The whole way once, on this machine alone: local shop, crawl, dataset, model, report.

Everything here is what a user would call: ``scrapy crawl`` and the public names of `apparel_clf`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import textwrap
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import apparel_clf as ac
from apparel_clf._notes import hide_notes
from crawler.storefront import Storefront
from crawler.storefront.garments import GARMENT_CLASSES, design, draw

DATASET = "demo"
# Drawn by the same hand, but with numbers that the storefront's catalogue never reaches.
UNSEEN_SEEDS = (900_001, 900_002)
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo. Returns the exit status."""
    options = _options(argv)
    runs = Path("runs") / DATASET
    runs.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    try:
        _crawl(options.per_class, options.seed)
        _learn(runs, options.per_class, options.epochs)
    except ac.ApparelError as error:
        sys.stderr.write(f"demo: error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("demo: interrupted; make demo begins again, features are kept\n")
        return INTERRUPTED
    print(f"\nThe whole way took {time.monotonic() - began:.0f} s.")
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--per-class", type=int, default=260, help="images a class (default 260)")
    parser.add_argument("--epochs", type=int, help="epochs of training (default: the recipe's)")
    parser.add_argument(
        "--seed", type=int, default=0, help="another seed, another shop (default 0)"
    )
    return parser.parse_args(argv)


@contextmanager
def _stage(title: str) -> Iterator[None]:
    print(f"\n== {title}", flush=True)
    began = time.monotonic()
    yield
    print(f"   {time.monotonic() - began:.1f} s", flush=True)


def _crawl(per_class: int, seed: int) -> None:
    with (
        Storefront(seed=seed, per_class=per_class + 40) as shop,
        _stage(f"Crawl: {shop.url} -> datasets/{DATASET}"),
    ):
        scrapy = Path(sys.executable).with_name("scrapy")
        arguments = {"base_url": shop.url, "dataset": DATASET, "per_class": per_class}
        given = [word for name, value in arguments.items() for word in ("-a", f"{name}={value}")]
        command = [str(scrapy), "crawl", "amazon_apparel", *given]
        print("   " + " ".join(["scrapy", *command[1:]]), flush=True)
        code = _code_of(command)
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        if code != 0:
            raise ac.PublishError("the crawl failed; its reason is above")


def _code_of(command: Sequence[str]) -> int:
    """Run a command to its end: Ctrl-C reaches it as well, and it has a browser to close."""
    with subprocess.Popen(command) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.wait()
            return INTERRUPTED


def _learn(runs: Path, per_class: int, epochs: int | None) -> None:
    data = ac.ImageFolder(Path("datasets") / DATASET / "latest")
    print(f"\n{data}")
    if min(data.class_counts.values()) < per_class:
        raise ac.DatasetError(f"{data.name} has fewer than {per_class} images in a class")
    train, val, test = data.split()
    with _stage("Train"):
        hide_notes()
        clf = _trained(train, val, epochs)
    with _stage("Evaluate, on images that training never saw"):
        report = clf.evaluate(test)
        print(report)
    clf.save(runs / "model.keras")
    unseen = _draw_unseen(runs / "unseen")
    with _stage("Predict: pictures drawn just now"):
        predictions = clf.predict([str(path) for path in unseen])
        for prediction in predictions:
            print(f"   {prediction.source}: {prediction.label} ({prediction.confidence:.0%})")
    report.to_html(runs / "report.html")
    _say_what_was_made(data, runs)


def _trained(train: ac.ImageSet, val: ac.ImageSet, epochs: int | None) -> ac.ApparelClassifier:
    """Train on ImageNet's weights or, where they can't be had, say so and go on without."""
    try:
        return _fitted("imagenet", train, val, epochs)
    except ac.WeightsError as error:
        print(textwrap.indent(str(error), "   "))
        print(
            "   So the demo goes on with an UNTRAINED backbone: random filters, of which only the\n"
            "   last layer is trained. The figures below show that every part works; they say\n"
            "   nothing about how well ImageNet's weights would do.",
            flush=True,
        )
    return _fitted(None, train, val, epochs)


def _fitted(
    weights: str | None, train: ac.ImageSet, val: ac.ImageSet, epochs: int | None
) -> ac.ApparelClassifier:
    """Train, and stop at Ctrl-C, after which `fit` itself would return what it has got so far."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Interrupted after", UserWarning)
        try:
            return ac.ApparelClassifier(weights=weights).fit(train, val, epochs=epochs)
        except UserWarning as warning:
            raise KeyboardInterrupt from warning


def _draw_unseen(folder: Path) -> list[Path]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    paths = []
    for label in GARMENT_CLASSES:
        for number, seed in enumerate(UNSEEN_SEEDS, 1):
            path = folder / f"{label}-{number}.jpg"
            draw(design(label, seed)).save(path, quality=90)
            paths.append(path)
    return paths


def _say_what_was_made(data: ac.ImageFolder, runs: Path) -> None:
    print(f"""
Made:
  dataset      {os.path.relpath(data.path)}  (card: README.md, manifest: manifest.jsonl)
  model        {runs / "model.keras"}
  report       {runs / "report.html"}  (open it in a browser)
  predictions  {runs / "unseen"}

Next:
  .venv/bin/apparel-clf predict -m {runs / "model.keras"} YOUR_PICTURE.jpg
  .venv/bin/scrapy storefront        the shop, to look at in a browser
  .venv/bin/scrapy crawl amazon_apparel -a contact=YOU@EXAMPLE.ORG""")


if __name__ == "__main__":
    sys.exit(main())
