"""`apparel-clf cache …`: what a person types, and what comes back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from apparel_clf import cli
from apparel_clf._arguments import build_parser
from apparel_clf.cli import main
from apparel_clf.training.cache import FeatureCache

SPACES = ("0123456789abcdef" * 4, "fedcba9876543210" * 4)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("APPAREL_CLF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("APPAREL_CLF_CACHE_GB", "2")
    return tmp_path / "cache"


@pytest.fixture
def filled(folder):
    for space, count, day in zip(SPACES, (1200, 3), (10, 20), strict=True):
        with FeatureCache(folder, 10**9, clock=lambda day=day: day * 86400 + 36000) as cache:
            cache.put_many(space, {str(n): np.ones(500, np.float16) for n in range(count)})
    return folder


def test_info_shows_every_space(filled, capsys):
    assert main(["cache", "info"]) == 0
    place, size, *table = capsys.readouterr().out.splitlines()
    assert place == str(filled)
    assert size.endswith(" MB of 2.0 GB, 1,203 rows")
    assert [line.split() for line in table] == [
        ["space", "rows", "size", "last", "used"],
        ["fedcba987654", "3", "3.0", "kB", "1970-01-21"],
        ["0123456789ab", "1,200", "1.2", "MB", "1970-01-11"],
    ]


def test_info_as_json(filled, capsys):
    assert main(["cache", "info", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["enabled"], document["folder"]) == (True, str(filled))
    assert (document["rows"], document["limit"]) == (1203, 2 * 10**9)
    assert [space["space"] for space in document["spaces"]] == [SPACES[1], SPACES[0]]


def test_clear_says_how_much_it_freed(filled, capsys):
    size = sum(path.stat().st_size for path in filled.iterdir())
    assert main(["cache", "clear", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == {"enabled": True, "folder": str(filled), "rows": 1203, "freed": size}
    assert [path.name for path in filled.iterdir()] == ["features.lock"]
    assert main(["cache", "clear"]) == 0
    assert capsys.readouterr().out == f"{filled}: 0 rows removed, 0 bytes freed\n"


@pytest.mark.parametrize("command", ["info", "clear"])
def test_there_need_be_no_cache(folder, capsys, command):
    assert main(["cache", command]) == 0
    assert "0 rows" in capsys.readouterr().out
    assert not folder.exists()


@pytest.mark.parametrize("command", ["info", "clear"])
def test_a_cache_that_is_off(folder, capsys, monkeypatch, command):
    monkeypatch.setenv("APPAREL_CLF_CACHE", "off")
    assert main(["cache", command]) == 0
    assert capsys.readouterr().out == "no cache: APPAREL_CLF_CACHE is empty or off\n"
    assert main(["cache", command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"enabled": False}


def test_a_damaged_file_is_cleared(folder, capsys):
    folder.mkdir()
    (folder / "features.sqlite").write_bytes(b"x" * 5000)
    (folder / "features.sqlite.damaged").write_bytes(b"y" * 5000)
    assert main(["cache", "clear"]) == 0
    told = capsys.readouterr()
    assert (told.out, told.err) == (f"{folder}: 0 rows removed, 10.0 kB freed\n", "")


def test_info_warns_of_a_damaged_file_in_one_line(folder, capsys):
    folder.mkdir()
    (folder / "features.sqlite").write_bytes(b"x" * 5000)
    assert main(["cache", "info"]) == 0
    error = capsys.readouterr().err
    assert error.startswith(f"apparel-clf: warning: {folder / 'features.sqlite'}: the feature")
    assert error.count("\n") == 1


def test_what_cannot_be_cleared_is_one_line(folder, capsys):
    (folder / "features.sqlite").mkdir(parents=True)
    assert main(["cache", "clear"]) == 1
    error = capsys.readouterr().err
    assert (str(folder / "features.sqlite") in error, error.count("\n")) == (True, 1)


def test_a_wrong_limit_is_one_line(folder, capsys, monkeypatch):
    monkeypatch.setenv("APPAREL_CLF_CACHE_GB", "many")
    assert main(["cache", "info"]) == 1
    assert "Expected APPAREL_CLF_CACHE_GB to be a number" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["info", "clear"])
def test_nothing_heavy_is_loaded(filled, command):
    script = (
        "import sys\n"
        "from apparel_clf.cli import main\n"
        f"code = main(['cache', '{command}'])\n"
        "sys.stderr.write(' '.join(m for m in sys.modules if '.' not in m))\n"
        "sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[1])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert not set(done.stderr.split()) & {"tensorflow", "keras", "sklearn", "pandas", "matplotlib"}


@pytest.mark.parametrize("command", ["info", "clear"])
def test_every_command_explains_itself_with_an_example(command, capsys):
    with pytest.raises(SystemExit) as stop:
        build_parser().parse_args(["cache", command, "--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    assert f"  apparel-clf cache {command}" in out[out.index("example") :]
    assert "--json" in out
