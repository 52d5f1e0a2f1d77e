"""The browser: which one is used, how it is started, what it may load, when a page is ready.

Run as a program (``python -m crawler.browser``) it finds or installs a Chromium and shows that it
starts.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from playwright.async_api import CDPSession, Page, Request
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeoutError

from apparel_clf import __version__

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_MAC_APPS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
_PACKAGE_COMMANDS = {
    "apt-get": (
        ("apt-get", "update", "-q"),
        ("apt-get", "install", "-q", "-y", "--no-install-recommends", "chromium"),
    ),
    "dnf": (("dnf", "install", "-y", "chromium"),),
    "pacman": (("pacman", "-Sy", "--noconfirm", "chromium"),),
}
_UNNEEDED = frozenset({"image", "font", "media"})
# Cards come in after load, in parts that a busy shop may send seconds apart, and the pager comes
# last. So a page is ready when its pager is there and the number of cards has stood still for a
# moment; without a pager (one page of results, or past the end) it must stand still for longer.
# What is no search page at all has nothing to wait for, and one that stays without cards either
# has none and says so in words, which the parser reads, or was left empty. The page watches itself:
# who asks again and again hears of a change late, and has a large page counted each time.
_WHEN_SETTLED = """
([quiet, quietWithoutPager, quietWithoutShell, quietWithoutCards, soon, late]) =>
  new Promise((resolve) => {
    const has = (selector) => document.querySelector(selector) !== null;
    let cards = -1, since = 0, due = Infinity, timer;
    const patience = () => {
      if (document.readyState === 'loading') return Infinity;
      if (has('form[action*="validateCaptcha"], a[href*="ref=cs_"]')) return 0;
      if (cards > 0 || has('.s-no-results-result, #noResultsTitle')) {
        return has('.s-pagination-container, .s-pagination-strip, #pagn')
          ? quiet : quietWithoutPager;
      }
      if (document.readyState !== 'complete') return Infinity;
      return has('#search, [data-component-type="s-search-results"], #s-results-list-atf')
        ? quietWithoutCards : quietWithoutShell;
    };
    const look = () => {
      due = Infinity;
      const now = performance.now();
      const found = document.querySelectorAll(
        '[data-component-type="s-search-result"], li.s-result-item[data-asin]').length;
      if (found !== cards) { cards = found; since = now; }
      const left = since + patience() - now;
      if (left > 0) { lookIn(Math.min(left, late)); return; }
      watching.disconnect();
      resolve();
    };
    const lookIn = (wait) => {
      const at = performance.now() + wait;
      if (at >= due) return;
      clearTimeout(timer);
      due = at;
      timer = setTimeout(look, wait);
    };
    const watching = new MutationObserver(() => lookIn(soon));
    watching.observe(document, {childList: true, subtree: true});
    look();
  })
"""
_QUIET_MS = [200, 3_000, 1_500, 6_000]
# After a change many more follow at once; what is no change of the tree is seen now and then.
_LOOK_MS = [20, 200]
_SETTLE_TIMEOUT_MS = 20_000
# Real search pages have one to three million.
_MAX_LETTERS = 16_000_000
# Counted as Playwright reads a page, so that no page is longer than it seems.
_LETTERS = """
((type, root) =>
  (type ? new XMLSerializer().serializeToString(type) : "").length + `${root?.outerHTML}`.length)
