from __future__ import annotations

import pytest

from apparel_clf.evaluation.files import write_text


def test_writes_what_it_is_given_and_makes_folders(tmp_path):
    path = write_text(tmp_path / "a" / "b.txt", "grün\r\n")
    assert path.read_bytes() == "grün\r\n".encode()
    assert [found.name for found in path.parent.iterdir()] == ["b.txt"]


def test_what_is_no_text_becomes_an_escape(tmp_path):
    assert write_text(tmp_path / "x", "a\udcffb").read_text() == "a\\udcffb"


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path):
    (tmp_path / "x").mkdir()
    with pytest.raises(OSError, match="x"):
        write_text(tmp_path / "x", "new")
    assert [found.name for found in tmp_path.iterdir()] == ["x"]
