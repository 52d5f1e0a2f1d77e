import keras
import numpy as np
import pytest

from apparel_clf.errors import TrainingError
from apparel_clf.training.basis import fit_scaling
from apparel_clf.training.features import Rows
from apparel_clf.training.head import HeadSettings, prepare, solve, solve_all, train_head


def settings(**changed):
    defaults = {
        "epochs": 12,
        "learning_rate": 1e-2,
        "batch_size": 8,
        "l2": 0.0,
        "keep": "last",
        "random_state": 0,
    }
    return HeadSettings(**{**defaults, **changed})


def rows(count=60, width=40, seed=0, noise=1.0, widest=2):
    """Features of three classes, each with a mean of its own, on scales that differ widely."""
    rng = np.random.default_rng(seed)
    means = np.random.default_rng(99).standard_normal((3, width))
    labels = np.arange(count) % 3
    values = means[labels] + noise * rng.standard_normal((count, width))
    scales = np.logspace(-1, widest, width)
    return Rows((values * scales + 5 * scales).astype(np.float16), labels.astype(np.int64))


def accuracy(head, judged):
    logits = judged.features.astype(np.float32) @ head.kernel + head.bias
    return (logits.argmax(1) == judged.labels).mean()


def test_learns_what_can_be_learnt():
    head = train_head(rows(), rows(seed=1), 3, settings())
    assert (head.kernel.shape, head.bias.shape) == ((40, 3), (3,))
    assert head.kernel.dtype == head.bias.dtype == np.float32
    assert accuracy(head, rows(300, seed=2)) > 0.95
    assert head.history.history["loss"][-1] < 0.5 * head.history.history["loss"][0]


def test_history_has_a_value_of_each_quantity_for_each_epoch():
    history = train_head(rows(), rows(seed=1), 3, settings(epochs=4)).history
    assert {k: len(v) for k, v in history.history.items()} == dict.fromkeys(
        ("loss", "accuracy", "val_loss", "val_accuracy"), 4
    )
    assert set(train_head(rows(), None, 3, settings(epochs=2)).history.history) == {
        "loss",
        "accuracy",
    }


def test_last_validation_figures_are_those_of_the_weights_returned():
    val = rows(40, seed=1, noise=3.0)
    head = train_head(rows(noise=3.0), val, 3, settings())
    logits = val.features.astype(np.float32) @ head.kernel + head.bias
    logits -= logits.max(1, keepdims=True)
    losses = np.log(np.exp(logits).sum(1)) - logits[np.arange(40), val.labels]
    assert head.history.history["val_accuracy"][-1] == pytest.approx(accuracy(head, val), abs=1e-6)
    assert head.history.history["val_loss"][-1] == pytest.approx(losses.mean(), abs=1e-3)


def test_same_rows_and_settings_give_the_same_bits():
    first, again = (train_head(rows(), rows(seed=1), 3, settings(l2=0.1)) for _ in range(2))
    np.testing.assert_array_equal(first.kernel, again.kernel)
    np.testing.assert_array_equal(first.bias, again.bias)
    assert first.history == again.history


def test_random_state_and_nothing_global_decides_the_order():
    keras.utils.set_random_seed(1)
    first = train_head(rows(), None, 3, settings())
    keras.utils.set_random_seed(2)
    again = train_head(rows(), None, 3, settings())
    other = train_head(rows(), None, 3, settings(random_state=1))
    np.testing.assert_array_equal(first.kernel, again.kernel)
    assert not np.array_equal(first.kernel, other.kernel)


def test_best_keeps_the_epoch_with_the_lowest_validation_loss():
    # A step far too large makes the validation loss jump about.
    chosen = settings(epochs=10, learning_rate=0.5, keep="best")
    train, val = rows(noise=4.0), rows(60, seed=1, noise=4.0)
    head = train_head(train, val, 3, chosen)
    best = head.history.best_epoch
    assert head.history.kept_epoch == best < 9
    shorter = train_head(train, val, 3, settings(epochs=best + 1, learning_rate=0.5))
    np.testing.assert_array_equal(head.kernel, shorter.kernel)


