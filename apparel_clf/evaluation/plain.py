"""Values of any kind become values that JSON can hold."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np


def plain_value(value: Any) -> Any:
    """Turn a value into what JSON can hold.

    Args:
        value: numbers, text, mappings, sequences, dataclasses and arrays, nested in any way;
            anything else, a path for example, becomes its text.

    Returns:
        The same in dicts, lists, str, int, float, bool and None. A number that is not finite
        becomes None, because JSON has no name for it.

    Example:
        >>> plain_value({"loss": float("nan"), "shape": (256, 256)})
        {'loss': None, 'shape': [256, 256]}
    """
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_value(item) for item in value]
    return str(value)


def short_float(value: float) -> float:
    """Round to the seven significant digits that a float32 carries.

    Example:
        >>> short_float(0.10000000149011612)
        0.1
    """
    return float(f"{value:.7g}")
