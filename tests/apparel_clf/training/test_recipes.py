import json

import pytest

import apparel_clf as ac
from apparel_clf.training.recipes import RECIPES, Recipe


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_survives_json_and_says_all_its_settings(name):
    recipe = ac.recipe(name)
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
    text = str(recipe)
    assert text.startswith(f"recipe {name}\n")
    assert all(setting in text for setting in recipe.to_json() if setting != "name")


def test_the_seed_is_the_original():
    seed = ac.recipe("seed")
    assert (seed.backbone, seed.head, seed.epochs, seed.precision) == (
        "loop",
        "flatten",
        12,
        "float32",
    )
    assert (seed.standardize, seed.l2, seed.keep, seed.calibrate) == (False, 0.0, "last", False)


def test_settings_are_overridden_one_by_one():
    changed = ac.ApparelClassifier(recipe="best", views=2, epochs=7).settings()
    assert (changed.views, changed.epochs) == (2, 7)
    assert changed == ac.recipe("best").changed(views=2, epochs=7, l2=None)


def test_the_loop_knows_no_features_to_standardise():
    with pytest.raises(ac.SettingsError, match=r"standardize=False.*Received: {'solver': 'lbfgs'}"):
        ac.ApparelClassifier(recipe="seed", solver="lbfgs").settings()


@pytest.mark.parametrize(
    "ignored", [{"fine_tune": 2}, {"calibrate": True}, {"precision": "bfloat16"}, {"views": 5}]
)
def test_the_loop_refuses_what_it_would_ignore(ignored):
    with pytest.raises(ac.SettingsError, match="Expected with backbone='loop'"):
        ac.ApparelClassifier(recipe="seed", **ignored).settings()


def test_a_recipe_of_ones_own_is_used_and_travels(small_classifier, small_set, tmp_path):
    own = ac.recipe("best").changed(views=2, epochs=3)
    fitted = small_classifier(recipe=own).fit(small_set())
    assert fitted.recipe_ == own.changed(precision="float32")
    loaded = ac.load(fitted.save(tmp_path / "m.keras"))
    assert loaded.recipe == own
    assert loaded.recipe_ == fitted.recipe_


def test_unknown_recipes_and_settings_are_refused():
    with pytest.raises(ac.SettingsError, match=r"recipe to be one of .*Received: 'slow'"):
        ac.recipe("slow")
    with pytest.raises(ac.SettingsError, match="No recipe has the setting 'momentum'"):
        ac.recipe("fast").changed(momentum=0.9)
