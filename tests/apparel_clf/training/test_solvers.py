import numpy as np
import pytest
import threadpoolctl

from apparel_clf.training.head import Coordinates, HeadSettings
from apparel_clf.training.solvers import adam, judged, lbfgs, logits_of, softmax, thin_products


def coordinates(count=40, width=6, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    x = (rng.standard_normal((count, width)) + labels[:, None]).astype(np.float32)
    return Coordinates(lambda _: x, np.eye(classes, dtype=np.float32)[labels])


def settings(**changed):
    defaults = {"epochs": 3, "learning_rate": 0.1, "batch_size": 16, "l2": 0.01}
    return HeadSettings(**{**defaults, **changed}, keep="last", random_state=0)


def blas_threads():
    return {
        library["num_threads"]
        for library in threadpoolctl.threadpool_info()
        if library["user_api"] == "blas"
    }


@pytest.mark.parametrize("heads", [(), (4,)])
def test_judged_is_cross_entropy_and_the_share_of_hits(heads):
    rng = np.random.default_rng(1)
    logits, labels = 5 * rng.standard_normal((30, *heads, 3)), np.arange(30) % 3
    found = judged(logits, labels)
    np.testing.assert_allclose(found.shares, softmax(logits))
    np.testing.assert_allclose(found.shares.sum(-1), 1)
    truth = found.shares[labels[:, None] == np.arange(3)] if not heads else np.stack(
        [found.shares[:, head][labels[:, None] == np.arange(3)] for head in range(4)], 1
    )  # fmt: skip
    np.testing.assert_allclose(found.loss, -np.log(truth).mean(0))
    hits = logits.argmax(-1) == (labels if not heads else labels[:, None])
    np.testing.assert_allclose(found.accuracy, hits.mean(0))


def test_judged_bears_logits_that_exp_does_not():
    found = judged(np.array([[1e4, 0.0], [1e4, 0.0]]), np.array([0, 1]))
    assert found.loss == pytest.approx(5e3)


def test_logits_of_several_heads_are_those_of_each():
    rng = np.random.default_rng(2)
    x, weights = rng.standard_normal((7, 5)), rng.standard_normal((6, 4, 3))
    together = logits_of(x, weights)
    for head in range(4):
        np.testing.assert_allclose(together[:, head], logits_of(x, weights[:, head]))
        np.testing.assert_allclose(together[:, head], x @ weights[:-1, head] + weights[-1, head])


@pytest.mark.skipif(not blas_threads(), reason="whose BLAS cannot be told how many threads")
def test_small_products_are_one_threads_and_others_get_theirs_back():
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        with thin_products():
            assert blas_threads() == {1}
        assert blas_threads() == {2}
        with thin_products(10**9):
            assert blas_threads() == {2}


@pytest.mark.skipif(not blas_threads(), reason="whose BLAS cannot be told how many threads")
def test_threads_are_back_when_the_last_of_several_is_done():
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        first, second = thin_products(), thin_products()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert blas_threads() == {1}
        second.__exit__(None, None, None)
        assert blas_threads() == {2}


def test_adam_tells_of_those_that_go_on_and_ends_with_the_last():
    told = []

    def after(places, weights, losses, accuracies):
        told.append(list(places))
        assert weights.shape == (7, len(places), 3)
        assert losses.shape == accuracies.shape == (len(places),)
        return [place for place in places if place > len(told) - 1]

    first = np.zeros((7, 3), np.float32)
    adam(coordinates(), first, [settings(epochs=9, l2=l2) for l2 in (0.0, 0.1, 0.2)], after)
    assert told == [[0, 1, 2], [1, 2], [2]]
    assert not first.any()


def test_lbfgs_lowers_the_loss_with_its_penalty_at_every_step():
    rows, losses = coordinates(), []

    def after(places, weights, found, _):
        penalty = 0.05 * np.square(weights[:-1]).sum()
        losses.append(found[0] + penalty)
        again = judged(logits_of(rows.train(0), weights[:, 0]), rows.targets.argmax(1))
        assert found[0] == pytest.approx(again.loss, rel=1e-5)
        return places

    lbfgs(rows, [settings(epochs=20, l2=0.1)], after)
    assert len(losses) > 3
    assert losses == sorted(losses, reverse=True)


def test_lbfgs_stops_when_it_is_told_to_and_goes_on_to_the_next_head():
    told = []

    def after(places, *_):
        told.append(places[0])
        return []

    lbfgs(coordinates(), [settings(l2=0.1), settings(l2=0.2)], after)
    assert told == [0, 1]
