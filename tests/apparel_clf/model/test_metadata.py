import json

import keras
import numpy as np
import pytest

import apparel_clf
from apparel_clf.errors import SettingsError
from apparel_clf.evaluation import evaluate_predictions
from apparel_clf.model.metadata import (
    check_facts,
    describe_evaluation,
    describe_model,
    library_versions,
)


def described(**changed):
    facts = {
        "class_names": ("a", "b"),
        "params": {"image_size": 64, "views": 3},
        "recipe": {"resize": "crop", "head": "gap"},
        "temperature": 0.5,
        "threshold": 0.75,
        "weights": "none",
        "precision": "float32",
        "history": {"history": {"loss": [1.0]}, "kept": None},
        "dataset": {"name": "toy/v1", "version_id": "x"},
        "metrics": None,
    }
    return describe_model(**{**facts, **changed})


def test_everything_that_a_prediction_needs_is_there():
    facts = described()
    assert facts["class_names"] == ["a", "b"]
    assert (facts["image_size"], facts["resize"], facts["head"]) == (64, "crop", "gap")
    assert "BGR" in facts["preprocessing"]
    assert facts["params"]["views"] == 3
    assert facts["versions"] == library_versions()


def test_values_survive_json():
    facts = described(metrics={"accuracy": 0.9, "ci": [0.8, 0.95]})
    assert json.loads(json.dumps(facts)) == facts


def test_versions_name_what_predicts():
    versions = library_versions()
    assert versions["apparel_clf"] == apparel_clf.__version__
    assert versions["keras"] == keras.__version__
    assert set(versions) == {"python", "apparel_clf", "tensorflow", "keras", "numpy", "pillow"}


def test_an_evaluation_is_told_with_its_interval_and_its_source():
    report = evaluate_predictions(
        np.array([0, 1, 1]),
        np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]]),
        ["a", "b"],
        paths=["x", "y", "z"],
        dataset="toy/v1",
        split="test",
        version_id="abc",
        weights="none",
    )
    found = describe_evaluation(report)
    assert found == json.loads(json.dumps(found))
    assert found["accuracy"] == report.accuracy
    assert found["ci"] == list(report.ci)
    assert (found["dataset"], found["split"], found["n"]) == ("toy/v1", "test", 3)


METRICS = {
    "dataset": "toy/v1", "split": None, "version_id": "x", "split_id": None,
    "n": 10, "accuracy": 0.9, "ci": [0.8, 0.95],
}  # fmt: skip


@pytest.mark.parametrize("changed", [{}, {"metrics": METRICS}, {"temperature": None}])
def test_what_was_described_passes(changed):
    check_facts(json.loads(json.dumps(described(**changed))))


@pytest.mark.parametrize(
    "name", ["Robe d'été", "साड़ी", "קפטן", "عباية", "می\u200cخواهم", "🧥", "T Shirts", "👩\u200d🔧"]
)
def test_class_names_in_any_script_pass(name):
    check_facts(described(class_names=[name, "b"]))


@pytest.mark.parametrize(
    "name",
    [
        "\x1b]0;x\x07\x1b[31mjeans", "a\nb.jpg: trousers 100%", "a\rb", "a\tb", "\x00", "a\x7f",
        "a\x9b31m", "a\u2028b", "a\u2029b", "a\u202eb", "\u2066a", "a\u200f", "\u061ca", "\ud800",
    ],
)  # fmt: skip
def test_class_names_that_a_terminal_acts_on_are_refused(name):
    with pytest.raises(SettingsError, match="without control characters"):
        check_facts(described() | {"class_names": [name, "b"]})
    with pytest.raises(SettingsError, match="without control characters"):
        described(class_names=[name, "b"])


HOSTILE = {
    "metrics": [
        {}, {"a": 1}, [], "abc", {**METRICS, "a": 1}, {**METRICS, "n": 0}, {**METRICS, "n": "10"},
        {**METRICS, "accuracy": None}, {**METRICS, "accuracy": 9}, {**METRICS, "ci": [0.8]},
        {**METRICS, "accuracy": True}, {**METRICS, "accuracy": float("nan")},
        {**METRICS, "ci": [0.8, "x"]}, {**METRICS, "ci": 0.8}, {**METRICS, "dataset": 5},
        {**METRICS, "split": 5}, {**METRICS, "version_id": {}}, {**METRICS, "split_id": []},
    ],
    "dataset": [{}, {"name": 7}, {"name": None}, {"name": "x", "version_id": 7}, [], "x"],
    "history": [
        {}, {"history": {}}, {"history": [], "kept": None}, {"history": {"loss": 1}, "kept": None},
        {"history": {"loss": ["x"]}, "kept": None}, {"history": {"loss": [None]}, "kept": None},
        {"history": {"loss": [float("inf")]}, "kept": None},
        {"history": {"loss": [1.0]}, "kept": 1}, {"history": {"loss": [1.0]}, "kept": -1},
        {"history": {"loss": [1.0]}, "kept": True}, {"history": {"loss": [1.0]}, "kept": "0"},
    ],
    "temperature": [0.0, -1.0, float("inf"), float("nan"), "1", True],
    "threshold": [float("nan"), 1.5, "x"],
    "head": ["evil", "flatten", None, 7],
    "resize": ["evil", "pad", None],
    "class_names": [None, "ab", ["a"], ["a", "a"], ["a", ""], ["a", 7], {"a": 1, "b": 2}],
    "recipe": [None, {}, []],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in HOSTILE.items() for value in values]
)
def test_facts_that_nobody_described_are_refused(name, value):
    with pytest.raises((SettingsError, KeyError)):
        check_facts(described(metrics=METRICS) | {name: value})
