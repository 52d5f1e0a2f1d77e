import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apparel_clf.dataset import Sample
from apparel_clf.errors import SettingsError
from apparel_clf.training.features import Rows
from apparel_clf.training.folds import make_folds, out_of_fold, out_of_fold_of
from apparel_clf.training.head import HeadSettings, prepare


def on_shared_coordinates(rows, folds, num_classes, settings):
    prepared = prepare(rows, None, num_classes, settings)
    return out_of_fold_of(prepared, rows.views, folds, settings)


def samples(groups_by_label):
    return [
        Sample(f"{label}/{i}", label, group=f"{label}{group}")
        for label, groups in groups_by_label.items()
        for i, group in enumerate(groups)
    ]


@given(
    st.lists(st.integers(0, 9), min_size=20, max_size=60),
    st.lists(st.integers(0, 9), min_size=20, max_size=60),
    st.integers(2, 4),
    st.integers(0, 5),
)
@settings(max_examples=60, deadline=None)
def test_groups_stay_together_and_every_image_is_judged_once(first, second, k, seed):
    images = samples({"a": first, "b": second})
    try:
        folds = make_folds(images, k, seed)
    except SettingsError:
        return
    assert sorted(np.concatenate([fold.test for fold in folds])) == list(range(len(images)))
    for fold in folds:
        assert not set(fold.train) & set(fold.test)
        learnt = {images[i].group for i in fold.train}
        assert not learnt & {images[i].group for i in fold.test}
        assert {images[i].label for i in fold.train} == {"a", "b"}


def test_classes_have_equal_shares_in_all_folds():
    folds = make_folds(samples({"a": range(50), "b": range(20)}), 5, 0)
    assert [sum(i >= 50 for i in fold.test) for fold in folds] == [4] * 5


def test_a_class_with_fewer_groups_than_folds_is_named():
    images = samples({"a": range(20), "b": [0, 0, 0, 1, 1, 2]})
    with pytest.raises(SettingsError, match="'b' has 3: pass a smaller k"):
        make_folds(images, 5, 0)


def test_few_images_make_few_folds_or_none():
    assert len(make_folds(samples({"a": range(20), "b": range(3)}), 5, 0, few=True)) == 3
    assert make_folds(samples({"a": range(20), "b": [0, 0]}), 5, 0, few=True) is None


@pytest.mark.parametrize("predict", [out_of_fold, on_shared_coordinates])
def test_predictions_come_from_heads_that_never_saw_the_image(predict):
    """One image has a mark that nobody else has: only a head that saw it could tell its label."""
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    features = rng.standard_normal((60, 30)).astype(np.float16)
    features[7] = 0
    features[7, 0] = 50
    rows = Rows(features, labels.astype(np.int64))
    folds = make_folds(samples({"a": range(30), "b": range(30)}), 5, 0)
    wanted = HeadSettings(60, 1e-2, 8, 1e-6, "last", 0, solver="lbfgs")
    first = predict(rows, folds, 2, wanted)
    relabelled = labels.copy()
    relabelled[7] = 1 - relabelled[7]
    second = predict(Rows(features, relabelled.astype(np.int64)), folds, 2, wanted)
    np.testing.assert_array_equal(first[7], second[7])


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_shared_coordinates_change_the_scale_of_the_features_and_nothing_else(solver):
    rng = np.random.default_rng(2)
    labels = np.repeat(np.arange(60) % 3, 2).astype(np.int64)
    rows = Rows(rng.standard_normal((120, 10)).astype(np.float16), labels, views=2)
    folds = make_folds(samples({"a": range(20), "b": range(20), "c": range(20)}), 5, 0)
    unscaled = HeadSettings(9, 0.1, 8, 1e-3, "last", 0, solver=solver, standardize=False)
    np.testing.assert_allclose(
        on_shared_coordinates(rows, folds, 3, unscaled),
        out_of_fold(rows, folds, 3, unscaled),
        rtol=1e-4,
        atol=1e-5,
    )


@pytest.mark.parametrize("keep", [{"keep": "best"}, {"patience": 2}])
def test_an_epoch_is_not_chosen_by_the_images_that_are_judged(keep):
    rng = np.random.default_rng(1)
    labels = (np.arange(60) % 2).astype(np.int64)
    rows = Rows(rng.standard_normal((60, 10)).astype(np.float16), labels)
    folds = make_folds(samples({"a": range(30), "b": range(30)}), 5, 0)
    wanted = HeadSettings(**{"keep": "last", **keep}, epochs=9, learning_rate=0.1, batch_size=8,
                          l2=0.0, random_state=0)  # fmt: skip
    first = out_of_fold(rows, folds, 2, wanted)
    judged = folds[0].test
    swapped = labels.copy()
    swapped[judged] = 1 - swapped[judged]
    second = out_of_fold(Rows(rows.features, swapped), folds, 2, wanted)
    np.testing.assert_array_equal(first[judged], second[judged])


@pytest.mark.parametrize("predict", [out_of_fold, on_shared_coordinates])
def test_an_interrupted_fold_judges_nothing(monkeypatch, predict):
    from apparel_clf.training.watch import Watch

    epoch = Watch.epoch

    def interrupted(self, *args):
        epoch(self, *args)
        raise KeyboardInterrupt

    monkeypatch.setattr(Watch, "epoch", interrupted)
    labels = (np.arange(60) % 2).astype(np.int64)
    rows = Rows(np.random.default_rng(1).standard_normal((60, 10)).astype(np.float16), labels)
    folds = make_folds(samples({"a": range(30), "b": range(30)}), 5, 0)
    with pytest.raises(KeyboardInterrupt):
        predict(rows, folds, 2, HeadSettings(5, 0.1, 8, 0.0, "last", 0))


def test_two_folds_cannot_choose_an_epoch_as_well():
    labels = np.repeat([0, 1], 10).astype(np.int64)
    rows = Rows(np.random.default_rng(1).standard_normal((20, 4)).astype(np.float16), labels)
    folds = make_folds(samples({"a": range(10), "b": range(10)}), 2, 0)
    with pytest.raises(SettingsError, match="pass a larger k, keep='last'"):
        out_of_fold(rows, folds, 2, HeadSettings(5, 0.1, 8, 0.0, "best", 0))
