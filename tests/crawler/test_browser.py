from __future__ import annotations

import asyncio
import os
import socket
from types import SimpleNamespace

import pytest
from playwright.async_api import async_playwright
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


# By addresses, which no resolver is asked for; `peer` names them as where the other side is.
WAYS_OUT = """async ([udp, tcp]) => {
  const quietly = (doing) => doing.catch(() => null), page = `http://127.0.0.1:${tcp}/`;
  const add = (tag, values) => document.head.append(
    Object.assign(document.createElement(tag), values));
  const gathered = (peer) => new Promise((done) => {
    peer.onicegatheringstatechange = () => peer.iceGatheringState === "complete" && done();
    peer.createDataChannel("x");
    peer.setLocalDescription();
  });
  const servers = [`stun:127.0.0.1:${udp}`, `turn:127.0.0.1:${udp}`,
                   `turn:127.0.0.1:${tcp}?transport=tcp`, `turns:127.0.0.1:${tcp}?transport=tcp`];
  const known = {username: "a", credential: "b"};
  const asking = new RTCPeerConnection({iceServers: servers.map((urls) => ({urls, ...known}))});
  const peer = new RTCPeerConnection(), other = new RTCPeerConnection();
  await Promise.all([gathered(asking), gathered(peer)]);
  await other.setRemoteDescription(peer.localDescription);
  await other.setLocalDescription();
  await peer.setRemoteDescription(other.localDescription);
  for (const candidate of [`candidate:1 1 udp 2130706431 127.0.0.1 ${udp} typ host`,
      `candidate:2 1 tcp 1518280447 127.0.0.1 ${tcp} typ host tcptype passive`]) {
    await peer.addIceCandidate({candidate, sdpMid: "0", sdpMLineIndex: 0});
  }
  const hash = {algorithm: "sha-256", value: new Uint8Array(32)};
  const address = `https://127.0.0.1:${udp}/`;
  const transport = new WebTransport(address, {serverCertificateHashes: [hash]});
  await Promise.all([quietly(transport.ready), quietly(transport.closed)]);
  await new Promise((done) => {
    const opening = new WebSocket(`ws://127.0.0.1:${tcp}/`);
    opening.onopen = opening.onerror = done;
  });
  for (const rel of ["preconnect", "dns-prefetch", "prefetch", "preload", "stylesheet"]) {
    add("link", {rel, href: page + rel, as: "script"});
  }
  const urls = [page + "speculated"];
  add("script", {type: "speculationrules",
                 textContent: JSON.stringify({prefetch: [{source: "list", urls}]})});
  add("iframe", {src: page});
  navigator.sendBeacon(page, "x");
  await quietly(fetch(page, {mode: "no-cors"}));
  await new Promise((done) => setTimeout(done, 500));
}"""


@pytest.fixture
def reached(serve):
    """Open a page that tries every way out, allowed one host; tells what came elsewhere."""

    async def attempt(options, url, ports):
        async with async_playwright() as playwright:
            opened = await playwright.chromium.launch(**options)
            page = await opened.new_page()
            await page.goto(url)
            await page.evaluate(WAYS_OUT, ports)

    def run(options):
        url = serve(SimpleNamespace(answer=lambda _: (200, "<p>a shop"))) + "/"
        with (
            socket.socket(type=socket.SOCK_DGRAM) as udp,
            socket.create_server(("127.0.0.1", 0)) as tcp,
        ):
            udp.bind(("127.0.0.1", 0))
            ports = [which.getsockname()[1] for which in (udp, tcp)]
            asyncio.run(attempt(options, url.replace("127.0.0.1", "localhost"), ports))
            return {name for name, which in (("udp", udp), ("tcp", tcp)) if has_some(which)}

    return run


def has_some(opened):
    opened.setblocking(False)
    try:
        opened.accept() if opened.type == socket.SOCK_STREAM else opened.recv(1)
    except BlockingIOError:
        return False
    return True


@pytest.mark.browser
def test_a_page_reaches_no_other_host_by_its_address(reached):
    assert reached(browser.launch_options(["localhost"])) == set()


@pytest.mark.browser
def test_without_its_limit_webrtc_leads_out(reached):
    options = browser.launch_options(["localhost"])
    options["args"] = [word for word in options["args"] if "webrtc" not in word]
    assert "udp" in reached(options)


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
