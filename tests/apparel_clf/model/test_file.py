import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from apparel_clf.errors import ModelFileError
from apparel_clf.model.build import build_network
from apparel_clf.model.file import (
    FILE_FORMAT,
    add_metadata,
    load_model,
    read_metadata,
    save_model,
)
from apparel_clf.model.weights import fill_backbone
from tests.apparel_clf.model.payloads import rewritten, with_lambda

FACTS = {"class_names": ["jeans", "saree", "trousers"], "image_size": 32, "note": "Größe — ₹"}

# What somebody without this package would write.
PLAIN_KERAS = """
import sys, warnings
import numpy as np
warnings.simplefilter("error")
import keras
model = keras.models.load_model(sys.argv[1])
np.save(sys.argv[3], model.predict(np.load(sys.argv[2]), verbose=0))
assert not [name for name in sys.modules if name.startswith("apparel_clf")]
"""


@pytest.fixture(scope="module")
def network():
    model = build_network(3, 32, "flatten", 1, blocks=((4, 1), (8, 1)))
    fill_backbone(model, None, 1)
    return model


@pytest.fixture
def saved(network, tmp_path):
    return save_model(network, FACTS, tmp_path / "model.keras")


def pictures(count=3):
    return np.random.default_rng(2).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


def test_loaded_network_predicts_to_the_bit(network, saved):
    model, facts = load_model(saved)
    images = pictures()
    np.testing.assert_array_equal(model.predict_on_batch(images), network.predict_on_batch(images))
    assert facts == {"format": "apparel-clf/model/3", **FACTS}


def test_plain_keras_opens_the_file_and_agrees(network, saved, tmp_path):
    images, answer = tmp_path / "images.npy", tmp_path / "answer.npy"
    np.save(images, pictures())
    subprocess.run(
        [sys.executable, "-c", PLAIN_KERAS, saved, images, answer],
        check=True,
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    )
    np.testing.assert_array_equal(np.load(answer), network.predict_on_batch(pictures()))


def test_metadata_is_one_readable_member_beside_keras_own(saved):
    with zipfile.ZipFile(saved) as archive:
        names = set(archive.namelist())
        text = archive.read("apparel.json").decode()
    assert names == {"metadata.json", "config.json", "model.weights.h5", "apparel.json"}
    assert "Größe — ₹" in text
    assert len(text) < 10_000


