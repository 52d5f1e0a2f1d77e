from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
import types
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import apparel_clf as ac
from apparel_clf import cli
from apparel_clf._arguments import build_parser
from apparel_clf._version import __version__
from apparel_clf.cli import Outcome, main

ROOT = Path(cli.__file__).parents[1]
COLOURS = {"blue": (40, 60, 200), "green": (40, 180, 60), "red": (210, 40, 40)}
SPLITS = {"train": 8, "val": 3, "test": 4}
SETTINGS = (
    *("--weights", "none", "--image-size", "32", "--views", "1", "--epochs", "2"),
    *("--precision", "float32"),
)


def _run(*argv, cwd, **environment):
    """The command line as a user starts it."""
    return _python("-m", "apparel_clf", *argv, cwd=cwd, **environment)


def _python(*argv, cwd, **environment):
    env = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.run(
        [sys.executable, *map(str, argv)],
        cwd=cwd,
        env={**env, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


def _draw(path, colour, rng):
    """Blocks of one colour's shades: a picture of its own, and of its class at first sight."""
    shades = rng.uniform(0.4, 1.0, size=(6, 6, 1)) * np.array(colour)
    blocks = np.kron(shades, np.ones((8, 8, 1))).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(blocks).save(path)


@pytest.fixture(scope="module")
def squares(tmp_path_factory):
    """A dataset with splits: coloured pictures, fifteen of each of three classes."""
    folder = tmp_path_factory.mktemp("data") / "squares"
    rng = np.random.default_rng(0)
    for split, count in SPLITS.items():
        for label, colour in COLOURS.items():
            for number in range(count):
                _draw(folder / split / label / f"{number}.png", colour, rng)
    return folder


@pytest.fixture(scope="module")
def trained(squares):
    """The dataset's folder with model.keras beside it, made by the command line, and its answer."""
    done = _run("train", "squares", *SETTINGS, "--json", "--quiet", cwd=squares.parent)
    assert done.returncode == 0, done.stderr
    return squares.parent, done


@pytest.fixture
def command(monkeypatch):
    """A function that puts one of one's own in place of the command ``predict``."""

    def put(run):
        monkeypatch.setitem(cli._COMMANDS, "predict", run)
        return ["predict", "x.jpg"]

    return put


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")


def test_help_loads_nothing_heavy(tmp_path):
    script = (
        "import sys\n"
        "from apparel_clf.cli import main\n"
        "try:\n    main(['--help'])\n"
        "finally:\n    sys.stderr.write(' '.join(m for m in sys.modules if '.' not in m))\n"
    )
    done = _python("-c", script, cwd=tmp_path)
    loaded = set(done.stderr.split())
    assert done.returncode == 0
    assert "exit codes" in done.stdout
    assert "apparel_clf" in loaded
    assert not loaded & {"tensorflow", "keras", "numpy", "PIL", "sklearn", "matplotlib", "jinja2"}


def test_version(tmp_path):
    done = _run("--version", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"apparel-clf {__version__}\n")


def test_wrong_usage_is_2(tmp_path):
    done = _run("train", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "DATA" in done.stderr


def test_a_missing_folder_is_one_line_and_1(tmp_path):
    done = _run("train", "nowhere", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("apparel-clf: error: nowhere: no such folder")
    assert done.stderr.count("\n") == 1


def test_debug_shows_the_traceback(tmp_path):
    done = _run("train", "nowhere", "--debug", cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("apparel-clf: error: nowhere")


def test_a_missing_extra_gives_the_pip_line(tmp_path, squares):
    script = (
        "import sys\n"
        "for name in ('tensorflow', 'keras', 'sklearn', 'jinja2', 'matplotlib'):\n"
        "    sys.modules[name] = None\n"
        "from apparel_clf.cli import main\n"
        f"sys.exit(main(['train', {str(squares)!r}, '--weights', 'none']))"
    )
    done = _python("-c", script, cwd=tmp_path)
    assert done.returncode == 1
    assert "in the project's folder: pip install '.[train]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("extra", "told"), [("train", True), ("onnx", False)])
def test_an_extra_that_needs_a_newer_python_says_so(monkeypatch, extra, told):
    old = types.SimpleNamespace(version_info=(3, 10, 9), executable="python")
    monkeypatch.setattr("apparel_clf.errors.sys", old)
    message = str(ac.MissingExtraError(extra, "thing"))
    assert ("needs Python 3.11 or newer, this is 3.10" in message) is told


@pytest.mark.parametrize(
    "then",
    [
        "import apparel_clf; apparel_clf.load",
        "from apparel_clf.cli import main; main(sys.argv[1:])",
    ],
)
def test_a_python_without_numpy_is_told_where_to_go(tmp_path, then):
    done = _python(
        "-c", f"import sys; sys.modules['numpy'] = None; {then}", "predict", "x.jpg", cwd=tmp_path
    )
    assert f"numpy is not installed for {sys.executable}" in done.stderr
    assert "in the project's folder: pip install ." in done.stderr


@pytest.mark.parametrize(
    ("argv", "meant"),
    [
        (["train", "datasets/rehersal", "-o", "new.keras"], "datasets/rehearsal"),
        (["evaluate", "datasets/rehersal/v1"], "datasets/rehearsal/v1"),
        (["predict", "x.jpg", "-m", "modle.keras"], "model.keras"),
        (["train", "elsewhere", "-o", "new.keras"], None),
    ],
)
def test_a_slip_in_a_path_gets_a_suggestion(tmp_path, monkeypatch, capsys, argv, meant):
    monkeypatch.chdir(tmp_path)
    Path("datasets/rehearsal/v1").mkdir(parents=True)
    Path("model.keras").touch()
    Path("x.jpg").touch()
    assert main(argv) == 1
    told = capsys.readouterr().err
    assert told.rstrip().endswith(f"Did you mean {meant}?") if meant else "mean" not in told


@pytest.mark.parametrize("argv", [["train", "squares", "--weights", "no.h5"], ["predict", "x.png"]])
def test_a_missing_file_is_told_before_tensorflow_is_loaded(squares, argv):
    (squares.parent / "x.png").touch()
    script = "import sys; from apparel_clf.cli import main; main(sys.argv[1:]); "
    script += "sys.stderr.write(str('tensorflow' in sys.modules))"
    done = _python("-c", script, *argv, cwd=squares.parent)
    assert "no such" in done.stderr
    assert done.stderr.endswith("False")


def test_ways_out_stand_on_lines_of_their_own(command, capsys):
    def lost(args):
        raise ac.WeightsError("no\nweights", ("one", "an\nother"))

    assert main(command(lost)) == 1
    assert capsys.readouterr().err.splitlines() == [
        "apparel-clf: error: no weights. Ways out:",
        "  - one",
        "  - an other",
    ]


@pytest.mark.parametrize("name", ["train", "report"])
def test_an_existing_output_is_kept(name, squares, tmp_path, capsys):
    output = tmp_path / "precious.keras"
    output.write_text("precious")
    assert main([name, str(squares), "-o", str(output)]) == 1
    assert "exists already" in capsys.readouterr().err
    assert output.read_text() == "precious"


@pytest.mark.parametrize("name", ["evaluate", "report", "predict"])
def test_a_model_that_is_not_there(name, squares, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    given = squares / "test" / "red" if name == "predict" else squares
    assert main([name, str(given), "-m", "nothing.keras"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("apparel-clf: error: ")
    assert "nothing.keras" in err
    assert list(tmp_path.iterdir()) == []


def test_publish_without_journals(tmp_path, capsys):
    assert main(["dataset", "publish", str(tmp_path)]) == 1
    assert "journals" in capsys.readouterr().err


def test_an_interrupt_is_130(command, capsys):
    def interrupted(args):
        raise KeyboardInterrupt

    assert main(command(interrupted)) == 130
    assert capsys.readouterr().err == "apparel-clf: interrupted\n"


def test_an_error_of_the_system_is_one_line(command, capsys):
    def full(args):
        raise OSError(28, "No space left on device", "model.keras")

    assert main(command(full)) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_bug_is_not_hidden(command):
    def broken(args):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        main(command(broken))


def test_an_error_of_many_lines_becomes_one(command, capsys):
    def wordy(args):
        raise ac.SettingsError("one\ntwo\nthree")

    assert main(command(wordy)) == 1
    assert capsys.readouterr().err == "apparel-clf: error: one two three\n"


def test_what_a_library_prints_stays_out_of_the_answer(command, capsys):
    def chatty(args):
        sys.stdout.write("Epoch 1/12\n")
        return Outcome("text", {"a": 1})

    assert main([*command(chatty), "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {"a": 1}
    assert err == "Epoch 1/12\n"


def test_a_warning_is_one_line_without_our_code(command, capsys):
    def wary(args):
        warnings.warn("2 images\nleft out", UserWarning, stacklevel=1)
        return Outcome("done", {})

    before = warnings.showwarning
    assert main(command(wary)) == 0
    assert capsys.readouterr() == ("done\n", "apparel-clf: warning: 2 images left out\n")
    assert warnings.showwarning is before


def test_problems_go_to_standard_error_after_the_answer(command, capsys):
    assert main(command(lambda args: Outcome("done", {}, ["x.jpg: empty"]))) == 1
    out, err = capsys.readouterr()
    assert (out, err) == ("done\n", "apparel-clf: error: x.jpg: empty\n")


def test_a_reader_that_leaves_is_no_error(tmp_path):
    script = (
        "import sys; from apparel_clf import cli\n"
        "cli._COMMANDS['predict'] = lambda args: cli.Outcome('x' * 10_000_000, {})\n"
        "sys.exit(cli.main(['predict', 'x.jpg']))"
    )
    head = f'{sys.executable} -c "$SCRIPT" | head -c 1'
    done = subprocess.run(
        ["sh", "-c", head],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SCRIPT": script},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.stdout, done.stderr) == ("x", "")


_NOISY = """
import os, sys
from apparel_clf.model import backend
def noisy(module, extra):
    os.write(2, b"I0000 00:00:1795389590.440866 17851 port.cc:153] a note from C++\\nand others ")
    {then}
backend.require = noisy
{before}
try:
    backend.tensorflow_module()
finally:
    sys.stdout.write(os.environ["TF_CPP_MIN_LOG_LEVEL"])
    sys.stderr.write("and Python")
"""
_PROGRAM = "from apparel_clf._notes import hide_notes; hide_notes()"
_NO_ROOM = "import tempfile; tempfile.tempdir = '/no/such/folder'"
_NOTE = "I0000 00:00:1795389590.440866 17851 port.cc:153] a note from C++\n"


@pytest.mark.parametrize(
    ("before", "then", "level", "out", "shown"),
    [
        (_PROGRAM, "pass", None, "3", "and others and Python"),
        (_PROGRAM, "pass", "1", "1", f"{_NOTE}and others and Python"),
        (_PROGRAM, "raise SystemExit", None, "3", f"{_NOTE}and others and Python"),
        (f"{_PROGRAM}; {_NO_ROOM}", "pass", None, "3", f"{_NOTE}and others and Python"),
        ("", "pass", None, "2", f"{_NOTE}and others and Python"),
    ],
)
def test_start_up_notes_are_hidden_unless_wanted_or_needed(
    tmp_path, before, then, level, out, shown
):
    wish = {"TF_CPP_MIN_LOG_LEVEL": level} if level else {}
    done = _python("-c", _NOISY.format(before=before, then=then), cwd=tmp_path, **wish)
    assert (done.stdout, done.stderr) == (out, shown)


def test_defaults_are_those_of_the_library():
    from apparel_clf import ApparelClassifier

    given = vars(build_parser().parse_args(["train", "photos"]))
    given["random_state"] = given["seed"]
    library = inspect.signature(ApparelClassifier).parameters
    names = ("weights", "image_size", "head", "views", "resize", "batch_size", "random_state")
    assert {name: given[name] for name in names} == {name: library[name].default for name in names}
    epochs = inspect.signature(ApparelClassifier.fit).parameters["epochs"]
    assert given["epochs"] == epochs.default


@pytest.mark.train
def test_train_answers_in_json_alone(trained):
    folder, done = trained
    answer = json.loads(done.stdout)
    assert (folder / answer["model"]).is_file()
    assert answer["classes"] == ["blue", "green", "red"]
    assert answer["images"] == {"train": 24, "val": 9}
    assert answer["weights"] == "none"
    assert len(answer["history"]["history"]["val_accuracy"]) == 2
    assert "Traceback" not in done.stderr


@pytest.mark.train
def test_quiet_means_quiet(trained):
    assert trained[1].stderr == ""


@pytest.mark.train
def test_train_again_needs_force_and_then_replaces(trained):
    folder, _ = trained
    before = (folder / "model.keras").stat().st_mtime_ns
    refused = _run("train", "squares", *SETTINGS, cwd=folder)
    assert refused.returncode == 1
    assert "--force" in refused.stderr
    assert (folder / "model.keras").stat().st_mtime_ns == before
    done = _run("train", "squares", *SETTINGS, "--force", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "model.keras").stat().st_mtime_ns > before
    assert done.stderr.split()[0] == "epoch"
    first, second, last = done.stdout.splitlines()
    assert first == (
        "trained on 24 images of squares, 9 for val, weights none (untrained backbone), "
        "features in float32"
    )
    assert second.startswith("recipe fast, epoch 2, the last, is kept: loss ")
    assert re.search(r", val accuracy [\d.]+% \(\d of n=9\), 95% interval [\d.]+%–[\d.]+%", second)
    assert last == "saved model.keras"


@pytest.mark.train
def test_evaluate_in_text_and_json(trained, capsys, monkeypatch):
    monkeypatch.chdir(trained[0])
    assert main(["evaluate", "squares"]) == 0
    text = capsys.readouterr().out
    assert "of n=12" in text
    assert ", dataset squares (no version), weights none (untrained backbone)" in text
    assert "split test (id " in text
    assert main(["evaluate", "squares", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["n"] == 12
    assert f"accuracy {answer['accuracy']:.1%}" in text
    assert main(["evaluate", "squares", "--split", "all", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 45


@pytest.mark.train
def test_report_writes_a_page(trained, capsys, monkeypatch):
    monkeypatch.chdir(trained[0])
    assert main(["report", "squares", "-o", "runs/x/report.html", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    page = Path(answer["report"]).read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "sample of green" in page
    assert "they say nothing of the ImageNet model" in page
    assert "accuracy by epoch" in page
    first = Path(answer["report"]).read_bytes()
    assert main(["report", "squares", "-o", "runs/x/report.html", "--force"]) == 0
    assert "wrote runs/x/report.html" in capsys.readouterr().out
    assert Path(answer["report"]).read_bytes() == first


@pytest.mark.train
def test_predict_goes_on_past_a_bad_file(trained, capsys, monkeypatch):
    monkeypatch.chdir(trained[0])
    Path("bad.jpg").write_bytes(b"<html>")
    good = "squares/test/red/0.png"
    assert main(["predict", "bad.jpg", good, "gone.jpg", "--json", "--top", "2"]) == 1
    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert [item["source"] for item in answer["predictions"]] == [good]
    assert len(answer["predictions"][0]["top"]) == 2
    assert answer["predictions"][0]["label"] == answer["predictions"][0]["top"][0]["label"]
    assert [item["source"] for item in answer["errors"]] == ["bad.jpg", "gone.jpg"]
    assert err.count("apparel-clf: error: ") == 2


@pytest.mark.train
def test_predict_in_text(trained, capsys, monkeypatch):
    monkeypatch.chdir(trained[0])
    assert main(["predict", "squares/test/red", "--top", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("squares/test/red/0.png: ")
    assert lines[0].endswith("%")


@pytest.mark.train
def test_a_model_file_that_is_not_ours(trained, tmp_path, capsys):
    other = tmp_path / "other.keras"
    other.write_bytes(b"not a model")
    assert main(["evaluate", str(trained[0] / "squares"), "-m", str(other)]) == 1
    assert "other.keras" in capsys.readouterr().err
