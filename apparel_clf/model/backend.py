"""Keras and TensorFlow, imported when first needed and checked to be usable."""

from __future__ import annotations

import os
from typing import Any

from apparel_clf._extras import require
from apparel_clf.errors import SettingsError


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

    Returns:
        The module `tensorflow`.

    Raises:
        MissingExtraError: TensorFlow is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    return require("tensorflow", "train")
