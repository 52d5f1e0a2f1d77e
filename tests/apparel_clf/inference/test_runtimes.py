"""One contract for every runtime: the same calls, the same answers."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest
from PIL import Image

import apparel_clf as ac
from apparel_clf.errors import ExportError, MissingExtraError, ModelFileError, SettingsError
from apparel_clf.inference.opening import open_model, read_facts
from apparel_clf.inference.predictor import Predictor
from apparel_clf.inference.runtimes import openvino_runtime
from apparel_clf.inference.runtimes.openvino_runtime import openvino_core
from apparel_clf.model.build import HEADS
from apparel_clf.model.metadata import library_versions

FILES = {"keras": "m.keras", "onnx": "m.onnx", "litert": "m.tflite", "openvino": "openvino"}
EXPORTS = {name: file for name, file in FILES.items() if name != "keras"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A trained classifier and its exports, whose tests only read them."""
    from tests.apparel_clf.conftest import SmallClassifier, labelled_set

    folder = tmp_path_factory.mktemp("runtimes")
    train = labelled_set(folder, "train", 8)
    test = labelled_set(folder, "test", 6, first_seed=100)
    made = SmallClassifier(weights=None, image_size=32, precision="float32", verbose=False)
    made.fit(train).evaluate(test)
    made.fit_threshold(test, 0.9)
    made.save(folder / "m.keras")
    for file in EXPORTS.values():
        made.export(folder / file)
    return made, folder, train, test


@pytest.fixture(scope="module", params=list(FILES))
def loaded(request, made):
    return ac.load(made[1] / FILES[request.param])


@pytest.fixture
def picture(made):
    return made[3].samples[0].path


def test_answers_are_those_of_the_model(made, loaded):
    paths = [sample.path for sample in made[3].samples]
    expected = made[0].predict_proba(paths)
    found = loaded.predict_proba(paths)
    assert (found.dtype, found.shape) == (np.float32, (len(paths), 3))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert loaded.runtime_ in FILES


def test_every_kind_of_input_agrees_to_the_bit(loaded, picture):
    data = picture.read_bytes()
    with Image.open(picture) as image:
        array = np.asarray(image.convert("RGB"))
        kinds = [picture, str(picture), data, bytearray(data), memoryview(data)]
        kinds += [io.BytesIO(data), image, array]
        rows = [loaded.predict_proba(kind)[0] for kind in kinds]
    for row in rows[1:]:
        np.testing.assert_array_equal(row, rows[0])


def test_batches_and_single_images_agree(loaded, made):
    paths = [sample.path for sample in made[3].samples][:11]
    together = loaded.predict_proba(paths)
    alone = np.concatenate([loaded.predict_proba(path) for path in paths])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_facts_travel_along(made, loaded):
    for name in ("classes_", "weights_", "temperature_", "threshold_", "dataset_", "metrics_"):
        assert getattr(loaded, name) == getattr(made[0], name), name
    assert loaded.recipe_ == made[0].recipe_
    assert loaded.get_params() == made[0].get_params()


def test_an_evaluation_says_the_same(made, loaded):
    before, after = made[0].evaluate(made[3]), loaded.evaluate(made[3])
    assert after.accuracy == before.accuracy
    assert after.split_id == before.split_id


def test_heat_is_the_same(made, loaded, picture):
    expected, found = made[0].explain(picture), loaded.explain(picture)
    assert not expected.empty
    np.testing.assert_allclose(found.heat, expected.heat, atol=1e-3)
    assert found.label == expected.label
    other = loaded.explain(picture, "trousers")
    assert other.label == "trousers"
    with pytest.raises(SettingsError, match="label"):
        loaded.explain(picture, "shoe")


def test_a_folder_and_a_pattern_are_several(made, loaded):
    folder = made[1] / "test"
    assert len(loaded.predict(folder)) == 18
    answers = loaded.predict(str(folder / "*" / "100.png"), top_k=1)
    assert [len(answer.top_k) for answer in answers] == [1, 1, 1]


def test_bad_images_stop_no_other(loaded, picture):
    answers = loaded.predict([b"", picture, "https://x/y.jpg"], on_error="collect")
    assert [isinstance(answer, ac.ImageError) for answer in answers] == [True, False, True]
    assert "URL" in answers[2].reason
    with pytest.raises(ac.ImageError, match="empty"):
        loaded.predict([picture, b""])


