"""Hostile weights: what leads elsewhere or claims too much is refused before Keras reads it."""

from __future__ import annotations

import io
import json
import zipfile

import h5py
import numpy as np
import pytest

from apparel_clf.errors import ModelFileError
from apparel_clf.model.build import build_network
from apparel_clf.model.file import load_model, save_model
from apparel_clf.model.members import check_members
from apparel_clf.model.weights import fill_backbone
from tests.apparel_clf.model.payloads import rewritten

WEIGHTS = "model.weights.h5"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    network = build_network(3, 32, "gap", 0, blocks=((4, 1), (8, 1)))
    fill_backbone(network, None, 0)
    return save_model(
        network,
        {"class_names": ["a", "b", "c"], "image_size": 32},
        tmp_path_factory.mktemp("m") / "m.keras",
    )


@pytest.fixture
def with_weights(saved, tmp_path):
    """Copy the model with other weights, made by a function of an open HDF5 file."""

    def write(change):
        target = tmp_path / "hostile.keras"
        with zipfile.ZipFile(saved) as source, zipfile.ZipFile(target, "w") as copy:
            for name in source.namelist():
                data = source.read(name)
                if name == WEIGHTS:
                    buffer = io.BytesIO(data)
                    with h5py.File(buffer, "a") as file:
                        change(file, tmp_path)
                    data = buffer.getvalue()
                copy.writestr(name, data)
        return target

    return write


def external_link(file, folder):
    file["x"] = h5py.ExternalLink(str(folder / "secret.h5"), "/weights")


def soft_link(file, _):
    file["x"] = h5py.SoftLink("/layers")


def external_storage(file, folder):
    (folder / "secret").write_bytes(bytes(4000))
    file.create_dataset("x", (1000,), "f4", external=[(str(folder / "secret"), 0, 4000)])


def virtual(file, folder):
    layout = h5py.VirtualLayout((10,), "f4")
    layout[:] = h5py.VirtualSource(str(folder / "secret.h5"), "weights", (10,))
    file.create_virtual_dataset("x", layout)


def bomb(file, _):
    file.create_dataset("x", (200_000, 200_000), "f4", chunks=(1000, 1000), compression="gzip")


def test_an_honest_file_passes(saved):
    check_members(saved)
    load_model(saved)


@pytest.mark.parametrize("change", [external_link, soft_link, external_storage, virtual])
def test_weights_that_lead_elsewhere_are_refused(with_weights, change):
    with pytest.raises(ModelFileError, match="elsewhere; refused"):
        load_model(with_weights(change))


def test_weights_that_would_fill_the_memory_are_refused(with_weights):
    with pytest.raises(ModelFileError, match=r"claim 160,\d{3},\d{3},\d{3} bytes and have"):
        load_model(with_weights(bomb))


@pytest.mark.parametrize(
    "name", ["../evil.py", "/etc/cron.d/evil", "assets/x.bin", "..\\evil", "config.json/../../x"]
)
def test_members_of_other_names_are_refused(saved, tmp_path, name):
    target = tmp_path / "hostile.keras"
    target.write_bytes(saved.read_bytes())
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr(name, b"x")
    with pytest.raises(ModelFileError, match="which none of our files does"):
        load_model(target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hostile.keras"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_stands_twice_is_refused(saved, tmp_path):
    target = tmp_path / "hostile.keras"
    target.write_bytes(saved.read_bytes())
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr("config.json", archive.read("config.json"))
    with pytest.raises(ModelFileError, match="holds members twice, or too few"):
        load_model(target)


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressed_members_are_refused(saved, tmp_path, compression):
    """Unpacked, a few bytes could become any number, again at each step back."""
    target = rewritten(saved, tmp_path / "m.keras", lambda _, data: data, compression)
    with pytest.raises(ModelFileError, match="compressed"):
        load_model(target)


@pytest.mark.parametrize(
    ("kind", "changes", "told"),
    [
        ("Dense", {"units": 60_000_000}, r"network of 60000000 classes .* does not fit"),
        ("Dense", {"units": "3"}, r"network of 3 classes .* does not fit"),
        ("Conv2D", {"filters": 1_000_000}, "its convolutions are none of ours; refused"),
        ("Conv2D", {"kernel_size": [4001, 4001]}, "its convolutions are none of ours; refused"),
        (
            "InputLayer",
            {"batch_shape": [None, 200_000, 200_000, 3]},
            r"3 classes at \[\[None, 200000, 200000, 3\]\] does not fit",
        ),
    ],
)
def test_graphs_that_would_fill_the_memory_are_refused(saved, tmp_path, kind, changes, told):
    """Keras makes the weights of a graph before it reads any."""

    def change(name, data):
        if name != "config.json":
            return data
        config = json.loads(data)
        for layer in config["config"]["layers"]:
            if layer["class_name"] == kind:
                layer["config"].update(changes)
        return json.dumps(config)

    with pytest.raises(ModelFileError, match=told):
        load_model(rewritten(saved, tmp_path / "m.keras", change))


def test_object_arrays_are_refused(with_weights):
    """HDF5 can hold pickled objects; Keras must never see them."""

    def change(file, _):
        file["x"] = np.void(b"not a weight")
        file["y"] = np.dtype("f4")

    with pytest.raises(ModelFileError):
        load_model(with_weights(change))