(document.doctype, document.documentElement)
"""
# What is said of a page that led on before it had answered.
_LED_ON = ("Inspected target navigated", "Cannot find context", "Execution context was destroyed")


def user_agent(contact: str = "") -> str:
    """Return the honest user agent: project, version and how to reach whoever crawls.

    Example:
        >>> user_agent("me@example.org")
        'apparel-clf/0.1.0 (image dataset crawler; contact: me@example.org)'
    """
    told = f"; contact: {contact}" if contact else ""
    return f"apparel-clf/{__version__} (image dataset crawler{told})"


def context_options(agent: str, language: str = "en") -> dict[str, Any]:
    """Return the options of the browser context that pages are rendered in.

    Args:
        agent: the user agent.
        language: two letters, told to the shop. Default ``"en"``.
    """
    return {
        "user_agent": agent,
        "locale": language,
        "accept_downloads": False,
        "service_workers": "block",
    }


def find_chromium() -> str | None:
    """Return the path of a Chromium or Chrome of this machine, or None.

    A browser packed as a snap is passed over: it cannot see the profile folders that Playwright
    makes for it.
    """
    found = (shutil.which(name) for name in _NAMES)
    apps = (app for app in _MAC_APPS if Path(app).exists())
    usable = (path for path in (*found, *apps) if path and "/snap/" not in os.path.realpath(path))
    return next(usable, None)


def launch_options(hosts: Iterable[str] = ()) -> dict[str, Any]:
    """Return the options that Playwright starts the browser with.

    Without a browser of this machine Playwright uses the one that it installed itself.

    Args:
        hosts: the only ones that pages may reach, also by redirects and scripts, with ``*`` for
            any part: the shop and where it keeps its parts. Default: no limit.
    """
    allowed = [f"EXCLUDE {host}" for host in hosts]
    rules = ", ".join(["MAP * ~NOTFOUND", *allowed])
    arguments = [
        *([f"--host-resolver-rules={rules}"] if allowed else []),
        "--disable-background-networking",
        "--disable-gpu",  # nobody looks at what it draws
        "--disable-component-update",
        "--disable-sync",
        # WebRTC asks no resolver; without UDP of its own it has no other way. Older ones say force.
        "--webrtc-ip-handling-policy=disable_non_proxied_udp",
        "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
        "--no-first-run",
        # Aborting a request per picture costs more than never asking for it.
        "--blink-settings=imagesEnabled=false",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium's sandbox refuses to run as root
    options: dict[str, Any] = {
        "headless": True,
        "args": arguments,
        # Ctrl-C in a terminal is told to Playwright as well; when to end is the crawl's to say.
        "handle_sigint": False,
        # Playwright lets pages open windows; nobody would ever close them.
        "ignore_default_args": ["--disable-popup-blocking"],
    }
    path = find_chromium()
    return options | {"executable_path": path} if path else options


def is_unneeded(request: Request) -> bool:
    """Whether the browser should not load this: pictures are fetched by Scrapy, once."""
    return request.resource_type in _UNNEEDED


@dataclass
class _Line:
    """A line to the browser about one tab: what is asked there no page can answer for it.

    Scripts of a page may change whatever they see of themselves. They see nothing of a world of
    our own, which shares the page's tree and nothing else.
    """

    session: CDPSession
    frame: str

    async def evaluate(self, expression: str) -> Any:
        """Evaluate in a world of our own; once more where the page has led on meanwhile."""
        while True:
            try:
                return await self._evaluate(expression)
            except PlaywrightError as error:
                if not any(words in str(error) for words in _LED_ON):
                    raise

    async def _evaluate(self, expression: str) -> Any:
        wanted = {"frameId": self.frame, "worldName": __name__}
        world = await self.session.send("Page.createIsolatedWorld", wanted)
        asked = {
            "expression": expression,
            "contextId": world["executionContextId"],
            "awaitPromise": True,
            "returnByValue": True,
        }
        answer = await self.session.send("Runtime.evaluate", asked)
        if "exceptionDetails" in answer:
            raise PlaywrightError("the page cannot be looked at")
        return answer["result"].get("value")

    async def run_scripts(self, run: bool) -> None:
        """Let scripts run, or stop those that run."""
        await self.session.send("Emulation.setScriptExecutionDisabled", {"value": not run})


_LINES: WeakKeyDictionary[Page, _Line] = WeakKeyDictionary()


async def line_to(page: Page) -> _Line:
    """Return the line to a tab, made at the first call: best before it has a page."""
    line = _LINES.get(page)
    if line is None:
        session = await page.context.new_cdp_session(page)
        tree = await session.send("Page.getFrameTree")
        line = _LINES[page] = _Line(session, tree["frameTree"]["frame"]["id"])
    return line


async def wait_until_settled(page: Page) -> None:
    """Wait until a search page holds all its cards, or has said that it has none.

    Raises:
        playwright.async_api.TimeoutError: the page says neither within twenty seconds; the
            request has failed then, and is tried again.
    """
    asked = f"({_WHEN_SETTLED})({json.dumps([*_QUIET_MS, *_LOOK_MS])})"
    line = await line_to(page)
    try:
        await asyncio.wait_for(line.evaluate(asked), _SETTLE_TIMEOUT_MS / 1000)
    except asyncio.TimeoutError:
        raise PlaywrightTimeoutError("the page never stood still") from None


async def hold_still(page: Page) -> None:
    """Stop a page's scripts for good, then see that it can be read: from here on it won't grow.

    Raises:
        playwright.async_api.Error: the page is larger than any search page.
    """
    line = await line_to(page)
    _, size = await asyncio.gather(line.run_scripts(False), line.evaluate(_LETTERS))
    if size > _MAX_LETTERS:
        raise PlaywrightError(f"a page of {size} letters, more than {_MAX_LETTERS}")


async def empty(page: Page) -> None:
    """Make a tab as good as new: without its page, and without what sites gave it to keep.

    Tabs of one context share what is kept: a page that another tab shows meanwhile loses its own.
    """
    line = await line_to(page)
    await page.goto("about:blank")
    everything = {"origin": "*", "storageTypes": "all"}
    await asyncio.gather(
        line.session.send("Storage.clearDataForOrigin", everything),
        line.run_scripts(True),
        line.session.send("Runtime.evaluate", {"expression": "window.name = ''"}),
    )


def starts() -> str | None:
    """Start the browser once.

    Returns:
        None if it starts, else why not.
    """
    # Not needed by a crawl, which uses the asynchronous half.
    from playwright.sync_api import sync_playwright

    try:
        with sync_playwright() as playwright:
            playwright.chromium.launch(**launch_options()).close()
    except PlaywrightError as error:
        return str(error).strip().splitlines()[0]
    return None


def problem(failed: str) -> str:
    """Say what to do about a browser that does not start.

    Args:
        failed: why it does not.
    """
    path = find_chromium()
    return f"{path} does not start ({failed}). Mend or remove it" if path else NO_BROWSER


NO_BROWSER = """no Chromium was found and none could be installed. Ways out:
  - install Chromium or Chrome and have it on PATH
  - python -m playwright install --with-deps chromium
  - your distribution's package, e.g. sudo apt-get install chromium
