"""Keras and TensorFlow, imported when first needed and checked to be usable."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import Any

from apparel_clf._extras import require
from apparel_clf.errors import SettingsError

_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"


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

    Returns:
        The module `tensorflow`.

    Raises:
        MissingExtraError: TensorFlow is not installed.
    """
    os.environ.setdefault(_LOG_LEVEL, "2")
    return require("tensorflow", "train")


def tensorflow_quietly() -> Any:
    """Import TensorFlow without its start-up notes, which no user can act on.

    For programs, which own their standard error. Where the user has set a log level
    (``TF_CPP_MIN_LOG_LEVEL``), it is left alone.

    Returns:
        The module `tensorflow`.

    Raises:
        MissingExtraError: TensorFlow is not installed.
    """
    if _LOG_LEVEL in os.environ:
        return tensorflow_module()
    # 2 would still tell of every graphics card that isn't there. What fails raises an exception.
    os.environ[_LOG_LEVEL] = "3"
    with _hidden_stderr():
        return tensorflow_module()


@contextmanager
def _hidden_stderr() -> Iterator[None]:
    """Keep what C++ code writes to standard error out of sight; show it if that code fails.

    TensorFlow writes its first notes before it looks at its own log level.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            yield
        except BaseException:
            notes.seek(0)
            os.write(kept, notes.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
