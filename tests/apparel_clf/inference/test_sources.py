from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from apparel_clf.dataset import ImageSet, Sample
from apparel_clf.errors import ImageError
from apparel_clf.inference.sources import find_images, is_single, sources_of


@pytest.fixture
def photos(tmp_path, jpeg):
    for name in ("a/1.jpg", "a/2.jpg", "b/1.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(jpeg())
    (tmp_path / "a/notes.txt").write_text("no picture")
    return tmp_path


def test_files_folders_and_patterns_become_files(photos):
    first = str(photos / "a/1.jpg")
    assert find_images([first, "missing.jpg"]) == [first, "missing.jpg"]
    assert find_images([str(photos / "a")]) == [first, str(photos / "a/2.jpg")]
    assert find_images([str(photos / "*/1.jpg")]) == [first, str(photos / "b/1.jpg")]
    assert len(find_images([str(photos / "**/*.jpg")])) == 3


def test_a_name_with_brackets_is_a_name(tmp_path):
    path = tmp_path / "x[1].png"
    path.touch()
    assert find_images([str(path)]) == [str(path)]
    assert is_single(str(path))


def test_what_leads_to_nothing_is_an_error_in_its_place(tmp_path):
    (tmp_path / "file.jpg").touch()
    (tmp_path / "empty").mkdir()
    folder, file, pattern = find_images(
        [str(tmp_path / "empty"), str(tmp_path / "file.jpg"), str(tmp_path / "*.webp")]
    )
    assert "holds no image" in folder.reason
    assert file == str(tmp_path / "file.jpg")
    assert "no file matches" in pattern.reason


def test_one_image_is_told_from_several(photos):
    one = ["x.jpg", photos / "a/1.jpg", b"x", bytearray(b"x"), memoryview(b"x"), io.BytesIO(b"x")]
    one += [Image.new("RGB", (2, 2)), np.zeros((2, 2, 3), np.uint8), "https://x/*.jpg", 7]
    assert all(map(is_single, one))
    several = [str(photos), photos, str(photos / "*.jpg"), ["x.jpg"], (), {"x.jpg"}, iter([])]
    assert not any(map(is_single, several))


def test_several_become_sources(photos):
    samples = [Sample(photos / "a/1.jpg", "a"), Sample(photos / "b/1.jpg", "b")]
    paths = [sample.path for sample in samples]
    assert list(sources_of(samples)) == paths
    assert list(sources_of(ImageSet(samples, ("a", "b"), name="x"))) == paths
    assert list(sources_of(iter(["x.jpg", b"y"]))) == ["x.jpg", b"y"]
    assert len(sources_of(photos)) == 3


def test_an_empty_folder_is_answered_by_its_error(tmp_path):
    (error,) = sources_of(tmp_path)
    assert isinstance(error, ImageError)
