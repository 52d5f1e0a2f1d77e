"""What a process and everything that it starts costs: time, CPU and memory, by role.

Linux only: what a process used is read once more after its end, before it is reaped.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, Literal

import psutil

from benchmarks.errors import BenchmarkError

Role = Literal["python", "browser", "driver", "other"]

#: Who can use CPU: the measured program, Chromium, what drives it (chromedriver or Playwright's
#: node), and anything else.
ROLES: tuple[Role, ...] = ("python", "browser", "driver", "other")
#: Seconds between two looks.
INTERVAL = 0.15
#: Shares of the run at which the program's memory is noted.
QUARTERS = (0.25, 0.5, 0.75, 1.0)
#: Seconds to end in when told to, before being killed.
GRACE = 5.0
_LOG_TAIL = 2000
_BROWSERS = ("chrom", "google-chrome", "headless_shell")


@dataclass(frozen=True)
class Usage:
    """What a run used.

    Args:
        wall: seconds from start to end.
        cpu: CPU seconds of every role.
        cpu_unseen: CPU seconds that the kernel added to a parent's account and no look had seen:
            used between the last look at a child and its end. Not part of `cpu`.
        peak_python: largest resident memory of the measured program, in bytes.
        peak_all: largest sum of resident memory of all processes, in bytes; memory that Chromium's
            processes share counts once for each.
        rss_quarters: resident memory of the program at `QUARTERS` of the run, in bytes.
    """

    wall: float
    cpu: Mapping[Role, float]
    cpu_unseen: float
    peak_python: int
    peak_all: int
    rss_quarters: tuple[int, ...]


def role_of(name: str, command: Sequence[str]) -> Role:
    """Tell a child's role from its name and command line.

    Args:
        name: as the kernel says.
        command: the command line; empty for a process that has ended.

    Example:
        >>> role_of("MainThread", ["/opt/playwright/driver/node", "cli.js", "run-driver"])
        'driver'
        >>> role_of("chromium", ["/usr/lib/chromium/chromium --type=renderer"])
        'browser'
    """
    first = command[0].split(" ")[0] if command else ""
    program = PurePath(first).name or name
    if "chromedriver" in program or program == "node":
        return "driver"
    return "browser" if program.startswith(_BROWSERS) else "other"


def at_quarters(series: Sequence[tuple[float, int]]) -> tuple[int, ...]:
    """Return the values at `QUARTERS` of a series' time.

    Args:
        series: seconds and value, in order of time.

    Returns:
        For each quarter the last value at or before it; empty for an empty series.

    Example:
        >>> at_quarters([(0.0, 1), (1.0, 2), (2.0, 3), (3.0, 4), (4.0, 5)])
        (2, 3, 4, 5)
    """
    if not series:
        return ()
    end = series[-1][0]
    return tuple(
        [value for at, value in series if at <= share * end or at == series[0][0]][-1]
        for share in QUARTERS
    )


@dataclass
class _Seen:
    """A process as it was last seen."""

    process: Any
    role: Role = "other"
    cpu: float = 0.0


@dataclass
class _Tree:
    """A program and all that it started, also what it no longer is the parent of."""

    root: Any
    seen: dict[tuple[int, float], _Seen] = field(default_factory=dict)
    rss: list[tuple[float, int]] = field(default_factory=list)
    peak_all: int = 0
    cpu_unseen: float = 0.0

    def look(self, at: float) -> None:
        """Note what everything uses now.

        When a child is reaped the kernel adds its CPU to its parent's account. So what runs and the
        accounts of what runs hold, together, also the CPU that a child used after the last look.
        """
        for process in (self.root, *_children(self.root)):
            self.seen.setdefault((process.pid, process.create_time()), _Seen(process))
        looks = [self._look_at(known, at) for known in self.seen.values()]
        self.peak_all = max(self.peak_all, sum(memory for memory, _ in looks))
        self._compare(sum(account for _, account in looks))

    def _look_at(self, known: _Seen, at: float) -> tuple[int, float]:
        """Return a process's memory, and its CPU with that of the children it reaped."""
        process = known.process
        with suppress(psutil.Error), process.oneshot():
            if not _is_alive(process):
                return 0, 0.0
            times = process.cpu_times()
            memory = int(process.memory_info().rss)
            known.cpu = times.user + times.system
            # A wrapper script becomes the browser without a new process, so ask again.
            known.role = self._role(process)
            if process == self.root:
                self.rss.append((at, memory))
            return memory, known.cpu + times.children_user + times.children_system
        return 0, 0.0

    def _role(self, process: Any) -> Role:
        return "python" if process == self.root else role_of(process.name(), process.cmdline())

    def finish(self) -> None:
        """Read the account of the ended program, which nobody has reaped yet."""
        times = self.root.cpu_times()
        for known in self.seen.values():
            if known.process == self.root:
                known.role = "python"
                known.cpu = times.user + times.system
        account = sum((times.user, times.system, times.children_user, times.children_system))
        self._compare(account)

    def _compare(self, accounts: float) -> None:
        """Note how much more the kernel's accounts hold than was seen.

        What ends as an orphan goes to nobody's account that is known, so later looks may find less.
        """
        seen = sum(known.cpu for known in self.seen.values())
        self.cpu_unseen = max(self.cpu_unseen, accounts - seen)

    def cpu(self) -> dict[Role, float]:
        """CPU seconds by role."""
        return {
            role: sum(known.cpu for known in self.seen.values() if known.role == role)
            for role in ROLES
        }

    def end(self, program: subprocess.Popen[bytes]) -> int:
        """End whatever still runs. Returns the program's exit status."""
        children = [known.process for known in self.seen.values() if known.process != self.root]
        children += _children(self.root)
        _signal([self.root, *children], "terminate")
        # The program is reaped through its own object, which keeps the exit status.
        try:
            code = program.wait(GRACE)
        except subprocess.TimeoutExpired:
            program.kill()
            code = program.wait()
        _signal(_alive_after(GRACE, children), "kill")
        return code


