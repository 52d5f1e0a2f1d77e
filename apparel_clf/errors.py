"""The errors that this library raises, a small vocabulary.

Every one derives from `ApparelError` and from the built-in that a caller would expect, so both
``except ac.ApparelError`` and ``except FileNotFoundError`` work. A message names the input, the
reason and the way out, in that order.
"""

from __future__ import annotations

import sys

# Extras whose packages exist only for Python versions newer than the oldest that the rest runs on.
_NEEDS_PYTHON = {"train": (3, 11)}


class ApparelError(Exception):
    """Base of every error that `apparel_clf` raises on purpose."""


class MissingExtraError(ApparelError, ImportError):
    """A part of the library needs packages that are not installed.

    Args:
        extra: name of the extra that brings them, for example ``"train"``; empty for a package
            that every part needs.
        missing: the module that could not be imported.

    Example:
        >>> raise MissingExtraError("train", "tensorflow")
        Traceback (most recent call last):
        apparel_clf.errors.MissingExtraError: tensorflow is not installed. ...
    """

    def __init__(self, extra: str, missing: str) -> None:
        self.extra = extra
        self.missing = missing
        super().__init__(_how_to_install(extra, missing))


class ImageError(ApparelError, ValueError):
    """Bytes or a file that cannot be used as an image.

    Args:
        source: what was read: a path, or a short description such as ``"bytes"``.
        reason: one sentence that says what is wrong and, where there is one, the way out.
        code: a stable, machine-readable name of the reason, used as the name of a statistic:
            one of ``missing``, ``empty``, ``not_an_image``, ``format``, ``truncated``,
            ``too_many_pixels``, ``too_small``, ``aspect``, ``blank``, ``unsupported_input``.
    """

    def __init__(self, source: str, reason: str, code: str = "not_an_image") -> None:
        self.source = source
        self.reason = reason
        self.code = code
        super().__init__(f"{source}: {reason}")


class DatasetError(ApparelError, ValueError):
    """A dataset folder that cannot be used as it is: an empty class, one class, a bad manifest."""


class DatasetNotFoundError(DatasetError, FileNotFoundError):
    """A dataset folder or version that does not exist."""


class PublishError(ApparelError, RuntimeError):
    """A version could not be published. What was published before is untouched."""


class SettingsError(ApparelError, ValueError):
    """A setting or argument with a value that is not allowed, or two that contradict each other."""


class WeightsError(ApparelError, OSError):
    """Backbone weights that cannot be had or do not fit.

    Never answered by silently random weights: the message names the file, the URL and the
    ways out.

    Args:
        reason: what is wrong, on one line.
        ways_out: what to do, each a line of its own.
    """

    def __init__(self, reason: str, ways_out: tuple[str, ...] = ()) -> None:
        self.reason = reason
        self.ways_out = ways_out
        super().__init__("\n".join([reason, *(f"  - {way}" for way in ways_out)]))


class ModelFileError(ApparelError, ValueError):
    """A model file that is not one of ours, is damaged, or is refused because it could run code."""


class ExportError(ApparelError, RuntimeError):
    """An export that answers too differently from the model it was made of; says the figures."""


class NotFittedError(ApparelError, ValueError, AttributeError):
    """`fit` or `load` must come before this call."""


class TrainingError(ApparelError, RuntimeError):
    """Training cannot go on: too few images, a class missing, a loss that is not a number."""


def _how_to_install(extra: str, missing: str) -> str:
    """Say how a package comes into this environment; the project is installed from its folder."""
    if not extra:
        return (
            f"{missing} is not installed for {sys.executable}, and every part of apparel_clf needs "
            "it. Use the Python of the environment that the project was installed in "
            "(.venv/bin/python), or install it, in the project's folder: pip install ."
        )
    told = (
        f"{missing} is not installed. It comes with the extra '{extra}', in the project's folder: "
        f"pip install '.[{extra}]'"
    )
    needed = _NEEDS_PYTHON.get(extra, (3, 0))
    if sys.version_info[:2] < needed:
        told += f". This extra needs Python {needed[0]}.{needed[1]} or newer, this is " + (
            ".".join(map(str, sys.version_info[:2]))
        )
    return told
