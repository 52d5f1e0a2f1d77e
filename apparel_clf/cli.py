"""The command line: arguments in, library calls, text or JSON out; no logic of its own.

Nothing heavy is imported before a command runs, so that ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from apparel_clf._arguments import PROGRAM, build_parser
from apparel_clf._cache_commands import CACHE_COMMANDS
from apparel_clf._dataset_commands import DATASET_COMMANDS
from apparel_clf._extras import without_core
from apparel_clf._near_names import near_name
from apparel_clf._notes import hide_notes
from apparel_clf._outcome import (
    DONE,
    FAILED,
    INTERRUPTED,
    Outcome,
    Streamed,
    make_way,
)
from apparel_clf._predict_commands import PREDICT_COMMANDS, load_classifier
from apparel_clf._printable import printable
from apparel_clf._review_commands import REVIEW_COMMANDS
from apparel_clf._serve_commands import SERVE_COMMANDS
from apparel_clf._training_commands import TRAINING_COMMANDS, classifier_of
from apparel_clf.errors import ApparelError, ImageError, WeightsError

if TYPE_CHECKING:
    from apparel_clf.classifier import ApparelClassifier
    from apparel_clf.dataset import ImageSet
    from apparel_clf.evaluation import EvaluationReport


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments, without the program's name. Default None: those of the process.

    Returns:
        The exit code: 0 done, 1 an error (told on standard error), 130 interrupted.

    Raises:
        SystemExit: with 2 for wrong usage, with 0 after ``--help`` and ``--version``.

    Example:
        >>> main(["predict", "x.jpg", "-m", "model.keras"])
        x.jpg: saree 98.1%, jeans 1.2%, trousers 0.7%
        0
    """
    args = build_parser().parse_args(argv)
    hide_notes()
    try:
        # What a library prints is no part of the answer.
        output = sys.stdout
        with redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.showwarning = _show_warning
            outcome = _COMMANDS[args.command](args)
            if isinstance(outcome, Streamed):
                return _stream(outcome, output)
        return _emit(outcome, as_json=args.json)
    except BrokenPipeError:
        return _reader_left()
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)
    except ModuleNotFoundError as error:
        lacking = without_core(error)
        if lacking is error:
            raise
        return _complain(f"error: {lacking}", FAILED)
    except (ApparelError, OSError) as error:
        if args.debug:
            traceback.print_exc()
        return _fail(error, args)


def _train(args: argparse.Namespace) -> Outcome:
    import apparel_clf as ac

    make_way(args.output, force=args.force)
    train, val, _ = ac.ImageFolder(args.data).split()
    classifier = classifier_of(args)
    classifier.fit(train, val).save(args.output)
    return _trained(args.output, classifier, train, val)


def _trained(
    output: Path, classifier: ApparelClassifier, train: ImageSet, val: ImageSet
) -> Outcome:
    from apparel_clf.evaluation.report import history_document
    from apparel_clf.evaluation.text import describe_weights, kept_line

    skipped = classifier.skipped_
    unread = {path for path, _ in skipped}
    watched = sum(str(sample.path) not in unread for sample in val.samples)
    document = {
        "model": str(output),
        "dataset": train.name,
        "version_id": train.version_id,
        "weights": classifier.weights_,
        "classes": list(classifier.classes_),
        "images": {"train": len(train), "val": len(val)},
        "skipped": [{"path": path, "reason": reason} for path, reason in skipped],
        "recipe": classifier.recipe_.to_json(),
        "temperature": classifier.temperature_,
        "history": history_document(classifier.history_),
    }
    text = (
        f"trained on {len(train)} images of {train.name}, {len(val)} for val, "
        f"weights {describe_weights(classifier.weights_)}, features in {classifier.precision_}\n"
        f"recipe {classifier.recipe_.name}, {kept_line(classifier.history_, watched)}\n"
        f"saved {output}"
    )
    return Outcome(text, document)


def _evaluate(args: argparse.Namespace) -> Outcome:
    report, _, _ = _judge(args)
    return Outcome(str(report), json.loads(report.to_json()))