def test_weight_decay_makes_weights_smaller():
    free = train_head(rows(), None, 3, settings())
    decayed = train_head(rows(), None, 3, settings(l2=5.0))
    assert np.abs(decayed.kernel).mean() < 0.8 * np.abs(free.kernel).mean()


def test_features_that_never_vary_get_no_weight():
    train = rows()
    train.features[:, 7] = 3.0
    train.features[:, 8] = 0.0
    head = train_head(train, None, 3, settings())
    assert not head.kernel[7:9].any()
    assert np.isfinite(head.kernel).all()


def test_all_features_dead_is_no_crash():
    dead = Rows(np.zeros((6, 4), np.float16), np.array([0, 1, 2] * 2))
    assert not train_head(dead, None, 3, settings(epochs=1)).kernel.any()


def test_each_epoch_is_reported_as_it_ends():
    seen = []
    head = train_head(
        rows(), rows(seed=1), 3, settings(epochs=3), lambda epoch, logs: seen.append((epoch, logs))
    )
    assert [epoch for epoch, _ in seen] == [0, 1, 2]
    assert [logs["val_loss"] for _, logs in seen] == head.history.history["val_loss"]


def test_a_loss_that_is_no_number_ends_training():
    with pytest.raises(
        TrainingError, match=r"no longer a number in epoch 1:.*smaller learning_rate"
    ):
        train_head(rows(), None, 3, settings(learning_rate=1e38))


# --- coordinates and solvers ----------------------------------------------------------------


def test_lbfgs_learns_the_same_on_fewer_coordinates():
    train = rows(50, width=400, noise=4.0, widest=0)
    wanted = settings(solver="lbfgs", l2=1e-3, epochs=15)
    found = solve(prepare(train, None, 3, wanted), wanted)
    plain = solve(prepare(train, None, 3, settings()), wanted)
    assert (found.kernel.shape, found.history.epoch) == (plain.kernel.shape, plain.history.epoch)
    np.testing.assert_allclose(found.history.history["loss"], plain.history.history["loss"], 1e-3)
    np.testing.assert_allclose(found.kernel, plain.kernel, rtol=0.02, atol=1e-4)


def test_a_part_to_learn_from_has_nothing_to_watch():
    prepared = prepare(rows(), rows(seed=1), 3, settings())
    part = prepared.coordinates.part(np.array([4, 2]))
    assert part.val is None
    np.testing.assert_array_equal(part.train(0), prepared.coordinates.train(0)[[4, 2]])
    np.testing.assert_array_equal(part.targets, prepared.coordinates.targets[[4, 2]])


def test_weights_on_coordinates_become_weights_on_features():
    train = rows(50, width=3000, widest=1)
    head = train_head(train, None, 3, settings(solver="lbfgs", l2=1e-3, epochs=50))
    assert head.kernel.shape == (3000, 3)
    assert accuracy(head, train) == 1.0
    np.testing.assert_allclose(
        head.logits(train.features),
        train.features.astype(np.float64) @ head.kernel + head.bias,
        atol=1e-2,
    )


def test_lbfgs_finds_scikit_learns_minimum():
    from sklearn.linear_model import LogisticRegression

    train = rows(90, width=20, noise=2.0, widest=0)
    l2 = 1e-2
    head = train_head(train, None, 3, settings(solver="lbfgs", l2=l2, epochs=500))
    scaled = fit_scaling(train.features).apply(train.features)
    theirs = LogisticRegression(C=1 / (l2 * len(train)), max_iter=5000, tol=1e-8)
    theirs.fit(scaled, train.labels)
    ours = head.logits(train.features)
    expected = theirs.decision_function(scaled)
    np.testing.assert_allclose(
        ours - ours.mean(1, keepdims=True), expected - expected.mean(1, keepdims=True), atol=2e-2
    )


