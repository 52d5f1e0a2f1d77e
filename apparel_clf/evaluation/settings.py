"""Lays out how a model was made: each setting that was used, as a name and a text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from apparel_clf.evaluation.plain import plain_value
from apparel_clf.evaluation.text import describe_weights


def setting_rows(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Write settings for people.

    Args:
        settings: by name; nested ones get dotted names.

    Returns:
        Name and text of each setting that had an effect.

    Example:
        >>> setting_rows({"image_size": 256, "recipe": {"calibrate": True}})
        [('image_size', '256'), ('recipe.calibrate', 'yes')]
    """
    return _settings(_in_use(settings))


def _in_use(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out what training made no use of."""
    recipe = settings.get("recipe")
    if not isinstance(recipe, Mapping):
        return settings
    idle = _idle(recipe)
    used = {name: value for name, value in recipe.items() if name not in idle}
    return {**settings, "recipe": used}


def _idle(recipe: Mapping[str, Any]) -> set[str]:
    """Names of a recipe's settings that had no effect."""
    idle = set()
    if recipe.get("backbone") != "loop" and recipe.get("views") == 1:
        idle.add("augmentation")  # each image was seen once, as it is
    if recipe.get("solver") == "lbfgs":
        idle.add("learning_rate")
    if not recipe.get("fine_tune"):
        idle.add("fine_tune_rate")
        if recipe.get("solver") == "lbfgs":  # fine-tuning takes batches, whatever the head's solver
            idle.add("batch_size")
    return idle


def _settings(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Settings as name and text, nested ones with dotted names."""
    rows = []
    for name, value in plain_value(settings).items():
        if isinstance(value, dict):
            rows += [(f"{name}.{inner}", text) for inner, text in _settings(value)]
        elif isinstance(value, list):
            rows.append((name, ", ".join(map(str, value)) or "–"))
        else:
            rows.append((name, _setting_text(name, value)))
    return rows


def _setting_text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "weights":
        text = PurePath(str(value)).name
        return describe_weights("none" if value is None else text)
    if value is None:
        return "never" if name == "patience" else "default"
    return str(value)
