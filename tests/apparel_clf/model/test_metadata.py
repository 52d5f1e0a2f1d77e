import json

import keras
import numpy as np

import apparel_clf
from apparel_clf.evaluation import evaluate_predictions
from apparel_clf.model.metadata import describe_evaluation, describe_model, library_versions


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
