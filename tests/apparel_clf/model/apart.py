"""Loads a hostile file in a process of its own, where it can neither hang nor fill the memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# TensorFlow lays claim to several gigabytes of addresses as soon as it is imported.
_BYTES, _SECONDS = 12 * 2**30, 240
_CODE = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[3]),) * 2)
import numpy as np
import apparel_clf as ac
try:
    ac.load(sys.argv[1], runtime=sys.argv[2]).predict(np.zeros((9, 9, 3), np.uint8))
except ac.ModelFileError as error:
    print(error)
else:
    print("answered")
"""


def told_apart(path: Path, runtime: str = "auto") -> str:
    """What loading and predicting says of a file: the refusal, or ``"answered"``."""
    done = subprocess.run(
        [sys.executable, "-c", _CODE, path, runtime, str(_BYTES)],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()
