import json
import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone

import apparel_clf as ac
from apparel_clf.dataset import ImageSet
from apparel_clf.images import load_image
from apparel_clf.training import precision as arithmetic

CLASSES = ("jeans", "saree", "trousers")


@pytest.fixture
def fitted(small_classifier, small_set):
    """A classifier trained on a few images of each class, and images that it hasn't seen."""
    train, val = small_set("train", 10), small_set("val", 4, first_seed=100)
    return small_classifier().fit(train, val, epochs=6), small_set("test", 5, first_seed=200)


def spoil(sample):
    sample.path.write_bytes(sample.path.read_bytes()[:80])


def edited(path, target, **changes):
    """Copy a model file, changing what it says about itself."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            data = source.read(name)
            if name == "apparel.json":
                data = json.dumps({**json.loads(data), **changes}).encode()
            copy.writestr(name, data)
    return target


# --- settings -------------------------------------------------------------------------------


def test_creating_it_only_stores_the_settings():
    odd = object()
    assert ac.ApparelClassifier(weights=odd, image_size=-3).get_params()["weights"] is odd


def test_creating_it_loads_neither_tensorflow_nor_matplotlib():
    code = (
        "import sys, apparel_clf as ac;"
        "ac.ApparelClassifier(weights=None), ac.load, ac.build_model, ac.Prediction, ac.History;"
        "print([m for m in ('tensorflow', 'keras', 'matplotlib', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "[]"


def test_scikit_learns_habits_are_kept():
    first = ac.ApparelClassifier(weights=None, views=3, augmentation=ac.Augmentation(rotation=2))
    assert clone(first).get_params() == first.get_params()
    assert first.set_params(head="gap") is first
    assert repr(ac.ApparelClassifier(None, 64)) == "ApparelClassifier(weights=None, image_size=64)"


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ({"image_size": 16}, "image_size to be a whole number of at least 32"),
        ({"views": 0}, "views to be a whole number of at least 1. Received: 0"),
        ({"batch_size": 2.5}, "batch_size"),
        ({"random_state": None}, "random_state"),
        ({"head": "mlp"}, r"head to be one of \('flatten', 'gap', .*\). Received: 'mlp'"),
        ({"recipe": "slow"}, r"recipe to be one of \('seed', 'fast', 'best'\). Received: 'slow'"),
        ({"solver": "sgd"}, "solver to be one of"),
        ({"fine_tune": -1}, "fine_tune to be a whole number of at least 0"),
        ({"patience": 0}, "patience to be a whole number of at least 1"),
        ({"resize": "fit"}, "resize to be one of"),
        ({"precision": "fp8"}, "precision to be one of"),
        ({"keep": "first"}, "keep to be one of"),
        ({"learning_rate": 0}, "learning_rate to be a finite number above 0"),
        ({"l2": -1}, "l2 to be a finite number of at least 0"),
        ({"augmentation": 3}, "augmentation to be an Augmentation. Received: 3"),
        ({"weights": 5}, "weights to be 'imagenet', a path or None. Received: 5"),
    ],
)
def test_bad_settings_are_refused_by_fit(small_classifier, small_set, setting, expected):
    with pytest.raises(ac.SettingsError, match=expected):
        small_classifier(**setting).fit(small_set())


def test_bad_epochs_are_refused(small_classifier, small_set):
    with pytest.raises(ac.SettingsError, match="epochs to be a whole number of at least 1"):
        small_classifier().fit(small_set(), epochs=0)


def test_keeping_the_best_epoch_needs_validation_images(small_classifier, small_set):
    train = small_set()
    for val in (None, ImageSet([], train.classes)):
        with pytest.raises(ac.SettingsError, match="validation images with keep='best'"):
            small_classifier(keep="best").fit(train, val)


# --- training -------------------------------------------------------------------------------


def test_fit_learns_and_leaves_what_it_learnt(fitted):
    classifier, test = fitted
    assert classifier.classes_ == CLASSES
    assert len(classifier.history_.epoch) == 6
    assert classifier.weights_ == "none"
    assert classifier.precision_ == "float32"
    assert classifier.dataset_ == {"name": "toy/v1", "version_id": "abc123"}
    assert classifier.skipped_ == ()
    assert classifier.n_features_in_ == 32 * 32 * 3
    assert classifier.evaluate(test).accuracy > 0.9


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_same_images_and_random_state_give_the_same_bits(
    small_classifier, small_set, precision, monkeypatch
):
    monkeypatch.setenv("APPAREL_CLF_CACHE", "off")  # the second has to compute them, too
    train, val = small_set("train"), small_set("val", 3, 50)
    wanted = {"random_state": 4, "precision": precision}
    first, again = (small_classifier(**wanted).fit(train, val, epochs=3) for _ in range(2))
    for a, b in zip(first.model_.get_weights(), again.model_.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert first.history_ == again.history_


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("flatten", "bfloat16"),
        ("pooled+flatten", "bfloat16"),
        ("gap", "float32"),
        ("pooled", "float32"),
    ],
)
def test_auto_takes_bfloat16_for_heads_that_hardly_mind(
    small_classifier, small_set, monkeypatch, head, expected
):
    monkeypatch.setattr(arithmetic, "_bfloat16_ratio", lambda: 0.2)
    classifier = small_classifier(precision="auto", head=head).fit(small_set(), epochs=2)
    assert classifier.precision_ == classifier.recipe_.precision == expected


def test_another_random_state_gives_other_weights(small_classifier, small_set):
    train = small_set()
    first, other = (small_classifier(random_state=s).fit(train, epochs=2) for s in (0, 1))
    for a, b in zip(first.model_.get_weights(), other.model_.get_weights(), strict=True):
        assert not np.array_equal(a, b) or not a.any()


def test_fitting_in_another_folder_gives_the_same_bits(small_classifier, small_set, tmp_path):
    train = small_set()
    shutil.copytree(tmp_path / "train", tmp_path / "elsewhere")
    moved = [
        replace(s, path=tmp_path / "elsewhere" / s.path.relative_to(tmp_path / "train"))
        for s in train.samples
    ]
    first = small_classifier().fit(train, epochs=2)
    second = small_classifier().fit(ImageSet(moved, train.classes), epochs=2)
    np.testing.assert_array_equal(first.model_.get_weights()[-2], second.model_.get_weights()[-2])


@pytest.mark.parametrize(
    "setting", [{"head": "gap"}, {"resize": "crop"}, {"precision": "bfloat16"}]
)
def test_other_settings_train_too(small_classifier, small_set, setting):
    train, test = small_set("train", 12), small_set("test", 5, 100)
    classifier = small_classifier(**setting).fit(train, epochs=12)
    assert classifier.evaluate(test).accuracy > 0.6


def test_best_epoch_is_kept_where_asked(small_classifier, small_set):
    train, val = small_set("train"), small_set("val", 3, 50)
    classifier = small_classifier(keep="best").fit(train, val, epochs=4)
    assert classifier.history_.kept == classifier.history_.best_epoch


def test_bad_images_are_listed_and_the_rest_trained_on(small_classifier, small_set):
    train = small_set()
    spoil(train.samples[2])
    with pytest.warns(UserWarning, match="1 images could not be read"):
        classifier = small_classifier().fit(train, epochs=1)
    [(path, reason)] = classifier.skipped_
    assert path == str(train.samples[2].path)
    assert "truncated" in reason


def test_weights_that_cannot_be_had_end_training(small_classifier, small_set, tmp_path):
    with pytest.raises(ac.WeightsError, match=r"absent.h5: no such weights file"):
        small_classifier(weights=tmp_path / "absent.h5").fit(small_set())


def test_a_failed_fit_leaves_the_former_model(fitted, small_set):
    classifier, test = fitted
    before = classifier.predict_proba(test)
    with pytest.raises(ac.DatasetError):
        classifier.fit(ImageSet([], CLASSES))
    np.testing.assert_array_equal(classifier.predict_proba(test), before)


# --- prediction -----------------------------------------------------------------------------


def test_one_image_gives_one_prediction_and_a_list_gives_a_list(fitted):
    classifier, test = fitted
    paths = [sample.path for sample in test.samples]
    one = classifier.predict(paths[0])
    assert isinstance(one, ac.Prediction)
    assert one.source == str(paths[0])
    assert list(one.probabilities) == list(CLASSES)
    many = classifier.predict(paths)
    assert [p.source for p in many] == [str(path) for path in paths]
    assert classifier.predict([paths[0]]) == [one]
    assert classifier.predict([]) == []


def test_every_kind_of_input_agrees_to_the_bit(fitted):
    classifier, test = fitted
    path = test.samples[0].path
    image = load_image(path)
    expected = classifier.predict_proba(path)
    assert (expected.shape, expected.dtype) == ((1, 3), np.float32)
    for kind in (str(path), path.read_bytes(), image, np.asarray(image), Image.open(path)):
        np.testing.assert_array_equal(classifier.predict_proba(kind), expected)


def test_probabilities_are_those_of_the_predictions(fitted):
    classifier, test = fitted
    table = classifier.predict_proba(test)
    assert table.shape == (15, 3)
    np.testing.assert_allclose(table.sum(axis=1), 1, rtol=1e-5)
    for row, prediction in zip(table, classifier.predict(test), strict=True):
        np.testing.assert_array_equal(row, np.float32(list(prediction.probabilities.values())))
        assert prediction.label == CLASSES[row.argmax()]
    assert classifier.predict_proba([]).shape == (0, 3)


def test_a_bad_image_is_raised_or_put_in_its_place(fitted):
    classifier, test = fitted
    images = [test.samples[0].path, b"nonsense", test.samples[1].path]
    with pytest.raises(ac.ImageError, match="bytes \\(8 of them\\)"):
        classifier.predict(images)
    first, bad, last = classifier.predict(images, on_error="collect")
    assert isinstance(bad, ac.ImageError)
    assert bad.code == "not_an_image"
    assert [first, last] == classifier.predict([images[0], images[2]])
    assert isinstance(classifier.predict("absent.jpg", on_error="collect"), ac.ImageError)


def test_a_batch_as_one_array_is_several_pictures(fitted):
    classifier, _ = fitted
    batch = np.random.default_rng(0).integers(0, 256, (2, 40, 40, 3), np.uint8)
    assert len(classifier.predict(batch)) == 2
    with pytest.raises(ac.ImageError, match="uint8 array of shape"):
        classifier.predict(batch.astype(np.float32))


def test_an_unknown_way_with_errors_is_refused(fitted):
    with pytest.raises(ac.SettingsError, match=r"on_error to be one of \('raise', 'collect'\)"):
        fitted[0].predict("x.jpg", on_error="ignore")


@pytest.mark.parametrize("call", ["predict", "predict_proba", "evaluate", "save"])
def test_unfitted_it_says_so(call, small_set):
    argument = {"evaluate": small_set, "save": lambda: "x.keras"}.get(call, lambda: [])()
    with pytest.raises(ac.NotFittedError, match="call fit, or load a model"):
        getattr(ac.ApparelClassifier(), call)(argument)


# --- evaluation -----------------------------------------------------------------------------


def test_evaluation_judges_exactly_what_predict_says(fitted):
    classifier, test = fitted
    report = classifier.evaluate(test)
    predicted = classifier.predict(test)
    assert [row.predicted for row in report.rows] == [p.label for p in predicted]
    assert [dict(row.probabilities) for row in report.rows] == [p.probabilities for p in predicted]
    right = sum(p.label == s.label for p, s in zip(predicted, test.samples, strict=True))
    assert report.accuracy == right / 15
    assert report.classes == CLASSES


def test_evaluation_says_what_was_judged_and_by_what(fitted):
    classifier, test = fitted
    report = classifier.evaluate(test)
    assert (report.dataset, report.split, report.version_id) == ("toy/v1", "test", "abc123")
    assert report.untrained
    assert report.history == classifier.history_
    assert report.settings["image_size"] == 32
    assert classifier.metrics_["n"] == 15
    assert classifier.metrics_["accuracy"] == report.accuracy


def test_evaluation_lists_bad_images_and_judges_the_rest(fitted):
    classifier, test = fitted
    spoil(test.samples[4])
    report = classifier.evaluate(test)
    assert report.n == 14
    [(path, reason)] = report.skipped
    assert path == str(test.samples[4].path)
    assert "truncated" in reason


def test_evaluation_on_unknown_classes_or_nothing_is_refused(fitted):
    classifier, test = fitted
    odd = ImageSet([replace(test.samples[0], label="kurta")], ["kurta"], name="odd")
    with pytest.raises(
        ac.DatasetError, match=r"odd: has classes .*: kurta. Expected some of jeans"
    ):
        classifier.evaluate(odd)
    with pytest.raises(ac.DatasetError, match="no image to evaluate"):
        classifier.evaluate(ImageSet([], CLASSES, name="none"))


# --- the file -------------------------------------------------------------------------------


def test_a_loaded_classifier_predicts_to_the_bit(fitted, tmp_path):
    classifier, test = fitted
    loaded = ac.load(classifier.save(tmp_path / "model.keras"))
    np.testing.assert_array_equal(loaded.predict_proba(test), classifier.predict_proba(test))
    assert loaded.predict(test) == classifier.predict(test)


def test_a_loaded_classifier_knows_what_the_saved_one_did(fitted, tmp_path):
    classifier, test = fitted
    classifier.evaluate(test)
    loaded = ac.load(classifier.save(tmp_path / "model.keras"))
    assert isinstance(loaded, ac.ApparelClassifier)
    assert loaded.get_params() == classifier.get_params()
    for name in ("classes_", "history_", "weights_", "precision_", "dataset_", "metrics_"):
        assert getattr(loaded, name) == getattr(classifier, name)
    assert loaded.evaluate(test).accuracy == classifier.metrics_["accuracy"]


def test_a_loaded_classifier_can_be_saved_again(fitted, tmp_path):
    classifier, test = fitted
    once = ac.load(classifier.save(tmp_path / "a.keras"))
    twice = ac.load(once.save(tmp_path / "b.keras"))
    np.testing.assert_array_equal(twice.predict_proba(test), classifier.predict_proba(test))


def test_settings_changed_after_fit_do_not_reach_the_file(fitted, tmp_path):
    classifier, test = fitted
    expected = classifier.predict_proba(test)
    classifier.set_params(image_size=64, resize="stretch")
    loaded = ac.load(classifier.save(tmp_path / "model.keras"))
    assert (loaded.image_size, loaded.recipe_.resize) == (32, "pad")
    np.testing.assert_array_equal(loaded.predict_proba(test), expected)


def test_a_path_among_the_settings_is_saved_as_text(fitted, tmp_path):
    classifier, _ = fitted
    classifier._fitted_params["weights"] = os.fspath(tmp_path / "x.h5")
    assert ac.load(classifier.save(tmp_path / "m.keras")).weights == str(tmp_path / "x.h5")


@pytest.mark.parametrize(
    "changes",
    [
        {"class_names": ["jeans", "saree"]},
        {"params": {"no_such_setting": 1}},
        {"params": None},
        {"history": {"history": {}, "kept": None}},
    ],
)
def test_a_file_that_contradicts_itself_is_refused(fitted, tmp_path, changes):
    saved = fitted[0].save(tmp_path / "model.keras")
    with pytest.raises(ac.ModelFileError, match=r"odd.keras: .*(is damaged|does not fit)"):
        ac.load(edited(saved, tmp_path / "odd.keras", **changes))


# --- the real thing -------------------------------------------------------------------------


@pytest.mark.train
def test_full_size_network_trains_saves_and_loads(small_set, tmp_path):
    train, test = small_set("train", 4), small_set("test", 2, 100)
    classifier = ac.ApparelClassifier(weights=None, verbose=False).fit(train, epochs=12)
    assert classifier.model_.count_params() == 14_812_995
    assert classifier.evaluate(test).accuracy > 0.6
    path = classifier.save(tmp_path / "model.keras")
    assert 59_000_000 < path.stat().st_size < 62_000_000
    np.testing.assert_array_equal(ac.load(path).predict_proba(test), classifier.predict_proba(test))


@pytest.mark.train
@pytest.mark.real_data
def test_real_photos_are_told_apart_with_an_untrained_backbone(test_data):
    train, _, test = ac.ImageFolder(test_data / "photos").split(val=0.1, test=0.3, seed=0)
    classifier = ac.ApparelClassifier(
        weights=None, image_size=96, views=1, precision="float32", verbose=False
    ).fit(train, epochs=12)
    report = classifier.evaluate(test)
    # Without pretrained weights, and well under what it reaches at full size.
    assert report.ci[0] > 0.75


def test_a_fitted_classifier_is_saved_and_not_pickled(small_classifier, small_set):
    unfitted = small_classifier()
    assert pickle.loads(pickle.dumps(unfitted)).get_params() == unfitted.get_params()
    with pytest.raises(TypeError, match=r"save\(path\), and open it with apparel_clf.load"):
        pickle.dumps(unfitted.fit(small_set(), epochs=1))
