"""Reads a classifier from a model file of any format."""

from __future__ import annotations

import os
from typing import Any

from apparel_clf.classifier import ApparelClassifier
from apparel_clf.errors import ModelFileError
from apparel_clf.inference.opening import Opened, open_model
from apparel_clf.model.checks import check_whole
from apparel_clf.model.metadata import check_facts
from apparel_clf.training.augment import Augmentation
from apparel_clf.training.history import History
from apparel_clf.training.recipes import Recipe


def load(
    path: str | os.PathLike[str], runtime: str = "auto", *, threads: int | None = None
) -> ApparelClassifier:
    """Read a classifier that `ApparelClassifier.save` or `ApparelClassifier.export` wrote.

    From a ``.keras`` file it predicts bit for bit as the saved one did. From an export it predicts
    without TensorFlow; it can do everything but train on and be saved. Nothing that is stored in
    the file is run but the network itself.

    Args:
        path: a ``.keras``, ``.onnx`` or ``.tflite`` file, or an OpenVINO folder.
        runtime: ``"auto"`` (default) takes the one that the format is made for; ``"keras"``,
            ``"onnx"``, ``"litert"`` or ``"openvino"``, which also runs ``.onnx`` files.
        threads: how many to compute with; None (default) for all cores. Keras has a setting of
            its own.

    Returns:
        A fitted classifier.

    Raises:
        ModelFileError: no such file, not one of ours, damaged, or refused because it could run
            code.
        SettingsError: the runtime can't run files of this format.
        MissingExtraError: the runtime is not installed; names the extra that brings it.

    Example:
        >>> load("model.onnx").predict("x.jpg").label
        'saree'
    """
    if threads is not None:
        check_whole("threads", threads, 1)
    opened = open_model(path, runtime, threads)
    try:
        return _restored(opened)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelFileError(
            f"{os.fspath(path)}: what the file says about itself is damaged "
            f"({type(error).__name__}: {error})"
        ) from error


def _restored(opened: Opened) -> ApparelClassifier:
    facts = opened.facts
    check_facts(facts)
    classifier = ApparelClassifier(**_params(facts["params"]))
    classifier.recipe_ = Recipe.from_json(facts["recipe"])
    classifier.history_ = History.from_json(facts["history"])
    classifier.weights_ = facts["weights"]
    classifier.precision_ = facts["precision"]
    classifier.temperature_ = facts["temperature"]
    classifier.threshold_ = facts["threshold"]
    classifier.dataset_ = facts["dataset"]
    classifier.metrics_ = facts["metrics"]
    classifier.skipped_ = ()
    check_whole("image_size", classifier.image_size, 32)
    if classifier.image_size != opened.runtime.side:
        raise ValueError(f"settings for {classifier.image_size} pixels a side")
    classifier.settings()
    classifier._adopt(opened.runtime, facts["class_names"], opened.model)
    return classifier


def _params(stored: dict[str, Any]) -> dict[str, Any]:
    """The settings as the constructor takes them."""
    params = dict(stored)
    if isinstance(params["recipe"], dict):
        params["recipe"] = Recipe.from_json(params["recipe"])
    if params["augmentation"] is not None:
        params["augmentation"] = Augmentation(**params["augmentation"])
    return params
