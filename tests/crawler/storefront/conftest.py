"""A quick studio, a small shop and ways to ask it, for the storefront's tests."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass

import lxml.html
import numpy as np
import pytest
from PIL import Image

from crawler.storefront import Storefront, Studio, drawn_catalogue


@dataclass(frozen=True)
class ToyGarment:
    """Words that HTML could misread, and a picture that depends on class and seed alone."""

    label: str
    seed: int
    brand: str = "Tarn & Wick"
    price: float = 29.5

    @property
    def title(self) -> str:
        """Names the class, in characters that need escaping."""
        return f'{self.label.title()} <b>"{self.seed % 1000}"</b> & more'


def draw_toy(garment: ToyGarment, size: tuple[int, int] = (96, 128)) -> Image.Image:
    """Draw a few large coloured fields."""
    rng = np.random.default_rng([garment.seed, *garment.label.encode()])
    fields = rng.integers(0, 255, (4, 3, 3), dtype=np.uint8)
    return Image.fromarray(fields).resize(size, Image.Resampling.BICUBIC)


@pytest.fixture(scope="session")
def studio():
    return Studio(("jeans", "trousers", "saree"), ToyGarment, draw_toy)


@pytest.fixture(scope="session")
def catalogue(studio):
    """71 products in each of three classes, 11 of them planted: two pages of results."""
    return drawn_catalogue(seed=3, per_class=60, studio=studio)


@pytest.fixture(scope="session")
def opened(catalogue):
    with Storefront(catalogue, batch_delay=0.0) as shop:
        yield shop


@pytest.fixture
def shop(opened):
    """The shared shop, with nothing asked of it yet."""
    opened.requests.clear()
    return opened


@dataclass(frozen=True)
class Answer:
    """What a fetch brought."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8")


@pytest.fixture(scope="session")
def fetch():
    """Fetch a URL as a plain client: no JavaScript, any status is an answer."""

    def fetch(url: str, **headers: str) -> Answer:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(url, headers=names)
        try:
            with urllib.request.urlopen(request, timeout=120) as reply:
                return Answer(reply.status, dict(reply.headers), reply.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers), error.read())

    return fetch


@pytest.fixture(scope="session")
def rendered(fetch):
    """Fetch a search page and put its results in, as its script does."""

    def rendered(base: str, path: str) -> lxml.html.HtmlElement:
        page = lxml.html.fromstring(fetch(base + path).text)
        (slot,) = page.cssselect("[data-fragment]")
        more, number = True, 0
        while more:
            part = json.loads(fetch(f"{base}{slot.get('data-fragment')}&batch={number}").text)
            for target, key in (("search-bar", "bar"), (None, "html"), ("search-pager", "pager")):
                place = slot if target is None else page.get_element_by_id(target)
                for node in lxml.html.fragments_fromstring(part[key].strip()):
                    place.append(node)
            more, number = part["more"], number + 1
        return page

    return rendered
