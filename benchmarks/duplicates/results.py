"""All that one run of the benchmark found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.duplicates.speed import Search, Signing
from benchmarks.duplicates.study import Study


@dataclass(frozen=True)
class Results:
    """Results, settings and versions.

    Args:
        settings: how the benchmark was run.
        versions: name to version.
        study: recall, false removals and curves.
        signing: by size of picture.
        search: what a whole search costs.
    """

    settings: Mapping[str, object]
    versions: Mapping[str, str]
    study: Study
    signing: tuple[Signing, ...]
    search: Search

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)
