"""The program: its address, its warnings, and its end by a signal."""

import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

import apparel_clf as ac
from apparel_clf.cli import main
from apparel_clf.serve.server import is_loopback, open_socket, url_of

from .conftest import SECONDS, coloured, encoded


def test_a_taken_port_is_told_before_anything_else(capsys):
    with open_socket("127.0.0.1", 0) as bound:
        bound.listen()
        port = bound.getsockname()[1]
        with pytest.raises(ac.SettingsError, match=f"127.0.0.1:{port}: can't be opened"):
            open_socket("127.0.0.1", port)
        assert main(["serve", "-m", "none.keras", "--port", str(port)]) == 1
    assert "choose another with --port" in capsys.readouterr().err


def test_addresses_that_are_not_ours_are_refused():
    for host in ("no.such.host.invalid", "192.0.2.1", "", "a" * 300):
        with pytest.raises(ac.SettingsError):
            open_socket(host, 0).close()


@pytest.mark.parametrize(
    ("host", "own"), [("127.0.0.1", True), ("localhost", True), ("0.0.0.0", False)]
)
def test_loopback_is_told_by_where_it_is_bound(host, own):
    with open_socket(host, 0) as bound:
        assert is_loopback(bound) is own
        assert url_of(bound).startswith("http://")


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_an_address_of_version_six_is_written_in_brackets():
    try:
        bound = open_socket("::1", 0)
    except ac.SettingsError:
        pytest.skip("no IPv6 here")
    with bound:
        assert is_loopback(bound)
        assert url_of(bound).startswith("http://[::1]:")


def test_a_missing_model_is_one_line(capsys):
    assert main(["serve", "-m", "none.keras", "--port", "0"]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "none.keras" in told


@pytest.mark.parametrize("wrong", [["--port", "70000"], ["--max-files", "0"], ["--workers", "x"]])
def test_wrong_arguments_are_wrong_usage(wrong):
    with pytest.raises(SystemExit) as caught:
        main(["serve", *wrong])
    assert caught.value.code == 2


@pytest.fixture(scope="module")
def model(classifier, tmp_path_factory):
    return classifier.save(tmp_path_factory.mktemp("model") / "m.keras")


def started(*arguments):
    """Start the program; return it, its address, and what it said until it was ready."""
    command = [sys.executable, "-m", "apparel_clf.cli", "serve", "--port", "0", *arguments]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    said = []
    for line in program.stderr:
        said.append(line)
        if "Ctrl-C ends" in line:
            return program, line.split(" at ")[1].split(" ")[0], said
    raise AssertionError(f"ended with {program.wait()}: {said}")


def until_ready(url):
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            return httpx.get(f"{url}/health", timeout=SECONDS)
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("never ready")


@pytest.mark.parametrize(
    ("number", "arguments", "warned"),
    [
        (signal.SIGINT, ["--json", "--threshold", "0.5"], False),
        (signal.SIGTERM, ["--host", "0.0.0.0", "--max-files", "1"], True),
    ],
)
def test_the_program_serves_until_a_signal_and_ends_in_order(model, number, arguments, warned):
    program, url, said = started("-m", str(model), *arguments)
    try:
        url = url.replace("0.0.0.0", "127.0.0.1")
        assert until_ready(url).json()["model"]["runtime"] == "keras"
        files = {"files": encoded(coloured("saree"))}
        answer = httpx.post(f"{url}/predict", files=files, timeout=SECONDS)
        assert answer.json()[0]["label"] == "saree"
        program.send_signal(number)
        output, errors = program.communicate(timeout=SECONDS)
    finally:
        program.kill()
    assert program.returncode == 0
    assert "Traceback" not in errors
    assert any("everyone who can reach this computer" in line for line in said) is warned
    assert ('"url": "http' in output) is ("--json" in arguments)
