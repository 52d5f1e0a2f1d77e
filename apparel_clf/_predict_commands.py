"""The commands `predict`, `explain` and `export`: arguments in, library calls, answers out."""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from apparel_clf._outcome import Outcome, Streamed, make_way
from apparel_clf._printable import printable
from apparel_clf.errors import ImageError, SettingsError

if TYPE_CHECKING:
    from apparel_clf.classifier import ApparelClassifier
    from apparel_clf.inference import Prediction

# What pictures are written as, by the ending of their name.
_PICTURES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
# How a cell begins that a spreadsheet computes.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def load_classifier(args: argparse.Namespace) -> ApparelClassifier:
    """Load the model that a command was given."""
    import apparel_clf as ac

    return ac.load(args.model, getattr(args, "runtime", "auto"))


def _predict(args: argparse.Namespace) -> Streamed:
    from apparel_clf.inference.sources import find_images

    sources = find_images(args.paths)
    classifier = load_classifier(args)
    # On a terminal the answers themselves show how far it is.
    classifier.verbose = not (sys.__stdout__ and sys.__stdout__.isatty())
    results = classifier.iter_predict(
        sources, top_k=args.top, threshold=args.threshold, on_error="collect"
    )
    write = _as_json if args.json else _as_csv if args.csv else _as_text
    return Streamed(write(results, classifier, args))


def _as_text(
    results: Iterable[Prediction | ImageError],
    classifier: ApparelClassifier,  # noqa: ARG001 - the same for each form
    args: argparse.Namespace,  # noqa: ARG001 - the same for each form
) -> Iterator[str | ImageError]:
    for item in results:
        if isinstance(item, ImageError):
            yield item
            continue
        doubt = " (uncertain)" if item.uncertain else ""
        shares = ", ".join(f"{printable(label)} {share:.1%}" for label, share in item.top_k)
        yield f"{printable(item.source)}: {shares}{doubt}\n"


def _as_json(
    results: Iterable[Prediction | ImageError],
    classifier: ApparelClassifier,
    args: argparse.Namespace,
) -> Iterator[str | ImageError]:
    """One document, written as it comes about: a line for each image."""
    head = {"model": str(args.model), "runtime": classifier.runtime_}
    yield json.dumps(head)[:-1] + ', "predictions": ['
    errors: list[ImageError] = []
    between = "\n"
    for item in results:
        if isinstance(item, ImageError):
            errors.append(item)
            yield item
        else:
            yield between + json.dumps(_document(item), allow_nan=False)
            between = ",\n"
    told = [{"source": e.source, "reason": e.reason, "code": e.code} for e in errors]
    yield f'\n], "errors": {json.dumps(told)}}}\n'


def _document(item: Prediction) -> dict[str, object]:
    return {
        "source": item.source,
        "label": item.label,
        "confidence": item.confidence,
        "uncertain": item.uncertain,
        "distance": item.distance,
        "top": [{"label": label, "probability": share} for label, share in item.top_k],
    }


def _as_csv(
    results: Iterable[Prediction | ImageError],
    classifier: ApparelClassifier,
    args: argparse.Namespace,  # noqa: ARG001 - the same for each form
) -> Iterator[str | ImageError]:
    """A row for each image, those that can't be read with the reason."""
    classes = classifier.classes_
    yield _row(["source", "label", "confidence", "uncertain", "distance", "error", *classes])
    for item in results:
        if isinstance(item, ImageError):
            yield _row([item.source, "", "", "", "", item.reason, *[""] * len(classes)])
            yield item
        else:
            shares = [f"{item.probabilities[name]:.6f}" for name in classes]
            doubt = "true" if item.uncertain else "false"
            far = "" if item.distance is None else f"{item.distance:.3f}"
            yield _row([item.source, item.label, f"{item.confidence:.6f}", doubt, far, "", *shares])


def _row(cells: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(_no_formula(printable(c)) for c in cells)
    return text.getvalue()


def _no_formula(cell: str) -> str:
    """Keep a file's or a class's name from being a formula to a spreadsheet."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _explain(args: argparse.Namespace) -> Outcome:
    kind = _PICTURES.get(args.output.suffix.lower())
    if kind is None:
        raise SettingsError(
            f"{args.output}: expected a name that ends in one of {', '.join(_PICTURES)}"
        )
    make_way(args.output, force=args.force)
    classifier = load_classifier(args)
    found = classifier.explain(args.image, args.label)
    found.overlay().save(args.output, kind)
    share = found.prediction.probabilities[found.label]
    label = printable(found.label)
    lines = [f"{printable(args.image)}: {label} {share:.1%}"]
    if found.empty:
        lines.append(
            f"no part of this picture speaks for '{label}' by itself: the heat map is empty, "
            "usual with an untrained backbone"
        )
    lines.append(f"wrote {printable(str(args.output))}")
    text = "\n".join(lines)
    document = {
        "explained": found.label,
        "empty": found.empty,
        "prediction": found.prediction.to_json(),
        "overlay": str(args.output),
    }
    return Outcome(text, document)


def _export(args: argparse.Namespace) -> Outcome:
    import apparel_clf as ac
    from apparel_clf.inference.export import check_target

    check_target(args.output, args.precision)
    if args.precision != "fp32" and args.data is None:
        raise SettingsError(
            f"--precision {args.precision} needs --data, a dataset whose test split accuracy is "
            "compared on, and whose train split int8 learns from"
        )
    if args.output.exists() and not args.force:
        raise SettingsError(
            f"{args.output}: exists already; choose another name, or replace it with --force"
        )
    train = test = None
    if args.data is not None:
        train, _, test = ac.ImageFolder(args.data).split()
    classifier = ac.load(args.model)
    exported = classifier.export(
        args.output,
        args.precision,
        calibrate_on=train,
        verify_on=test,
        max_loss=args.max_loss,
    )
    return Outcome(printable(str(exported)), exported.to_json())


#: Commands by name.
PREDICT_COMMANDS: dict[str, Callable[[argparse.Namespace], Outcome | Streamed]] = {
    "predict": _predict,
    "explain": _explain,
    "export": _export,
}
