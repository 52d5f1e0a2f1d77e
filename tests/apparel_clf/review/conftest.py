"""What tests of the review page share: a dataset with faults, a server, a browser."""

from __future__ import annotations

import io
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from apparel_clf.dataset import ImageRecord, JournalWriter, Rejection, Staging, Version, publish
from apparel_clf.images import sign
from apparel_clf.review import Review, ReviewServer

COLOURS = {"jeans": (60, 80, 150), "saree": (190, 60, 60), "trousers": (150, 140, 110)}
HOSTILE = '<script>window.hacked = 1</script>"\'><img src=x onerror="window.hacked=1">&amp;'


def drawing(label: str, seed: int) -> bytes:
    """A picture of a class: its colour, and blocks of its own."""
    rng = np.random.default_rng([seed, len(label)])
    blocks = rng.normal(COLOURS[label], 55, (6, 4, 3)).clip(0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(blocks).resize((60, 90), Image.Resampling.NEAREST).save(buffer, "JPEG")
    return buffer.getvalue()


def turned_over(data: bytes) -> bytes:
    """The same picture as a mirror shows it."""
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def stage_all(dataset: Path) -> dict[str, str]:
    """Stage a crawl with faults; return the sha256 of what the tests are about, by name."""
    staging = Staging(dataset)
    named = {}
    with JournalWriter(staging.journals_folder / "1.jsonl") as journal:

        def add(data, label, place, **values):
            staging.objects.put(data)
            journal.image(
                ImageRecord(
                    label,
                    sign(data),
                    source="shop.example",
                    query=values.pop("query", label),
                    asin=f"{label}{place}",
                    page=1,
                    position=place,
                    **values,
                )
            )
            return sign(data).sha256

        for label in COLOURS:
            for seed in range(12):
                add(drawing(label, seed), label, seed + 1, title=f"{label} number {seed}")
        named["wrong"] = add(drawing("saree", 77), "jeans", 30, query="blue jeans")
        named["hostile"] = add(
            drawing("jeans", 78),
            "jeans",
            31,
            title=HOSTILE,
            page_url="javascript:alert(1)",
            image_url="https://shop.example/x.jpg?a=\"'<b>",
        )
        first = drawing("jeans", 79)
        named["one"] = add(first, "jeans", 32)
        named["mirrored"] = add(turned_over(first), "jeans", 33)
        named["small"] = staging.objects.put(drawing("trousers", 99))
        journal.rejection(
            Rejection("trousers", "too_small", "60x90", named["small"], "t", query="trousers")
        )
        journal.rejection(Rejection("jeans", "sponsored", title=HOSTILE, asin="s", position=90))
    return named


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return tmp_path / "datasets" / "demo"


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The dataset, published once; the sha256 of what tests are about, by name."""
    folder = tmp_path_factory.mktemp("published") / "demo"
    found = stage_all(folder)
    publish(folder)
    return folder, found


@pytest.fixture
def named(dataset: Path, published: tuple[Path, dict[str, str]]) -> dict[str, str]:
    """Copy the published dataset to this test's own folder."""
    folder, found = published
    shutil.copytree(folder, dataset, symlinks=True)
    return found


@pytest.fixture
def review(dataset: Path, named: dict[str, str]) -> Review:
    return Review(dataset, who="Ada")


@contextmanager
def serving(review: Review) -> Iterator[ReviewServer]:
    """Serve a review while the block runs."""
    with ReviewServer(review) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def server(review: Review) -> Iterator[ReviewServer]:
    with serving(review) as running:
        yield running


@pytest.fixture(scope="session")
def shas() -> Callable[[Version], set[str]]:
    return lambda version: {row.record.sha256 for row in version.rows}
