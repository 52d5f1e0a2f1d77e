"""Writes a classifier for runtimes that need no TensorFlow, and checks what was written."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from apparel_clf.dataset.checks import labels_of
from apparel_clf.errors import ImageError, ModelFileError, SettingsError
from apparel_clf.images import load_image, to_square
from apparel_clf.inference.export.agreement import Exported, compared
from apparel_clf.inference.export.parts import Describe, Parts, parts_of
from apparel_clf.inference.export.relearning import relearnt
from apparel_clf.inference.predictor import Predictor
from apparel_clf.model.checks import check_choice, check_number
from apparel_clf.model.file import FILE_FORMAT

if TYPE_CHECKING:
    import keras

    from apparel_clf.dataset import ImageSet

__all__ = ["PRECISIONS", "Exported", "check_target", "export_model"]

#: Arithmetic that each format can have, by the ending of its name.
PRECISIONS: Mapping[str, tuple[str, ...]] = {
    ".onnx": ("fp32", "int8"),
    ".tflite": ("fp32", "int8"),
    "": ("fp32", "bf16", "int8"),
}
# Over this many pictures the range of each layer's values settles. TensorFlow's converter runs them
# on one core by plain code, a second and more each.
_CALIBRATION = {".onnx": 64, "": 64, ".tflite": 32}

Squares = NDArray[np.uint8]


def export_model(
    predictor: Predictor,
    model: keras.Model,
    facts: Mapping[str, Any],
    path: Path,
    *,
    precision: str,
    calibrate_on: Iterable[Any] | None,
    verify_on: ImageSet | None,
    max_loss: float,
    show: bool | None,
) -> Exported:
    """Write a network in another format, check it, and put it in its place.

    Args:
        predictor: answers from the network as it is in Keras.
        model: that network.
        facts: what the file shall say of itself.
        path: where to.
        precision: one of `PRECISIONS` of its format.
        calibrate_on: pictures to measure ranges on, for int8; and to learn distances from, where
            the predictor knows some.
        verify_on: labelled images to compare on; without `calibrate_on` also to set the limit of
            distances by.
        max_loss: points of accuracy that may be lost.
        show: draw progress bars; None draws them on a terminal, else a line every 20 s.

    Returns:
        Where it is, and how it compares.

    Raises:
        ExportError: it loses more than it may.
        SettingsError: something does not go together, or is missing.
        ModelFileError: it cannot be written there.
        MissingExtraError: a package that writes this format is not installed.
    """
    check_number("max_loss", max_loss)
    path = _target(path)
    check_target(path, precision)
    _check_images(precision, calibrate_on, verify_on, tuple(facts["class_names"]))
    calibrate_on = None if calibrate_on is None else list(calibrate_on)
    count = _CALIBRATION[path.suffix]
    squares = _calibration(predictor, calibrate_on, count) if precision == "int8" else None
    parts = parts_of(model, str(facts["head"]))
    told = {"precision": precision, "max_loss": max_loss}
    described = {"format": FILE_FORMAT, **facts, **predictor.facts(), "export": told}
    try:
        with tempfile.TemporaryDirectory(prefix=".exporting-", dir=path.parent) as folder:
            partial = Path(folder) / path.name
            describe = _WRITERS[path.suffix](parts, partial, squares)
            describe(described)
            if precision != "fp32" and predictor.runtime.familiarity is not None and verify_on:
                described |= relearnt(predictor, partial, calibrate_on, verify_on, show)
                describe(described)
            result = compared(predictor, partial, path, described, verify_on, show)
            _put(partial, path)
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be written ({error.strerror or error})") from error
    return result


def _target(path: Path) -> Path:
    """The place that a path leads to, links followed."""
    try:
        return path.resolve()
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{path}: no file can have this name ({error})") from error


def check_target(path: Path, precision: str) -> None:
    """Refuse a place and a precision that do not go together, before any work.

    Args:
        path: where an export is to go.
        precision: its arithmetic.

    Raises:
        SettingsError: no format has such a name, or not this precision.
        ModelFileError: nothing can be written there.
    """
    if path.suffix not in PRECISIONS:
        raise SettingsError(
            f"{path}: expected a name that ends in .onnx or .tflite, or has no ending, for an "
            f"OpenVINO folder. Received: {path.suffix!r}"
        )
    if not path.parent.is_dir():
        raise ModelFileError(f"{path}: there is no folder {path.parent}; make it first")
    if path.is_dir() and path.suffix:
        raise ModelFileError(f"{path}: this is a folder; choose the name of a file")
    if not path.suffix and path.exists() and not _is_ours(path):
        raise ModelFileError(
            f"{path}: exists already and is no OpenVINO folder of ours, or holds more than one; "
            "choose another name"
        )
    check_choice(f"precision of {path.name}", precision, PRECISIONS[path.suffix])


def _check_images(
    precision: str, calibrate_on: Any, verify_on: Any, classes: tuple[str, ...]
) -> None:
    if verify_on is not None:
        labels_of(verify_on, classes, "verify_on")
    if precision == "int8" and calibrate_on is None:
        raise SettingsError(
            "int8 needs calibrate_on: pictures of the kind that it will see, such as the "
            "training images, from which the range of each layer's values is learnt"
        )
    if precision != "fp32" and not verify_on:
        raise SettingsError(
            f"{precision} needs verify_on: labelled images, such as the test split, on which "
            "its accuracy is compared with that of the original"
        )


def _is_ours(folder: Path) -> bool:
    from apparel_clf.inference.runtimes.openvino_runtime import GRAPH
    from apparel_clf.model.file import METADATA_MEMBER

    ours = {GRAPH, GRAPH.replace("xml", "bin"), METADATA_MEMBER}
    return folder.is_dir() and {path.name for path in folder.iterdir()} == ours


def _calibration(predictor: Predictor, images: Iterable[Any] | None, count: int) -> Squares:
    """The squares of some pictures, spread over all that were given."""
    given = list(images or ())
    step = max(1, len(given) // count)
    found = list(islice(_readable(predictor, given[::step]), count))
    if not found:
        raise SettingsError("calibrate_on: holds no image that can be read")
    return np.stack(found)


def _readable(predictor: Predictor, images: Iterable[Any]) -> Iterable[Squares]:
    for image in images:
        try:
            yield to_square(load_image(image), predictor.runtime.side, predictor.rule)
        except ImageError:
            continue  # the others will do


def _put(partial: Path, path: Path) -> None:
    """Move a finished file or folder to its place."""
    if partial.is_dir() and path.is_dir():
        old = partial.parent / "replaced"
        path.replace(old)
        try:
            partial.replace(path)
        except OSError:
            old.replace(path)
            raise
        shutil.rmtree(old)
    else:
        partial.replace(path)


def _onnx(parts: Parts, path: Path, squares: Squares | None) -> Describe:
    from apparel_clf.inference.export.onnx_file import write_onnx

    return write_onnx(parts, path, squares)


def _litert(parts: Parts, path: Path, squares: Squares | None) -> Describe:
    from apparel_clf.inference.export.litert_file import write_litert

    return write_litert(parts, path, squares)


def _openvino(parts: Parts, path: Path, squares: Squares | None) -> Describe:
    from apparel_clf.inference.export.openvino_folder import write_openvino

    return write_openvino(parts, path, squares)


_WRITERS: Mapping[str, Callable[[Parts, Path, Squares | None], Describe]] = {
    ".onnx": _onnx,
    ".tflite": _litert,
    "": _openvino,
}
