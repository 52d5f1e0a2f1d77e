import warnings
from dataclasses import replace

import numpy as np
import pytest

from apparel_clf.dataset import ImageSet
from apparel_clf.errors import DatasetError, TrainingError
from apparel_clf.model.build import build_network
from apparel_clf.model.weights import fill_backbone
from apparel_clf.training.augment import Augmentation
from apparel_clf.training.fit import TrainingSettings, check_sets, train_network
from apparel_clf.training.recipes import Recipe

RECIPE = Recipe("test", views=2, precision="float32", epochs=4, batch_size=8, calibrate=False)
SETTINGS = TrainingSettings(RECIPE, random_state=0, show=False)


def settings(**changed):
    return replace(SETTINGS, recipe=RECIPE.changed(**changed))


def network():
    model = build_network(3, 32, "flatten", 0, blocks=((4, 1), (8, 1)))
    fill_backbone(model, None, 0)
    return model


def subset(images, keep):
    kept = [sample for sample in images.samples if keep(sample)]
    return ImageSet(kept, images.classes, name=images.name)


def test_only_the_head_changes(small_set):
    model = network()
    before = [w.copy() for w in model.get_weights()]
    train_network(model, small_set(), None, SETTINGS)
    after = model.get_weights()
    for a, b in zip(before[:-2], after[:-2], strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(before[-2], after[-2])


@pytest.mark.parametrize(("precision", "close"), [("float32", 2e-3), ("bfloat16", 2e-2)])
def test_network_itself_has_the_accuracy_that_the_history_tells(small_set, precision, close):
    """The network computes in float32, whatever its head was trained on."""
    from apparel_clf.images import load_image, to_square

    model, val = network(), small_set("val", first_seed=50)
    wanted = settings(precision=precision)
    history = train_network(model, small_set("train"), val, wanted).history.history
    images = np.stack([to_square(load_image(s.path), 32) for s in val.samples])
    targets = np.eye(3)[[val.classes.index(s.label) for s in val.samples]]
    found = model.evaluate(images, targets, verbose=0, return_dict=True)
    one_image = 1 / len(targets) if precision == "bfloat16" else 0
    assert found["accuracy"] == pytest.approx(history["val_accuracy"][-1], abs=one_image + 1e-6)
    assert found["loss"] == pytest.approx(history["val_loss"][-1], abs=close)


def test_without_augmentation_further_views_are_not_computed(small_set):
    plain = settings(augmentation=Augmentation.none(), views=5)
    once = settings(augmentation=Augmentation.none(), views=1)
    images, first, second = small_set(), network(), network()
    train_network(first, images, None, plain)
    train_network(second, images, None, once)
    np.testing.assert_array_equal(first.get_weights()[-2], second.get_weights()[-2])


def test_augmented_views_change_what_is_learnt(small_set):
    images, first, second = small_set(), network(), network()
    train_network(first, images, None, SETTINGS)
    train_network(second, images, None, settings(views=1))
    assert not np.array_equal(first.get_weights()[-2], second.get_weights()[-2])


def test_bad_images_are_named_and_the_rest_is_trained_on(small_set):
    train, val = small_set("train"), small_set("val")
    train.samples[1].path.write_bytes(b"")
    val.samples[0].path.write_bytes(val.samples[0].path.read_bytes()[:60])
    with pytest.warns(UserWarning, match="2 images could not be read and were left out") as seen:
        outcome = train_network(network(), train, val, SETTINGS)
    paths = [path for path, _ in outcome.skipped]
    assert paths == [str(train.samples[1].path), str(val.samples[0].path)]
    assert all(path in str(seen[0].message) for path in paths)
    assert "the file is empty" in outcome.skipped[0][1]


def test_a_warning_names_a_few_and_counts_the_rest(small_set):
    train = small_set()
    for sample in train.samples[:7]:
        sample.path.unlink()
    with pytest.warns(UserWarning, match="7 images .*no such file.*; and 2 more"):
        train_network(network(), train, None, SETTINGS)


def test_good_images_give_no_warning(small_set):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert train_network(network(), small_set(), None, SETTINGS).skipped == ()


def test_validation_without_a_readable_image_is_left_out(small_set):
    train, val = small_set("train"), small_set("val", count=1)
    for sample in val.samples:
        sample.path.write_bytes(b"")
    with pytest.warns(UserWarning, match="3 images"):
        outcome = train_network(network(), train, val, SETTINGS)
    assert set(outcome.history.history) == {"loss", "accuracy"}


def test_the_best_epoch_cannot_be_chosen_by_unreadable_images(small_set):
    train, val = small_set("train"), small_set("val", count=1)
    for sample in val.samples:
        sample.path.unlink()
    best = settings(keep="best")
    with pytest.raises(TrainingError, match="No readable validation image"):
        train_network(network(), train, val, best)


def test_a_class_without_a_readable_image_ends_training(small_set):
    train = small_set()
    for sample in train.samples:
        if sample.label == "saree":
            sample.path.write_text("<html>")
    with pytest.raises(TrainingError, match=r"No readable training image of saree \(.*HTML page"):
        train_network(network(), train, None, SETTINGS)


def test_epochs_are_shown_on_standard_error_where_wanted(small_set, capsys):
    train_network(network(), small_set(), None, replace(SETTINGS, show=True))
    shown = capsys.readouterr()
    assert [line.split()[0] for line in shown.err.splitlines()] == ["epoch", "1", "2", "3", "4"]
    assert shown.out == ""


def test_silence_is_kept_where_wanted(small_set, capsys):
    train_network(network(), small_set(), None, SETTINGS)
    assert capsys.readouterr() == ("", "")


def test_no_images_are_refused():
    with pytest.raises(DatasetError, match="toy: no images to train on"):
        check_sets(ImageSet([], ["a", "b"], name="toy"), None)


def test_one_class_is_refused(small_set):
    jeans = [sample for sample in small_set().samples if sample.label == "jeans"]
    with pytest.raises(DatasetError, match=r"has one class, 'jeans'; .*two or more"):
        check_sets(ImageSet(jeans, ["jeans"], name="toy"), None)


def test_an_empty_class_is_named(small_set):
    two = subset(small_set(), lambda sample: sample.label != "saree")
    with pytest.raises(DatasetError, match="toy/v1: no training images of saree"):
        check_sets(two, None)


def test_validation_of_an_unknown_class_is_named(small_set):
    train, val = small_set("train"), small_set("val")
    odd = [replace(val.samples[0], label="kurta"), *val.samples[1:]]
    with pytest.raises(DatasetError, match=r"classes that training has not: kurta. Expected some"):
        check_sets(train, ImageSet(odd, ["kurta", *val.classes], name="other"))


def test_validation_that_lacks_a_class_is_fine(small_set):
    train, val = small_set("train"), small_set("val")
    check_sets(train, subset(val, lambda sample: sample.label == "jeans"))


def test_ctrl_c_while_the_temperature_is_fitted_keeps_the_head(small_set, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("apparel_clf.training.fit.out_of_fold_of", interrupted)
    outcome = train_network(network(), small_set(), None, settings(calibrate=True))
    assert outcome.interrupted
    assert outcome.temperature is None
    assert len(outcome.history.epoch) == 4


def test_too_few_images_for_a_temperature_are_told(small_set):
    train = small_set()
    kept = [*train.samples[:1], *train.samples[8:]]
    few = ImageSet(kept, train.classes)
    with pytest.warns(UserWarning, match="Too few images of a class to fit a temperature"):
        outcome = train_network(network(), few, None, settings(calibrate=True))
    assert outcome.temperature is None


def test_the_best_epoch_with_two_images_of_a_class_is_calibrated(small_set):
    train = small_set("train")
    few = ImageSet([*train.samples[:2], *train.samples[8:]], train.classes)
    wanted = settings(calibrate=True, keep="best")
    assert train_network(network(), few, small_set("val"), wanted).temperature is not None
