"""Runs the spider as a user does, in a process of its own, against a shop on loopback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

import crawler

ROOT = Path(crawler.__file__).parents[1]
SECONDS = 300


@dataclass(frozen=True)
class Run:
    """A finished `scrapy crawl`."""

    code: int
    out: str
    err: str
    datasets: Path


@pytest.fixture
def scrapy_crawl(tmp_path):
    """Run the spider; arguments by name, settings with a capital."""

    def run(interrupt_when=None, **values):
        words = []
        for name, value in ({"DATASETS_FOLDER": tmp_path / "datasets"} | values).items():
            words += ["-s" if name.isupper() else "-a", f"{name}={value}"]
        process = subprocess.Popen(
            [sys.executable, "-m", "scrapy", "crawl", "amazon_apparel", *words],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        try:
            if interrupt_when is not None:
                _wait_for(interrupt_when, process)
                process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
        return Run(process.returncode, out, err, tmp_path / "datasets")

    return run


def _wait_for(condition, process):
    deadline = time.monotonic() + SECONDS
    while not condition() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