def test_threads_may_call_at_once(loaded, made):
    paths = [sample.path for sample in made[3].samples]
    expected = loaded.predict_proba(paths)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(loaded.predict_proba, paths * 3))
    np.testing.assert_allclose(np.concatenate(found), np.tile(expected, (3, 1)), atol=1e-6)


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_a_threshold_of_ones_own_goes_first(loaded, picture, threshold):
    assert loaded.predict(picture, threshold=threshold).uncertain is (threshold == 1.0)


@pytest.mark.parametrize(
    "wrong", [{"top_k": 0}, {"threshold": 1.5}, {"threshold": "x"}, {"on_error": "ignore"}]
)
def test_settings_are_checked_before_any_image_is_read(loaded, wrong):
    with pytest.raises(SettingsError):
        loaded.predict("nothing.jpg", **wrong)


# A program of somebody who has a runtime and the service, and neither TensorFlow nor Keras.
WITHOUT_TENSORFLOW = """
import sys
sys.modules["tensorflow"] = sys.modules["keras"] = None
import apparel_clf as ac
from apparel_clf.cli import main
from apparel_clf.serve import create_app
model, picture = sys.argv[1:]
classifier = ac.load(model)
print(*(answer.label for answer in classifier.predict([picture, picture])))
print(classifier.explain(picture).label)
assert main(["predict", picture, "-m", model, "--top", "1"]) == 0
assert create_app(classifier).routes
heavy = {"tensorflow", "keras", "sklearn", "pandas", "matplotlib", "scipy", "onnx", "h5py"}
assert not [name for name in heavy if sys.modules.get(name)]
"""


@pytest.mark.parametrize("name", list(EXPORTS))
def test_no_export_needs_tensorflow(made, picture, name):
    path = made[1] / FILES[name]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TENSORFLOW, path, picture], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    label = made[0].predict(picture).label
    several, explained, command = done.stdout.splitlines()
    assert (several, explained) == (f"{label} {label}", label)
    assert command.startswith(f"{picture}: {label} ")


@pytest.mark.parametrize(
    ("file", "runtime", "module", "extra"),
    [
        ("m.keras", "keras", "tensorflow", "train"),
        ("m.keras", "keras", "keras", "train"),
        ("m.keras", "keras", "h5py", "train"),
        ("m.onnx", "onnx", "onnxruntime", "onnx"),
        ("m.tflite", "litert", "ai_edge_litert.interpreter", "litert"),
        ("openvino", "openvino", "openvino", "openvino"),
        ("m.onnx", "openvino", "openvino", "openvino"),
    ],
)
def test_a_runtime_that_is_not_installed_names_its_extra(
    made, monkeypatch, file, runtime, module, extra
):
    monkeypatch.setitem(sys.modules, module, None)
    # Kept for the process once it is there.
    monkeypatch.setattr(openvino_runtime, "_core", openvino_runtime._core.__wrapped__)
    with pytest.raises(MissingExtraError, match=rf"pip install '\.\[{extra}\]'") as caught:
        ac.load(made[1] / file, runtime=runtime)
    assert (caught.value.extra, caught.value.missing) == (extra, module.split(".")[0])


@pytest.mark.parametrize("name", list(EXPORTS))
def test_an_export_can_be_neither_saved_nor_exported_again(made, tmp_path, name):
    loaded = ac.load(made[1] / FILES[name])
    for call in (loaded.save, loaded.export):
        with pytest.raises(SettingsError, match=r"Load the \.keras file"):
            call(tmp_path / "x.keras")


@pytest.mark.parametrize("name", list(EXPORTS))
def test_an_export_says_what_the_model_says(made, name):
    said = read_facts(made[1] / FILES["keras"])
    facts = read_facts(made[1] / FILES[name])
    assert facts.pop("export") == {"precision": "fp32", "max_loss": 0.5}
    assert facts == said
    assert said["class_names"] == list(made[0].classes_)
    assert said["versions"] == library_versions()
    low, high = said["metrics"]["ci"]
    assert 0 <= low <= said["metrics"]["accuracy"] <= high <= 1
    assert low < high


def test_onnx_has_one_input_of_any_batch(made):
    import onnxruntime

    session = onnxruntime.InferenceSession(made[1] / "m.onnx")
    (given,) = session.get_inputs()
    assert (given.name, given.shape, given.type) == (
        "image", ["batch", 32, 32, 3], "tensor(uint8)",
    )  # fmt: skip
    assert [output.name for output in session.get_outputs()] == ["probabilities", "heat", "means"]
    facts = session.get_modelmeta().custom_metadata_map["apparel.json"]
    assert json.loads(facts)["class_names"] == list(made[0].classes_)


