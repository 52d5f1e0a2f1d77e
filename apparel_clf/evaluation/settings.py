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
    """Leave out augmentation where training saw each image once, as it is."""
    recipe = settings.get("recipe")
    if not isinstance(recipe, Mapping) or recipe.get("backbone") == "loop":
        return settings
    if recipe.get("views") != 1:
        return settings
    used = {name: value for name, value in recipe.items() if name != "augmentation"}
    return {**settings, "recipe": used}


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
    return "default" if value is None else str(value)
