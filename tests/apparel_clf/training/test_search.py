import numpy as np
import pytest

from apparel_clf.training import search
from apparel_clf.training.features import Rows
from apparel_clf.training.folds import Fold, out_of_fold
from apparel_clf.training.head import HeadSettings
from apparel_clf.training.search import curves


def rows(width=30, views=1, noise=1.0):
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(45) % 3, views)
    means = rng.standard_normal((3, width))
    values = means[labels] + noise * rng.standard_normal((len(labels), width))
    return Rows(values.astype(np.float16), labels.astype(np.int64), views=views)


def folds(count=45, k=3):
    places = np.arange(count)
    return [Fold(places[places % k != i], places[places % k == i]) for i in range(k)]


def settings(solver="adam", **changed):
    defaults = {"epochs": 5, "learning_rate": 0.05, "batch_size": 8, "l2": 1e-3}
    return HeadSettings(**{**defaults, **changed}, keep="last", random_state=0, solver=solver)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize(("width", "views"), [(30, 2), (2100, 1)])
def test_logits_are_those_of_heads_trained_for_so_many_epochs(solver, width, views):
    images = rows(width, views)
    each = [settings(solver, l2=l2) for l2 in (1e-3, 1e-1)]
    found = next(curves(images, folds(), 3, [each]))
    for curve, wanted in zip(found, each, strict=True):
        assert curve.losses.shape == (5,)
        assert curve.logits.shape == (5, 45, 3)
        alone = out_of_fold(images, folds(), 3, wanted)
        np.testing.assert_allclose(curve.logits[-1], alone, rtol=2e-2, atol=2e-2)
        labels = images.labels[::views]
        for logits, loss in zip(curve.logits.astype(np.float64), curve.losses, strict=True):
            logits -= logits.max(1, keepdims=True)
            truth = logits[np.arange(45), labels] - np.log(np.exp(logits).sum(1))
            assert -truth.mean() == pytest.approx(loss, rel=1e-4)


def test_where_lbfgs_comes_to_its_end_it_stays():
    curve = next(curves(rows(), folds(), 3, [[settings("lbfgs", epochs=300, l2=1.0)]]))[0]
    assert len(set(curve.losses[-50:])) == 1
    np.testing.assert_array_equal(curve.logits[-1], curve.logits[-50])
    assert curve.losses[0] != curve.losses[-1]


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_the_last_epochs_logits_can_be_had_alone(solver):
    groups = [[settings(solver, epochs=300 if solver == "lbfgs" else 5, l2=1.0)]]
    every = next(curves(rows(), folds(), 3, groups))[0]
    last = next(curves(rows(), folds(), 3, groups, last_only=True))[0]
    np.testing.assert_array_equal(last.losses, every.losses)
    np.testing.assert_array_equal(last.logits, every.logits[-1:])


@pytest.mark.parametrize(("width", "made"), [(2100, 1), (30, 2)])
def test_coordinates_are_made_once_in_each_fold_where_both_solvers_have_the_same(
    monkeypatch, width, made
):
    prepare, calls = search.prepare, []

    def counted(*args):
        calls.append(args)
        return prepare(*args)

    monkeypatch.setattr(search, "prepare", counted)
    groups = [[settings("lbfgs", l2=l2)] for l2 in (0.1, 0.2)] + [[settings()]]
    assert len(list(curves(rows(width), folds(), 3, groups))) == 3
    assert len(calls) == made * 3


def test_interrupted_it_judges_nothing(monkeypatch):
    from apparel_clf.training.watch import Watch

    epoch = Watch.epoch

    def interrupted(self, *args):
        epoch(self, *args)
        raise KeyboardInterrupt

    monkeypatch.setattr(Watch, "epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        next(curves(rows(), folds(), 3, [[settings()]]))
