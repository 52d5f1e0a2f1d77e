"""What a model file says about its model, in plain values."""

from __future__ import annotations

import math
import platform
import re
import unicodedata
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from apparel_clf._version import __version__
from apparel_clf.errors import SettingsError
from apparel_clf.model.build import HEADS, PREPROCESSING
from apparel_clf.model.checks import check_choice, check_whole

if TYPE_CHECKING:
    from apparel_clf.evaluation import EvaluationReport

# What makes text be read in another order than it is written in; other signs that are not seen
# belong to the words of some scripts. Controls, halves of a character, ends of lines.
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_NOT_IN_NAMES = {"Cc", "Cs", "Zl", "Zp"}
# What an evaluation says, see `describe_evaluation`.
_METRICS, _PERHAPS = {"dataset", "n", "accuracy", "ci"}, {"split", "version_id", "split_id"}
# What can change a prediction when it changes.
_LIBRARIES = ("tensorflow", "keras", "numpy", "pillow")


def describe_model(
    *,
    class_names: Sequence[str],
    params: Mapping[str, Any],
    recipe: Mapping[str, Any],
    temperature: float | None,
    threshold: float | None,
    weights: str,
    precision: str,
    history: Mapping[str, Any],
    dataset: Mapping[str, Any],
    metrics: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Collect what travels in a model file beside the network.

    Args:
        class_names: in the order of the network's outputs.
        params: the settings that were given.
        recipe: all settings that the training used.
        temperature: by what the logits were divided, or None.
        threshold: confidence below which a prediction is uncertain, or None.
        weights: where the backbone's weights came from.
        precision: the arithmetic that computed the training features.
        history: from `History.to_json`.
        dataset: name and version id of the training data.
        metrics: what an evaluation found, or None.

    Returns:
        Values that JSON can hold.

    Raises:
        SettingsError: a class has a name that no file may have.
    """
    _check_names(list(class_names))
    return {
        "class_names": list(class_names),
        "image_size": params["image_size"],
        "resize": recipe["resize"],
        "preprocessing": PREPROCESSING,
        "head": recipe["head"],
        "weights": weights,
        "precision": precision,
        "params": dict(params),
        "recipe": dict(recipe),
        "temperature": temperature,
        "threshold": None if threshold is None else float(threshold),
        "history": dict(history),
        "dataset": dict(dataset),
        "metrics": dict(metrics) if metrics else None,
        "versions": library_versions(),
    }


def check_facts(facts: Mapping[str, Any]) -> None:
    """Refuse metadata that no `describe_model` wrote.

    Args:
        facts: what a model file says about itself.

    Raises:
        SettingsError: a value is not what it should be; names it.
        KeyError: a value is missing.
    """
    _check_names(facts["class_names"])
    kinds = {
        "params": dict,
        "recipe": dict,
        "history": dict,
        "dataset": dict,
        "weights": str,
        "precision": str,
    }
    for name, kind in kinds.items():
        if not isinstance(facts[name], kind):
            raise SettingsError(f"Expected {name} to be a {kind.__name__}")
    for name in ("temperature", "threshold"):
        if not isinstance(facts[name], (float, type(None))):
            raise SettingsError(f"Expected {name} to be a number or null")
    if facts["temperature"] is not None and not 0 < facts["temperature"] < math.inf:
        raise SettingsError("Expected temperature to be above 0")
    if not 0 <= (facts["threshold"] or 0) <= 1:
        raise SettingsError("Expected threshold to be from 0 to 1")
    check_choice("head", facts["head"], HEADS)
    for name in ("head", "resize"):
        if facts["recipe"][name] != facts[name]:
            raise SettingsError(f"Expected {name} to be the recipe's")
    _check_history(facts["history"])
    _check_texts("dataset", facts["dataset"], {"name"}, {"version_id"})
    if facts["metrics"] is not None:
        _check_metrics(facts["metrics"])


def _check_names(names: Any) -> None:
    """Refuse what are not names of classes, and names that do something where they are shown."""
    texts = isinstance(names, list) and all(isinstance(name, str) and name for name in names)
    if not texts or len(set(names)) != len(names) or len(names) < 2:
        raise SettingsError(f"Expected class_names to be two or more names. Received: {names!r}")
    for name in names:
        if _TURNING.search(name) or _NOT_IN_NAMES & set(map(unicodedata.category, name)):
            raise SettingsError(
                "Expected class_names without control characters, also those that turn the order "
                f"of letters. Received: {name!a}"
            )


def _check_history(history: Mapping[str, Any]) -> None:
    """Refuse what is no curve; how the columns go together, `History` knows."""
    columns = history["history"]
    if not isinstance(columns, dict) or not all(isinstance(c, list) for c in columns.values()):
        raise SettingsError("Expected history to be lists of numbers by name")
    for name, values in columns.items():
        for value in values:
            _check_finite(f"history of {name!r}", value)
    epochs = max(map(len, columns.values()), default=0)
    kept = history["kept"]
    if kept is not None and not (type(kept) is int and 0 <= kept < epochs):
        raise SettingsError(f"Expected the kept epoch to be one of {epochs}, or null")


def _check_metrics(metrics: Any) -> None:
    if not isinstance(metrics, dict) or metrics.keys() - _PERHAPS != _METRICS:
        raise SettingsError(f"Expected metrics to be null, or to say {sorted(_METRICS)}")
    _check_texts("metrics", metrics, {"dataset"}, _PERHAPS)
    check_whole("n of metrics", metrics["n"], 1)
    ends = metrics["ci"]
    if not isinstance(ends, list) or len(ends) != 2:
        raise SettingsError("Expected ci of metrics to be two numbers")
    for value in (metrics["accuracy"], *ends):
        _check_finite("accuracy and ci of metrics", value)
        if not 0 <= value <= 1:
            raise SettingsError("Expected accuracy and ci of metrics to be from 0 to 1")


def _check_texts(what: str, values: Mapping[str, Any], texts: set[str], perhaps: set[str]) -> None:
    """Raise SettingsError unless some values are texts, and others are texts or null."""
    for name in texts | perhaps:
        value = values.get(name)
        if not isinstance(value, str) and (value is not None or name in texts):
            raise SettingsError(f"Expected {name} of {what} to be text. Received: {value!r}")


def _check_finite(what: str, value: Any) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not math.isfinite(value):
        raise SettingsError(f"Expected {what} to be finite numbers. Received: {value!r}")


def describe_evaluation(report: EvaluationReport) -> dict[str, Any]:
    """Say in a few plain values what an evaluation found, and on what.

    Args:
        report: from `ApparelClassifier.evaluate`.

    Returns:
        Values that JSON can hold.
    """
    return {
        "dataset": report.dataset,
        "split": report.split,
        "version_id": report.version_id,
        "split_id": report.split_id,
        "n": report.n,
        "accuracy": report.accuracy,
        "ci": list(report.ci),
    }


def library_versions() -> dict[str, str]:
    """Return the versions of Python, of this package and of the libraries that predict.

    Example:
        >>> library_versions()["keras"]
        '3.15.0'
    """
    found = {"python": platform.python_version(), "apparel_clf": __version__}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            # Some builds of TensorFlow go by another name, for example tensorflow-cpu.
            found[name] = "unknown"
    return found
