"""The model file: one ordinary ``.keras`` file that also says what it is.

It is a zip. Keras' own members hold the graph and the weights, so plain Keras opens it; one more
member, ``apparel.json``, holds the class names and everything else that a prediction needs.
"""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from apparel_clf.errors import ModelFileError
from apparel_clf.model.backend import keras_module
from apparel_clf.model.members import check_members

if TYPE_CHECKING:
    import keras

#: Written into every file; the number grows when a field changes its meaning.
FILE_FORMAT = "apparel-clf/model/3"
METADATA_MEMBER = "apparel.json"
_CONFIG_MEMBER = "config.json"

#: No honest file's description comes near; a hostile one could fill the memory.
LARGEST_JSON = 10_000_000

# All that a network of `build_network` is made of, by Keras' names. Whatever else a file asks for,
# code of its own above all, is refused before Keras sees it.
_PARTS = {
    "Adam",
    "Concatenate",
    "Conv2D",
    "Dense",
    "DTypePolicy",
    "Flatten",
    "Flip",
    "Functional",
    "GlobalAveragePooling2D",
    "GlorotUniform",
    "InputLayer",
    "MaxPooling2D",
    "Rescaling",
    "Zeros",
}
#: Endings of files that can carry code.
REFUSED = frozenset({".h5", ".hdf5", ".pkl", ".pickle", ".joblib", ".pt", ".pth"})
_TENSOR = (None, "__keras_tensor__")
#: The largest square that a network may take, in pixels a side.
MAX_SIDE = 4096
_MOST_LAYERS, _MOST_FILTERS, _MOST_WEIGHTS = 60, 512, 500_000_000


def save_model(
    model: keras.Model, metadata: Mapping[str, Any], path: str | os.PathLike[str]
) -> Path:
    """Write a network and what is known about it as one file.

    The file is written beside its place and renamed in: a reader sees all of it or none, and what
    was there before survives a failure.

    Args:
        model: a network from `build_network`.
        metadata: plain values; ``format`` is added.
        path: where to; must end in ``.keras``.

    Returns:
        The path.

    Raises:
        ModelFileError: the name does not end in ``.keras``, or the file cannot be written there.
    """
    target = Path(path)
    if target.suffix != ".keras":
        raise ModelFileError(f"{target}: expected a name that ends in .keras")
    if not target.parent.is_dir():
        raise ModelFileError(f"{target}: there is no folder {target.parent}; make it first")
    # Unbuilt, the optimizer would make Keras warn whoever loads the file.
    model.optimizer.build(model.trainable_variables)
    try:
        with tempfile.TemporaryDirectory(prefix=".saving-", dir=target.parent) as folder:
            partial = Path(folder) / target.name
            model.save(partial)
            add_metadata(partial, {"format": FILE_FORMAT, **metadata})
            partial.replace(target)
    except OSError as error:
        raise ModelFileError(f"{target}: cannot be written ({error.strerror or error})") from error
    return target


def load_model(path: str | os.PathLike[str]) -> tuple[keras.Model, dict[str, Any]]:
    """Read a file that `save_model` wrote.

    Nothing that is stored in the file is run: its graph may hold only what our networks are made
    of, and Keras' safe mode is on.

    Args:
        path: a ``.keras`` file.

    Returns:
        The compiled network and the metadata.

    Raises:
        ModelFileError: no such file, not one of ours, damaged, or refused because it could run
            code.
    """
    source = Path(path)
    metadata = read_metadata(source)
    check_members(source)
    keras = keras_module()
    try:
        model = keras.models.load_model(source, safe_mode=True)
    # Keras reports a damaged file with whatever its reader stumbled over.
    except Exception as error:
        raise ModelFileError(f"{source}: the file is damaged ({error})") from error
    if not all(np.isfinite(weights).all() for weights in model.get_weights()):
        raise ModelFileError(f"{source}: the file is damaged, some weights are not finite numbers")
    return model, metadata


