"""Playwright's driver, the program between crawler and browser: dies, or hears of a Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress

import psutil
import pytest

from apparel_clf.dataset import Staging, read_journal

pytestmark = pytest.mark.browser

# More than any test takes; it bounds a hang, and nothing else.
SECONDS = 100


@pytest.fixture
def second_page(shop):
    """Hold the second page back until something was done; tells when it is asked for."""
    asked, done, good = threading.Event(), threading.Event(), shop.page

    def page(label, number):
        if (label, number) == ("hats", 2):
            asked.set()
            done.wait(SECONDS)
        return good(label, number)

    shop.page, shop.pages = page, 4
    return asked, done


@pytest.fixture
def family():
    """The processes that a crawl had started; none of them may outlive it."""
    seen: list[psutil.Process] = []
    yield seen
    _, alive = psutil.wait_procs(seen, timeout=SECONDS)
    for process in alive:
        process.kill()
    assert seen
    assert alive == []


def drivers(process):
    children = psutil.Process(process.pid).children(recursive=True)
    return [child for child in children if "run-driver" in words_of(child)]


def words_of(process):
    with suppress(psutil.Error):  # it has ended meanwhile
        return process.cmdline()
    return []


def is_quiet(words):
    return not any(told in words for told in ("Traceback", "asyncio", "never retrieved"))


def test_a_driver_that_is_killed_is_started_again(shop, crawl, second_page, family):
    asked, done = second_page

    def kill(process):
        family.extend(psutil.Process(process.pid).children(recursive=True))
        (driver,) = drivers(process)
        driver.kill()
        done.set()

    run = crawl(interrupt_when=asked.is_set, then=kill, LOG_LEVEL="INFO")
    assert run.code == 0, run.err
    assert run.counts == {"hats": 20, "gloves": 20}
    assert run.summary["blocked"] == {}
    assert "'playwright/browser_count': 2," in run.err
    assert is_quiet(run.err.replace("asyncioreactor", "")), run.err


def test_a_ctrl_c_that_all_programs_of_a_terminal_hear_ends_the_crawl_alone(
    crawl, second_page, family
):
    asked, done = second_page

    def interrupt(process):
        group = os.getpgid(process.pid)
        children = psutil.Process(process.pid).children(recursive=True)
        family.extend(children)
        living = [child.pid for child in children if words_of(child)]
        heard = [number for number in living if os.getpgid(number) == group]
        for number in (process.pid, *heard):
            os.kill(number, signal.SIGINT)
        assert drivers(process)[0].pid in heard
        done.set()

    run = crawl(interrupt_when=asked.is_set, then=interrupt, labels=["hats"])
    assert run.code == 130, run.err
    assert "run the same command again" in run.err
    assert is_quiet(run.err), run.err
    # The page that was under way has been read.
    (path,) = Staging(run.dataset).journal_paths()
    assert len(read_journal(path, with_pages=True).pages) == 2
