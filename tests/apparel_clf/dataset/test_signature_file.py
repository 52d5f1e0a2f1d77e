"""Signatures in a file come back as they were."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from apparel_clf.dataset import DuplicateIndex, SignatureFile
from apparel_clf.images import sign

_OPEN = Path("/proc/self/fd")


@pytest.fixture
def signatures(jpeg):
    return [sign(jpeg(seed, (80, 100))) for seed in range(6)]


def _open_files(folder):
    """What this process holds open in a folder, with or without a name."""
    found = []
    for place in list(_OPEN.iterdir()):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found.append(str(place.readlink()))
    return [name for name in found if name.startswith(str(folder))]


def test_it_is_a_list(signatures):
    kept = SignatureFile()
    assert list(kept) == []
    for signature in signatures:
        kept.append(signature)
    assert list(kept) == signatures
    assert kept[-1] == signatures[-1]
    assert kept[1:3] == signatures[1:3]
    with pytest.raises(IndexError):
        kept[6]


@pytest.mark.skipif(not _OPEN.is_dir(), reason="open files can't be listed here")
def test_it_leaves_nothing_behind(signatures, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    kept = SignatureFile()
    kept.append(signatures[0])
    assert list(tmp_path.iterdir()) == []
    assert len(_open_files(tmp_path)) == 1
    kept.close()
    assert len(kept) == 0
    assert _open_files(tmp_path) == []


def test_an_index_over_a_file_finds_what_one_over_a_list_does(signatures, jpeg):
    stream = [*signatures, signatures[2], sign(jpeg(3, (80, 100), quality=70))]
    found = [list(map(DuplicateIndex(kept).add, stream)) for kept in (None, SignatureFile())]
    assert found[0] == found[1]
    assert found[0][-2:] == ["exact", "near"]


def test_a_full_disk_is_told(signatures, monkeypatch):
    kept = SignatureFile()
    kept.append(signatures[0])

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    index = DuplicateIndex(kept)
    with pytest.raises(OSError, match="No space"):
        index.add(signatures[1])
    monkeypatch.undo()
    assert len(index) == 1
    assert index.add(signatures[1]) is None
    assert list(kept) == signatures[:2]