def test_litert_has_one_input_of_any_batch(made):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(made[1] / "m.tflite"))
    (given,) = interpreter.get_input_details()
    assert given["shape_signature"].tolist() == [-1, 32, 32, 3]
    assert given["dtype"] is np.uint8
    assert interpreter.get_signature_list() == {
        "serving_default": {"inputs": ["image"], "outputs": ["heat", "means", "probabilities"]}
    }


def test_openvino_has_one_input_of_any_batch(made):
    model = openvino_core().read_model(made[1] / "openvino" / "model.xml")
    (given,) = model.inputs
    assert given.get_names() == {"image"}
    assert given.partial_shape.to_string() == "[?,32,32,3]"
    assert given.get_element_type().to_string() == "u8"
    assert [output.get_any_name() for output in model.outputs] == [
        "probabilities", "heat", "means",
    ]  # fmt: skip


def test_onnx_gives_back_what_batches_took_once_a_stream_ends(made):
    runtime = open_model(made[1] / "m.onnx").runtime
    process = psutil.Process()
    runtime.run(np.zeros((4_096, 32, 32, 3), np.uint8))
    kept = process.memory_info().rss
    answers = list(Predictor(runtime, "pad").answers([np.zeros((8, 8, 3), np.uint8)] * 20))
    assert len(answers) == 20
    assert kept - process.memory_info().rss > 50e6


def test_onnx_runs_on_openvino_too(made, picture):
    other = ac.load(made[1] / "m.onnx", runtime="openvino", threads=1)
    assert other.runtime_ == "openvino"
    expected = made[0].predict_proba(picture)
    np.testing.assert_allclose(other.predict_proba(picture), expected, atol=1e-5)


@pytest.mark.parametrize("file", list(EXPORTS.values()))
def test_int8_is_checked_on_the_users_own_images(made, tmp_path, file):
    classifier, _, train, test = made
    path = tmp_path / file
    found = classifier.export(path, "int8", calibrate_on=train, verify_on=test, max_loss=100.0)
    assert found.n == len(test)
    assert found.accuracy_before == classifier.evaluate(test).accuracy
    loaded = ac.load(path)
    assert found.accuracy == loaded.evaluate(test).accuracy
    np.testing.assert_allclose(loaded.predict_proba(test).sum(axis=1), 1, atol=1e-6)
    assert found.size_bytes > 0
    assert str(path) in str(found)
    assert json.dumps(found.to_json())


def test_an_export_that_loses_too_much_is_refused(made, tmp_path, monkeypatch):
    from apparel_clf.inference.export import agreement

    classifier, _, train, test = made
    first = agreement._judged

    def worse(*arguments):
        found = first(*arguments)
        fewer = found.right[1] & (np.arange(found.right.shape[1]) > 0)
        return found._replace(right=np.stack([found.right[0], fewer]))

    monkeypatch.setattr(agreement, "_judged", worse)
    with pytest.raises(ExportError, match=r"falls from .* to .* \(n=18\).*points"):
        classifier.export(tmp_path / "m.onnx", "int8", calibrate_on=train, verify_on=test)
    assert list(tmp_path.glob("m.onnx")) == []
    assert list(tmp_path.glob(".exporting-*")) == []


def test_bf16_is_openvinos(made, tmp_path):
    classifier, _, _, test = made
    with pytest.raises(SettingsError, match=r"precision of m.onnx"):
        classifier.export(tmp_path / "m.onnx", "bf16", verify_on=test)
    found = classifier.export(tmp_path / "ov", "bf16", verify_on=test, max_loss=100.0)
    assert ac.load(tmp_path / "ov").evaluate(test).accuracy == found.accuracy


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("m.pt", {}, "ends in .onnx"),
        ("absent/m.onnx", {}, "there is no folder"),
        ("m.onnx", {"precision": "int8"}, "calibrate_on"),
        ("m.onnx", {"precision": "int8", "calibrate_on": ["x.jpg"]}, "verify_on"),
        ("m.onnx", {"precision": "int4"}, "precision of m.onnx"),
        ("m.onnx", {"max_loss": -1}, "max_loss"),
        ("mine", {}, "no OpenVINO folder of ours"),
        ("folder.onnx", {}, "this is a folder"),
    ],
)
def test_what_does_not_go_together_is_refused_before_any_work(
    made, tmp_path, name, settings, message
):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("dear diary")
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises((SettingsError, ModelFileError), match=message):
        made[0].export(tmp_path / name, **settings)
    assert (tmp_path / "mine" / "diary.txt").exists()


