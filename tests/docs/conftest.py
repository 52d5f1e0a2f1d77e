"""What the tests of the guides share: a folder that they are followed in."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

from tests.docs.sandbox import furnish, make_quick, train_models, write_weights


@contextmanager
def one_thread_for_small_matrices():
    """On busy cores, threads that wait for each other take longer than the sums themselves."""
    import_module("scipy.optimize")  # limits hold for libraries that are loaded
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def furnished(tmp_path_factory):
    """Photos, datasets and models, made once."""
    folder = tmp_path_factory.mktemp("guides")
    write_weights(folder / "keras")
    with pytest.MonkeyPatch.context() as patch, one_thread_for_small_matrices():
        make_quick(folder / "keras", patch)
        furnish(folder)
        train_models(folder)
    return folder


@pytest.fixture
def sandbox(furnished, tmp_path, monkeypatch):
    """A copy of these to work in, which is the current folder."""
    folder: Path = tmp_path / "sandbox"
    shutil.copytree(furnished, folder, symlinks=True)
    make_quick(folder / "keras", monkeypatch)
    monkeypatch.chdir(folder)
    with one_thread_for_small_matrices():
        yield folder