def _children(root: Any) -> list[Any]:
    with suppress(psutil.Error):
        return list(root.children(recursive=True))
    return []


def _alive_after(seconds: float, processes: Sequence[Any]) -> list[Any]:
    """Wait until none of the processes is alive, but not for longer than this."""
    deadline = time.monotonic() + seconds
    alive = list(processes)
    while alive := [process for process in alive if _is_alive(process)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    return alive


def _is_alive(process: Any) -> bool:
    """Whether a process runs; one that has ended and waits for a parent to notice does not."""
    with suppress(psutil.Error):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def _signal(processes: Iterable[Any], how: Literal["terminate", "kill"]) -> None:
    for process in processes:
        with suppress(psutil.Error):
            getattr(process, how)()


def measured(command: Sequence[str], *, folder: Path, root: Path, limit: float) -> Usage:
    """Run a program and measure it; nothing of it is left running, however this ends.

    Args:
        command: the program and its arguments.
        folder: for its output and its temporary files.
        root: the folder to run in; also where Python looks for modules.
        limit: seconds after which it has failed.

    Returns:
        What it used.

    Raises:
        BenchmarkError: it failed or took longer than `limit`.
    """
    temporary = folder / "tmp"
    temporary.mkdir()
    log = folder / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=root,
            env=os.environ | {"PYTHONPATH": str(root), "TMPDIR": str(temporary)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is handled here, once, for the whole tree
        )
    tree = _Tree(psutil.Process(process.pid))
    try:
        usage = _watched(tree, process.pid, limit)
    finally:
        with _undisturbed():
            code = tree.end(process)
    if code != 0:
        raise BenchmarkError(f"{' '.join(command)}\nfailed (exit {code}):\n{_tail(log)}")
    return usage


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let a second Ctrl-C wait: an end that is cut short leaves a browser running."""
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signal.SIG_IGN) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def _watched(tree: _Tree, pid: int, limit: float) -> Usage:
    began = time.monotonic()
    while not _has_ended(pid):
        if time.monotonic() - began > limit:
            raise BenchmarkError(f"not done after {limit:.0f} s")
        tree.look(time.monotonic() - began)
        time.sleep(INTERVAL)
    wall = time.monotonic() - began
    tree.finish()
    cpu = tree.cpu()
    memory = [value for _, value in tree.rss]
    return Usage(
        wall=wall,
        cpu=cpu,
        cpu_unseen=tree.cpu_unseen,
        peak_python=max(memory, default=0),
        peak_all=tree.peak_all,
        rss_quarters=at_quarters(tree.rss),
    )


def _has_ended(pid: int) -> bool:
    """Look without reaping: what the process used can be read until it is reaped."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _tail(log: Path) -> str:
    return log.read_text("utf-8", "replace")[-_LOG_TAIL:]
