"""Payloads of hostile model files, which leave a marker where they run, and how to place them."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Touch:
    """Pickled, it makes a file of whoever opens the pickle."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., None], tuple[Path]]:
        return Path.touch, (self.marker,)


def touching(marker: Path) -> Callable[[Any], Any]:
    """A function without a name that makes a file whenever it runs; Keras stores its bytecode."""
    name = str(marker)
    return lambda x: (open(name, "w").close(), x)[1]  # noqa: PTH123 # no import when it runs


def with_lambda(network: Any, marker: Path) -> Any:
    """The network with a real Lambda layer on top, compiled; building it has run the layer."""
    import keras

    model = keras.Model(network.input, keras.layers.Lambda(touching(marker))(network.output))
    model.compile(optimizer="adam", loss="mse")
    marker.unlink()
    return model


def rewritten(
    source: Path,
    target: Path,
    change: Callable[[str, bytes], bytes | str | None],
    compression: int = zipfile.ZIP_STORED,
) -> Path:
    """Copy a model file, letting `change` spoil its members; None leaves one out."""
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(target, "w", compression) as copy:
        for name in archive.namelist():
            data = change(name, archive.read(name))
            if data is not None:
                copy.writestr(name, data)
    return target
