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
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from apparel_clf.errors import ApparelError, ModelFileError
from apparel_clf.model.members import fill, open_weights, read_weights
from apparel_clf.model.plan import Plan, difference, plan_of

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
# VGG16 with the largest head has 29.
_MOST_LAYERS = 60


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
        ModelFileError: the name does not end in ``.keras``, the file cannot be written there, or
            the network was changed so that `load_model` would refuse it.
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
            _check_unchanged(target, partial)
            partial.replace(target)
    except OSError as error:
        raise ModelFileError(f"{target}: cannot be written ({error.strerror or error})") from error
    return target


def _check_unchanged(target: Path, partial: Path) -> None:
    """Say now what loading would say later, when nothing can be done about it any more."""
    try:
        with _opened(partial) as archive:
            metadata, config = _description(partial, archive)
            _check_same(partial, config, _plan(partial, config, metadata).build())
    except ModelFileError as error:
        reason = str(error).removeprefix(f"{partial}: ")
        raise ModelFileError(
            f"{target}: not written, since `load` would refuse it ({reason}). If model_ was "
            "changed after `fit`, undo that (all but the head frozen, compiled with Adam), or "
            "write it with model_.save and open it with Keras"
        ) from error


def _check_same(source: Path, config: Any, model: keras.Model) -> None:
    place = difference(config, model)
    if place is not None:
        raise ModelFileError(
            f"{source}: its network differs from all of ours, at {place!r}; refused"
        )


def load_model(path: str | os.PathLike[str]) -> tuple[keras.Model, dict[str, Any]]:
    """Read a file that `save_model` wrote.

    Nothing that is stored in the file is run, and Keras never sees it: the network is built anew,
    and the file's graph must be the same, setting for setting, so that plain Keras sees it too.

    Args:
        path: a ``.keras`` file.

    Returns:
        The compiled network and the metadata.

    Raises:
        ModelFileError: no such file, not one of ours, damaged, or refused because it could run
            code.
    """
    source = Path(path)
    with _opened(source) as archive:
        metadata, config = _description(source, archive)
        plan = _plan(source, config, metadata)
        weights = read_weights(source, archive, plan)
    file = open_weights(source, weights, plan)
    model = plan.build()
    _check_same(source, config, model)
    fill(model, file, plan)
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
    with _opened(source) as archive:
        metadata, config = _description(source, archive)
        _plan(source, config, metadata)
    return metadata


@contextmanager
def _opened(source: Path) -> Iterator[zipfile.ZipFile]:
    """Open a file once: what is checked and what is read can't be two files of one name."""
    if not is_file(source):
        raise ModelFileError(f"{source}: no such model file")
    if source.suffix.lower() in REFUSED:
        raise ModelFileError(
            f"{source}: {source.suffix} files can carry code and are refused. "
            "Expected a .keras file from ApparelClassifier.save"
        )
    try:
        with zipfile.ZipFile(source) as archive:
            yield archive
    except ApparelError:
        raise
    # A damaged member is reported by whichever part of the reader met it.
    except Exception as error:
        raise ModelFileError(
            f"{source}: not a .keras file, or a damaged one ({error}). "
            "Expected a file from ApparelClassifier.save"
        ) from error


def _description(source: Path, archive: zipfile.ZipFile) -> tuple[dict[str, Any], Any]:
    """What a file says of itself, and Keras' description of its graph."""
    metadata, config = (
        read_json(source, archive, name) for name in (METADATA_MEMBER, _CONFIG_MEMBER)
    )
    check_format(source, metadata)
    _check_parts(source, config)
    return metadata, config


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


def _plan(source: Path, config: Any, metadata: Mapping[str, Any]) -> Plan:
    """Which network of ours a file holds; its sizes are known before memory is taken for any."""
    count = len(config["config"]["layers"])
    if count > _MOST_LAYERS:
        raise ModelFileError(f"{source}: has {count} layers, unlike any of ours; refused")
    try:
        return plan_of(config, metadata)
    except (AttributeError, IndexError, KeyError, StopIteration, TypeError, ValueError) as error:
        raise ModelFileError(
            f"{source}: its network is none of ours ({type(error).__name__}: {error}); refused"
        ) from error


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
