"""Imports of optional packages, with an error that says how to install them."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from apparel_clf.errors import MissingExtraError

# What every part needs, by the names that are imported.
_CORE = frozenset({"numpy", "PIL"})


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


def without_core(error: ModuleNotFoundError) -> ImportError:
    """Say how to get a package that every part needs, if that is what could not be imported.

    Args:
        error: what the import system raised.

    Returns:
        A `MissingExtraError` for such a package, else the error itself.

    Example:
        >>> without_core(ModuleNotFoundError("No module named 'numpy'", name="numpy"))
        MissingExtraError("numpy is not installed for ...")
    """
    missing = (error.name or "").split(".")[0]
    return MissingExtraError("", missing) if missing in _CORE else error
