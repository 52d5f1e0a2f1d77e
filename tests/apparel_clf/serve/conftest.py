"""What tests of the service share: a small trained model behind a real server on loopback."""

from __future__ import annotations

import io
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import httpx
import numpy as np
import pytest
from PIL import Image

from apparel_clf.classifier import ApparelClassifier
from apparel_clf.dataset import ImageSet, Sample
from apparel_clf.inference.explain import explanation
from apparel_clf.serve import Limits, create_app
from apparel_clf.serve.guard import LOOPBACK_NAMES
from apparel_clf.serve.server import Server, open_socket, url_of

COLOURS = {"jeans": (60, 80, 150), "saree": (190, 60, 60), "trousers": (150, 140, 110)}
# Small enough that every limit is met by a test in a moment; but patient, since a busy machine may
# pause in the middle of a good request.
LIMITS = Limits(body=2_000_000, files=8, pixels=2_000_000, memory=8_000_000, patience=60.0)
# Bounds a hang, and nothing else.
SECONDS = 120.0


class SmallClassifier(ApparelClassifier):
    """The classifier on a small untrained backbone."""

    _blocks = ((4, 1), (8, 1))


def coloured(label: str, seed: int = 0, size: tuple[int, int] = (60, 80)) -> Image.Image:
    """A picture of a class: its colour, with noise."""
    rng = np.random.default_rng([seed, len(label)])
    pixels = rng.normal(COLOURS[label], 40.0, (size[1], size[0], 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_bomb(side: int = 50_000) -> bytes:
    """A PNG of a few hundred bytes whose header claims billions of pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(10_000))
    parts = (png_chunk(b"IHDR", header), png_chunk(b"IDAT", data), png_chunk(b"IEND"))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.fixture(scope="session")
def classifier(tmp_path_factory) -> ApparelClassifier:
    """A classifier that tells three colours apart, with an evaluation to show."""
    folder = tmp_path_factory.mktemp("coloured")

    def make(name: str, seeds: range) -> ImageSet:
        samples = []
        for label in COLOURS:
            for seed in seeds:
                path = folder / f"{name}-{label}-{seed}.png"
                coloured(label, seed).save(path)
                samples.append(Sample(path, label, name))
        return ImageSet(samples, COLOURS, name="toy/v1", split_name=name, version_id="abc123")

    small = SmallClassifier(weights=None, image_size=32, precision="float32", verbose=False)
    small.fit(make("train", range(12)), epochs=6)
    small.evaluate(make("test", range(100, 110)))
    return small


@pytest.fixture
def nothing_warm(classifier, monkeypatch) -> None:
    """Let no part of any picture speak for a class."""

    def explain(self, source, label=None):
        said = self.predict(source)
        picture = Image.open(io.BytesIO(source)).convert("RGB")
        return explanation(said, said.label, -np.ones((2, 2), np.float32), picture, "pad")

    monkeypatch.setattr(type(classifier), "explain", explain)


@contextmanager
def serving(app, limits: Limits) -> Iterator[str]:
    """Run an application on a free port of loopback; yield its address."""
    server = Server(app, bound := open_socket("127.0.0.1", 0), limits)
    url = url_of(bound)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield url
    finally:
        server.stop()
        thread.join(SECONDS)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def url(classifier) -> Iterator[str]:
    """The address of a running service."""
    app = create_app(classifier, LIMITS, hosts=LOOPBACK_NAMES, threshold=0.9)
    with serving(app, LIMITS) as address:
        yield address


@pytest.fixture(scope="session")
def hasty(classifier) -> Iterator[str]:
    """The address of a service that waits for nobody."""
    limits = replace(LIMITS, patience=1.0)
    with serving(create_app(classifier, limits, hosts=LOOPBACK_NAMES), limits) as address:
        yield address


@pytest.fixture
def client(url) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=SECONDS) as found:
        yield found


@pytest.fixture
def predict(client) -> Callable[..., httpx.Response]:
    """Post files, given as ``(name, bytes)``, to /predict."""

    def post(*files: tuple[str, bytes], address: str = "/predict") -> httpx.Response:
        form = [("files", (name, data, "application/octet-stream")) for name, data in files]
        return client.post(address, files=form)

    return post


@pytest.fixture
def talk(url) -> Callable[..., bytes]:
    """Send raw bytes, each after a pause; return what comes back until the service hangs up.

    A service that doesn't hang up fails the test.
    """

    def exchange(*pieces: bytes, pause: float = 0.0, to: str = url) -> bytes:
        with socket.create_connection(place_of(to), timeout=SECONDS) as line:
            try:
                for piece in pieces:
                    line.sendall(piece)
                    time.sleep(pause)
            except ConnectionError:
                return b""
            return _all_of(line)

    return exchange


def place_of(url: str) -> tuple[str, int]:
    host, port = url.removeprefix("http://").split(":")
    return host, int(port)


def _all_of(line: socket.socket) -> bytes:
    answer = b""
    try:
        while piece := line.recv(65536):
            answer += piece
    except ConnectionError:
        pass
    return answer
