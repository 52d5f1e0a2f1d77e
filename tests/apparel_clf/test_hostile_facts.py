"""A model file's own words are checked before they are believed."""

from __future__ import annotations

import json
import shutil
import zipfile

import numpy as np
import pytest

import apparel_clf as ac
from apparel_clf.model.file import METADATA_MEMBER


@pytest.fixture(scope="module")
def saved(tmp_path_factory, jpeg):
    folder = tmp_path_factory.mktemp("photos")
    for place, label in enumerate(("a", "b")):
        (folder / label).mkdir()
        for number in range(4):
            (folder / label / f"{number}.jpg").write_bytes(jpeg(10 * place + number))
    data = ac.ImageFolder(folder)
    clf = ac.ApparelClassifier(
        weights=None, image_size=32, head="gap", views=1, precision="float32", verbose=False
    )
    return clf.fit(data, epochs=1).save(folder / "model.keras")


@pytest.fixture
def edited(saved, tmp_path):
    """Copy the model with other facts about itself."""

    def edit(**changes):
        target = tmp_path / "edited.keras"
        with zipfile.ZipFile(saved) as source, zipfile.ZipFile(target, "w") as copy:
            for name in source.namelist():
                data = source.read(name)
                if name == METADATA_MEMBER:
                    data = json.dumps(json.loads(data) | changes).encode()
                copy.writestr(name, data)
        return target

    return edit


def test_the_untouched_file_loads(saved, edited):
    assert ac.load(saved).classes_ == ac.load(edited()).classes_ == ("a", "b")


@pytest.mark.parametrize(
    "changes",
    [
        {"class_names": "ab"},
        {"class_names": ["a", "a"]},
        {"class_names": [1, 2]},
        {"class_names": [["a"], ["b"]]},
        {"class_names": ["a", "b", "c"]},
        {"class_names": ["a"]},
        {"dataset": 5},
        {"weights": {"a": 1}},
        {"metrics": "abc"},
        {"history": {"history": {"loss": "abc", "accuracy": "abc"}, "kept": None}},
        {"history": {"history": {"loss": [], "accuracy": []}, "kept": None}},
        {"history": {"history": {"loss": [1.0], "accuracy": [1.0]}, "kept": 99}},
        {"history": {"history": {"loss": ["<b>"], "accuracy": [1.0]}, "kept": None}},
        {"params": {}},
        {"params": None},
    ],
)
def test_facts_that_cannot_be_are_refused(edited, changes):
    with pytest.raises(ac.ModelFileError):
        ac.load(edited(**changes))


@pytest.mark.parametrize(
    "change", [{"image_size": 999}, {"resize": "bogus"}, {"batch_size": "x"}, {"nonsense": 1}]
)
def test_settings_that_do_not_fit_are_refused(saved, edited, change):
    with zipfile.ZipFile(saved) as archive:
        params = json.loads(archive.read(METADATA_MEMBER))["params"]
    with pytest.raises(ac.ModelFileError):
        ac.load(edited(params=params | change))


def test_weights_that_are_no_numbers_are_refused(saved, tmp_path):
    clf = ac.load(saved)
    kernel, bias = clf.model_.layers[-1].get_weights()
    clf.model_.layers[-1].set_weights([np.full_like(kernel, np.nan), bias])
    with pytest.raises(ac.ModelFileError, match="not finite"):
        ac.load(clf.save(tmp_path / "nan.keras"))


def test_every_damaged_byte_region_is_a_typed_error_or_loads(saved, tmp_path):
    whole = saved.read_bytes()
    target = tmp_path / "spoilt.keras"
    messages = []
    for place in range(0, len(whole), max(1, len(whole) // 12)):
        spoilt = bytearray(whole)
        spoilt[place : place + 64] = b"\xff" * len(spoilt[place : place + 64])
        target.write_bytes(spoilt)
        try:
            ac.load(target)
        except ac.ModelFileError as error:
            messages.append(str(error))
    assert messages
    assert all(str(target) in message for message in messages)


def test_a_place_that_cannot_be_written_is_named(saved, tmp_path):
    clf = ac.load(saved)
    (tmp_path / "taken.keras").mkdir()
    with pytest.raises(ac.ModelFileError, match=r"taken\.keras: cannot be written"):
        clf.save(tmp_path / "taken.keras")
    assert [p.name for p in tmp_path.iterdir()] == ["taken.keras"]


@pytest.mark.parametrize("name", ["a" * 5000 + ".jpg", "a\0b.jpg"])
def test_names_that_no_file_can_have(saved, jpeg, tmp_path, name):
    good = tmp_path / "good.jpg"
    good.write_bytes(jpeg(1))
    first, second = ac.load(saved).predict([name, good], on_error="collect")
    assert isinstance(first, ac.ImageError)
    assert second.label in ("a", "b")
    with pytest.raises(ac.ModelFileError, match="no such model file"):
        ac.load(name)


@pytest.mark.parametrize("wrong", ["photos", None, [1, 2]])
def test_what_is_no_image_set_is_refused(saved, wrong):
    with pytest.raises(ac.DatasetError, match="Expected train_set to be an ImageSet"):
        ac.ApparelClassifier(weights=None).fit(wrong)
    with pytest.raises(ac.DatasetError, match="Expected test_set to be an ImageSet"):
        ac.load(saved).evaluate(wrong)


def test_a_seed_too_large_is_a_setting_that_is_not_allowed(saved):
    data = ac.ImageFolder(saved.parent)
    with pytest.raises(ac.SettingsError, match="random_state"):
        ac.ApparelClassifier(weights=None, random_state=2**70).fit(data)


def test_the_file_is_not_changed_by_loading(saved, tmp_path):
    copy = tmp_path / "copy.keras"
    shutil.copy(saved, copy)
    ac.load(copy)
    assert copy.read_bytes() == saved.read_bytes()
