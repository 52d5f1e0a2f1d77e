import json

import numpy as np
import pytest

from apparel_clf.inference import Prediction

CLASSES = ("jeans", "saree", "trousers")


def test_label_is_the_most_probable_class():
    row = np.array([0.2, 0.7, 0.1], np.float32)
    found = Prediction.from_row(row, CLASSES, "x.jpg")
    assert (found.label, found.source) == ("saree", "x.jpg")
    assert found.confidence == found.probabilities["saree"] == pytest.approx(0.7)
    assert list(found.probabilities) == list(CLASSES)


def test_of_equals_the_first_class_is_the_label():
    row = np.array([0.4, 0.4, 0.2], np.float32)
    assert Prediction.from_row(row, CLASSES, "x").label == "jeans"


def test_probabilities_are_the_networks_numbers():
    row = np.random.default_rng(0).dirichlet([1, 1, 1]).astype(np.float32)
    found = Prediction.from_row(row, CLASSES, "x")
    np.testing.assert_array_equal(np.float32(list(found.probabilities.values())), row)


def test_plain_values_survive_json():
    found = Prediction.from_row(np.array([0.2, 0.7, 0.1], np.float32), CLASSES, "x.jpg")
    assert Prediction(**json.loads(json.dumps(found.to_json()))) == found


def test_it_cannot_be_changed():
    found = Prediction("jeans", 0.9, {"jeans": 0.9}, "x")
    with pytest.raises(AttributeError):
        found.label = "saree"
