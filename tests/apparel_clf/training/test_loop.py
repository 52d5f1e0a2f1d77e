import numpy as np
import pytest

import apparel_clf as ac
from apparel_clf.training import loop
from apparel_clf.training.cross_validation import Validation
from apparel_clf.training.fit import TrainingSettings


@pytest.fixture
def seed_classifier(small_classifier):
    def make(**params):
        defaults = {"recipe": "seed", "epochs": 3, "batch_size": 8}
        return small_classifier(**{**defaults, **params})

    return make


def test_the_loop_learns_and_tells_each_epoch(seed_classifier, small_set):
    train, val = small_set("train", 10), small_set("val", 4, first_seed=100)
    fitted = seed_classifier(epochs=6, learning_rate=1e-2).fit(train, val)
    history = fitted.history_.history
    assert {len(values) for values in history.values()} == {6}
    assert history["loss"][-1] < history["loss"][0]
    assert fitted.recipe_.backbone == "loop"
    assert fitted.temperature_ is None


def test_features_computed_once_a_view_learn_what_the_loop_learns(seed_classifier, small_set):
    """What cross-validation does in place of the loop: the same pictures, order and steps.

    The first weights are drawn by another generator than Keras', so they are made equal.
    """
    from apparel_clf.training import head as module

    train = small_set("train", 10)
    classifier = seed_classifier(epochs=4)
    chosen = classifier._chosen(None)
    start = classifier._network(3, chosen).layers[-1].get_weights()
    looped = classifier.fit(train).model_.layers[-1].get_weights()
    work = Validation.of(train, classifier, (), k=2, random_state=0)
    rows = work.rows["flatten"]
    assert rows.views == 5
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            module, "_first_weights", lambda *_: np.concatenate([start[0], start[1][None]])
        )
        cached = module.train_head(rows, None, 3, chosen.head_settings(0))
    assert np.abs(looped[0] - start[0]).max() > 1e-3
    np.testing.assert_allclose(cached.kernel, looped[0], atol=2e-4)
    np.testing.assert_allclose(cached.bias, looped[1], atol=2e-4)


def test_same_seed_same_weights(seed_classifier, small_set):
    train = small_set()
    first, again = (seed_classifier().fit(train).model_.get_weights() for _ in range(2))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)


def test_bad_images_are_left_out_by_name(seed_classifier, small_set):
    train = small_set()
    train.samples[2].path.write_bytes(b"no picture")
    with pytest.warns(UserWarning, match="1 images could not be read"):
        fitted = seed_classifier().fit(train)
    assert fitted.skipped_[0][0] == str(train.samples[2].path)


def test_a_loss_that_is_no_number_ends_training(seed_classifier, small_set):
    with pytest.raises(ac.TrainingError, match="Pass a smaller learning_rate"):
        seed_classifier(learning_rate=1e38).fit(small_set())


def test_ctrl_c_keeps_the_best_epoch(seed_classifier, small_set, monkeypatch):
    train, val = small_set("train", 10), small_set("val", 4, first_seed=100)
    watched = loop._Watch.epoch

    def interrupted(self, epoch, logs):
        watched(self, epoch, logs)
        if epoch == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop._Watch, "epoch", interrupted)
    with pytest.warns(UserWarning, match=r"after 2 epochs; epoch \d, the one with the low"):
        fitted = seed_classifier().fit(train, val)
    assert fitted.history_.kept_epoch == fitted.history_.best_epoch
    assert fitted.predict(val.samples[0].path).label in fitted.classes_


def test_an_interruption_in_the_middle_of_an_epoch_goes_back_to_its_end(seed_classifier):
    classifier = seed_classifier()
    chosen = classifier._chosen(None)
    model = classifier._network(3, chosen)
    watch = loop._Watch(model, TrainingSettings(chosen, 0, show=False))
    watch.epoch(0, {"loss": 1.0, "accuracy": 0.5})
    expected = model.layers[-1].get_weights()
    model.layers[-1].set_weights([w + 1 for w in expected])  # a batch of the next epoch
    watch.interrupted = True
    assert watch.finish().kept_epoch == 0
    for a, b in zip(expected, model.layers[-1].get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
