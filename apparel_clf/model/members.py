"""Reads the members of a ``.keras`` file, each once, before Keras is imported.

A file from elsewhere could claim arrays that fill the memory, or, through HDF5's links and external
storage, never end, or have files of this computer read as weights.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apparel_clf._extras import require
from apparel_clf.errors import ApparelError, ModelFileError
from apparel_clf.model.plan import Plan

if TYPE_CHECKING:
    import keras

_WEIGHTS = "model.weights.h5"
_MEMBERS = {"apparel.json", "config.json", "metadata.json", _WEIGHTS}
# Beside the weights themselves: the optimizer's two numbers for each, and what HDF5 adds.
_MOST_TIMES, _MOST_BESIDE = 3, 1_000_000
# VGG16's network has 92 groups and arrays, none deeper than layers/conv2d/vars/0.
_MOST_ITEMS, _DEEPEST = 200, 4
_FLOAT, _COUNT = "float32", "int64"


def read_weights(source: Path, archive: zipfile.ZipFile, plan: Plan) -> bytes:
    """Read the weights of a file whose members are those of a network of ours.

    Args:
        source: the file, for messages.
        archive: the same, open.
        plan: which network it is, from the file's description.

    Raises:
        ModelFileError: a member has a strange name, is compressed, or is too large.
    """
    infos = archive.infolist()
    strange = sorted({info.filename for info in infos} - _MEMBERS)
    if strange or len(infos) != len(_MEMBERS):
        told = ", ".join(map(repr, strange[:3])) or "members twice, or too few"
        raise ModelFileError(f"{source}: holds {told}, which none of our files does; refused")
    # Compressed, a few bytes could become any number, again at each step back.
    if any(info.compress_type != zipfile.ZIP_STORED for info in infos):
        raise ModelFileError(f"{source}: is compressed, as none of our files is; refused")
    needed, size = 4 * plan.parameters(), archive.getinfo(_WEIGHTS).file_size
    if not needed <= size <= _MOST_TIMES * needed + _MOST_BESIDE:
        raise ModelFileError(
            f"{source}: its weights have {size:,} bytes where its network needs {needed:,}; refused"
        )
    return archive.read(_WEIGHTS)


def open_weights(source: Path, data: bytes, plan: Plan) -> Any:
    """Open weights that are, array for array, those of a network.

    Args:
        source: the file, for messages.
        data: its weights, from `read_weights`.
        plan: which network it is.

    Returns:
        The open HDF5 file, of which nothing but the arrays' shapes has been read.

    Raises:
        ModelFileError: it is no plain HDF5, leads elsewhere, or holds other arrays.
    """
    h5py = require("h5py", "train")
    try:
        file = h5py.File(io.BytesIO(data), "r")
        _check_arrays(source, h5py, file, plan)
    except ApparelError:
        raise
    # A damaged file is reported by whichever part of the reader met it.
    except Exception as error:
        raise ModelFileError(f"{source}: the file is damaged ({error})") from error
    return file


def fill(model: keras.Model, file: Any, plan: Plan) -> None:
    """Give a network its weights, and its optimizer what it had learnt.

    Args:
        model: from the plan.
        file: from `open_weights`.
        plan: which network it is.
    """
    variables = [*model.weights, *model.optimizer.variables]
    for name, variable in zip(_layout(plan), variables, strict=True):
        variable.assign(file[name][()])


def _layout(plan: Plan) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Name, type and shape of every array, in the order of the network's variables."""
    *_, head = kernels = plan.kernels()
    groups = ["conv2d", *(f"conv2d_{number}" for number in range(1, len(kernels) - 1)), "dense"]
    found: dict[str, tuple[str, tuple[int, ...]]] = {}
    for group, shape in zip(groups, kernels, strict=True):
        found[f"layers/{group}/vars/0"] = _FLOAT, shape
        found[f"layers/{group}/vars/1"] = _FLOAT, shape[-1:]
    # Adam's step and rate, then its two moments of each weight that is trained.
    found["optimizer/vars/0"], found["optimizer/vars/1"] = (_COUNT, ()), (_FLOAT, ())
    for number, shape in enumerate((head, head, head[-1:], head[-1:]), start=2):
        found[f"optimizer/vars/{number}"] = _FLOAT, shape
    return found


def _check_arrays(source: Path, h5py: Any, file: Any, plan: Plan) -> None:
    expected: Mapping[str, tuple[str, tuple[int, ...]]] = _layout(plan)
    found = dict(_arrays(source, h5py, file, ()))
    if found != expected:
        name = min(found.items() ^ expected.items())[0]
        raise ModelFileError(
            f"{source}: an array of its weights does not fit its network. Expected {name!r} to be "
            f"{expected.get(name, 'absent')}. Received: {found.get(name, 'absent')}; refused"
        )


def _arrays(
    source: Path, h5py: Any, group: Any, path: tuple[str, ...], seen: list[int] | None = None
) -> Iterator[tuple[str, tuple[str, tuple[int, ...]]]]:
    """Yield name, type and shape of every array; refuse what leads elsewhere, or leads too far."""
    seen = [] if seen is None else seen
    for name in group:
        seen.append(1)
        # Links to one group from several places would be followed again and again.
        if len(seen) > _MOST_ITEMS or len(path) >= _DEEPEST:
            raise ModelFileError(f"{source}: its weights have too many parts; refused")
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ModelFileError(f"{source}: its weights lead to {name!r} elsewhere; refused")
        item = group[name]
        if isinstance(item, h5py.Group):
            yield from _arrays(source, h5py, item, (*path, name), seen)
        else:
            yield "/".join((*path, name)), _described(source, h5py, item)


def _described(source: Path, h5py: Any, item: Any) -> tuple[str, tuple[int, ...]]:
    """Type and shape of an array that lies in the file as it is."""
    if not isinstance(item, h5py.Dataset) or item.external or item.is_virtual:
        raise ModelFileError(f"{source}: its weights lie elsewhere; refused")
    stored = item.id.get_storage_size()
    if item.chunks is not None or stored != item.nbytes:
        raise ModelFileError(
            f"{source}: its weights claim {item.nbytes:,} bytes and have {stored:,}, "
            "or are compressed; refused"
        )
    return str(item.dtype), item.shape
