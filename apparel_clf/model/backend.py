"""Keras and TensorFlow, imported when first needed and checked to be usable."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import Any

from apparel_clf._extras import require
from apparel_clf.errors import SettingsError

_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
# How its C++ code begins a line: I0000 00:00:17…, or 2026-01-31 12:00:00.123456: I tensorflow/….
_NOTE = re.compile(
    rb"[IWEF]\d{4} \d\d:\d\d:|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWEF] |"
    rb"WARNING: All log messages before absl|To enable the following instructions:"
)


def keras_module() -> Any:
    """Import Keras on TensorFlow.

    Returns:
        The module `keras`.

    Raises:
        MissingExtraError: Keras or TensorFlow is not installed.
        SettingsError: Keras was told to run on something other than TensorFlow.

    Example:
        >>> keras_module().config.backend()
        'tensorflow'
    """
    tensorflow_module()
    keras = require("keras", "train")
    if keras.config.backend() != "tensorflow":
        raise SettingsError(
            "Expected the Keras backend to be 'tensorflow'. "
            f"Received: {keras.config.backend()!r}; unset KERAS_BACKEND, or set it in keras.json"
        )
    return keras


def tensorflow_module() -> Any:
    """Import TensorFlow without its start-up notes, which no user can act on.

    Where the user has set a log level (``TF_CPP_MIN_LOG_LEVEL``), or has imported TensorFlow
    already, nothing is changed.

    Returns:
        The module `tensorflow`.

    Raises:
        MissingExtraError: TensorFlow is not installed.
    """
    if "tensorflow" in sys.modules or _LOG_LEVEL in os.environ:
        return require("tensorflow", "train")
    # 2 would still tell of every graphics card that isn't there. What fails raises an exception.
    os.environ[_LOG_LEVEL] = "3"
    with _without_notes():
        return require("tensorflow", "train")


@contextmanager
def _without_notes() -> Iterator[None]:
    """Keep TensorFlow's notes out of standard error; all else comes there in the end.

    It writes its first notes before it looks at its own log level. If the import fails they are
    shown, since they may say why.
    """
    try:
        kept = os.dup(2)
    except OSError:  # a program without a standard error
        yield
        return
    with TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        noted = re.compile(rb"(?!)")
        try:
            yield
            noted = _NOTE
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            written.seek(0)
            for line in written:
                if not noted.match(line):
                    os.write(2, line)
