"""Imports of optional packages, with an error that says how to install them."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from apparel_clf.errors import MissingExtraError


def require(module: str, extra: str) -> ModuleType:
    """Import an optional module.

    Args:
        module: dotted name of the module, for example ``"matplotlib.pyplot"``.
        extra: the extra of this package that installs it.

    Returns:
        The module.

    Raises:
        MissingExtraError: the module's package is not installed; carries the pip line.

    Example:
        >>> keras = require("keras", "train")
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        missing = (error.name or module).split(".")[0]
        raise MissingExtraError(extra, missing) from error