then run: make setup"""


def install() -> str | None:
    """Find a Chromium that starts, or install one: Playwright's, else the distribution's.

    Returns:
        None when a browser starts, else what was tried and why it failed.
    """
    tried = []
    if starts() is None:
        return None
    for command in (_playwright_command(), *_distribution_commands()):
        _say(f"no browser yet; trying: {' '.join(command)}")
        code = subprocess.run(command, check=False).returncode  # noqa: S603 - fixed words
        reason = f"exit {code}" if code else starts()
        if reason is None:
            return None
        tried.append(f"{' '.join(command)}: {reason}")
    return "\n".join(tried)


def _playwright_command() -> tuple[str, ...]:
    return sys.executable, "-m", "playwright", "install", "chromium"


def _distribution_commands() -> Sequence[tuple[str, ...]]:
    """Commands of this machine's package manager, where they may be run without a password."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return ()
    manager = next((name for name in _PACKAGE_COMMANDS if shutil.which(name)), None)
    return _PACKAGE_COMMANDS[manager] if manager else ()


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main() -> int:
    """Find or install a browser. Returns 0, or 1 if there is none."""
    failed = install()
    if failed:
        _say(f"error: {NO_BROWSER}\nWhat was tried:\n{failed}")
        return 1
    _say(f"browser: {find_chromium() or 'the one that Playwright installed'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
