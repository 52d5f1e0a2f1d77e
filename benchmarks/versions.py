"""Versions of what takes part in a benchmark, and of the computer as far as it matters."""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, version


def cpus() -> int:
    """Return how many CPUs this process may use."""
    return len(os.sched_getaffinity(0))


def package_version(name: str) -> str:
    """Return an installed package's version, or that it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
