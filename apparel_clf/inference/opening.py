"""Opens a model file of any format: what it says of itself, and a runtime that answers from it."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from apparel_clf.errors import ApparelError, ModelFileError
from apparel_clf.inference.familiarity import Familiarity
from apparel_clf.inference.onnx_scan import scan
from apparel_clf.inference.runtimes.base import Runtime
from apparel_clf.inference.sources import is_folder
from apparel_clf.model.checks import check_choice
from apparel_clf.model.file import (
    LARGEST_JSON,
    METADATA_MEMBER,
    REFUSED,
    check_format,
    is_file,
    load_model,
    read_json,
    read_metadata,
)
from apparel_clf.model.plan import MAX_SIDE

if TYPE_CHECKING:
    import keras

#: What can run a model; ``auto`` takes the one that its format is made for.
RUNTIMES = ("auto", "keras", "onnx", "litert", "openvino")
#: Endings of model files and what runs them, the usual runtime first. OpenVINO's is a folder.
FORMATS: Mapping[str, tuple[str, ...]] = {
    ".keras": ("keras",),
    ".onnx": ("onnx", "openvino"),
    ".tflite": ("litert",),
    "": ("openvino",),
}


class Opened(NamedTuple):
    """A model that is ready to run.

    Args:
        runtime: answers from it.
        facts: what the file says of itself.
        model: the Keras network, or None where there is none.
    """

    runtime: Runtime
    facts: dict[str, Any]
    model: keras.Model | None


def open_model(
    path: str | os.PathLike[str], runtime: str = "auto", threads: int | None = None
) -> Opened:
    """Open a model file or folder. Nothing that is stored in it is run but the network itself.

    Args:
        path: a ``.keras``, ``.onnx`` or ``.tflite`` file, or an OpenVINO folder.
        runtime: one of `RUNTIMES`.
        threads: how many to compute with; None for all cores. Keras has its own setting.

    Returns:
        Runtime and facts; they fit each other.

    Raises:
        ModelFileError: no such file, not one of ours, damaged, or refused.
        SettingsError: the runtime can't run files of this format.
        MissingExtraError: the runtime is not installed.
    """
    source = Path(path)
    check_choice("runtime", runtime, RUNTIMES)
    suffix = _format(source)
    able = FORMATS[suffix]
    check_choice(f"runtime of {source.name}", able[0] if runtime == "auto" else runtime, able)
    name = able[0] if runtime == "auto" else runtime
    if name == "keras":
        from apparel_clf.inference.runtimes.keras_runtime import KerasRuntime

        model, facts = load_model(source)
        opened = Opened(KerasRuntime(model, str(facts.get("head"))), facts, model)
    else:
        facts, data = _read(source, suffix)
        opened = Opened(_runtime(name, source, data, facts, threads), facts, None)
    _check_fit(source, opened)
    opened.runtime.familiarity = _familiarity(source, facts)
    return opened


def read_facts(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read what a model file of any format says of itself, without running it.

    Args:
        path: a ``.keras``, ``.onnx`` or ``.tflite`` file, or an OpenVINO folder.

    Raises:
        ModelFileError: no such file, not one of ours, damaged, or refused.

    Example:
        >>> read_facts("model.onnx")["class_names"]
        ['jeans', 'saree', 'trousers']
    """
    source = Path(path)
    suffix = _format(source)
    return read_metadata(source) if suffix == ".keras" else _read(source, suffix)[0]


def _read(source: Path, suffix: str) -> tuple[dict[str, Any], bytes]:
    """What a file says of itself, and all that is in it; of a folder nothing.

    It is read once: what has been checked is what a runtime gets, whatever becomes of the file.
    """
    data = source.read_bytes() if suffix else b""
    if suffix == ".onnx":
        facts = scan(source, data)
    else:
        facts = _appended(source, data) if suffix else _beside(source)
    check_format(source, facts)
    return facts, data


def _format(source: Path) -> str:
    suffix = source.suffix
    if is_file(source):
        if suffix in FORMATS and suffix:
            return suffix
        if suffix.lower() in REFUSED:
            return ".keras"  # whose reader says why these are refused
        if source.name in {"model.xml", "model.bin"}:
            raise ModelFileError(f"{source}: pass its folder, {source.parent}")
        raise ModelFileError(
            f"{source}: expected a model file that ends in .keras, .onnx or .tflite, or an "
            f"OpenVINO folder. Received: {suffix or 'no ending'}"
        )
    if is_folder(source):
        return ""
    raise ModelFileError(f"{source}: no such model file")


def _appended(source: Path, data: bytes) -> dict[str, Any]:
    """What stands in the archive at the end of a ``.tflite`` file."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            facts: dict[str, Any] = read_json(source, archive, METADATA_MEMBER)
    except ModelFileError:
        raise
    except Exception as error:  # a damaged archive is reported by whichever part met it
        raise ModelFileError(
            f"{source}: not a model of ours, or a damaged one ({error}). "
            "Expected a file from ApparelClassifier.export"
        ) from error
    return facts


def _beside(source: Path) -> dict[str, Any]:
    """What stands beside the graph in an OpenVINO folder."""
    path = source / METADATA_MEMBER
    if not is_file(path):
        raise ModelFileError(
            f"{source}: not a model of ours, it has no {METADATA_MEMBER}. "
            "Expected a folder from ApparelClassifier.export"
        )
    if path.stat().st_size > LARGEST_JSON:
        raise ModelFileError(f"{path}: too large to be honest; refused")
    try:
        facts: dict[str, Any] = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{path}: damaged ({error})") from error
    return facts


def _runtime(
    name: str, source: Path, data: bytes, facts: Mapping[str, Any], threads: int | None
) -> Runtime:
    try:
        if name == "onnx":
            from apparel_clf.inference.runtimes.onnx_runtime import OnnxRuntime

            return OnnxRuntime(data, threads)
        if name == "litert":
            from apparel_clf.inference.runtimes.litert_runtime import LiteRtRuntime

            return LiteRtRuntime(source, data, threads)
        from apparel_clf.inference.runtimes.openvino_runtime import OpenVinoRuntime

        precision = str(facts.get("export", {}).get("precision"))
        return OpenVinoRuntime(source, data, threads, precision)
    except ApparelError:
        raise
    # A damaged file is reported by whatever part of a runtime stumbled over it.
    except Exception as error:
        raise ModelFileError(f"{source}: the file is damaged ({error})") from error


def _familiarity(source: Path, facts: Mapping[str, Any]) -> Familiarity | None:
    """What the file knows of its training pictures; older files know nothing."""
    values = facts.get("familiarity")
    try:
        return None if values is None else Familiarity.from_json(values)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelFileError(f"{source}: the file is damaged ({error})") from error


def _check_fit(source: Path, opened: Opened) -> None:
    found = (opened.runtime.side, opened.runtime.classes)
    names = opened.facts.get("class_names")
    told = (opened.facts.get("image_size"), len(names) if isinstance(names, list) else 0)
    if found != told or not 1 <= found[0] <= MAX_SIDE:
        raise ModelFileError(
            f"{source}: the file is damaged, its network has image size and number of classes "
            f"{found}, and it says {told}"
        )