def read_metadata(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read what a model file says about itself, without TensorFlow and without its weights.

    Args:
        path: a ``.keras`` file.

    Returns:
        The values that `save_model` was given.

    Raises:
        ModelFileError: as `load_model`.

    Example:
        >>> read_metadata("model.keras")["class_names"]
        ['jeans', 'saree', 'trousers']
    """
    source = Path(path)
    if not is_file(source):
        raise ModelFileError(f"{source}: no such model file")
    if source.suffix.lower() in REFUSED:
        raise ModelFileError(
            f"{source}: {source.suffix} files can carry code and are refused. "
            "Expected a .keras file from ApparelClassifier.save"
        )
    try:
        with zipfile.ZipFile(source) as archive:
            metadata, config = (
                read_json(source, archive, name) for name in (METADATA_MEMBER, _CONFIG_MEMBER)
            )
        check_format(source, metadata)
        _check_parts(source, config)
        _check_sizes(source, config, metadata)
    except ModelFileError:
        raise
    # A damaged member is reported by whichever part of the reader met it.
    except Exception as error:
        raise ModelFileError(
            f"{source}: not a .keras file, or a damaged one ({error}). "
            "Expected a file from ApparelClassifier.save"
        ) from error
    values: dict[str, Any] = metadata
    return values


def is_file(path: Path) -> bool:
    """Whether there is such a file; names that no file can have are none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def add_metadata(path: Path, metadata: Mapping[str, Any]) -> None:
    """Add what is known of a model to its file, as a member of the zip archive at its end.

    Args:
        path: a ``.keras`` file, or a ``.tflite`` file, whose readers look at the beginning alone.
        metadata: plain values.
    """
    text = json.dumps(metadata, indent=2, ensure_ascii=False, allow_nan=False)
    # A fixed date, as Keras' own members have: the same model gives the same member.
    member = zipfile.ZipInfo(METADATA_MEMBER, date_time=(1980, 1, 1, 0, 0, 0))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(member, text)


def read_json(source: Path, archive: zipfile.ZipFile, name: str) -> Any:
    """Read a JSON member of a model file.

    Raises:
        ModelFileError: there is none, or it is too large to be honest.
    """
    try:
        info = archive.getinfo(name)
    except KeyError as error:
        raise ModelFileError(
            f"{source}: not a model of ours, it has no {name}. "
            "Expected a file from ApparelClassifier.save"
        ) from error
    if info.compress_type != zipfile.ZIP_STORED:
        raise ModelFileError(f"{source}: its {name} is compressed, as none of ours is; refused")
    if info.file_size > LARGEST_JSON:
        raise ModelFileError(f"{source}: its {name} claims {info.file_size:,} bytes; refused")
    return json.loads(archive.read(info))


def check_format(source: Path, metadata: Any) -> None:
    """Raise ModelFileError unless metadata is of the format that this release writes."""
    found = metadata.get("format") if isinstance(metadata, dict) else None
    if found != FILE_FORMAT:
        raise ModelFileError(
            f"{source}: expected the format {FILE_FORMAT!r}. Received: {found!r}; "
            "it may come from another release of this package"
        )


def _check_parts(source: Path, config: Any) -> None:
    for module, name in _parts(config):
        ours = name in _PARTS and isinstance(module, str) and module.split(".")[0] == "keras"
        if not ours and (module, name) != _TENSOR:
            raise ModelFileError(
                f"{source}: asks for {name!r} of {module!r}, which none of our networks holds "
                "and which could run code; refused"
            )


def _check_sizes(source: Path, config: Any, metadata: Any) -> None:
    """Refuse a graph whose weights would fill the memory: Keras makes them before it reads any."""
    layers = [
        layer["config"] | {"kind": layer["class_name"]} for layer in config["config"]["layers"]
    ]
    kinds = [layer["kind"] for layer in layers]
    if len(layers) > _MOST_LAYERS or kinds.count("Dense") != 1:
        raise ModelFileError(f"{source}: has {len(layers)} layers, unlike any of ours; refused")
    filters = [layer["filters"] for layer in layers if layer["kind"] == "Conv2D"]
    kernels = [list(layer["kernel_size"]) for layer in layers if layer["kind"] == "Conv2D"]
    if not filters or max(filters) > _MOST_FILTERS or any(k != [3, 3] for k in kernels):
        raise ModelFileError(f"{source}: its convolutions are none of ours; refused")
    side = int(metadata["image_size"])
    places = max(1, side >> kinds.count("MaxPooling2D")) ** 2
    units = next(layer["units"] for layer in layers if layer["kind"] == "Dense")
    inputs = [layer["batch_shape"] for layer in layers if layer["kind"] == "InputLayer"]
    honest = units == len(metadata["class_names"]) and inputs == [[None, side, side, 3]]
    if not honest or side > MAX_SIDE or places * filters[-1] * units > _MOST_WEIGHTS:
        raise ModelFileError(
            f"{source}: its network of {units} classes at {inputs} does not fit what the file says "
            "of itself; refused"
        )


def _parts(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield module and class of everything that Keras would build from a graph's description."""
    if isinstance(value, dict):
        if "class_name" in value:
            yield value.get("module"), value["class_name"]
        if value.get("registered_name"):  # Keras looks among the caller's own classes first
            yield value.get("module"), value["registered_name"]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _parts(item)
