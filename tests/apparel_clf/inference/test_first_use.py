"""OpenVINO's first moments in a process, when several threads come at once."""

from __future__ import annotations

import subprocess
import sys

import pytest

# OpenVINO fetches NumPy on first use, and lets go of Python's lock meanwhile. Here it takes long
# over that, so that other threads surely come by; what waits for each other then waits for ever.
SLOW_START = """
import builtins, faulthandler, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from apparel_clf.inference.opening import open_model
from apparel_clf.inference.runtimes.openvino_runtime import _core

THREADS, SECONDS = 8, 60
faulthandler.dump_traceback_later(SECONDS, exit=True)
usual = builtins.__import__

def slowly(name, *rest, **named):
    if name.startswith("numpy._core.multiarray"):
        time.sleep(0.3)
    return usual(name, *rest, **named)

builtins.__import__ = slowly
start = threading.Barrier(THREADS)
square = np.zeros((1, 32, 32, 3), np.uint8)
path, together = sys.argv[1], sys.argv[2] == "load"
runtime = None if together else open_model(path).runtime

def run(_):
    start.wait()
    mine = open_model(path).runtime if together else runtime
    return [part.sum() for part in mine.see(square, "heat", "means")]

with ThreadPoolExecutor(THREADS) as pool:
    print(len(list(pool.map(run, range(THREADS)))), _core.cache_info().misses)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from tests.apparel_clf.conftest import SmallClassifier, labelled_set

    parent = tmp_path_factory.mktemp("first")
    made = SmallClassifier(weights=None, image_size=32, precision="float32", verbose=False)
    made.fit(labelled_set(parent, "train", 8))
    return made.export(parent / "openvino").path


@pytest.mark.parametrize("attempt", range(2))
@pytest.mark.parametrize("together", ["load", "run"])
def test_threads_that_come_at_once_do_not_wait_for_each_other(folder, together, attempt):
    done = subprocess.run(
        [sys.executable, "-c", SLOW_START, folder, together], capture_output=True, text=True
    )
    assert done.returncode == 0, f"process {attempt} stood still:\n{done.stderr}"
    assert done.stdout.split() == ["8", "1"], "more than one core was made"