def test_adam_is_keras_own():
    """Adam by numpy takes the steps that Keras' takes, on the same batches."""
    train = rows(24, width=12, widest=0)
    wanted = settings(epochs=3, learning_rate=3e-2, l2=0.1)
    scaling = fit_scaling(train.features)
    model = keras.Sequential(
        [keras.Input((12,)), keras.layers.Dense(3, "softmax", kernel_initializer="zeros")]
    )
    adam = keras.optimizers.Adam(3e-2, weight_decay=0.1)
    model.compile(adam, "categorical_crossentropy")
    rng, x = np.random.default_rng(0), scaling.apply(train.features)
    targets = np.eye(3, dtype=np.float32)[train.labels]
    for _ in range(3):
        order = rng.permutation(24)
        for start in range(0, 24, 8):
            chosen = order[start : start + 8]
            model.train_on_batch(x[chosen], targets[chosen])
    expected = scaling.fold(*model.get_weights())
    found = train_head(train, None, 3, wanted)
    np.testing.assert_allclose(found.kernel, expected[0], atol=2e-5)
    np.testing.assert_allclose(found.bias, expected[1], atol=2e-4)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_patience_ends_training_and_best_is_kept(solver):
    train, val = rows(60, noise=6.0), rows(60, seed=1, noise=6.0)
    wanted = settings(solver=solver, epochs=200, l2=0.0, learning_rate=0.1, patience=3, keep="best")
    history = train_head(train, val, 3, wanted).history
    assert len(history.epoch) == history.best_epoch + 1 + 3 < 200
    assert history.kept_epoch == history.best_epoch


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("patience", [None, 2])
def test_heads_side_by_side_are_what_they_are_alone(solver, patience):
    train, val = rows(60, noise=6.0), rows(60, seed=1, noise=6.0)
    common = {"solver": solver, "epochs": 20, "keep": "best", "patience": patience}
    each = [settings(learning_rate=r, l2=p, **common) for r in (3e-3, 0.1) for p in (0.0, 0.1)]
    prepared = prepare(train, val, 3, each[0])
    together = solve_all(prepared.coordinates, each)
    for wanted, solved in zip(each, together, strict=True):
        found = solved.on_features(prepared.basis)
        alone = train_head(train, val, 3, wanted)
        np.testing.assert_allclose(found.kernel, alone.kernel, rtol=1e-3, atol=1e-6)
        assert found.history.epoch == alone.history.epoch
        assert found.history.kept_epoch == alone.history.kept_epoch
        np.testing.assert_allclose(
            found.history.history["val_loss"], alone.history.history["val_loss"], rtol=1e-4
        )


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_ctrl_c_keeps_what_was_learnt(solver):
    def stop(epoch, _):
        if epoch == 2:
            raise KeyboardInterrupt

    head = train_head(rows(), rows(seed=1), 3, settings(solver=solver, l2=1e-4), stop)
    assert head.interrupted
    assert len(head.history.epoch) == 3
    assert head.history.kept_epoch == head.history.best_epoch
    assert accuracy(head, rows()) > 0.8


def test_ctrl_c_before_the_first_epoch_is_passed_on(monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("apparel_clf.training.solvers._errors", stop)
    with pytest.raises(KeyboardInterrupt):
        train_head(rows(), None, 3, settings())


def test_a_temperature_changes_no_label():
    head, judged = train_head(rows(), None, 3, settings()), rows(seed=5)
    cooled = head.cooled(2.0)
    np.testing.assert_allclose(
        cooled.logits(judged.features), head.logits(judged.features) / 2, rtol=1e-3, atol=1e-3
    )
    assert accuracy(cooled, judged) == accuracy(head, judged)


def test_more_rows_than_directions_are_learnt_from(monkeypatch):
    monkeypatch.setattr("apparel_clf.training.basis._MOST_DIRECTIONS", 30)
    train = rows(120, width=400, widest=0)
    head = train_head(train, None, 3, settings(solver="lbfgs", l2=1e-4, epochs=50))
    assert accuracy(head, rows(300, width=400, seed=3, widest=0)) > 0.9
