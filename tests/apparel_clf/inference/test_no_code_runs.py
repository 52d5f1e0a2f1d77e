"""Files whose payload makes a marker if it is run: each is refused, and no marker is there.

Every kind of payload is also run on purpose, by whatever is careless enough: one that could not
run would prove nothing.
"""

from __future__ import annotations

import importlib
import io
import pickle
import shutil
import sys
import zipfile

import h5py
import joblib
import numpy as np
import pytest

import apparel_clf as ac
from apparel_clf.errors import ModelFileError
from apparel_clf.inference.opening import FORMATS
from tests.apparel_clf.conftest import SmallClassifier, labelled_set
from tests.apparel_clf.inference import hostile_models as hostile
from tests.apparel_clf.inference.hostile_models import HONEST, HOSTILE, MODULE, WEIGHTS, Site
from tests.apparel_clf.model.payloads import Touch, rewritten


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("honest")
    made = SmallClassifier(weights=None, image_size=32, precision="float32", verbose=False)
    made.fit(labelled_set(folder, "train", 6))
    made.save(folder / "m.keras")
    for name in HONEST[1:]:
        made.export(folder / name)
    return made.model_, folder


@pytest.fixture
def site(made, tmp_path, monkeypatch):
    """A folder for hostile files, from which Python also imports."""
    folder = tmp_path / "model"
    folder.mkdir()
    marker = tmp_path / "ran"
    (folder / f"{MODULE}.py").write_text(f"open({str(marker)!r}, 'w').close()\n")
    monkeypatch.syspath_prepend(folder)
    yield Site(*made, folder, marker)
    sys.modules.pop(MODULE, None)


def runtimes_of(path):
    """All that can be asked for, for a file of this ending."""
    return ("auto", *FORMATS.get(path.suffix, ("keras",)))


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_nothing_of_a_hostile_file_runs(site, make):
    path = make(site)
    for runtime in runtimes_of(path):
        with pytest.raises(ModelFileError) as caught:
            ac.load(path, runtime=runtime)
        assert str(caught.value).startswith(str(path))
    assert not site.marker.exists()


@pytest.mark.parametrize("name", HONEST)
def test_what_hostile_files_are_made_of_loads(site, name):
    """So that each of them is refused for what was done to it."""
    path = site.folder / name
    if name == "m.keras":
        rewritten(site.honest / name, path, lambda _, data: data)
    elif name == "m.onnx":
        hostile.onnx_with(lambda model, site: None)(site)
    elif name == "m.tflite":
        hostile.litert_of(hostile.honest_graph, hostile.honest_words)(site)
    else:
        shutil.copytree(site.honest / name, path)
    for runtime in runtimes_of(path):
        assert ac.load(path, runtime=runtime).classes_ == ("jeans", "saree", "trousers")


@pytest.mark.parametrize("name", HONEST)
def test_what_lies_beside_a_model_is_not_looked_at(site, name):
    source, path = site.honest / name, site.folder / name
    shutil.copytree(source, path) if source.is_dir() else shutil.copy(source, path)
    for folder in {site.folder, path if path.is_dir() else site.folder}:
        for beside in ("m.pkl", "m.h5", "model.weights.h5", "m.onnx.data", "__init__.py"):
            (folder / beside).write_bytes(site.pickle)
    for runtime in runtimes_of(path):
        answer = ac.load(path, runtime=runtime).predict(np.zeros((9, 9, 3), np.uint8))
        assert answer.label in ("jeans", "saree", "trousers")
    assert not site.marker.exists()


def test_a_member_that_nobody_reads_is_not_opened(site):
    path = hostile.keras_member("metadata.json")(site)
    assert ac.load(path).predict(np.zeros((9, 9, 3), np.uint8)).label
    assert not site.marker.exists()


def unpickled(site):
    pickle.loads(site.pickle)


def unpickled_as_text(site):
    pickle.loads(pickle.dumps(Touch(site.marker), 0))


def joblib_loaded(site):
    joblib.load(hostile.joblib_file(site))


def archive_unpickled(site):
    with zipfile.ZipFile(hostile.torch_file("m.pt")(site)) as archive:
        pickle.loads(archive.read("archive/data.pkl"))


def array_loaded(site):
    np.load(io.BytesIO(hostile.object_array(site.marker)), allow_pickle=True)


def opaque_unpickled(site):
    with zipfile.ZipFile(hostile.opaque_weights(site)) as archive:
        weights = io.BytesIO(archive.read(WEIGHTS))
    with h5py.File(weights, "r") as file:
        pickle.loads(file[hostile.arrays_of(file)[0]][()].tobytes())


def keras_told_to(make):
    def run(site):
        import keras

        keras.models.load_model(make(site), safe_mode=False, compile=False)

    return run


def keras_told_to_activate(site):
    """Keras gives the activation back, which then runs with the first picture."""
    import keras

    part = keras.saving.deserialize_keras_object(hostile.bytecode(site), safe_mode=False)
    part(np.zeros(3))


def called(site):
    part = hostile.command(site)
    function = getattr(importlib.import_module(part["module"]), part["config"])
    function(*part["inbound_nodes"][0]["args"])


def imported(_):
    importlib.import_module(hostile.foreign("Touch")(None)["module"])


def graph_run(site):
    """By TensorFlow: LiteRT here comes without its operators."""
    hostile.writing_module(site).run(np.zeros((1, 32, 32, 3), np.uint8))


@pytest.mark.parametrize(
    "run",
    [
        unpickled,
        unpickled_as_text,
        joblib_loaded,
        archive_unpickled,
        array_loaded,
        opaque_unpickled,
        pytest.param(keras_told_to(hostile.lambda_keras("m.keras")), id="lambda_keras"),
        pytest.param(keras_told_to(hostile.lambda_h5("m.h5")), id="lambda_h5"),
        keras_told_to_activate,
        called,
        imported,
        graph_run,
    ],
)
def test_each_payload_runs_where_nobody_takes_care(site, run):
    assert not site.marker.exists()
    run(site)
    assert site.marker.exists()


def test_no_class_of_the_callers_own_is_made_by_a_file(site):
    """Keras looks in what the caller's program has registered before it looks at the module."""
    import keras

    name = f"{MODULE}>Touch"

    class Registered(keras.layers.Dense):
        @classmethod
        def from_config(cls, config):
            site.marker.touch()
            return keras.layers.Dense.from_config(config)

    def change(config):
        config["config"]["layers"][-1]["registered_name"] = name

    path = hostile.changed_config(site, change)
    with keras.saving.custom_object_scope({name: Registered}), pytest.raises(ModelFileError):
        ac.load(path)
    assert not site.marker.exists()
