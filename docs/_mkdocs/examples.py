"""Tells the reader of docstrings that a section called Example holds code, as Examples does."""

from __future__ import annotations

import re
from typing import Any

import griffe

_HEAD = re.compile(r"^Example:$", re.MULTILINE)


class Examples(griffe.Extension):
    """Renames the section while docstrings are loaded; the files stay as they are."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of an object that has one."""
        if obj.docstring:
            obj.docstring.value = _HEAD.sub("Examples:", obj.docstring.value)
