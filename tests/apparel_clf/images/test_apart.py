"""Bytes in a temporary file: they stand for what they are, and fall back to memory."""

from __future__ import annotations

import copy
import os
import pickle
from pathlib import Path

import pytest

from apparel_clf.images import ApartBytes, BytesApart

_OPEN = Path("/proc/self/fd")


def test_bytes_come_back_and_compare_as_they_are():
    apart = BytesApart()
    one, other = apart.keep(b"one"), apart.keep(b"another")
    assert isinstance(one, ApartBytes)
    assert (bytes(one), bytes(other), len(other)) == (b"one", b"another", 7)
    assert one == b"one"
    assert one in {b"one"}
    assert one != other
    assert one == BytesApart().keep(b"one")
    assert one != "one"
    assert {one, b"one", other} == {b"one", b"another"}


def test_a_copy_is_bytes_again():
    kept = BytesApart().keep(b"data")
    assert type(copy.deepcopy(kept)) is bytes
    assert pickle.loads(pickle.dumps(kept)) == b"data"


def test_a_full_disk_leaves_bytes_in_memory(monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    apart = BytesApart()
    before = apart.keep(b"before")
    monkeypatch.setattr(os, "pwrite", full)
    kept = apart.keep(b"data")
    assert kept == b"data"
    assert type(kept) is bytes
    monkeypatch.undo()
    after = apart.keep(b"after")
    assert (bytes(before), bytes(after)) == (b"before", b"after")


@pytest.mark.skipif(not _OPEN.is_dir(), reason="open files can't be counted here")
def test_the_file_goes_with_what_held_it():
    opened = len(list(_OPEN.iterdir()))
    kept = BytesApart().keep(b"data")
    assert len(list(_OPEN.iterdir())) == opened + 1
    del kept
    assert len(list(_OPEN.iterdir())) == opened