def test_nothing_to_calibrate_on_is_an_error(made, tmp_path):
    with pytest.raises(SettingsError, match="no image that can be read"):
        made[0].export(tmp_path / "m.onnx", "int8", calibrate_on=["absent.jpg"], verify_on=made[3])


def test_an_export_replaces_the_one_before(made, tmp_path):
    for file in EXPORTS.values():
        for _ in range(2):
            made[0].export(tmp_path / file)
        assert ac.load(tmp_path / file).classes_ == made[0].classes_
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(EXPORTS.values())


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("file", list(EXPORTS.values()))
def test_every_head_can_be_exported(small_set, small_classifier, tmp_path, head, file):
    train = small_set("train")
    made = small_classifier(head=head).fit(train)
    found = made.export(tmp_path / file, verify_on=train)
    assert found.difference <= 1e-5


@pytest.mark.parametrize(
    ("file", "runtime"), [("m.keras", "onnx"), ("m.tflite", "onnx"), ("m.onnx", "keras")]
)
def test_a_runtime_that_cannot_is_named(made, file, runtime):
    with pytest.raises(SettingsError, match="Expected runtime of"):
        ac.load(made[1] / file, runtime=runtime)


def test_a_folder_that_holds_more_than_an_export_is_left_alone(made, tmp_path):
    made[0].export(tmp_path / "ov")
    (tmp_path / "ov" / "notes.txt").write_text("mine")
    with pytest.raises(ModelFileError, match="choose another name"):
        made[0].export(tmp_path / "ov")
    assert (tmp_path / "ov" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("wrong", [[1, 2], "photos", np.zeros(3)])
def test_what_is_no_labelled_set_verifies_nothing(made, tmp_path, wrong):
    with pytest.raises(ac.DatasetError, match="verify_on"):
        made[0].export(tmp_path / "m.onnx", verify_on=wrong)


@pytest.mark.parametrize("others", ["/no/such/folder/*.jpg", b"no picture", []])
def test_strangers_that_cannot_be_read_are_an_error(made, others):
    with pytest.raises(ac.DatasetError, match="others: no image that can be read"):
        made[0].fit_threshold(made[3], others=others)


def test_an_empty_name_is_no_folder(loaded):
    with pytest.raises(ac.ImageError, match="an empty name"):
        loaded.predict("")


def test_an_array_of_pictures_is_several(loaded):
    batch = np.random.default_rng(0).integers(0, 256, (3, 40, 30, 3), np.uint8)
    assert len(loaded.predict(batch)) == 3
    np.testing.assert_allclose(
        loaded.predict_proba(batch), loaded.predict_proba(list(batch)), atol=1e-6
    )


def test_one_image_is_a_stream_of_one(loaded, picture):
    for one in (picture, picture.read_bytes(), np.zeros((9, 9, 3), np.uint8)):
        assert len(list(loaded.iter_predict(one))) == 1


def test_numpy_numbers_are_numbers(loaded, picture):
    answer = loaded.predict(picture, top_k=np.int64(2), threshold=np.float32(0.5))
    assert len(answer.top_k) == 2


def test_the_same_export_has_the_same_bytes(made, tmp_path):
    for name in ("a.onnx", "b.onnx"):
        made[0].export(tmp_path / name)
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_a_threshold_knows_strangers(made):
    classifier, _, _, test = made
    kept = classifier.threshold_
    rng = np.random.default_rng(0)
    strangers = [rng.integers(0, 256, (40, 30, 3), np.uint8) for _ in range(40)]
    try:
        found = classifier.fit_threshold(test, 0.9, others=strangers)
        answers = classifier.predict(test)
        right = [a.label == s.label for a, s in zip(answers, test.samples, strict=True)]
        sure = [r for r, a in zip(right, answers, strict=True) if not a.uncertain]
        fooled = sum(not a.uncertain for a in classifier.predict(strangers))
        assert sum(sure) / (len(sure) + fooled) >= 0.9
        assert 0 < found <= 1
    finally:
        classifier.threshold_ = kept
