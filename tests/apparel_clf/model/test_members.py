"""Hostile weights: what leads elsewhere or claims too much is refused before Keras reads it."""

from __future__ import annotations

import io
import zipfile

import h5py
import numpy as np
import pytest

from apparel_clf.errors import ModelFileError
from apparel_clf.model.build import build_network
from apparel_clf.model.file import load_model, save_model
from apparel_clf.model.weights import fill_backbone
from tests.apparel_clf.model.apart import told_apart
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


def replaced(file, **how):
    """In place of a kernel of the right shape and type, one that lies otherwise."""
    del file["layers/conv2d/vars/0"]
    return file.create_dataset("layers/conv2d/vars/0", (3, 3, 3, 4), "f4", **how)


def compressed(file, _):
    replaced(file, chunks=True, compression="gzip")


def chunked(file, _):
    replaced(file, chunks=(1, 1, 3, 4))


def unwritten(file, _):
    """Nothing of it is in the file: HDF5 would make it up."""
    replaced(file)


def bomb(file, _):
    file.create_dataset("x", (200_000, 200_000), "f4", chunks=(1000, 1000), compression="gzip")


def bomb_in_place(file, _):
    del file["layers/dense/vars/0"]
    file.create_dataset("layers/dense/vars/0", (4_000_000_000, 3), "f4", chunks=(1000, 3))


def larger(file, _):
    del file["layers/dense/vars/0"]
    file["layers/dense/vars/0"] = np.zeros((9, 3), np.float32)


def of_another_type(file, _):
    del file["layers/dense/vars/1"]
    file["layers/dense/vars/1"] = np.zeros(3, "S4")


def left_out(file, _):
    del file["layers/conv2d_1/vars/1"]


def one_more(file, _):
    file["layers/conv2d_2/vars/0"] = np.zeros(3, np.float32)


def one_more_optimizer(file, _):
    file["optimizer/vars/6"] = np.zeros(3, np.float32)


def deep(file, _):
    file.create_group("/".join("a" * 30))


def linked(count):
    """Groups with two links to the next: 2 ** count ways through a few kilobytes."""

    def change(file, _):
        group = file.create_group("g0")
        for number in range(1, count):
            outer = file.create_group(f"g{number}")
            outer["a"] = outer["b"] = group
            group = outer

    return change


def circle(file, _):
    file["layers/again"] = file["layers"]


def test_an_honest_file_passes(saved):
    load_model(saved)


@pytest.mark.parametrize("change", [external_link, soft_link, external_storage, virtual])
def test_weights_that_lead_elsewhere_are_refused(with_weights, change):
    with pytest.raises(ModelFileError, match="elsewhere; refused"):
        load_model(with_weights(change))


@pytest.mark.parametrize("change", [compressed, chunked, unwritten, bomb, bomb_in_place])
def test_weights_that_claim_what_is_not_there_are_refused(with_weights, change):
    with pytest.raises(ModelFileError, match=r"claim [\d,]+ bytes and have [\d,]+, or .*; refused"):
        load_model(with_weights(change))


@pytest.mark.parametrize(
    "change", [larger, of_another_type, left_out, one_more, one_more_optimizer]
)
def test_weights_of_another_network_are_refused(with_weights, change):
    with pytest.raises(ModelFileError, match=r"does not fit its network. Expected .*; refused"):
        load_model(with_weights(change))


@pytest.mark.parametrize("change", [deep, circle])
def test_weights_without_an_end_are_refused(with_weights, change):
    with pytest.raises(ModelFileError, match="too many parts; refused"):
        load_model(with_weights(change))


def test_weights_that_are_linked_again_and_again_are_refused(with_weights):
    """Apart, since whoever follows every link would never come back."""
    assert "too many parts; refused" in told_apart(with_weights(linked(40)))


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


def test_object_arrays_are_refused(with_weights):
    """HDF5 can hold pickled objects; Keras must never see them."""

    def change(file, _):
        file["x"] = np.void(b"not a weight")
        file["y"] = np.dtype("f4")

    with pytest.raises(ModelFileError):
        load_model(with_weights(change))
