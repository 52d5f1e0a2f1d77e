from types import SimpleNamespace

import numpy as np
import pytest

import apparel_clf as ac
from apparel_clf.images import load_image, to_square
from apparel_clf.model.build import build_network
from apparel_clf.model.weights import fill_backbone
from apparel_clf.training import fine_tune as module
from apparel_clf.training import winograd
from apparel_clf.training.features import Rows
from apparel_clf.training.fine_tune import LastBlock


@pytest.fixture
def sets(small_set):
    return small_set("train", 10), small_set("val", 4, first_seed=100)


def weights_by_name(classifier):
    return {layer.name: layer.get_weights() for layer in classifier.model_.layers}


def test_only_the_last_block_and_the_head_change(small_classifier, sets):
    plain = small_classifier(calibrate=False).fit(*sets, epochs=3)
    tuned = small_classifier(fine_tune=2, fine_tune_rate=1e-3).fit(*sets, epochs=3)
    before, after = weights_by_name(plain), weights_by_name(tuned)
    changed = {
        name
        for name, values in before.items()
        if any(not np.array_equal(a, b) for a, b in zip(values, after[name], strict=True))
    }
    assert changed == {"block2_conv1", "probabilities"}
    assert len(tuned.history_.epoch) == 3 + 2
    assert tuned.temperature_ is None


def test_it_is_what_training_the_whole_network_would_be(small_classifier, sets):
    """The same two epochs on the whole network, by Keras, come to the same validation loss."""
    import keras

    train, val = sets
    whole = small_classifier(calibrate=False, views=1).fit(train, val, epochs=3).model_
    for layer in whole.layers:
        layer.trainable = layer.name in {"block2_conv1", "probabilities"}
    whole.compile(keras.optimizers.Adam(1e-3), "categorical_crossentropy", metrics=["accuracy"])

    def arrays(images):
        squares = [to_square(load_image(s.path), 32) for s in images.samples]
        labels = [images.classes.index(s.label) for s in images.samples]
        return np.stack(squares).astype(np.float32), np.eye(3, dtype=np.float32)[labels]

    x, y = arrays(train)
    tuned = small_classifier(views=1, fine_tune=2, fine_tune_rate=1e-3, batch_size=8)
    losses = tuned.fit(train, val, epochs=3).history_.history["val_loss"][-2:]
    rng = np.random.default_rng(0)
    for expected in losses:
        order = rng.permutation(len(x))
        for start in range(0, len(x), 8):
            rows = order[start : start + 8]
            whole.train_on_batch(x[rows], y[rows])
        found = whole.evaluate(*arrays(val), verbose=0, return_dict=True)["loss"]
        assert found == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("head", ["flatten", "gap"])
def test_bfloat16_comes_near_to_float32s_losses(small_classifier, sets, monkeypatch, head):
    policies = []
    of_block = module._of_block

    def seen(layer, precision):
        made = of_block(layer, precision)
        policies.append((precision, made.compute_dtype, made.variable_dtype))
        return made

    monkeypatch.setattr(module, "_of_block", seen)
    losses = {}
    for precision in ("float32", "bfloat16"):
        wanted = {"precision": precision, "fine_tune": 2, "fine_tune_rate": 1e-3, "head": head}
        tuned = small_classifier(**wanted).fit(*sets, epochs=3)
        losses[precision] = tuned.history_.history["val_loss"][3:]
    assert set(policies) == {
        ("float32", "float32", "float32"),
        ("bfloat16", "bfloat16", "float32"),  # weights stay whole
    }
    assert losses["bfloat16"] == pytest.approx(losses["float32"], abs=0.03)
    assert losses["bfloat16"] != losses["float32"]


def test_a_wide_block_is_trained_the_short_way_to_the_same_losses(monkeypatch):
    rng = np.random.default_rng(0)
    model = build_network(3, 32, "flatten", 0, blocks=((8, 1), (256, 2)))
    fill_backbone(model, None, 0)
    maps = np.maximum(rng.standard_normal((10, 16 * 16 * 8)), 0).astype(np.float16)
    rows = Rows(maps, rng.integers(0, 3, 10))

    def trained():
        top = LastBlock(model, 2, 1e-4, "float32")
        losses = []
        watch = SimpleNamespace(epoch=lambda epoch, logs: losses.append(logs["val_loss"]))
        top.fit(rows, rows, 3, 4, 0, watch)
        kinds = [type(layer).__name__ for layer in top.network.layers]
        return losses, kinds

    short, kinds = trained()
    assert kinds.count("WideConvolution") == 1  # from 256 channels to 256; the first has 8
    monkeypatch.setattr(winograd, "available", lambda: False)
    plain, kinds = trained()
    assert "WideConvolution" not in kinds
    assert short == pytest.approx(plain, abs=1e-3)


def test_a_head_on_earlier_blocks_is_refused(small_classifier, sets):
    with pytest.raises(ac.SettingsError, match="head='flatten' or 'gap' with fine_tune"):
        small_classifier(head="pooled", fine_tune=1).fit(*sets)


def test_cross_validation_of_fine_tuning_is_refused(small_classifier, sets):
    with pytest.raises(ac.SettingsError, match="fine_tune=0 in cross-validation"):
        ac.cross_validate(sets[0], small_classifier(fine_tune=1))


def test_a_rate_that_is_too_large_is_told(small_classifier, sets):
    """The epoch is the number that the table of epochs would show: the head's come first."""
    with pytest.raises(ac.TrainingError, match=r"in epoch [45]: .*smaller fine_tune_rate"):
        small_classifier(fine_tune=2, fine_tune_rate=1e20).fit(*sets, epochs=3)


def test_the_best_epoch_may_be_the_one_before_fine_tuning(small_classifier, sets):
    plain = small_classifier(calibrate=False, keep="best").fit(*sets, epochs=3)
    tuned = small_classifier(keep="best", fine_tune=2, fine_tune_rate=10.0)
    tuned.fit(*sets, epochs=3)
    losses = tuned.history_.history["val_loss"]
    assert min(losses[3:]) > losses[tuned.history_.kept_epoch]
    assert tuned.history_.kept_epoch == plain.history_.kept_epoch
    for a, b in zip(plain.model_.get_weights(), tuned.model_.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_ctrl_c_keeps_the_best_so_far(small_classifier, sets, monkeypatch):
    from apparel_clf.training import fine_tune

    epoch = fine_tune._Watch.epoch

    def interrupted(self, number, logs):
        epoch(self, number, logs)
        raise KeyboardInterrupt

    monkeypatch.setattr(fine_tune._Watch, "epoch", interrupted)
    with pytest.warns(UserWarning, match="the one with the lowest val loss, is kept"):
        tuned = small_classifier(fine_tune=3, fine_tune_rate=10.0).fit(*sets, epochs=3)
    history = tuned.history_
    assert len(history.epoch) == 4
    assert history.kept_epoch < 3
