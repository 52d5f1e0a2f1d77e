"""The commands ``apparel-clf cross-validate | tune | compare``: arguments in, text or JSON out.

What is imported at the top is loaded by ``--help`` too; the library is imported in each command.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from apparel_clf._extras import require
from apparel_clf._outcome import Outcome, make_way
from apparel_clf.errors import SettingsError

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from apparel_clf.classifier import ApparelClassifier
    from apparel_clf.dataset import ImageSet
    from apparel_clf.training.cross_validation import CrossValidation

_SHOWN = 10
# What matplotlib writes without further packages.
_PLOTS = (".png", ".svg", ".pdf")
# On what two models were compared.
_JUDGED_ON = ("dataset", "version_id", "split", "split_id", "n")


def classifier_of(args: argparse.Namespace) -> ApparelClassifier:
    """Build the classifier that the arguments describe."""
    import apparel_clf as ac
    from apparel_clf.model.weights import check_weights

    check_weights(args.weights)
    # Not every command takes every setting; those that it takes go by the setting's name.
    names = ac.ApparelClassifier().get_params()
    given = {name: value for name, value in vars(args).items() if name in names}
    return ac.ApparelClassifier(**given, random_state=args.seed, verbose=not args.quiet)


def _cross_validate(args: argparse.Namespace) -> Outcome:
    import apparel_clf as ac

    for path in (args.relabel, args.reject, args.report):
        if path is not None:
            make_way(path, force=args.force)
    data = ac.ImageFolder(args.data)
    found = ac.cross_validate(data, classifier_of(args), k=args.folds)
    written = []
    for path, kind in ((args.relabel, "label"), (args.reject, "outlier")):
        if path is not None:
            written.append(f"wrote {found.write_label_issues(path, kind)}")
    if args.report is not None:
        written.append(f"wrote {found.report.to_html(args.report, samples=data)}")
    document = {
        **json.loads(found.report.to_json()),
        "folds": [{"n": f.n, "accuracy": f.accuracy, "ci": list(f.ci)} for f in found.folds],
        "recipe": found.recipe.to_json(),
        "label_issues": [issue.to_json() for issue in found.issues],
    }
    return Outcome("\n".join([str(found), *_issue_lines(found), *written]), document)


def _issue_lines(found: CrossValidation) -> list[str]:
    lines = [
        f"  {i.path}: {i.label} → {i.suggested or 'none of them'} ({i.why})"
        for i in found.issues[:_SHOWN]
    ]
    return ["", f"{len(found.issues)} likely label issues, the surest first:", *lines] * bool(lines)


def _tune(args: argparse.Namespace) -> Outcome:
    import apparel_clf as ac

    if args.plot is not None:
        _check_plot(args.plot)
        make_way(args.plot, force=args.force)
    train, val, _ = ac.ImageFolder(args.data).split()
    found = ac.tune(_together(train, val), classifier_of(args), k=args.folds)
    lines = [str(found), _how_to_use(found.best.settings)]
    if args.plot is not None:
        found.plot(args.plot)
        lines.append(f"wrote {args.plot}")
    return Outcome("\n".join(lines), found.to_json())


def _check_plot(path: Path) -> None:
    """Find out before the search, not after it, that no plot can be written."""
    require("matplotlib.figure", "train")
    if path.suffix.lower() not in _PLOTS:
        raise SettingsError(f"{path}: expected a name that ends in one of {', '.join(_PLOTS)}")


def _together(train: ImageSet, val: ImageSet) -> ImageSet:
    """Train and val: what settings may be chosen by. Test has no say in it."""
    return train.subset("train and val", [*train.samples, *val.samples])


def _how_to_use(settings: dict[str, object]) -> str:
    given = ", ".join(f"{name}={value!r}" for name, value in settings.items())
    return f"in Python: ApparelClassifier({given})"


def _compare(args: argparse.Namespace) -> Outcome:
    import apparel_clf as ac
    from apparel_clf.dataset import SPLITS

    data = ac.ImageFolder(args.data)
    splits: dict[str, ImageSet] = {**dict(zip(SPLITS, data.split(), strict=True)), "all": data}
    if not len(splits[args.split]):
        raise SettingsError(f"{args.data}: its {args.split} split has no image; pass --split")
    reports = [ac.load(model).evaluate(splits[args.split]) for model in (args.a, args.b)]
    found = ac.compare(*reports)
    told = {"a": str(args.a), "b": str(args.b)}
    told |= {name: getattr(reports[0], name) for name in _JUDGED_ON}
    lines = [f"a: {args.a}", str(reports[0]), f"b: {args.b}", str(reports[1]), str(found)]
    return Outcome("\n".join(lines), told | json.loads(found.to_json()))


TRAINING_COMMANDS: dict[str, Callable[[argparse.Namespace], Outcome]] = {
    "cross-validate": _cross_validate,
    "tune": _tune,
    "compare": _compare,
}
