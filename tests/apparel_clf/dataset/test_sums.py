from __future__ import annotations

import hashlib

import pytest

from apparel_clf.dataset.sums import _BUFFER_SIZE, FileHasher, parse_sums, sums_line

A, B = "a" * 64, "b" * 64


def test_what_is_written_is_read():
    digests = {"train/jeans/x.jpg": A, "README.md": B, "val/Robe d'été/y.jpg": A}
    lines = [sums_line(path, digest) for path, digest in digests.items()]
    assert lines[1] == f"{B}  README.md\n".encode()
    assert parse_sums(b"".join(lines)) == (digests, [])


@pytest.mark.parametrize(
    "line",
    [
        f"{A}  ../x",
        f"{A}  a/../../x",
        f"{A}  /etc/x",
        f"{A}  a/..",
        f"{A}  ./x",
        f"{A} x",
        f"{A[1:]}  x",
        f"{A.upper()}  x",
        f"{A}  a\0b",
        f"\\{A}  a",
        f"{B}  first",
        "",
    ],
)
def test_a_bad_line_is_told_by_its_number(line):
    data = f"{A}  first\n{line}\n{B}  a/..b/last\n".encode()
    assert parse_sums(data) == ({"first": A, "a/..b/last": B}, [2])


def test_a_torn_end_is_a_bad_line():
    assert parse_sums(f"{A}  first\n{B}  las".encode()) == ({"first": A}, [2])
    assert parse_sums(b"") == ({}, [])


@pytest.mark.parametrize(
    "size", [0, 1, _BUFFER_SIZE - 1, _BUFFER_SIZE, _BUFFER_SIZE + 1, 3 * _BUFFER_SIZE]
)
def test_files_of_any_size_are_hashed_whole(tmp_path, size):
    hasher = FileHasher()
    for fill in (b"x", b"y"):
        (tmp_path / "file").write_bytes(fill * size)
        assert hasher.digest(tmp_path / "file") == (hashlib.sha256(fill * size).hexdigest(), size)
