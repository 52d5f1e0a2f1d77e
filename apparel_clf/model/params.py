"""Scikit-learn's habits for a class whose `__init__` only stores its settings."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

from apparel_clf.errors import SettingsError

Self = TypeVar("Self", bound="Params")


class Params:
    """Reads, changes and shows the settings that a subclass' `__init__` names.

    Example:
        >>> ApparelClassifier(views=3).set_params(head="gap")
        ApparelClassifier(head='gap', views=3)
    """

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002
        """Return the settings by name.

        Args:
            deep: taken for scikit-learn's sake; no setting holds settings of its own.
        """
        return {name: getattr(self, name) for name in _names(type(self))}

    def set_params(self: Self, **params: Any) -> Self:
        """Change settings; they take effect with the next `fit`.

        Args:
            **params: settings by name.

        Returns:
            The object itself.

        Raises:
            SettingsError: there is no such setting; then none is changed.
        """
        names = _names(type(self))
        unknown = sorted(set(params) - set(names))
        if unknown:
            raise SettingsError(f"Expected settings among {names}. Received: {unknown}")
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        changed = ", ".join(
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if value != defaults[name].default
        )
        return f"{type(self).__name__}({changed})"


def _names(cls: type) -> list[str]:
    return list(inspect.signature(cls).parameters)
