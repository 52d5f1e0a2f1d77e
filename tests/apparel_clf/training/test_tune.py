import json

import pytest

import apparel_clf as ac
from apparel_clf.training import tune as module


@pytest.fixture
def tuned(small_classifier, small_set, monkeypatch):
    monkeypatch.setattr(module, "_ADAM_EPOCHS", 8)
    return ac.tune(small_set("all", 12), small_classifier(), heads=("flatten", "gap"), k=3)


def test_all_settings_are_tried_and_the_lowest_loss_comes_first(tuned):
    losses = [trial.log_loss for trial in tuned.trials]
    assert losses == sorted(losses)
    assert len(losses) == 2 * (5 + 4 * 3 * 3)
    assert {trial.n for trial in tuned.trials} == {36}
    assert tuned.best.accuracy > 0.9


def test_epochs_are_where_the_held_out_loss_is_lowest(tuned):
    for trial in tuned.trials:
        assert trial.epochs_loss[trial.settings["epochs"] - 1] == min(trial.epochs_loss)


def test_the_best_settings_are_a_classifiers(tuned, small_classifier, small_set):
    clf = small_classifier(**tuned.best.settings).fit(small_set("train"))
    assert clf.recipe_.l2 == tuned.best.settings["l2"]
    assert len(clf.history_.epoch) <= tuned.best.settings["epochs"]


def test_a_trials_figures_are_cross_validations(tuned, small_classifier, small_set):
    """The same settings, trained from scratch in each fold, give the same hits."""
    trial = next(t for t in tuned.trials if t.settings["solver"] == "adam")
    images = small_set("again", 12)
    found = ac.cross_validate(images, small_classifier(**trial.settings), k=3)
    assert found.accuracy == trial.accuracy


def test_the_table_the_document_and_the_plot_are_there(tuned, tmp_path):
    text = str(tuned)
    assert "flattered by the choice" in text
    assert "untrained" in text or "none" in text
    assert json.loads(json.dumps(tuned.to_json()))["best"]["accuracy"] == tuned.best.accuracy
    tuned.plot(tmp_path / "tune.png")
    assert (tmp_path / "tune.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("heads", "recipe", "words"),
    [
        ((), "fast", "heads to be some of"),
        (("flaten",), "fast", "heads to be one of"),
        ("gap", "seed", "Expected a recipe whose features are computed once"),
    ],
)
def test_what_cannot_be_tuned_is_refused_at_once(small_classifier, small_set, heads, recipe, words):
    with pytest.raises(ac.SettingsError, match=words):
        ac.tune(small_set(), small_classifier(recipe=recipe), heads=heads)
