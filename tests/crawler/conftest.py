"""Runs the spider as a user does, in a process of its own, against a shop on loopback."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
import zlib
from collections import Counter, defaultdict
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

import crawler
from apparel_clf.dataset import open_version

ROOT = Path(crawler.__file__).parents[1]
SECONDS = 300

CARD = (
    '<div data-component-type="s-search-result" data-asin="{asin}"><img class="s-image" '
    'src="{picture}" srcset="{picture} 1x, {larger} 2x"><a><h2>{title}</h2></a></div>'
)


@dataclass(frozen=True)
class Run:
    """A finished `scrapy crawl`."""

    code: int
    out: str
    err: str
    datasets: Path

    @property
    def dataset(self):
        return self.datasets / "apparel"

    @cached_property
    def version(self):
        return open_version(self.dataset / "latest")

    @property
    def summary(self):
        return json.loads((self.dataset / "crawl.json").read_text())

    @property
    def counts(self):
        return Counter(row.record.label for row in self.version.rows)

    @property
    def reasons(self):
        return Counter((r.label, r.reason) for r in self.version.rejections())


@pytest.fixture
def said(tmp_path):
    """What the crawl that runs has said so far."""
    path = tmp_path / "said.txt"
    return lambda: path.read_text(errors="replace") if path.exists() else ""


@pytest.fixture
def scrapy_crawl(tmp_path, said):
    """Run the spider; arguments by name, settings with a capital.

    `interrupt_when` is watched until it returns something true, then `then` is called with the
    process: by default it is interrupted as by Ctrl-C. With `terminal` it has one of so many
    columns to draw on. What is in the folder `modules` can be imported by it.
    """
    # Patience is for real shops.
    defaults = {"DATASETS_FOLDER": tmp_path / "datasets", "BLOCK_BACKOFF": 0.1}

    def run(*options, interrupt_when=None, then=None, terminal=0, **values):
        words = list(options)
        for name, value in (defaults | values).items():
            words += ["-s" if name.isupper() else "-a", f"{name}={value}"]
        path = tmp_path / "said.txt"
        with _terminal(path, terminal) if terminal else path.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "scrapy", "crawl", "amazon_apparel", *words],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path / 'modules'}"},
            )
            try:
                if interrupt_when is not None:
                    wait_for(lambda: interrupt_when() or process.poll() is not None)
                    (then or _interrupt)(process)
                out, _ = process.communicate(timeout=SECONDS)
            finally:
                process.kill()
        return Run(process.returncode, out, said(), Path((defaults | values)["DATASETS_FOLDER"]))

    return run


def _interrupt(process):
    process.send_signal(signal.SIGINT)


@contextmanager
def _terminal(path, columns):
    """Open a terminal; what is written to it goes to a file."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    reader = threading.Thread(target=_copy, args=(ours, path), daemon=True)
    reader.start()
    try:
        yield theirs
    finally:
        os.close(theirs)
        reader.join(SECONDS)
        os.close(ours)


def _copy(terminal, path):
    with path.open("wb", buffering=0) as file, suppress(OSError):  # the last program has left
        while data := os.read(terminal, 1 << 16):
            file.write(data)


def wait_for(condition, seconds=SECONDS):
    """Wait for what must come about; the limit bounds a hang, and nothing else."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)


class Shop:
    """A shop whose every answer a test decides.

    `page(label, number)` and `image(name)` return None to cut the connection, or a status, a body
    and headers; a body may be a generator of parts.
    """

    def __init__(self, jpeg):
        self.jpeg = jpeg
        self.asked = Counter()
        self.times = defaultdict(list)
        self.pages = 2
        self.page = self.good_page
        self.image = self.good_image
        self.next = lambda label, page: f"/s?k={label}&page={page + 1}" if page < self.pages else ""

    def card(self, label, number, **changes):
        picture = f"/images/I/{label}{number}._AC_UL320_.jpg"
        values = {
            "asin": f"B{zlib.crc32(label.encode()) % 10**6:06d}{number:03d}",
            "title": f"{label} {number}",
            "picture": picture,
            "larger": picture.replace("320", "640"),
        }
        return CARD.format(**(values | changes))

    def good_page(self, label, page):
        return self.page_of(label, page, [self.card(label, 10 * page + i) for i in range(5)])

    def page_of(self, label, page, cards):
        target = self.next(label, page)
        pager = f'<a class="s-pagination-next" href="{target}">Next</a>' if target else ""
        return 200, f'{"".join(cards)}<div class="s-pagination-container">{pager}</div>'

    def good_image(self, name):
        return 200, self.jpeg(zlib.crc32(name.split(".")[0].encode()), (120, 160))

    def answer(self, path):
        self.asked[path] += 1
        self.times[path].append(time.monotonic())
        parts = urlsplit(path)
        if parts.path == "/robots.txt":
            return 200, ""
        if parts.path == "/s":
            query = parse_qs(parts.query)
            return self.page(query["k"][0], int(query.get("page", ["1"])[0]))
        if parts.path.startswith("/images/I/"):
            return self.image(parts.path.rsplit("/", 1)[1])
        return 404, ""

    def asked_for(self, label, page=1):
        return self.asked[f"/s?k={label}" + (f"&page={page}" if page > 1 else "")]


def _handler(shop):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            answer = shop.answer(self.path)
            self.close_connection = True
            if answer is None:
                self.connection.close()
                return
            status, body, *headers = answer
            data = body.encode() if isinstance(body, str) else body
            whole = isinstance(data, bytes)
            self.send_response(status)
            kind = "text/html" if isinstance(body, str) else "image/jpeg"
            usual = {"Content-Type": kind, "Connection": "close"}
            for name, value in (usual | (headers[0] if headers else {})).items():
                self.send_header(name, value)
            if whole:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            try:
                for part in [data] if whole else data:
                    self.wfile.write(part)
            except OSError:
                pass

        def log_message(self, *_):
            pass

    return Handler


@pytest.fixture
def serve():
    """Open a server on loopback for an object that answers; gives its address."""
    opened = []

    def start(shop, host="127.0.0.1"):
        server = ThreadingHTTPServer((host, 0), _handler(shop))
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        opened.append((server, thread))
        return f"http://{host}:{server.server_port}"

    yield start
    for server, thread in opened:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def shop(jpeg, serve):
    opened = Shop(jpeg)
    opened.url = serve(opened)
    return opened


@pytest.fixture
def crawl(shop, scrapy_crawl, tmp_path):
    """Crawl the shop for these classes, each found by its own name."""
    path = tmp_path / "classes.toml"

    def run(*options, labels=("hats", "gloves"), toml=None, **values):
        tables = toml or "".join(f'[{label}]\nqueries = ["{label}"]\n' for label in labels)
        path.write_text(tables)
        return scrapy_crawl(*options, base_url=shop.url, CLASSES_FILE=path, **values)

    return run