def test_metadata_is_read_without_tensorflow(saved):
    code = (
        "import sys; from apparel_clf.model.file import read_metadata;"
        "print(read_metadata(sys.argv[1])['class_names'], 'tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, saved], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "['jeans', 'saree', 'trousers'] False"


@pytest.mark.parametrize("name", ["model.h5", "model", "model.keras.zip", "model.pkl"])
def test_only_keras_files_are_written(network, tmp_path, name):
    with pytest.raises(ModelFileError, match=r"expected a name that ends in \.keras"):
        save_model(network, FACTS, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_saving_into_a_folder_that_is_not_there_says_so(network, tmp_path):
    with pytest.raises(ModelFileError, match=r"there is no folder .*absent; make it first"):
        save_model(network, FACTS, tmp_path / "absent" / "model.keras")


def unfreeze(model):
    model.layers[3].trainable = True


def compile_otherwise(model):
    model.compile("sgd", "categorical_crossentropy")


@pytest.mark.parametrize(
    ("change", "told"), [(unfreeze, "/trainable'"), (compile_otherwise, "'SGD'")]
)
def test_a_network_that_could_not_be_loaded_again_is_not_written(tmp_path, change, told):
    model = build_network(3, 32, "flatten", 1, blocks=((4, 1), (8, 1)))
    fill_backbone(model, None, 1)
    change(model)
    path = tmp_path / "model.keras"
    with pytest.raises(ModelFileError, match=r"model\.keras: not written, since `load`") as caught:
        save_model(model, FACTS, path)
    assert told in str(caught.value)
    assert ".saving-" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_former_file_and_nothing_else(network, saved, tmp_path):
    before = saved.read_bytes()
    with pytest.raises(TypeError):
        save_model(network, {"class_names": object()}, saved)
    assert saved.read_bytes() == before
    assert list(tmp_path.iterdir()) == [saved]


def test_a_new_file_replaces_the_former_and_is_as_readable_as_any(network, saved, tmp_path):
    save_model(network, {**FACTS, "note": "second"}, saved)
    other = tmp_path / "other"
    other.write_text("x")
    assert read_metadata(saved)["note"] == "second"
    assert saved.stat().st_mode == other.stat().st_mode


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelFileError, match=r"absent.keras: no such model file"):
        load_model(tmp_path / "absent.keras")


@pytest.mark.parametrize("name", ["model.h5", "model.hdf5", "model.pkl", "model.joblib"])
def test_formats_that_carry_code_are_refused_by_name(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"whatever")
    with pytest.raises(ModelFileError, match="can carry code and are refused"):
        load_model(path)


@pytest.mark.parametrize("data", [b"", b"no zip", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_what_is_no_zip_is_refused(tmp_path, data):
    path = tmp_path / "model.keras"
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match=r"model.keras: not a .keras file, or a damaged one"):
        load_model(path)


def test_half_a_file_is_refused(saved, tmp_path):
    half = tmp_path / "half.keras"
    half.write_bytes(saved.read_bytes()[: saved.stat().st_size // 2])
    with pytest.raises(ModelFileError, match=r"half.keras"):
        load_model(half)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda data: bytes(len(data)), "the file is damaged"),
        (lambda data: data[:-3000], "the file is damaged"),
        (lambda data: b"x", "weights have 1 bytes where its network needs"),
        (lambda data: data + bytes(2_000_000), r"weights have 2,0\d\d,\d{3} bytes where"),
    ],
)
def test_damaged_weights_are_refused(saved, tmp_path, spoil, told):
    bad = rewritten(
        saved, tmp_path / "bad.keras", lambda n, data: spoil(data) if n.endswith("h5") else data
    )
    with pytest.raises(ModelFileError, match=rf"bad.keras: .*{told}"):
        load_model(bad)


def test_a_file_is_opened_once(saved, monkeypatch):
    """What is checked and what is read can't be two files that one name led to."""
    opened = []

    class Archive(zipfile.ZipFile):
        def __init__(self, file, *args):
            opened.append(file)
            super().__init__(file, *args)
            saved.unlink()

    monkeypatch.setattr(zipfile, "ZipFile", Archive)
    load_model(saved)
    assert opened == [saved]


def test_a_keras_file_of_somebody_else_is_refused(network, tmp_path):
    network.save(tmp_path / "foreign.keras")
    with pytest.raises(ModelFileError, match=r"not a model of ours, it has no apparel\.json"):
        load_model(tmp_path / "foreign.keras")


def replacing(member, **changes):
    def change(name, data):
        return json.dumps({**json.loads(data), **changes}).encode() if name == member else data

    return change


@pytest.mark.parametrize("found", ["apparel-clf/model/99", None, 3])
def test_another_format_is_refused(saved, tmp_path, found):
    other = rewritten(saved, tmp_path / "o.keras", replacing("apparel.json", format=found))
    with pytest.raises(ModelFileError, match="expected the format 'apparel-clf/model/3'"):
        load_model(other)


@pytest.mark.parametrize("member", ["apparel.json", "config.json"])
@pytest.mark.parametrize("data", [b"{", b"\xff\xfe", b"[" * 100_000])
def test_damaged_json_is_refused(saved, tmp_path, member, data):
    bad = rewritten(saved, tmp_path / "b.keras", lambda n, old: data if n == member else old)
    with pytest.raises(ModelFileError, match=r"b.keras"):
        load_model(bad)


def test_a_member_that_would_fill_the_memory_is_refused(saved, tmp_path):
    bomb = rewritten(
        saved,
        tmp_path / "bomb.keras",
        lambda n, old: b" " * 10_000_001 if n == "apparel.json" else old,
    )
    with pytest.raises(ModelFileError, match=r"claims 10,000,001 bytes; refused"):
        load_model(bomb)


LAMBDA = {"module": "keras.layers", "class_name": "Lambda", "config": {"function": "x"}}
FOREIGN = {"module": "os", "class_name": "Dense", "config": {}}
UNNAMED = {"class_name": "Dense", "config": {}}
CALLABLE = {"module": "builtins", "class_name": "function", "config": "eval"}
LOOKALIKE = {"module": "keras_evil.layers", "class_name": "Dense", "config": {}}


@pytest.mark.parametrize("part", [LAMBDA, FOREIGN, UNNAMED, CALLABLE, LOOKALIKE])
@pytest.mark.parametrize("place", ["layer", "compile"])
def test_parts_that_could_run_code_are_refused(saved, tmp_path, part, place):
    def change(name, data):
        if name != "config.json":
            return data
        config = json.loads(data)
        if place == "layer":
            config["config"]["layers"].append(part)
        else:
            config["compile_config"]["loss"] = part
        return json.dumps(config).encode()

    bad = rewritten(saved, tmp_path / "bad.keras", change)
    with pytest.raises(ModelFileError, match="which none of our networks holds"):
        load_model(bad)


def test_a_real_lambda_layer_is_refused_before_keras_sees_it(network, tmp_path):
    marker = tmp_path / "ran"
    path = tmp_path / "lambda.keras"
    with_lambda(network, marker).save(path)
    add_metadata(path, {"format": FILE_FORMAT, **FACTS})
    with pytest.raises(ModelFileError, match="'Lambda'"):
        load_model(path)
    assert not marker.exists()
