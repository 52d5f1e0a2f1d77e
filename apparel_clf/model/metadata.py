"""What a model file says about its model, in plain values."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from apparel_clf._version import __version__
from apparel_clf.errors import SettingsError
from apparel_clf.model.build import HEADS, PREPROCESSING
from apparel_clf.model.checks import check_choice

if TYPE_CHECKING:
    from apparel_clf.evaluation import EvaluationReport

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
    """
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
    names = facts["class_names"]
    texts = isinstance(names, list) and all(isinstance(name, str) and name for name in names)
    if not texts or len(set(names)) != len(names) or len(names) < 2:
        raise SettingsError(f"Expected class_names to be two or more names. Received: {names!r}")
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
    if not 0 <= (facts["threshold"] or 0) <= 1:
        raise SettingsError("Expected threshold to be from 0 to 1")
    check_choice("head", facts["head"], HEADS)
    if not isinstance(facts["metrics"], (dict, type(None))):
        raise SettingsError("Expected metrics to be a dict or null")


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
