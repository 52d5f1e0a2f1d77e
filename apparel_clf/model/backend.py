"""Keras and TensorFlow, imported when first needed and checked to be usable."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from tempfile import TemporaryFile
from typing import Any

from apparel_clf._extras import require
from apparel_clf._notes import notes_are_hidden
from apparel_clf.errors import SettingsError

_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
# How its C++ code begins a line: I0000 00:00:17…, or 2026-01-31 12:00:00.123456: I tensorflow/….
_NOTE = re.compile(
    rb"[IWEF]\d{4} \d\d:\d\d:|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWEF] |"
    rb"WARNING: All log messages before absl|To enable the following instructions:"
)
_IMPORTING = threading.RLock()


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
    """Import TensorFlow, which may write start-up notes to standard error.

    Where the user has set a log level (``TF_CPP_MIN_LOG_LEVEL``), it is left alone.

    Returns:
        The module `tensorflow`.

    Raises:
        MissingExtraError: TensorFlow is not installed.
    """
    with _IMPORTING:
        if "tensorflow" in sys.modules or _LOG_LEVEL in os.environ:
            return require("tensorflow", "train")
        # 2 still tells of every graphics card that isn't there. What fails raises an exception.
        os.environ[_LOG_LEVEL] = "3" if notes_are_hidden() else "2"
        with _without_notes() if notes_are_hidden() else nullcontext():
            return require("tensorflow", "train")


@contextmanager
def _without_notes() -> Iterator[None]:
    """Keep TensorFlow's notes out of standard error; all else comes there in the end.

    It writes its first notes before it looks at its own log level. If the import fails they are
    shown, since they may say why.
    """
    try:
        written, kept = TemporaryFile(), os.dup(2)  # noqa: SIM115 # closed below
    except OSError:  # no room for a file, or a program without a standard error
        yield
        return
    with written:
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
