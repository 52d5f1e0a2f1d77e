"""The arguments of the command line: what each command takes, its help and its examples."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from apparel_clf._version import __version__

PROGRAM = "apparel-clf"

_DATA_HELP = (
    "a published version (datasets/demo/latest), a dataset's folder (its latest version), or a "
    "folder with one sub-folder of images for each class"
)
_MAIN_EXAMPLES = """\
examples:
  apparel-clf train datasets/demo/latest -o model.keras
  apparel-clf evaluate datasets/demo/latest -m model.keras
  apparel-clf report datasets/demo/latest -m model.keras -o report.html
  apparel-clf predict shirt.jpg photos/ -m model.keras --json

exit codes: 0 done, 1 something went wrong (one line on standard error), 2 wrong usage
"""
_TRAIN_EXAMPLES = """\
examples:
  apparel-clf train datasets/demo/latest
  apparel-clf train my_photos -o mine.keras --epochs 20 --seed 7
  apparel-clf train datasets/demo/v2 --weights none --json > training.json

A folder without splits is split .7/.15/.15, duplicates kept together; evaluate and report make
the same split again.
"""
_EVALUATE_EXAMPLES = """\
examples:
  apparel-clf evaluate datasets/demo/latest
  apparel-clf evaluate datasets/demo/latest --split val --json
  apparel-clf evaluate photos_from_elsewhere --split all
"""
_REPORT_EXAMPLES = """\
examples:
  apparel-clf report datasets/demo/latest -o runs/demo/report.html
  apparel-clf report datasets/demo/latest --force
"""
_PREDICT_EXAMPLES = """\
examples:
  apparel-clf predict shirt.jpg
  apparel-clf predict 'inbox/**/*.webp' --top 1
  apparel-clf predict photos/ -m mine.keras --json

A file that is not an image is reported on standard error; the others go on, and the exit code is 1.
"""
_PUBLISH_EXAMPLES = """\
example:
  apparel-clf dataset publish datasets/demo
"""


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all commands.

    Returns:
        A parser whose result has ``command``, the command's full name, ``json`` and ``debug``.

    Example:
        >>> build_parser().parse_args(["train", "photos"]).epochs
        12
    """
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="From a folder of images to a classifier.",
        epilog=_MAIN_EXAMPLES,
        formatter_class=_HelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_train(commands)
    _add_evaluate(commands)
    _add_report(commands)
    _add_predict(commands)
    _add_dataset(commands)
    return parser


class _HelpFormatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Show defaults, and leave the examples as they are laid out."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default is None or action.default is False or action.required:
            return action.help
        return super()._get_help_string(action)


def _add_train(commands: Any) -> None:
    parser = _add_command(commands, "train", "train a model", _TRAIN_EXAMPLES)
    parser.add_argument("data", metavar="DATA", type=Path, help=_DATA_HELP)
    parser.add_argument(
        "-o", "--output", type=_model_path, default="model.keras", help="the model to write"
    )
    parser.add_argument(
        "--weights",
        type=_weights,
        default="imagenet",
        metavar="imagenet|none|PATH",
        help="the backbone's weights; none leaves it untrained",
    )
    parser.add_argument("--epochs", type=_count, default=12, help="passes over the images")
    parser.add_argument("--image-size", type=_side, default=256, help="side in pixels, from 32")
    parser.add_argument(
        "--head",
        choices=("flatten", "gap"),
        default="flatten",
        help="what sits on the backbone: all its features, or their averages over the picture",
    )
    parser.add_argument(
        "--views", type=_count, default=2, help="views of each image to learn from, 1 the plain one"
    )
    parser.add_argument(
        "--resize",
        choices=("pad", "crop", "stretch"),
        default="pad",
        help="how a picture becomes a square",
    )
    parser.add_argument("--batch-size", type=_count, default=32, help="images per step")
    parser.add_argument("--seed", type=_seed, default=0, help="same seed, same model")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    _add_force(parser)


def _add_evaluate(commands: Any) -> None:
    parser = _add_command(
        commands, "evaluate", "judge a model on labelled images", _EVALUATE_EXAMPLES
    )
    _add_judged(parser)


def _add_report(commands: Any) -> None:
    parser = _add_command(
        commands, "report", "judge a model and write an HTML page", _REPORT_EXAMPLES
    )
    _add_judged(parser)
    parser.add_argument(
        "-o", "--output", type=Path, default="report.html", help="the page to write"
    )
    _add_force(parser)


def _add_predict(commands: Any) -> None:
    parser = _add_command(commands, "predict", "label images", _PREDICT_EXAMPLES)
    parser.add_argument(
        "paths", metavar="PATH", nargs="+", help="image files, folders, or patterns in quotes"
    )
    _add_model(parser)
    parser.add_argument("--top", type=_count, default=3, help="likeliest classes to show")


def _add_dataset(commands: Any) -> None:
    parser = commands.add_parser(
        "dataset",
        help="publish a dataset version",
        formatter_class=_HelpFormatter,
        description="Work on datasets.",
    )
    nested = parser.add_subparsers(metavar="COMMAND", required=True)
    publish = _add_command(
        nested, "dataset publish", "publish what was crawled as a new version", _PUBLISH_EXAMPLES
    )
    publish.add_argument("folder", metavar="FOLDER", type=Path, help="for example datasets/demo")


def _add_command(commands: Any, name: str, what: str, examples: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name.split()[-1],
        help=what,
        description=f"{what[0].upper()}{what[1:]}.",
        epilog=examples,
        formatter_class=_HelpFormatter,
    )
    parser.set_defaults(command=name)
    parser.add_argument(
        "--json", action="store_true", help="one JSON document on standard output, nothing else"
    )
    parser.add_argument("--debug", action="store_true", help="show where an error comes from")
    return parser


def _add_judged(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="DATA", type=Path, help=_DATA_HELP)
    _add_model(parser)
    parser.add_argument(
        "--split", choices=("train", "val", "test", "all"), default="test", help="what to judge on"
    )


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-m", "--model", type=Path, default="model.keras", help="the model to use")


def _add_force(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="replace the output if it exists")


def _model_path(text: str) -> Path:
    path = Path(text)
    if path.suffix != ".keras":
        raise argparse.ArgumentTypeError(f"expected a name that ends in .keras, not {text!r}")
    return path


def _weights(text: str) -> str | None:
    return None if text == "none" else text


def _whole(text: str, least: int) -> int:
    if not text.isdecimal() or len(text) > 9 or int(text) < least:
        raise argparse.ArgumentTypeError(f"expected a whole number from {least}, not {text!r}")
    return int(text)


def _count(text: str) -> int:
    return _whole(text, 1)


def _side(text: str) -> int:
    return _whole(text, 32)


def _seed(text: str) -> int:
    return _whole(text, 0)
