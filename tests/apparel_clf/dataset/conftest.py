"""What tests of datasets share: pictures staged as a crawl stages them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from apparel_clf.dataset import ImageRecord, JournalWriter, Staging
from apparel_clf.images import sign


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return tmp_path / "datasets" / "demo"


@pytest.fixture(scope="session")
def stage(jpeg) -> Callable[..., None]:
    """Stage pictures in any dataset's folder as a crawl does."""

    def stage(dataset, name, seeds, label="jeans", encode=jpeg):
        staging = Staging(dataset)
        with JournalWriter(staging.journals_folder / f"{name}.jsonl") as journal:
            for seed in seeds:
                data = encode(seed)
                staging.objects.put(data)
                journal.image(
                    ImageRecord(label, sign(data), asin=f"{label}{seed}", title="<b>|x|</b>")
                )

    return stage


@pytest.fixture
def crawl(dataset: Path, stage) -> Callable[..., None]:
    """Stage pictures in the dataset of this test."""
    return lambda *args, **kwargs: stage(dataset, *args, **kwargs)


@pytest.fixture(scope="session")
def files_of() -> Callable[[Path], dict[str, bytes]]:
    """Read every file of a folder, by its path."""

    def read(folder):
        return {
            p.relative_to(folder).as_posix(): p.read_bytes()
            for p in folder.rglob("*")
            if p.is_file()
        }

    return read


@pytest.fixture(scope="session")
def encode_as(picture) -> Callable[..., Callable[[int], bytes]]:
    """Make an encoder of pictures that are no plain JPEGs, for `stage`."""

    def encoder(format, mode="RGB"):
        def encode(seed):
            buffer = io.BytesIO()
            picture(seed).convert(mode).save(buffer, format)
            return buffer.getvalue()

        return encode

    return encoder
