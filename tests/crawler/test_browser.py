from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
from protego import Protego

from crawler import browser


def program(folder, name):
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_a_browser_on_path_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(browser, "_MAC_APPS", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    assert browser.find_chromium() is None
    assert "executable_path" not in browser.launch_options()
    chrome = program(tmp_path, "google-chrome")
    assert browser.find_chromium() == chrome
    assert browser.launch_options()["executable_path"] == chrome
    assert browser.find_chromium() != program(tmp_path, "chromium")[:-1]
    assert browser.find_chromium() == str(tmp_path / "chromium")


def test_a_snap_is_passed_over(tmp_path, monkeypatch):
    (tmp_path / "snap" / "bin").mkdir(parents=True)
    program(tmp_path / "snap" / "bin", "chromium")
    monkeypatch.setattr(browser, "_MAC_APPS", ())
    monkeypatch.setenv("PATH", str(tmp_path / "snap" / "bin"))
    assert browser.find_chromium() is None


@pytest.mark.parametrize(("user", "expected"), [(0, True), (1000, False)])
def test_the_sandbox_is_given_up_for_root_alone(monkeypatch, user, expected):
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert ("--no-sandbox" in browser.launch_options()["args"]) == expected


@pytest.mark.parametrize(
    ("kind", "unneeded"),
    [("image", True), ("font", True), ("media", True), ("document", False), ("script", False)],
)
def test_what_the_browser_need_not_load(kind, unneeded):
    assert browser.is_unneeded(SimpleNamespace(resource_type=kind)) is unneeded


def test_the_user_agent_says_who_asks():
    assert browser.user_agent("me@example.org").endswith("contact: me@example.org)")
    assert "Mozilla" not in browser.user_agent()


@pytest.mark.browser
def test_the_browser_of_this_machine_starts():
    assert browser.starts() is None


def test_a_browser_that_does_not_start_is_reported(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    broken = program(tmp_path, "chromium")
    with open(broken, "w") as file:  # noqa: PTH123 - keeps the mode
        file.write("#!/bin/sh\nexit 3\n")
    assert browser.starts()


@pytest.mark.real_data
def test_the_marketplaces_robots_txt_allows_searches_to_us(test_data):
    rules = Protego.parse((test_data / "amazon-pages" / "robots-amazon.com.txt").read_text())
    url = "https://www.amazon.com/s?k=men%27s+jeans&page=2"
    assert rules.can_fetch(url, browser.user_agent("me@example.org"))
    assert not rules.can_fetch(url, "Scrapy/2.19 (+https://scrapy.org)")
