import numpy as np
import pytest

from apparel_clf.errors import TrainingError
from apparel_clf.training.head import HeadSettings
from apparel_clf.training.watch import Watch, Watches


def settings(**changed):
    defaults = {"epochs": 9, "learning_rate": 0.1, "batch_size": 8, "l2": 0.0, "keep": "last"}
    return HeadSettings(**{**defaults, **changed}, random_state=0)


def told(watch, losses):
    """Tell of epochs whose validation losses are these; return what each is answered."""
    return [
        watch.epoch(np.full((3, 2), number), {"loss": 1.0, "accuracy": 0.5, "val_loss": loss}, None)
        for number, loss in enumerate(losses)
    ]


def test_last_or_best_is_kept():
    for keep, kept in (("last", 3), ("best", 1)):
        watch = Watch(settings(keep=keep), watched=True)
        told(watch, [0.9, 0.5, 0.7, 0.5])
        assert watch.kept[0, 0] == kept
        assert watch.told.kept_epoch == kept


def test_an_interruption_keeps_the_best_where_that_can_be_told():
    for watched, kept in ((True, 1), (False, 2)):
        watch = Watch(settings(), watched=watched)
        told(watch, [0.9, 0.5, 0.7])
        watch.interrupted = True
        assert watch.kept[0, 0] == kept


def test_patience_counts_the_epochs_since_the_best():
    watch = Watch(settings(patience=2), watched=True)
    assert told(watch, [0.9, 0.5, 0.7, 0.4, 0.6, 0.5]) == [True, True, True, True, True, False]
    assert all(told(Watch(settings(), watched=True), [0.5, *[0.9] * 50]))


def test_a_loss_that_is_no_number_names_its_epoch():
    watch = Watch(settings(), watched=True)
    with pytest.raises(TrainingError, match="no longer a number in epoch 2:"):
        told(watch, [0.9, float("nan")])


def test_heads_that_stopped_are_not_judged_and_others_are_as_alone():
    rng = np.random.default_rng(0)
    val, targets = rng.standard_normal((20, 4)), np.eye(3)[np.arange(20) % 3]
    weights = rng.standard_normal((5, 3, 3))
    seen = []
    watches = Watches(
        val, targets, [settings()] * 3, on_held=lambda place, logits: seen.append((place, logits))
    )
    going = watches.epoch([0, 2], weights[:, [0, 2]], np.ones(2), np.ones(2))
    assert going == [0, 2]
    assert watches.each[1].last is None
    assert [place for place, _ in seen] == [0, 2]
    for place, logits in seen:
        alone = Watches(val, targets, [settings()])
        alone.epoch([0], weights[:, [place]], np.ones(1), np.ones(1))
        np.testing.assert_allclose(logits, val @ weights[:-1, place] + weights[-1, place])
        for name, values in alone.each[0].history.items():
            assert watches.each[place].history[name] == pytest.approx(values)


def test_what_is_kept_does_not_change_with_the_weights_that_learn_on():
    watches, weights = Watches(None, None, [settings()]), np.ones((3, 1, 2))
    watches.epoch([0], weights, np.ones(1), np.ones(1))
    weights += 1
    assert (watches.each[0].kept == 1).all()
    assert set(watches.each[0].history) == {"loss", "accuracy"}
