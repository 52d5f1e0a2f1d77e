"""What all tests share: pictures made on the spot, and the real data where it is at hand."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

MakePicture = Callable[..., Image.Image]

# Examples are judged by what they give. A machine that pauses for a second is no counter-example.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real pages and photos; tests that need it are skipped without it."""
    folder = os.environ.get("APPAREL_TEST_DATA")
    if not folder:
        pytest.skip("APPAREL_TEST_DATA is not set: this test reads real pages and photos")
    path = Path(folder).resolve()
    if not path.is_dir():
        pytest.fail(f"APPAREL_TEST_DATA={folder} is not a folder")
    return path


@pytest.fixture(autouse=True, scope="session")
def feature_cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep features out of the user's own cache; programs that tests start inherit it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("APPAREL_CLF_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def picture() -> MakePicture:
    """Make a picture that looks like no other seed's: coloured blocks on white."""

    def make(seed: int = 0, size: tuple[int, int] = (60, 80)) -> Image.Image:
        rng = np.random.default_rng(seed)
        blocks = rng.integers(0, 256, (8, 6, 3), dtype=np.uint8)
        return Image.fromarray(blocks).resize(size, Image.Resampling.BICUBIC)

    return make


@pytest.fixture(scope="session")
def jpeg(picture: MakePicture) -> Callable[..., bytes]:
    """The bytes of such a picture as a JPEG."""

    def encode(seed: int = 0, size: tuple[int, int] = (60, 80), quality: int = 90) -> bytes:
        buffer = io.BytesIO()
        picture(seed, size).save(buffer, "JPEG", quality=quality)
        return buffer.getvalue()

    return encode
