"""The program that is measured: one way searches one file of hashes once."""

from __future__ import annotations

import argparse
import json
import sys
import time
from importlib import import_module
from pathlib import Path

import numpy as np

from benchmarks.neighbours.ways import WAYS

_STATUS = Path("/proc/self/status")


def main() -> int:
    """Search, and write down how long it took. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--way", required=True, choices=[way.name for way in WAYS])
    parser.add_argument("--hashes", type=Path, required=True)
    parser.add_argument("--radius", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    way = next(way for way in WAYS if way.name == options.way)
    for module in way.needs:
        import_module(module)
    hashes = np.load(options.hashes)
    wall, cpu = time.perf_counter(), time.process_time()
    pairs = way.count(hashes, options.radius)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    run = {"pairs": pairs, "wall_s": wall, "cpu_s": cpu, "peak_mb": peak_memory() / 1e6}
    options.out.write_text(json.dumps(run))
    return 0


def peak_memory() -> int:
    """Return the largest resident memory that this process has had, in bytes."""
    lines = _STATUS.read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    sys.exit(main())
