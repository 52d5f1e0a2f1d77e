"""Freed memory goes back to the system: in the program, and in nobody else's."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest
from PIL import Image

from apparel_clf import _allocator

from .conftest import SECONDS, encoded
from .test_server import started, until_ready

pytestmark = pytest.mark.skipif(
    not (sys.platform.startswith("linux") and hasattr(ctypes.CDLL(None), "mallinfo2")),
    reason="looks into glibc's allocator",
)

# Prints whether a large block is the system's own pages after another one was freed: glibc learns
# from that one, unless it is told not to.
_PROGRAM = """
import ctypes, sys
from apparel_clf._allocator import hold_little

class Figures(ctypes.Structure):
    _fields_ = [(str(number), ctypes.c_size_t) for number in range(10)]

if "set" in sys.argv:
    assert hold_little(block=8 << 20, heaps=2)
libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Figures
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
size = 20_000_000
libc.free(libc.malloc(size))
before = getattr(libc.mallinfo2(), "4")
block = libc.malloc(size)
print(getattr(libc.mallinfo2(), "4") - before >= size)
"""


@pytest.mark.parametrize(
    ("arguments", "own", "expected"),
    [
        (["set"], {}, "True"),
        ([], {}, "False"),
        (["set"], {"MALLOC_MMAP_THRESHOLD_": "30000000"}, "False"),
    ],
)
def test_large_blocks_go_back_once_it_is_said_and_nobody_chose_otherwise(arguments, own, expected):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    command = [sys.executable, "-c", _PROGRAM, *arguments]
    done = subprocess.run(command, env=kept | own, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == expected


def test_other_systems_have_nothing_to_set(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert _allocator.hold_little(block=1 << 20, heaps=1) is False


def test_the_program_keeps_little_of_what_large_pictures_took(classifier, tmp_path):
    model = classifier.export(tmp_path / "m.onnx").path
    picture = encoded(Image.effect_noise((3_000, 4_000), 40).convert("RGB"))
    program, url, _ = started("-m", str(model))
    try:
        until_ready(url)
        process = psutil.Process(program.pid)
        before = process.memory_info().rss

        def send(_):
            answer = httpx.post(f"{url}/predict", files={"files": picture}, timeout=SECONDS)
            assert answer.json()[0]["kind"] == "prediction"

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(send, range(16)))
        deadline = time.monotonic() + SECONDS
        while (kept := process.memory_info().rss - before) > 60_000_000:
            assert time.monotonic() < deadline, f"{kept / 1e6:.0f} MB are kept"
            time.sleep(0.1)
        program.send_signal(signal.SIGTERM)
        assert program.wait(SECONDS) == 0
    finally:
        program.kill()
