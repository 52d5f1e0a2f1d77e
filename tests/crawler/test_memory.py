"""What is freed goes back to the system, also from between what is held."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from contextlib import suppress

import psutil
import pytest

_FREED = """
from pathlib import Path

from apparel_clf._allocator import hold_little

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

hold_little(block=1 << 17, heaps=1)
large = bytearray(1 << 22)
del large  # from now on the C library would take blocks up to this size from its heap
held, pages = [], []
for _ in range(64):
    pages.append(bytearray(300_000))
    held.append(bytearray(2_000))
before = resident()
del pages
print(before - resident())
"""


def _freed(**environment: str) -> int:
    own = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    run = subprocess.run(
        [sys.executable, "-c", _FREED],
        env=own | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(run.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has this to set")
def test_large_blocks_leave_no_holes_unless_a_person_wants_them():
    assert _freed() > 15e6
    assert _freed(MALLOC_MMAP_THRESHOLD_=str(1 << 25)) < 5e6


@pytest.mark.browser
def test_the_browser_is_gone_when_a_version_is_published(shop, crawl, tmp_path):
    # Whoever publishes reads the decisions, and waits until somebody writes into this pipe.
    pipe = tmp_path / "datasets" / "apparel" / "decisions.jsonl"
    pipe.parent.mkdir(parents=True)
    os.mkfifo(pipe)
    ends, programs = [], []

    def publishing():
        with suppress(OSError):  # nobody reads yet
            ends.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        return ends

    def look(process):
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # it ended in between
                if child.status() != psutil.STATUS_ZOMBIE:
                    programs.append(child.name())
        os.close(ends.pop())

    run = crawl(interrupt_when=publishing, then=look)
    assert run.code == 0, run.err
    assert run.counts == {"hats": 10, "gloves": 10}
    assert programs == []
