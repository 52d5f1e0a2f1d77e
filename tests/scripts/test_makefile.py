"""What `make` says before anything is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def make(folder, *words):
    # Without what a `make` around the tests says to those below it.
    own = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    return subprocess.run(["make", *words], cwd=folder, capture_output=True, text=True, env=own)


def test_targets_and_what_they_do_stand_in_two_columns():
    lines = make(ROOT, "help").stdout.splitlines()
    assert {line.split()[0] for line in lines} >= {"setup", "demo", "test", "bench-neighbours"}
    assert {re.match(r"[a-z-]+ +", line).end() for line in lines} == {20}


def test_a_python_that_is_not_there_is_named(tmp_path):
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    done = make(tmp_path, "demo", "PYTHON=python0.9")
    assert done.returncode != 0
    first = done.stderr.splitlines()[0]
    assert first.startswith("error: python0.9 cannot be run. Name a Python 3.11 to 3.13")
    assert not (tmp_path / ".venv").exists()
