"""The ways to search: each counts the pairs of hashes within a radius."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from apparel_clf.dataset.neighbours import near_pair_blocks
from benchmarks.errors import NotInstalledError

# Distances at a time: 1 MB, and 8 MB of what they are counted from.
_BLOCK = 1 << 20
# Queries at a time; the results of all at once would not fit into memory.
_QUERIES = 4096


@dataclass(frozen=True)
class Way:
    """One way to search.

    Args:
        name: for the command line and JSON.
        title: for tables.
        count: hashes and radius to the number of pairs.
        needs: modules that it imports, besides this project's and numpy.
        package: that brings them.
    """

    name: str
    title: str
    count: Callable[[NDArray[np.uint64], int], int]
    needs: Sequence[str] = ()
    package: str = ""

    def check(self) -> None:
        """Make sure that it can run.

        Raises:
            NotInstalledError: what it needs is not installed.
        """
        if any(find_spec(module.partition(".")[0]) is None for module in self.needs):
            raise NotInstalledError(f"needs the package {self.package}")


def ours(hashes: NDArray[np.uint64], radius: int) -> int:
    """Search as this project does: multi-index hashing in numpy."""
    return sum(len(first) for first, _, _ in near_pair_blocks(hashes, radius))


def brute(hashes: NDArray[np.uint64], radius: int) -> int:
    """Compare all with all, in numpy."""
    step = max(1, _BLOCK // max(len(hashes), 1))
    pairs = 0
    for start in range(0, len(hashes), step):
        rows = hashes[start : start + step]
        distances = np.bitwise_count(rows[:, None] ^ hashes[None, start:])
        left, right = np.nonzero(distances <= radius)
        pairs += int((left < right).sum())
    return pairs


def faiss(hashes: NDArray[np.uint64], radius: int) -> int:
    """Ask faiss' IndexBinaryFlat for everything within the radius of each hash."""
    import faiss as library

    data = hashes.view(np.uint8).reshape(-1, 8)
    index = library.IndexBinaryFlat(64)
    index.add(data)
    found = 0
    for start in range(0, len(data), _QUERIES):
        # Its radius is the first distance that is too large.
        limits, _, _ = index.range_search(data[start : start + _QUERIES], radius + 1)
        found += int(limits[-1])
    return _without_itself(found, len(hashes))


def imagededup_brute(hashes: NDArray[np.uint64], radius: int) -> int:
    """Search as imagededup does by default: brute force in Cython, a query for each hash."""
    from imagededup.handlers.search.brute_force_cython import BruteForceCython

    named = _named(hashes)
    search = BruteForceCython(named, _distance)
    found = sum(len(search.search(value, radius)) for value in named.values())
    return _without_itself(found, len(hashes))


def imagededup_tree(hashes: NDArray[np.uint64], radius: int) -> int:
    """Search by imagededup's BK-tree, a query for each hash."""
    from imagededup.handlers.search.bktree import BKTree

    named = _named(hashes)
    search = BKTree(named, _distance)
    found = sum(len(search.search(value, radius)) for value in named.values())
    return _without_itself(found, len(hashes))


def tree(hashes: NDArray[np.uint64], radius: int) -> int:
    """Search by pybktree's BK-tree, a query for each hash."""
    from pybktree import BKTree, hamming_distance

    values = hashes.tolist()
    search = BKTree(hamming_distance, values)
    return _without_itself(sum(len(search.find(value, radius)) for value in values), len(hashes))


def _named(hashes: NDArray[np.uint64]) -> dict[str, str]:
    return {str(place): f"{value:016x}" for place, value in enumerate(hashes.tolist())}


def _distance(first: str, second: str) -> int:
    """Hamming distance of hexadecimal hashes; imagededup's own compares digit lists, slower."""
    return (int(first, 16) ^ int(second, 16)).bit_count()


def _without_itself(found: int, count: int) -> int:
    """Turn what all queries found, each also itself and each pair twice, into pairs."""
    return (found - count) // 2


OURS = Way("ours", "this project", ours)
BRUTE = Way("numpy", "numpy, all with all", brute)
FAISS = Way("faiss", "faiss IndexBinaryFlat", faiss, ("faiss",), "faiss-cpu")
IMAGEDEDUP = Way(
    "imagededup",
    "imagededup, Cython",
    imagededup_brute,
    ("brute_force_cython_ext", "imagededup.handlers.search.brute_force_cython"),
    "imagededup",
)
IMAGEDEDUP_TREE = Way(
    "imagededup-bktree",
    "imagededup, BK-tree",
    imagededup_tree,
    ("imagededup.handlers.search.bktree",),
    "imagededup",
)
TREE = Way("pybktree", "pybktree", tree, ("pybktree",), "pybktree")
#: In the order of the table's columns.
WAYS = (OURS, BRUTE, FAISS, IMAGEDEDUP, IMAGEDEDUP_TREE, TREE)
