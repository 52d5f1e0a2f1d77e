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
    values = json.loads(json.dumps(found.to_json()))
    ranked = values.pop("top_k")
    assert tuple((one["label"], one["probability"]) for one in ranked) == found.top_k
    assert Prediction(**values, top_k=found.top_k) == found


def test_the_likeliest_classes_come_first():
    row = np.array([0.25, 0.5, 0.25], np.float32)
    ranked = Prediction.from_row(row, CLASSES, "x").top_k
    assert ranked == (("saree", 0.5), ("jeans", 0.25), ("trousers", 0.25))
    assert Prediction.from_row(row, CLASSES, "x", top_k=1).top_k == ranked[:1]
    assert Prediction.from_row(row, CLASSES, "x", top_k=9).top_k == ranked


@pytest.mark.parametrize(("threshold", "uncertain"), [(0.0, False), (0.5, False), (0.51, True)])
def test_below_the_threshold_it_is_uncertain(threshold, uncertain):
    row = np.array([0.25, 0.5, 0.25], np.float32)
    assert Prediction.from_row(row, CLASSES, "x", threshold=threshold).uncertain is uncertain


@pytest.mark.parametrize(
    ("distance", "uncertain"),
    [(None, False), (0.0, False), (1.0, False), (1.01, True), (float("nan"), True)],
)
def test_too_far_from_the_training_images_it_is_uncertain(distance, uncertain):
    row = np.array([0.0, 1.0, 0.0], np.float32)
    found = Prediction.from_row(row, CLASSES, "x", distance=distance)
    assert found.uncertain is uncertain
    assert found.distance is distance


def test_it_cannot_be_changed():
    found = Prediction("jeans", 0.9, {"jeans": 0.9}, "x")
    with pytest.raises(AttributeError):
        found.label = "saree"
