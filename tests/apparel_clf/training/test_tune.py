import json
from itertools import pairwise

import pytest

import apparel_clf as ac
from apparel_clf.training import precision
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


def test_what_the_classifier_was_given_is_not_searched(small_classifier, small_set):
    given = {"head": "gap", "solver": "adam", "epochs": 3, "batch_size": 8, "l2": 0.05}
    found = ac.tune(small_set("all", 12), small_classifier(**given), k=3)
    rates = {trial.settings.pop("learning_rate") for trial in found.trials}
    assert len(rates) == len(found.trials) == 4
    assert all(trial.settings == given for trial in found.trials)
    assert {len(trial.epochs_loss) for trial in found.trials} == {3}


@pytest.mark.parametrize(
    ("heads", "expected"), [(("gap", "flatten"), "bfloat16"), (("gap", "pooled"), "float32")]
)
def test_auto_takes_bfloat16_if_any_head_holds_all_of_the_last_block(
    small_classifier, small_set, monkeypatch, heads, expected
):
    monkeypatch.setattr(precision, "_bfloat16_ratio", lambda: 0.2)
    wanted = small_classifier(precision="auto", solver="lbfgs", l2=1e-3, epochs=2)
    found = ac.tune(small_set("all", 6), wanted, heads=heads, k=2)
    assert found.recipe.precision == expected
    assert f"features in {expected}." in str(found)


def test_epochs_that_were_given_are_those_that_are_judged(small_classifier, small_set):
    classifier = small_classifier(head="gap", solver="lbfgs", epochs=7)
    found = ac.tune(small_set("all", 12), classifier, heads=("gap", "pooled"), k=3)
    assert len(found.trials) == 2 * 5
    assert {trial.settings["epochs"] for trial in found.trials} == {7}
    assert {trial.settings["head"] for trial in found.trials} == {"gap", "pooled"}
    trial = found.best
    again = ac.cross_validate(small_set("again", 12), small_classifier(**trial.settings), k=3)
    assert again.accuracy == trial.accuracy


def test_the_same_images_give_the_same_bytes(tuned, small_classifier, small_set):
    again = ac.tune(small_set("other", 12), small_classifier(), heads=("flatten", "gap"), k=3)
    ours, theirs = tuned.to_json(), again.to_json()
    assert json.dumps(ours["trials"]) == json.dumps(theirs["trials"])
    assert len({json.dumps(trial["settings"]) for trial in ours["trials"]}) == len(tuned.trials)


def test_the_table_the_document_and_the_plot_are_there(tuned, tmp_path):
    text = str(tuned)
    assert "flattered by the choice" in text
    assert "untrained" in text or "none" in text
    assert json.loads(json.dumps(tuned.to_json()))["best"]["accuracy"] == tuned.best.accuracy
    tuned.plot(tmp_path / "tune.png")
    assert (tmp_path / "tune.png").stat().st_size > 10_000


@pytest.mark.parametrize(("low", "high"), [(0.095, 0.16), (0.09, 0.5), (0.01, 4)])
def test_numbers_along_the_plot_do_not_run_into_each_other(low, high):
    settings = {"head": "gap", "solver": "lbfgs", "l2": 1e-3, "epochs": 1}
    trials = tuple(module.Trial(10, 9, settings, loss, (loss,)) for loss in (low, high))
    figure = module.Tuning(trials, ac.recipe("fast"), 5, "none", "photos", None).plot()
    figure.canvas.draw()
    axis = figure.axes[0].xaxis
    labels = [*axis.get_ticklabels(), *axis.get_ticklabels(minor=True)]
    least, most = figure.axes[0].get_xlim()
    boxes = [
        (text.get_window_extent().x0, text.get_window_extent().x1)
        for text in labels
        if text.get_text() and least <= text.get_position()[0] <= most
    ]
    assert len(boxes) > 1
    assert all(end < start for (_, end), (start, _) in pairwise(sorted(boxes)))


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
