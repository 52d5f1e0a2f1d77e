"""Versions of everything that takes part, and the settings that decide how fast it may go."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from collections.abc import Mapping

from scrapy.settings import default_settings

from apparel_clf import __version__
from benchmarks.versions import cpus, package_version
from crawler import settings
from crawler.browser import find_chromium

_PACKAGES = ("scrapy", "scrapy-playwright", "playwright", "selenium", "psutil")
_PACE = (
    "ROBOTSTXT_OBEY",
    "AUTOTHROTTLE_ENABLED",
    "AUTOTHROTTLE_START_DELAY",
    "AUTOTHROTTLE_TARGET_CONCURRENCY",
    "CONCURRENT_REQUESTS",
    "CONCURRENT_REQUESTS_PER_DOMAIN",
    "DOWNLOAD_DELAY",
)
_NUMBER = re.compile(r"\d+(?:\.\d+)+")


def versions() -> dict[str, str]:
    """Return name to version; what is missing says so."""
    packages = {"apparel-clf": __version__} | {name: package_version(name) for name in _PACKAGES}
    programs = {
        "Chromium": program_version(find_chromium()),
        "chromedriver": program_version(shutil.which("chromedriver")),
    }
    return {"CPUs": str(cpus()), "Python": platform.python_version(), **packages, **programs}


def pace() -> dict[str, str]:
    """Return the settings of both Scrapy ways that decide how fast they may go."""
    return {
        "pace of this project": _settings(vars(default_settings) | vars(settings)),
        "pace of stock Scrapy": _settings(vars(default_settings)),
    }


def _settings(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={values[name]}" for name in _PACE if name in values)


def program_version(path: str | None) -> str:
    """Ask a program for its version.

    Args:
        path: of the program, or None where there is none.
    """
    if path is None:
        return "not installed"
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    found = _NUMBER.search(done.stdout)
    return found[0] if found else "unknown"
