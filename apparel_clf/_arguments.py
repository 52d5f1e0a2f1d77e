"""The arguments of the command line: what each command takes, its help and its examples."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from apparel_clf._version import __version__

PROGRAM = "apparel-clf"

# The first is the default. Their settings are in `apparel_clf.training.recipes`.
RECIPES = ("fast", "best", "seed")

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

exit codes: 0 done, 1 something went wrong (told on standard error), 2 wrong usage
"""
_TRAIN_EXAMPLES = """\
examples:
  apparel-clf train datasets/demo/latest
  apparel-clf train my_photos -o mine.keras --epochs 20 --seed 7
  apparel-clf train datasets/demo/v2 --weights none --json > training.json
  apparel-clf train datasets/demo/latest --precision float32 --fine-tune 5

A folder without splits is split .7/.15/.15, duplicates kept together; evaluate and report make
the same split again.
"""
_CROSS_VALIDATE_EXAMPLES = """\
examples:
  apparel-clf cross-validate datasets/demo/latest
  apparel-clf cross-validate my_photos --recipe best --report cv.html
  apparel-clf cross-validate datasets/demo/latest --relabel wrong.csv --reject bad.csv

Each image is judged by a model that saw neither it nor its look-alikes. The lists are for a person
to look through; with what is left of them: apparel-clf dataset curate datasets/demo --relabel
wrong.csv --reject bad.csv
"""
_TUNE_EXAMPLES = """\
examples:
  apparel-clf tune datasets/demo/latest
  apparel-clf tune my_photos --head pooled --plot tune.png
  apparel-clf tune my_photos --solver adam --batch-size 32

Settings are chosen on train and val by cross-validation; test has no say. Head, solver, learning
rate, batch size, L2 and epochs are searched, but for those that are given: these stay as they are.
"""
_COMPARE_EXAMPLES = """\
example:
  apparel-clf compare datasets/demo/latest a.keras b.keras
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
  apparel-clf predict photos/ -m mine.onnx --json > answers.json
  apparel-clf predict photos/ --csv --threshold 0.8

Answers are written as they come. A file that is not an image is reported on standard error; the
others go on, and the exit code is 1.
"""
_EXPLAIN_EXAMPLES = """\
examples:
  apparel-clf explain shirt.jpg
  apparel-clf explain shirt.jpg --label saree -o why.png
"""
_EXPORT_EXAMPLES = """\
examples:
  apparel-clf export -m model.keras -o model.onnx
  apparel-clf export -m model.keras -o model.tflite --precision int8 --data datasets/demo/latest
  apparel-clf export -m model.keras -o openvino --precision bf16 --data datasets/demo/latest

int8 learns ranges from the dataset's train split. int8 and bf16 are compared with the original on
its test split, and nothing is written where they lose more than --max-loss points of accuracy.
"""
_SERVE_EXAMPLES = """\
examples:
  apparel-clf serve -m model.keras
  apparel-clf serve -m model.onnx --port 9000 --threshold 0.6
  curl -F files=@shirt.jpg -F files=@other.png http://127.0.0.1:8000/predict

Open http://127.0.0.1:8000 in a browser and drop a picture. Uploads stay in memory. Ctrl-C ends it.
"""
_PUBLISH_EXAMPLES = """\
example:
  apparel-clf dataset publish datasets/demo
"""
_VERIFY_EXAMPLES = """\
examples:
  apparel-clf dataset verify datasets/demo/latest
  apparel-clf dataset verify datasets/demo/v1 --json

Problems are reported on standard error, a line for each, and the exit code is 1.
"""
_DIFF_EXAMPLES = """\
examples:
  apparel-clf dataset diff datasets/demo/v1 datasets/demo/v2
  apparel-clf dataset diff datasets/demo/v1 datasets/demo/latest --all
"""
_STATS_EXAMPLES = """\
examples:
  apparel-clf dataset stats datasets/demo/latest
  apparel-clf dataset stats datasets/demo/v1 --json
"""
_IMPORT_EXAMPLES = """\
examples:
  apparel-clf dataset import my_photos
  apparel-clf dataset import my_photos -o datasets/mine --new-splits

Expects a sub-folder of images for each class, or train, val and test folders of these. Images are
copied, SOURCE stays as it is. Importing again adds what is new.
"""
_MERGE_EXAMPLES = """\
example:
  apparel-clf dataset merge datasets/shoes datasets/boots/latest my_sandals
"""
_CURATE_EXAMPLES = """\
examples:
  apparel-clf dataset curate datasets/demo --reject bad.txt --why "no garment"
  apparel-clf dataset curate datasets/demo --relabel wrong.csv --who Ada
  apparel-clf dataset curate datasets/demo --restore bad.txt

A list has an image on each line: its file in a version (train/jeans/<sha256>.jpg) or its sha256.
The sha256 alone is enough. After a comma: the class in a list to relabel, a reason in one to
reject; a class with a comma in its name goes in double quotes. CSV with a header (image, label,
why) and JSON lines will do too. Decisions hold for all later versions, also for copies of the
image at other sizes. To relabel what a crawl turned away takes it in; --restore sends it away.
"""
_DUPLICATES_EXAMPLES = """\
examples:
  apparel-clf dataset duplicates my_photos
  apparel-clf dataset duplicates my_photos --json > duplicates.json

Nothing is changed or removed.
"""
_REVIEW_EXAMPLES = """\
examples:
  apparel-clf review datasets/demo/latest
  apparel-clf review datasets/demo --model model.keras --port 9000 --no-browser

Opens a page on this computer alone. Decisions are saved as they are made; Publish there makes the
next version. With a model, images come in the order of label issues, found by models of its
settings that had not seen them; without one, by how their look-alikes are labelled.
"""
_DATASET_EXPORT_EXAMPLES = """\
examples:
  apparel-clf dataset export datasets/demo/latest -o demo.zip
  apparel-clf dataset export datasets/demo/v1 -o demo_shared/

Addresses and hashes only, no images: whoever gets the file makes the version again with
apparel-clf dataset fetch.
"""
_FETCH_EXAMPLES = """\
examples:
  apparel-clf dataset fetch demo.zip datasets/demo
  apparel-clf dataset fetch demo.zip datasets/demo --allow-missing

Running it again goes on. Images that can't be had are listed in missing.jsonl in the folder.
"""
_CACHE_INFO_EXAMPLES = """\
examples:
  apparel-clf cache info
  apparel-clf cache info --json

APPAREL_CLF_CACHE names the cache's folder, or is off; APPAREL_CLF_CACHE_GB is its limit.
"""
_CACHE_CLEAR_EXAMPLES = """\
example:
  apparel-clf cache clear

Features are computed again when they are needed.
"""


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all commands.

    Returns:
        A parser whose result has ``command``, the command's full name, ``json`` and ``debug``.

    Example:
        >>> build_parser().parse_args(["train", "photos"]).recipe
        'fast'
    """
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="From a folder of images to a classifier.",
        epilog=_MAIN_EXAMPLES,
        formatter_class=_HelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_train(commands)
    _add_evaluate(commands)
    _add_report(commands)
    _add_predict(commands)
    _add_explain(commands)
    _add_model_export(commands)
    _add_serve(commands)
    _add_cross_validate(commands)
    _add_compare(commands)
    _add_tune(commands)
    _add_dataset(commands)
    _add_review(commands)
    _add_cache(commands)
    return parser


class _HelpFormatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Show defaults, and leave the examples as they are laid out."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        nothing = action.default in (None, "") or action.default is False
        if nothing or action.required:
            return action.help
        return super()._get_help_string(action)


def _add_train(commands: Any) -> None:
    parser = _add_command(commands, "train", "train a model", _TRAIN_EXAMPLES)
    parser.add_argument("data", metavar="DATA", type=Path, help=_DATA_HELP)
    parser.add_argument(
        "-o", "--output", type=_model_path, default="model.keras", help="the model to write"
    )
    _add_recipe(parser)
    _add_end(parser)
    parser.add_argument(
        "--fine-tune",
        type=_zero_up,
        metavar="EPOCHS",
        help="then train the last block, too, for so many epochs (default: the recipe's, 0)",
    )
    _add_force(parser)


def _add_recipe(parser: argparse.ArgumentParser) -> None:
    """How to train: a recipe, and settings that differ from it.

    Each option's name is that of the classifier's setting, which it becomes.
    """
    parser.add_argument(
        "--recipe",
        type=_recipe,
        choices=RECIPES,
        default=RECIPES[0],
        help="how to train: fast; best, which takes longer; or seed, the original's way, which "
        "takes an hour",
    )
    parser.add_argument(
        "--weights",
        type=_weights,
        default="imagenet",
        metavar="imagenet|none|PATH",
        help="the backbone's weights; none leaves it untrained",
    )
    _add_features(parser)
    _add_head(parser)
    parser.add_argument("--seed", type=_zero_up, default=0, help="same seed, same model")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def _add_features(parser: argparse.ArgumentParser) -> None:
    """What the backbone sees, and how it computes."""
    parser.add_argument("--image-size", type=_side, default=256, help="side in pixels, from 32")
    parser.add_argument(
        "--views",
        type=_count,
        help="views of each image to learn from, 1 the plain one (default: the recipe's)",
    )
    parser.add_argument(
        "--resize",
        choices=("pad", "crop", "stretch"),
        help="how a picture becomes a square (default: the recipe's, pad)",
    )
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16"),
        help="arithmetic of the features that the head learns from; auto takes bfloat16 where this "
        "machine is clearly faster with it and the head sees all of the last block (default: the "
        "recipe's)",
    )


def _add_head(parser: argparse.ArgumentParser) -> None:
    """What the head sees, and how it is trained."""
    parser.add_argument(
        "--head",
        choices=("flatten", "gap", "pooled", "pooled+flatten"),
        help="what of the backbone the head sees: all of the last block, its averages over the "
        "picture, the averages of blocks 2 to 5, or these and all of the last (default: the "
        "recipe's)",
    )
    parser.add_argument(
        "--solver",
        choices=("adam", "lbfgs"),
        help="how the head is trained (default: the recipe's)",
    )
    parser.add_argument(
        "--epochs", type=_count, help="passes over the images (default: the recipe's)"
    )
    parser.add_argument("--l2", type=float, help="strength of its penalty (default: the recipe's)")
    parser.add_argument("--learning-rate", type=float, help="Adam's (default: the recipe's)")
    parser.add_argument("--batch-size", type=_count, help="images per step (default: the recipe's)")


def _add_end(parser: argparse.ArgumentParser) -> None:
    """How training ends; a search finds the epochs itself, and always a temperature."""
    parser.add_argument(
        "--patience",
        type=_count,
        help="stop after so many epochs without a lower validation loss (default: never)",
    )
    parser.add_argument(
        "--no-calibrate",
        dest="calibrate",
        action="store_const",
        const=False,
        help="fit no temperature: probabilities stay as they come",
    )


def _add_cross_validate(commands: Any) -> None:
    parser = _add_command(
        commands,
        "cross-validate",
        "judge a way of training, and find wrong labels",
        _CROSS_VALIDATE_EXAMPLES,
    )
    parser.add_argument("data", metavar="DATA", type=Path, help=_DATA_HELP)
    _add_folds(parser)
    parser.add_argument(
        "--relabel", type=Path, metavar="CSV", help="write there what is probably of another class"
    )
    parser.add_argument(
        "--reject", type=Path, metavar="CSV", help="write there what looks like none of the classes"
    )
    parser.add_argument("--report", type=Path, metavar="HTML", help="write a report there")
    _add_recipe(parser)
    _add_end(parser)
    _add_force(parser)


def _add_tune(commands: Any) -> None:
    parser = _add_command(commands, "tune", "search for good settings", _TUNE_EXAMPLES)
    parser.add_argument("data", metavar="DATA", type=Path, help=_DATA_HELP)
    _add_folds(parser)
    parser.add_argument("--plot", type=Path, metavar="PNG", help="draw what was tried there")
    _add_recipe(parser)
    _add_force(parser)


def _add_compare(commands: Any) -> None:
    parser = _add_command(commands, "compare", "tell whether two models differ", _COMPARE_EXAMPLES)
    parser.add_argument("data", metavar="DATA", type=Path, help=_DATA_HELP)
    parser.add_argument("a", metavar="A", type=Path, help="a model, a .keras file")
    parser.add_argument("b", metavar="B", type=Path, help="the model to compare it with")
    _add_split(parser)


def _add_folds(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--folds", type=_folds, default=5, help="parts, each judged by the others' model"
    )


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
    parser = _add_command(
        commands,
        "predict",
        "label images",
        _PREDICT_EXAMPLES,
        csv="a row for each image, with a header",
    )
    parser.add_argument(
        "paths", metavar="PATH", nargs="+", help="image files, folders, or patterns in quotes"
    )
    _add_model(parser)
    _add_runtime(parser)
    parser.add_argument("--top", type=_count, default=3, help="likeliest classes to show")
    parser.add_argument(
        "--threshold",
        type=float,
        help="confidence below which an answer is marked uncertain (as is, at any threshold, a "
        "picture unlike the training pictures, where the model knows these)",
    )


def _add_explain(commands: Any) -> None:
    parser = _add_command(
        commands, "explain", "show where the model looked: a heat map", _EXPLAIN_EXAMPLES
    )
    parser.add_argument("image", metavar="IMAGE", help="an image file")
    _add_model(parser)
    _add_runtime(parser)
    parser.add_argument("--label", help="the class to explain; by default the predicted one")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default="explained.png",
        help="the picture to write: .png, .jpg or .webp",
    )
    _add_force(parser)


def _add_model_export(commands: Any) -> None:
    parser = _add_command(
        commands, "export", "write a model for use without TensorFlow", _EXPORT_EXAMPLES
    )
    _add_model(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        help="ends in .onnx or .tflite, or has no ending, for an OpenVINO folder",
    )
    parser.add_argument(
        "--precision", choices=("fp32", "bf16", "int8"), default="fp32", help="arithmetic"
    )
    parser.add_argument("--data", metavar="DATA", type=Path, help=_DATA_HELP)
    parser.add_argument(
        "--max-loss", type=float, default=0.5, help="points of accuracy that may be lost"
    )
    _add_force(parser)


def _add_runtime(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--runtime",
        choices=("auto", "keras", "onnx", "litert", "openvino"),
        default="auto",
        help="what computes; auto goes by the file",
    )


def _add_serve(commands: Any) -> None:
    parser = _add_command(commands, "serve", "answer on the web", _SERVE_EXAMPLES)
    _add_model(parser)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 is all")
    parser.add_argument("--port", type=_port, default=8000, help="0 takes a free one")
    parser.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        help="answer to this host name too, for example behind a proxy; may be repeated",
    )
    parser.add_argument("--runtime", default="auto", help="what computes; auto goes by the file")
    parser.add_argument(
        "--threshold",
        type=float,
        help="confidence below which an answer is marked uncertain (as is, at any threshold, a "
        "picture unlike the training pictures, where the model knows these)",
    )
    for name, default, what in (
        ("--max-body", 32_000_000, "bytes of a request at most"),
        ("--max-files", 64, "pictures of a request at most"),
        ("--max-pixels", 40_000_000, "pixels of a picture at most"),
        ("--workers", 2, "requests computed at a time"),
        ("--waiting", 32, "requests that may wait for that; others get a 503"),
    ):
        parser.add_argument(name, type=_count, default=default, help=what)


def _add_dataset(commands: Any) -> None:
    parser = commands.add_parser(
        "dataset",
        help="import, publish, curate, check and compare versions",
        formatter_class=_HelpFormatter,
        description="Work on datasets.",
        allow_abbrev=False,
    )
    nested = parser.add_subparsers(metavar="COMMAND", required=True)
    publish = _add_command(
        nested, "dataset publish", "publish what was crawled as a new version", _PUBLISH_EXAMPLES
    )
    publish.add_argument("folder", metavar="FOLDER", type=Path, help="for example datasets/demo")
    verify = _add_command(
        nested, "dataset verify", "check every byte of a version", _VERIFY_EXAMPLES
    )
    _add_version(verify)
    diff = _add_command(nested, "dataset diff", "tell what differs in two versions", _DIFF_EXAMPLES)
    diff.add_argument("before", metavar="A", type=Path, help="a version, or a dataset's folder")
    diff.add_argument("after", metavar="B", type=Path, help="the version to compare it with")
    diff.add_argument("--all", action="store_true", help="name every image, not the first ten")
    stats = _add_command(nested, "dataset stats", "count what a version holds", _STATS_EXAMPLES)
    _add_version(stats)
    _add_import(nested)
    _add_merge(nested)
    _add_curate(nested)
    _add_duplicates(nested)
    _add_export(nested)
    _add_fetch(nested)


def _add_import(commands: Any) -> None:
    parser = _add_command(
        commands, "dataset import", "make a version of a folder of class folders", _IMPORT_EXAMPLES
    )
    parser.add_argument("source", metavar="SOURCE", type=Path, help="the folder to import")
    _add_target(parser)
    parser.add_argument(
        "--new-splits",
        action="store_true",
        help="split anew, whatever train, val and test say; images that the dataset already holds "
        "keep their split",
    )


def _add_merge(commands: Any) -> None:
    parser = _add_command(
        commands, "dataset merge", "add all images of other datasets to one", _MERGE_EXAMPLES
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="the dataset to add to")
    parser.add_argument(
        "others",
        metavar="OTHER",
        nargs="+",
        type=Path,
        help="a version, a dataset's folder (its latest version), or a folder to import",
    )


def _add_curate(commands: Any) -> None:
    parser = _add_command(
        commands, "dataset curate", "reject and relabel images for good", _CURATE_EXAMPLES
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="for example datasets/demo")
    for name, does in (
        ("reject", "images that are no use"),
        ("relabel", "images of another class, with that class"),
        ("restore", "images whose decision is taken back"),
    ):
        parser.add_argument(f"--{name}", metavar="LIST", type=Path, help=f"file that lists {does}")
    parser.add_argument("--who", metavar="NAME", help="who decides; by default your user name")
    parser.add_argument("--why", default="", help="the reason, for all that have none of their own")


def _add_duplicates(commands: Any) -> None:
    parser = _add_command(
        commands, "dataset duplicates", "find duplicates in any folder", _DUPLICATES_EXAMPLES
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="a folder of images")


def _add_target(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o",
        "--output",
        metavar="FOLDER",
        type=Path,
        help="the dataset's folder; by default datasets/ and the name of SOURCE, but for a version",
    )


def _add_export(commands: Any) -> None:
    parser = _add_command(
        commands,
        "dataset export",
        "write a version without its images, to share",
        _DATASET_EXPORT_EXAMPLES,
    )
    _add_version(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE.zip",
        type=Path,
        required=True,
        help="the zip file to write, or a folder",
    )
    _add_force(parser)


def _add_fetch(commands: Any) -> None:
    parser = _add_command(commands, "dataset fetch", "make a shared version again", _FETCH_EXAMPLES)
    parser.add_argument("shared", metavar="SHARED", type=Path, help="what export wrote")
    parser.add_argument(
        "folder", metavar="DATASET_FOLDER", type=Path, help="for example datasets/demo"
    )
    parser.add_argument(
        "--allow-missing",
        action="store_true",
        help="write a version of what can be had, with an id of its own",
    )
    parser.add_argument(
        "--allow-private",
        action="store_true",
        help="ask this machine and private networks too, if the file says so",
    )


def _add_review(commands: Any) -> None:
    parser = _add_command(
        commands, "review", "look through a version in the browser, and mend it", _REVIEW_EXAMPLES
    )
    _add_version(parser)
    parser.add_argument("-m", "--model", type=Path, help="judge by models of its settings")
    parser.add_argument("--port", type=_port, default=8770, help="0 takes a free one")
    parser.add_argument("--who", metavar="NAME", help="who decides; by default your user name")
    parser.add_argument("--no-browser", action="store_true", help="open no browser")


def _add_cache(commands: Any) -> None:
    parser = commands.add_parser(
        "cache",
        help="look at the features kept between runs, or remove them",
        formatter_class=_HelpFormatter,
        description="Look after the features that are kept between runs.",
        allow_abbrev=False,
    )
    nested = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_command(nested, "cache info", "tell where the cache is and its size", _CACHE_INFO_EXAMPLES)
    _add_command(nested, "cache clear", "remove all that is in the cache", _CACHE_CLEAR_EXAMPLES)


def _add_version(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "version",
        metavar="VERSION",
        type=Path,
        help="for example datasets/demo/v1; a dataset's folder means its latest version",
    )


def _add_command(
    commands: Any, name: str, what: str, examples: str, csv: str | None = None
) -> argparse.ArgumentParser:
    """Add a command, with the arguments of all; with --csv too where `csv` says what that is."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name.split()[-1],
        help=what,
        description=f"{what[0].upper()}{what[1:]}.",
        epilog=examples,
        formatter_class=_HelpFormatter,
        # A slip such as --weight would else be taken for what it begins.
        allow_abbrev=False,
    )
    parser.set_defaults(command=name)
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument(
        "--json", action="store_true", help="one JSON document on standard output, nothing else"
    )
    if csv:
        forms.add_argument("--csv", action="store_true", help=csv)
    parser.add_argument("--debug", action="store_true", help="show where an error comes from")
    return parser


def _add_judged(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="DATA", type=Path, help=_DATA_HELP)
    _add_model(parser)
    _add_split(parser)


def _add_split(parser: argparse.ArgumentParser) -> None:
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


def _recipe(text: str) -> str:
    if text not in RECIPES:
        raise argparse.ArgumentTypeError(
            f"expected one of {', '.join(RECIPES)}, not {text!r}; {RECIPES[0]} is the default"
        )
    return text


def _weights(text: str) -> str | None:
    word = text.lower()
    if word == "none":
        return None
    return word if word == "imagenet" else text


def _whole(text: str, least: int) -> int:
    if not text.isdecimal() or len(text) > 9 or int(text) < least:
        raise argparse.ArgumentTypeError(f"expected a whole number from {least}, not {text!r}")
    return int(text)


def _count(text: str) -> int:
    return _whole(text, 1)


def _folds(text: str) -> int:
    return _whole(text, 2)


def _port(text: str) -> int:
    port = _whole(text, 0)
    if port > 65_535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, not {text!r}")
    return port


def _side(text: str) -> int:
    return _whole(text, 32)


def _zero_up(text: str) -> int:
    return _whole(text, 0)
