"""The commands cross-validate, tune and compare, as a user types them."""

import json

import numpy as np
import pytest
from PIL import Image

import apparel_clf as ac
from apparel_clf.cli import main
from apparel_clf.dataset import read_list

SETTINGS = ["--weights", "none", "--image-size", "32", "--precision", "float32", "--quiet"]
COLOURS = {"jeans": (60, 80, 150), "saree": (190, 60, 60)}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Two classes of ten noisy pictures; one of each bears the other's label."""
    folder = tmp_path_factory.mktemp("data") / "photos"
    rng = np.random.default_rng(0)
    for label, colour in COLOURS.items():
        (folder / label).mkdir(parents=True)
        for number in range(10):
            pixels = rng.normal(colour, 30, (40, 30, 3)).clip(0, 255).astype(np.uint8)
            pixels[number : number + 9, 3 * (number % 7) :] = 255  # so that no two look alike
            Image.fromarray(pixels).save(folder / label / f"{label}{number}.png")
    (folder / "jeans" / "jeans9.png").rename(folder / "saree" / "jeans9.png")
    return folder


@pytest.mark.train
def test_cross_validate_tells_accuracy_folds_and_label_issues(photos, tmp_path, capsys):
    issues, page = tmp_path / "wrong.csv", tmp_path / "cv.html"
    wanted = ["cross-validate", str(photos), "--folds", "3", *SETTINGS]
    assert main([*wanted, "--relabel", str(issues), "--report", str(page)]) == 0
    text = capsys.readouterr().out
    assert "split 3-fold cross-validation" in text
    assert "untrained backbone" in text
    assert "dataset photos (no version)" in text
    assert "recipe fast, features in float32" in text
    assert "jeans9.png: saree → jeans" in text
    assert any("jeans9.png" in row["image"] for row in read_list(issues))
    assert "Likely label issues" in page.read_text(encoding="utf-8")
    assert main([*wanted, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["n"] == 20 == sum(fold["n"] for fold in answer["folds"])
    assert answer["label_issues"][0]["suggested"] == "jeans"


@pytest.mark.train
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_train_takes_and_tells_what_the_settings_are_called_in_python(
    photos, tmp_path, capsys, precision
):
    model = tmp_path / "m.keras"
    wanted = ["train", str(photos), "-o", str(model), "--weights", "none", "--image-size", "32"]
    ends = ["--fine-tune", "1", "--patience", "5", "--no-calibrate", "--epochs", "2", "--quiet"]
    assert main([*wanted, "--precision", precision, *ends]) == 0
    assert f", features in {precision}\n" in capsys.readouterr().out
    recipe = ac.load(model).recipe_
    assert (recipe.precision, recipe.fine_tune) == (precision, 1)
    assert (recipe.patience, recipe.calibrate) == (5, False)


@pytest.mark.train
def test_cross_validate_does_not_replace_files(photos, tmp_path, capsys):
    there = tmp_path / "bad.csv"
    there.write_text("mine")
    assert main(["cross-validate", str(photos), *SETTINGS, "--reject", str(there)]) == 1
    assert "--force" in capsys.readouterr().err
    assert there.read_text() == "mine"


@pytest.mark.train
def test_too_many_folds_are_told(photos, capsys):
    assert main(["cross-validate", str(photos), "--folds", "15", *SETTINGS]) == 1
    assert "pass a smaller k" in capsys.readouterr().err


@pytest.mark.train
def test_tune_shows_a_table_and_draws_it(photos, tmp_path, capsys):
    plot = tmp_path / "tune.png"
    wanted = ["tune", str(photos), "--head", "gap", "--folds", "2", *SETTINGS]
    assert main([*wanted, "--plot", str(plot)]) == 0
    text = capsys.readouterr().out
    assert "log loss" in text
    assert "ApparelClassifier(head='gap'" in text
    assert Image.open(plot).size[0] > 500


@pytest.mark.train
def test_tune_takes_settings_that_are_given_as_they_are(photos, capsys):
    wanted = ["tune", str(photos), "--head", "gap", "--folds", "2", *SETTINGS, "--json"]
    given = ["--solver", "adam", "--batch-size", "4", "--epochs", "3", "--learning-rate", "0.02"]
    assert main([*wanted, *given]) == 0
    trials = json.loads(capsys.readouterr().out)["trials"]
    assert {trial["settings"]["batch_size"] for trial in trials} == {4}
    assert {trial["settings"]["epochs"] for trial in trials} == {3}
    assert {trial["settings"]["l2"] for trial in trials} == {0.0, 0.01, 0.1}
    assert len(trials) == 3


def test_a_plot_that_cannot_be_written_is_told_before_the_search(photos, tmp_path, capsys):
    assert main(["tune", str(photos), "--plot", str(tmp_path / "tune.xyz")]) == 1
    assert "ends in one of .png" in capsys.readouterr().err


@pytest.mark.train
def test_compare_says_whether_two_models_differ(photos, tmp_path, capsys):
    models = [str(tmp_path / name) for name in ("a.keras", "b.keras")]
    for model, recipe in zip(models, ("fast", "best"), strict=True):
        wanted = ["train", str(photos), "-o", model, "--recipe", recipe, "--views", "2", *SETTINGS]
        assert main(wanted) == 0
    capsys.readouterr()
    assert main(["compare", str(photos), *models, "--split", "all"]) == 0
    assert "McNemar" in capsys.readouterr().out
    assert main(["compare", str(photos), *models, "--split", "all", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert 0 <= answer["p_value"] <= 1
    assert answer["n"] == 20
    assert answer["split_id"]
    assert [answer["a"], answer["b"]] == models


@pytest.mark.train
def test_a_report_shows_what_augmentation_does(photos, tmp_path):
    model, page = str(tmp_path / "m.keras"), tmp_path / "r.html"
    assert main(["train", str(photos), "-o", model, "--views", "3", *SETTINGS]) == 0
    assert main(["report", str(photos), "-m", model, "-o", str(page), "--split", "all"]) == 0
    assert "Augmentation" in page.read_text(encoding="utf-8")
