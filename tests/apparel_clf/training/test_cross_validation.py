import csv
from dataclasses import replace

import numpy as np
import pytest

import apparel_clf as ac
from apparel_clf.dataset import ImageSet
from apparel_clf.training.cross_validation import strangeness
from apparel_clf.training.features import Rows


@pytest.fixture
def images(small_set):
    return small_set("all", 12)


def with_labels(images, labels):
    samples = [replace(s, label=label) for s, label in zip(images.samples, labels, strict=True)]
    return ImageSet(samples, images.classes, name=images.name, version_id=images.version_id)


def test_every_image_is_judged_once_and_the_report_says_how(small_classifier, images):
    found = ac.cross_validate(images, small_classifier(), k=3)
    assert found.n == 36 == sum(fold.n for fold in found.folds)
    assert len({row.path for row in found.report.rows}) == 36
    assert sum(fold.hits for fold in found.folds) == sum(row.right for row in found.report.rows)
    assert found.report.split == "3-fold cross-validation"
    assert found.accuracy > 0.9
    assert found.temperature == found.report.temperature
    text = str(found)
    assert "3-fold cross-validation" in text
    assert "untrained backbone" in text


def test_same_call_same_result(small_classifier, images):
    first, again = (ac.cross_validate(images, small_classifier(), k=3) for _ in range(2))
    assert first.report.to_json() == again.report.to_json()


def test_nothing_is_learnt_from_labels_that_mean_nothing(small_classifier, images):
    """With labels drawn at random, honest accuracy is that of guessing."""
    rng = np.random.default_rng(0)
    labels = [str(label) for label in rng.permutation([s.label for s in images.samples])]
    found = ac.cross_validate(with_labels(images, labels), small_classifier(), k=4)
    assert found.accuracy < 0.6


def test_look_alikes_are_in_one_fold(small_classifier, images):
    grouped = [replace(s, group=f"{s.label}{i % 4}") for i, s in enumerate(images.samples)]
    found = ac.cross_validate(ImageSet(grouped, images.classes), small_classifier(), k=4)
    assert [fold.n for fold in found.folds] == [9, 9, 9, 9]


def test_swapped_labels_come_first_in_a_list_that_curate_reads(small_classifier, images, tmp_path):
    from apparel_clf.dataset import read_list

    labels = [s.label for s in images.samples]
    wrong = {3: "saree", 20: "jeans"}
    for place, label in wrong.items():
        labels[place] = label
    found = ac.cross_validate(with_labels(images, labels), small_classifier(), k=4)
    first = {issue.path for issue in found.issues if issue.kind == "label"}
    assert first == {str(images.samples[place].path) for place in wrong}
    written = found.write_label_issues(tmp_path / "look_at.csv")
    with written.open(newline="", encoding="utf-8") as file:
        assert {"image", "label", "why"} <= set(next(csv.reader(file)))
    assert {row["image"] for row in read_list(written)} >= first
    wrong = found.write_label_issues(tmp_path / "wrong.csv", kind="label")
    assert {row["image"]: row["label"] for row in read_list(wrong)} == {
        str(images.samples[3].path): "jeans",
        str(images.samples[20].path): "saree",
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda i: ImageSet(i.samples[:12], ["jeans"], name="x"), "a classifier needs two or more"),
        (lambda i: ImageSet([], i.classes, name="x"), "no images to train on"),
        (lambda i: ImageSet(i.samples[:1] + i.samples[12:], i.classes), "'jeans' has 1: pass a"),
    ],
)
def test_too_little_to_validate_on_is_told(small_classifier, images, change, message):
    with pytest.raises(ac.ApparelError, match=message):
        ac.cross_validate(change(images), small_classifier())


def test_unreadable_images_are_listed_and_the_rest_is_judged(small_classifier, images):
    images.samples[5].path.write_bytes(b"")
    with pytest.warns(UserWarning, match="1 images could not be read"):
        found = ac.cross_validate(images, small_classifier(), k=3)
    assert found.n == 35
    assert [path for path, _ in found.report.skipped] == [str(images.samples[5].path)]


def test_the_strangest_is_what_is_far_from_all_others():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((40, 6)).astype(np.float16)
    features[17] += 30
    found = strangeness(Rows(features, np.zeros(40, np.int64)))
    assert found.argmax() == 17


def test_two_ways_of_training_are_compared_on_the_same_images(small_classifier, images):
    first = ac.cross_validate(images, small_classifier(), k=3)
    second = ac.cross_validate(images, small_classifier(head="gap"), k=3)
    found = ac.compare(first, second)
    assert found.n == 36
    assert 0 <= found.p_value <= 1