def _report(args: argparse.Namespace) -> Outcome:
    make_way(args.output, force=args.force)
    report, train, classifier = _judge(args)
    views = classifier.augmented_examples(train)
    report.to_html(args.output, samples=train, augmented=views)
    document = {**json.loads(report.to_json()), "report": str(args.output)}
    return Outcome(f"{report}\nwrote {args.output}", document)


def _judge(args: argparse.Namespace) -> tuple[EvaluationReport, ImageSet, ApparelClassifier]:
    """Evaluate the chosen split; return the report, images to show as samples, and the model."""
    import apparel_clf as ac
    from apparel_clf.dataset import SPLITS

    data = ac.ImageFolder(args.data)
    classifier = load_classifier(args)
    if args.split == "all":
        return classifier.evaluate(data), data, classifier
    splits = dict(zip(SPLITS, data.split(), strict=True))
    return classifier.evaluate(splits[args.split]), splits["train"], classifier


def _emit(outcome: Outcome, *, as_json: bool) -> int:
    """Write the answer to standard output and what went wrong to standard error."""
    _take_any_name(sys.stdout)
    answer = json.dumps(outcome.document, indent=2, allow_nan=False) if as_json else outcome.text
    if answer:
        sys.stdout.write(answer + "\n")
        sys.stdout.flush()
    for problem in outcome.problems:
        _complain(f"error: {problem}", FAILED)
    return outcome.code


def _stream(outcome: Streamed, output: TextIO) -> int:
    """Write an answer as it comes about, and what goes wrong to standard error."""
    _take_any_name(output)
    code = DONE
    for part in outcome.parts:
        if isinstance(part, ImageError):
            code = _complain(f"error: {part}", FAILED)
        else:
            output.write(part)
            output.flush()
    return code


def _take_any_name(output: TextIO) -> None:
    """A file name need not be text in the terminal's encoding."""
    if isinstance(output, io.TextIOWrapper):
        output.reconfigure(errors="backslashreplace")


def _show_warning(
    message: Warning | str,
    category: type[Warning],  # noqa: ARG001
    filename: str,  # noqa: ARG001
    lineno: int,  # noqa: ARG001
    file: TextIO | None = None,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001
) -> None:
    """Show a warning as a line for a user, without the place in our code that it comes from."""
    _complain(f"warning: {message}", DONE)


def _fail(error: Exception, args: argparse.Namespace) -> int:
    """Tell an error on one line, and below it the ways out where there are several."""
    if isinstance(error, WeightsError) and error.ways_out:
        _complain(f"error: {error.reason}. Ways out:", FAILED)
        sys.stderr.writelines(f"  - {_one_line(way)}\n" for way in error.ways_out)
        return FAILED
    return _complain(f"error: {error}{_meant(error, args)}", FAILED)


def _meant(error: Exception, args: argparse.Namespace) -> str:
    """Where a path of the command line does not exist, name the one that was probably meant."""
    for given in vars(args).values():
        if isinstance(given, Path) and str(error).startswith(f"{given}: no such"):
            near = near_name(given)
            return f". Did you mean {near}?" if near else ""
    return ""


def _one_line(text: str) -> str:
    return printable(" ".join(text.splitlines()))


def _complain(message: str, code: int) -> int:
    sys.stderr.write(f"{PROGRAM}: {_one_line(message)}\n")
    return code


def _reader_left() -> int:
    """End quietly when the reader of our output has gone, as in ``apparel-clf … | head``."""
    # The interpreter flushes standard output at exit and would complain once more.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return FAILED


_COMMANDS: Mapping[str, Callable[[argparse.Namespace], Outcome | Streamed]] = {
    "train": _train,
    "evaluate": _evaluate,
    "report": _report,
    **PREDICT_COMMANDS,
    **DATASET_COMMANDS,
    **CACHE_COMMANDS,
    **REVIEW_COMMANDS,
    **TRAINING_COMMANDS,
    **SERVE_COMMANDS,
}


if __name__ == "__main__":
    sys.exit(main())
