"""The clients and the watch: requests for a while, and what the service uses meanwhile."""

from __future__ import annotations

import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from benchmarks.errors import BenchmarkError
from benchmarks.serve.uploads import Case

_PATIENCE = 60.0
_INTERVAL = 0.1
_READY = "Ctrl-C ends"


@dataclass(frozen=True)
class Answered:
    """One request that was sent: its kind, its status (0: hung up), and how long it took."""

    case: Case
    status: int
    seconds: float


@dataclass
class Watch:
    """Memory of the service, looked at ten times a second."""

    rss: list[int] = field(default_factory=list)

    def peak(self, quarter: int) -> int:
        """Return the highest memory of one quarter of the time, 0 to 3, in bytes."""
        return max(self._quarter(quarter))

    def low(self, quarter: int) -> int:
        """Return the lowest memory of one quarter: what stays when little is under way."""
        return min(self._quarter(quarter))

    def _quarter(self, quarter: int) -> list[int]:
        if len(self.rss) < 4:
            raise BenchmarkError("too short to tell anything; --seconds 1 or more")
        size = len(self.rss) // 4
        return self.rss[quarter * size : (quarter + 1) * size]


@contextmanager
def service(model: Path) -> Iterator[tuple[tuple[str, int], str]]:
    """Run ``apparel-clf serve``; yield host and port, and its runtime. It must end in order."""
    command = [sys.executable, "-m", "apparel_clf.cli", "serve", "-m", str(model), "--port", "0"]
    program = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        place, said = _address(program)
        runtime = said[-1].rpartition("(")[2].partition(")")[0]
        reader = threading.Thread(target=said.extend, args=(program.stderr,), daemon=True)
        reader.start()
        yield place, runtime
        if program.poll() is not None:
            raise BenchmarkError(f"the service ended by itself: {''.join(said)[-2_000:]}")
        program.send_signal(signal.SIGTERM)
        if program.wait(30) != 0 or any("Traceback" in line for line in said):
            raise BenchmarkError(f"the service complained: {''.join(said)[-2_000:]}")
    finally:
        program.kill()
        program.wait()


def _address(program: subprocess.Popen[str]) -> tuple[tuple[str, int], list[str]]:
    said: list[str] = []
    assert program.stderr is not None  # noqa: S101 # it was asked for
    for line in program.stderr:
        said.append(line)
        if _READY in line:
            found = urlsplit(line.split(" at ")[1].split()[0])
            place = (found.hostname or "", found.port or 0)
            _until_ready(place)
            return place, said
    raise BenchmarkError(f"the service did not start: {''.join(said)[-2_000:]}")


def _until_ready(place: tuple[str, int]) -> None:
    for _ in range(300):
        with socket.socket() as line:
            if line.connect_ex(place) == 0:
                return
        time.sleep(_INTERVAL)
    raise BenchmarkError("the service never listened")


def run(
    place: tuple[str, int], cases: Sequence[Case], clients: int, seconds: float
) -> tuple[list[Answered], Watch]:
    """Send requests from several clients for a while.

    Args:
        place: host and port.
        cases: what may be sent; each client draws from them by their shares.
        clients: requests under way at a time.
        seconds: how long.

    Returns:
        All that was sent, and the memory of the process.
    """
    until = time.monotonic() + seconds
    answered: list[Answered] = []
    threads = [
        threading.Thread(target=_client, args=(place, cases, number, until, answered))
        for number in range(clients)
    ]
    watch = Watch()
    process = psutil.Process(_pid_of(place[1]))
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        watch.rss.append(process.memory_info().rss)
        time.sleep(_INTERVAL)
    return answered, watch


def _pid_of(port: int) -> int:
    for child in psutil.Process().children(recursive=True):
        if any(line.laddr.port == port for line in child.net_connections("tcp")):
            return int(child.pid)
    raise BenchmarkError(f"nobody listens on port {port}")


def _client(
    place: tuple[str, int],
    cases: Sequence[Case],
    seed: int,
    until: float,
    answered: list[Answered],
) -> None:
    draw = random.Random(seed)
    shares = [case.share for case in cases]
    while time.monotonic() < until:
        case = draw.choices(cases, shares)[0]
        began = time.perf_counter()
        status = _ask(place, case)
        answered.append(Answered(case, status, time.perf_counter() - began))


def _ask(place: tuple[str, int], case: Case) -> int:
    """Send a request; return the status of the answer, 0 where there was none."""
    try:
        with socket.create_connection(place, timeout=_PATIENCE) as line:
            line.sendall(case.raw[: case.cut])
            if case.cut is not None:
                return 0
            answer = b""
            while piece := line.recv(65536):
                answer = answer or piece
            return int(answer.split(b" ", 2)[1]) if answer else 0
    except OSError:
        return 0
