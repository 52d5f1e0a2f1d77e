"""Holds the commands of the guides against the real parsers, and runs those that can be run."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import re
import subprocess
from pathlib import Path

import tomllib

from apparel_clf._arguments import build_parser
from apparel_clf.cli import main
from tests.docs import reasons
from tests.docs.blocks import ROOT


def run_command(words: tuple[str, ...]) -> str:
    """Check a command, run it if it can be run, and say what was done, or which reason not to.

    Raises:
        AssertionError: the command is wrong, fails, or is of a program that nobody knows here.
    """
    program = Path(words[0]).name or words[0]
    if program in _PROGRAMS:
        return _PROGRAMS[program](words[1:])
    assert program in reasons.FOREIGN, f"{program}: unknown; name it in tests/docs/reasons.py"
    return reasons.FOREIGN[program]


def _apparel(words: tuple[str, ...]) -> str:
    command = _parsed(build_parser(), words).command
    if command in reasons.COMMANDS:
        return reasons.COMMANDS[command]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    assert code == 0, f"ended with {code}\n{out.getvalue()}{err.getvalue()}"
    return "run"


def _scrapy(words: tuple[str, ...]) -> str:
    from crawler.commands import crawl, storefront

    command = {"crawl": crawl.Command, "storefront": storefront.Command}[words[0]]()
    command.settings = _settings()
    parser = argparse.ArgumentParser(prog="scrapy")
    command.add_options(parser)
    options, rest = parser.parse_known_args(words[1:])
    unknown = [word for word in rest if word.startswith("-")]
    assert not unknown, f"scrapy knows no {unknown}"
    if words[0] == "storefront":
        assert not rest
        return reasons.CHECKED["scrapy"]
    return _crawl(command, rest, options)


def _crawl(command, rest: list[str], options: argparse.Namespace) -> str:
    known = set(command.settings)
    command.process_options(rest, options)
    assert set(command.settings) <= known, f"unknown settings {set(command.settings) - known}"
    config = command._config(*rest, options.spargs)
    if not options.dry_run:
        return reasons.CHECKED["scrapy"]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        command._show(config)
    assert "Nothing was fetched" in out.getvalue()
    return "run"


def _settings():
    from scrapy.settings import Settings

    settings = Settings()
    settings.setmodule("crawler.settings", priority="project")
    return settings


def _make(words: tuple[str, ...]) -> str:
    done = subprocess.run(["make", "-n", *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return reasons.CHECKED["make"]


def _python(words: tuple[str, ...]) -> str:
    if words[0] == "-m":
        assert importlib.util.find_spec(words[1]) is not None, f"no module {words[1]}"
        files = [word for word in words[2:] if word.startswith("tests/")]
    else:
        files = [words[0]]
    for file in files:
        assert (ROOT / file).exists(), f"no file {file}"
    return reasons.CHECKED["python"]


def _pip(words: tuple[str, ...]) -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for extras in re.findall(r"(?:^\.|apparel-clf)\[([\w,]+)\]", "\n".join(words), re.MULTILINE):
        missing = set(extras.split(",")) - set(project["optional-dependencies"])
        assert not missing, f"pyproject.toml has no extra {missing}"
    return reasons.CHECKED["pip"]


def _parsed(parser: argparse.ArgumentParser, words: tuple[str, ...]) -> argparse.Namespace:
    with contextlib.redirect_stderr(io.StringIO()) as err:
        try:
            return parser.parse_args(words)
        except SystemExit as stop:
            raise AssertionError(f"{' '.join(words)}: {err.getvalue()}") from stop


_PROGRAMS = {
    "apparel-clf": _apparel,
    "scrapy": _scrapy,
    "make": _make,
    "python": _python,
    "pip": _pip,
}
