"""Looks through the members of a ``.keras`` file before Keras unpacks and reads them.

A file from elsewhere could claim arrays that fill the memory, or, through HDF5's links and external
storage, have files of this computer read as weights.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from apparel_clf._extras import require
from apparel_clf.errors import ApparelError, ModelFileError

_WEIGHTS = "model.weights.h5"
_MEMBERS = {"apparel.json", "config.json", "metadata.json", _WEIGHTS}
# A network of 16 million parameters takes 60 MB; no image size makes it this large.
_LARGEST = 2_000_000_000


def check_members(source: Path) -> None:
    """Refuse a file whose members are not those of a network of ours.

    Args:
        source: a ``.keras`` file whose description has been checked.

    Raises:
        ModelFileError: a member has a strange name, is too large, or is no plain HDF5.
    """
    try:
        _check_archive(source)
    except ApparelError:  # ours; what is not installed is no fault of the file
        raise
    # A damaged archive is reported by whichever part of the reader met it.
    except Exception as error:
        raise ModelFileError(f"{source}: the file is damaged ({error})") from error


def _check_archive(source: Path) -> None:
    with zipfile.ZipFile(source) as archive:
        infos = archive.infolist()
        strange = sorted({info.filename for info in infos} - _MEMBERS)
        if strange or len(infos) != len(_MEMBERS):
            told = ", ".join(map(repr, strange[:3])) or "members twice, or too few"
            raise ModelFileError(f"{source}: holds {told}, which none of our files does; refused")
        # Compressed, a few bytes could become any number, again at each step back.
        if any(info.compress_type != zipfile.ZIP_STORED for info in infos):
            raise ModelFileError(f"{source}: is compressed, as none of our files is; refused")
        size = archive.getinfo(_WEIGHTS).file_size
        if size > _LARGEST:
            raise ModelFileError(f"{source}: its weights claim {size:,} bytes; refused")
        with archive.open(_WEIGHTS) as member:
            _check_weights(source, member, size)


def _check_weights(source: Path, member: Any, size: int) -> None:
    h5py = require("h5py", "train")
    with h5py.File(member, "r") as file:
        claimed = sum(_bytes_of(source, h5py, item) for item in _items(source, h5py, file))
    if claimed > size:
        raise ModelFileError(
            f"{source}: its weights claim {claimed:,} bytes and have {size:,}; refused"
        )


def _items(source: Path, h5py: Any, group: Any) -> Iterator[Any]:
    """Yield every array, however deep; refuse what leads elsewhere."""
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ModelFileError(f"{source}: its weights lead to {name!r} elsewhere; refused")
        item = group[name]
        if isinstance(item, h5py.Group):
            yield from _items(source, h5py, item)
        else:
            yield item


def _bytes_of(source: Path, h5py: Any, item: Any) -> int:
    if not isinstance(item, h5py.Dataset) or item.external or item.is_virtual:
        raise ModelFileError(f"{source}: its weights lie elsewhere; refused")
    return int(item.nbytes)
