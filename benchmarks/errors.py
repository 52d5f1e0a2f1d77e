"""What can go wrong with a benchmark."""

from __future__ import annotations


class BenchmarkError(Exception):
    """The benchmark has no result: a way failed, or the ways did not do the same."""


class NotInstalledError(BenchmarkError):
    """A way needs something that is not on this computer; the others can still run."""
