"""Runs the spider as a user does, in a process of its own, against a shop on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import crawler

ROOT = Path(crawler.__file__).parents[1]


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

    def run(timeout=300, **values):
        words = []
        for name, value in ({"DATASETS_FOLDER": tmp_path / "datasets"} | values).items():
            words += ["-s" if name.isupper() else "-a", f"{name}={value}"]
        done = subprocess.run(
            [sys.executable, "-m", "scrapy", "crawl", "amazon_apparel", *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        return Run(done.returncode, done.stdout, done.stderr, tmp_path / "datasets")

    return run
