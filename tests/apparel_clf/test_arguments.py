from __future__ import annotations

from pathlib import Path

import pytest

from apparel_clf._arguments import build_parser


def _parse(*argv):
    return build_parser().parse_args(argv)


def test_train_defaults():
    given = vars(_parse("train", "photos"))
    assert given.pop("data") == Path("photos")
    assert given.pop("output") == Path("model.keras")
    assert given == {
        "command": "train",
        "recipe": "fast",
        "weights": "imagenet",
        "epochs": None,
        "image_size": 256,
        "head": None,
        "views": None,
        "resize": None,
        "solver": None,
        "l2": None,
        "learning_rate": None,
        "batch_size": None,
        "precision": None,
        "patience": None,
        "calibrate": None,
        "fine_tune": None,
        "seed": 0,
        "quiet": False,
        "force": False,
        "json": False,
        "debug": False,
    }


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("none", None),
        ("None", None),
        ("NONE", None),
        ("imagenet", "imagenet"),
        ("ImageNet", "imagenet"),
        ("w.weights.h5", "w.weights.h5"),
    ],
)
def test_weights(text, weights):
    assert _parse("train", "photos", "--weights", text).weights == weights


@pytest.mark.parametrize("command", ["evaluate", "report"])
def test_judging_is_on_the_test_split_unless_told(command):
    given = _parse(command, "photos")
    assert (given.command, given.split, given.model) == (command, "test", Path("model.keras"))


@pytest.mark.parametrize("command", ["train", "cross-validate", "tune"])
def test_training_takes_the_arithmetic(command):
    assert _parse(command, "photos", "--precision", "bfloat16").precision == "bfloat16"


@pytest.mark.parametrize("command", ["train", "cross-validate"])
def test_how_training_ends_is_said_in_the_settings_words(command):
    given = _parse(command, "photos", "--patience", "3", "--no-calibrate")
    assert (given.patience, given.calibrate) == (3, False)


def test_predict_takes_many_paths():
    given = _parse("predict", "a.jpg", "folder", "-m", "x.keras", "--top", "1")
    assert (given.paths, given.model, given.top) == (["a.jpg", "folder"], Path("x.keras"), 1)


def test_versions_are_checked_compared_and_counted():
    for command in ("verify", "stats"):
        given = _parse("dataset", command, "datasets/demo/v1")
        assert (given.command, given.version) == (f"dataset {command}", Path("datasets/demo/v1"))
    given = _parse("dataset", "diff", "v1", "v2", "--all")
    assert (given.before, given.after, given.all) == (Path("v1"), Path("v2"), True)
    assert not _parse("dataset", "diff", "v1", "v2").all


def test_publish_is_a_command_of_dataset():
    given = _parse("dataset", "publish", "datasets/demo")
    assert (given.command, given.folder) == ("dataset publish", Path("datasets/demo"))


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ((), "COMMAND"),
        (("fly",), "invalid choice"),
        (("train",), "DATA"),
        (("train", "photos", "--epochs", "0"), "a whole number from 1, not '0'"),
        (("train", "photos", "--precision", "bf16"), "invalid choice"),
        (("train", "photos", "--views", "two"), "a whole number from 1, not 'two'"),
        (("train", "photos", "-o", "model.h5"), "ends in .keras, not 'model.h5'"),
        (("train", "photos", "--weight", "none"), "unrecognized arguments: --weight none"),
        (("train", "photos", "--recipe", "default"), "not 'default'; fast is the default"),
        (("dataset", "diff", "v1", "v2", "--al"), "unrecognized arguments: --al"),
        (("evaluate", "photos", "--split", "dev"), "invalid choice"),
        (("predict",), "PATH"),
        (("dataset",), "COMMAND"),
    ],
)
def test_wrong_usage_exits_with_2_and_says_why(argv, words, capsys):
    with pytest.raises(SystemExit) as stop:
        _parse(*argv)
    assert stop.value.code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv",
    [
        ("train",),
        ("evaluate",),
        ("report",),
        ("predict",),
        ("dataset", "publish"),
    ],
)
def test_every_command_explains_itself_with_an_example(argv, capsys):
    with pytest.raises(SystemExit) as stop:
        _parse(*argv, "--help")
    assert stop.value.code == 0
    out = capsys.readouterr().out
    assert f"  apparel-clf {' '.join(argv)} " in out[out.index("example") :]
    assert "--json" in out


def test_defaults_show_in_the_help(capsys):
    with pytest.raises(SystemExit):
        _parse("train", "--help")
    out = " ".join(capsys.readouterr().out.split())
    assert "(default: model.keras)" in out
    assert "same seed, same model (default: 0)" in out
    assert "default: False" not in out


def help_of(capsys, *argv):
    with pytest.raises(SystemExit):
        _parse("dataset", *argv, "--help")
    return " ".join(capsys.readouterr().out.split())


def test_the_help_of_datasets_says_what_will_do(capsys):
    curate = help_of(capsys, "curate")
    assert "(default: )" not in curate
    assert "The sha256 alone is enough" in curate
    assert "a dataset's folder (its latest version)" in help_of(capsys, "merge")
    assert "that the dataset already holds keep their split" in help_of(capsys, "import")
    assert "a dataset's folder means its latest version" in help_of(capsys, "stats")
