"""`apparel-clf predict`, `explain` and `export`: every format, streams, bad files among good."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import subprocess
import sys
import termios
import time

import numpy as np
import pytest
from PIL import Image

import apparel_clf as ac
from apparel_clf.cli import main
from apparel_clf.inference.explain import explanation
from tests.apparel_clf.conftest import SmallClassifier, labelled_set

PREDICT = [sys.executable, "-m", "apparel_clf.cli", "predict"]
# Writes what memory a program needed at most. Whoever starts it must be small: until a new process
# runs its own program it is as large as the one that made it, and the kernel remembers that.
PEAK = """
import pathlib, resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
pathlib.Path(sys.argv[1]).write_text(str(peak if sys.platform == "darwin" else 1024 * peak))
sys.exit(code)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    train = labelled_set(folder, "train", 8)
    made = SmallClassifier(weights=None, image_size=32, precision="float32", verbose=False)
    made.fit(train).save(folder / "m.keras")
    made.export(folder / "m.onnx")
    return folder


@pytest.fixture
def photos(tmp_path, made):
    for number in range(5):
        source = made / "train" / "saree" / f"{number}.png"
        (tmp_path / f"{number}.png").write_bytes(source.read_bytes())
    (tmp_path / "bad, file.jpg").write_bytes(b"<html>")
    return tmp_path


def run(capsys, *words):
    code = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("model", ["m.keras", "m.onnx"])
def test_text_has_a_line_for_each_image(made, photos, capsys, model):
    code, out, err = run(capsys, "predict", photos, "-m", made / model, "--top", 1)
    assert code == 1
    assert [line.split(": ")[1].split()[0] for line in out.splitlines()] == ["saree"] * 5
    assert "bad, file.jpg" in err


def test_json_is_one_document(made, photos, capsys):
    code, out, _ = run(capsys, "predict", photos, "-m", made / "m.onnx", "--json")
    answer = json.loads(out)
    assert code == 1
    assert answer["runtime"] == "onnx"
    assert [one["label"] for one in answer["predictions"]] == ["saree"] * 5
    assert [len(one["top"]) for one in answer["predictions"]] == [3] * 5
    assert [error["source"] for error in answer["errors"]] == [str(photos / "bad, file.jpg")]


def test_json_of_nothing_but_bad_files_is_a_document_too(made, photos, capsys):
    _, out, _ = run(capsys, "predict", photos / "bad, file.jpg", "-m", made / "m.onnx", "--json")
    assert json.loads(out)["predictions"] == []


def test_csv_has_a_row_for_each_image_bad_ones_with_the_reason(made, photos, capsys):
    _, out, _ = run(capsys, "predict", photos, "-m", made / "m.onnx", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert len(rows) == 6
    good = [row for row in rows if not row["error"]]
    assert {row["label"] for row in good} == {"saree"}
    for row in good:
        shares = [float(row[name]) for name in ("jeans", "saree", "trousers")]
        assert sum(shares) == pytest.approx(1, abs=1e-5)
        assert max(shares) == float(row["confidence"])
    (bad,) = [row for row in rows if row["error"]]
    assert (bad["source"], bad["label"]) == (str(photos / "bad, file.jpg"), "")


def test_a_threshold_marks_what_is_uncertain(made, photos, capsys):
    one = photos / "0.png"
    _, out, _ = run(capsys, "predict", one, "-m", made / "m.onnx", "--threshold", 1)
    assert out.endswith("(uncertain)\n")
    code, _, err = run(capsys, "predict", one, "-m", made / "m.onnx", "--threshold", 2)
    assert code == 1
    assert "Expected threshold" in err


def test_a_name_cannot_pretend_to_be_an_answer(made, photos, capsys):
    name = "a.png: jeans 99.9%\nb\x1b[2J.png"
    (photos / name).write_bytes((photos / "0.png").read_bytes())
    _, out, _ = run(capsys, "predict", photos / name, "-m", made / "m.onnx", "--top", 1)
    assert len(out.splitlines()) == 1
    assert "\x1b" not in out


def test_help_shows_the_commands_own_examples(capsys):
    for command in ("export", "explain", "predict", "serve"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        assert f"apparel-clf {command} " in capsys.readouterr().out.split("examples:")[1]


@pytest.mark.parametrize(
    ("form", "lines_before"),
    [([], 0), (["--csv"], 1), (["--json"], 1)],
    ids=["text", "csv", "json"],
)
def test_answers_are_written_as_they_come(made, photos, form, lines_before):
    """The first answer is there while the last picture is still being waited for."""
    pipe = photos / "last.png"
    os.mkfifo(pipe)
    first = [str(photos / "0.png")] * 40
    process = subprocess.Popen(
        [*PREDICT, *first, str(pipe), "-m", str(made / "m.onnx"), *form],
        stdout=subprocess.PIPE,
        text=True,
    )
    for _ in range(lines_before):
        assert "0.png" not in process.stdout.readline()
    answer = process.stdout.readline()
    assert "0.png" in answer
    assert "saree" in answer
    pipe.write_bytes((photos / "0.png").read_bytes())
    rest = process.stdout.read()
    assert (rest.count("0.png"), rest.count("last.png")) == (39, 1)
    assert process.wait(120) == 0


@pytest.mark.parametrize("forms", [("--json", "--csv"), ("--csv", "--json")])
def test_two_forms_at_once_are_wrong_usage(capsys, forms):
    with pytest.raises(SystemExit) as stop:
        main(["predict", "x.png", *forms])
    assert stop.value.code == 2
    assert f"argument {forms[1]}: not allowed with argument {forms[0]}" in capsys.readouterr().err


def test_a_reader_that_leaves_ends_it_quietly(made, photos):
    words = [str(photos / "0.png")] * 400
    process = subprocess.Popen(
        [*PREDICT, *words, "-m", str(made / "m.onnx")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pipesize=4096,  # far less than all answers, so that it can't be through before
    )
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(120) == 1


def test_ten_thousand_files_take_no_more_memory_than_a_hundred(made, tmp_path):
    """In order, each with its row, whatever lies between; the process is watched from outside."""
    good = (made / "train" / "saree" / "0.png").read_bytes()
    bad = {"00000-page.jpg": b"<html>", "00050-empty.png": b"", "00099-cut.png": good[:900]}
    peaks = []
    for count in (100, 10_000):
        folder = folder_of(tmp_path / str(count), good, bad, count)
        done, peak = watched(folder, made / "m.onnx")
        rows = list(csv.DictReader(io.StringIO(done.stdout)))
        assert done.returncode == 1
        assert [row["source"] for row in rows] == sorted(map(str, folder.iterdir()))
        assert [row["label"] for row in rows if not row["error"]] == ["saree"] * count
        complaints = [line for line in done.stderr.splitlines() if ": error: " in line]
        for told in (complaints, [row["source"] for row in rows if row["error"]]):
            assert len(told) == len(bad)
            assert all(name in line for name, line in zip(bad, told, strict=True))
        peaks.append(peak)
    # Were pictures kept, of 32 pixels a side, they would be 30 MB; their names are some.
    assert peaks[1] - peaks[0] < 15_000_000


def folder_of(folder, good, bad, count):
    """Make a folder of one picture under many names, and of the bad files."""
    folder.mkdir()
    for name, data in {"00000.png": good, **bad}.items():
        (folder / name).write_bytes(data)
    for number in range(1, count):
        (folder / f"{number:05}.png").hardlink_to(folder / "00000.png")
    return folder


def watched(folder, model):
    """Predict a folder as CSV; return how that went, and the most memory of the process."""
    peak = folder.with_suffix(".peak")
    words = [*PREDICT, str(folder), "-m", str(model), "--csv"]
    small = [sys.executable, "-S", "-c", PEAK, str(peak)]
    done = subprocess.run([*small, *words], capture_output=True, text=True)
    return done, int(peak.read_text())


def terminal():
    """Open a pseudo-terminal of 24 rows and 80 columns; without a size a bar has no room."""
    leader, follower = os.openpty()
    termios.tcsetwinsize(follower, (24, 80))
    return leader, follower


def held_up(made, photos, **streams):
    """Start predicting 81 pictures, of which the 41st is not there yet."""
    os.mkfifo(photos / "held.png")
    some = [str(photos / "0.png")] * 40
    words = [*PREDICT, *some, str(photos / "held.png"), *some, "-m", str(made / "m.onnx")]
    process = subprocess.Popen(words, **streams)
    for end in {end for end in streams.values() if end != subprocess.PIPE}:
        os.close(end)  # else nobody would hear that the process has closed it
    return process


def let_go(process, photos, answers):
    """Wait for an answer, then for longer than a bar waits; return what comes after that."""
    assert b"saree" in answers.readline()
    time.sleep(1.2)
    (photos / "held.png").write_bytes((photos / "0.png").read_bytes())
    rest = rest_of(answers)
    assert process.wait(120) == 0
    return rest


def rest_of(stream):
    """Read to the end. A terminal's is an error once nobody holds its other side."""
    parts = []
    with stream, contextlib.suppress(OSError):
        while part := stream.read(4096):
            parts.append(part)
    return b"".join(parts)


def test_a_terminal_gets_a_bar_while_answers_go_elsewhere(made, photos):
    leader, follower = terminal()
    process = held_up(made, photos, stdout=subprocess.PIPE, stderr=follower)
    assert let_go(process, photos, process.stdout).count(b"saree") == 80
    shown = rest_of(os.fdopen(leader, "rb", buffering=0)).decode()
    assert re.search(r"\rpredict: +\d+%\|.+\| \d+/81 \[.+img/s\]", shown)


def test_no_bar_among_answers_on_the_same_terminal(made, photos):
    leader, follower = terminal()
    process = held_up(made, photos, stdout=follower, stderr=follower)
    shown = let_go(process, photos, os.fdopen(leader, "rb", buffering=0)).decode()
    assert (shown.count("saree"), "%|" in shown) == (80, False)


def test_no_bar_in_a_pipe(made, photos):
    process = held_up(made, photos, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert let_go(process, photos, process.stdout).count(b"saree") == 80
    assert process.stderr.read() == b""


def test_explain_writes_a_picture(made, photos, capsys):
    target = photos / "why.png"
    code, out, _ = run(
        capsys, "explain", photos / "0.png", "-m", made / "m.onnx", "-o", target, "--label", "jeans"
    )
    assert code == 0
    assert "jeans" in out
    assert Image.open(target).size == Image.open(photos / "0.png").size
    assert Image.open(target).format == "PNG"
    code, _, err = run(capsys, "explain", photos / "0.png", "-m", made / "m.onnx", "-o", target)
    assert code == 1
    assert "--force" in err


@pytest.mark.parametrize(
    ("name", "kind"), [("a.jpg", "JPEG"), ("a.JPEG", "JPEG"), ("a.webp", "WEBP")]
)
def test_explain_writes_the_format_of_the_ending(made, photos, capsys, name, kind):
    target = photos / name
    code, _, err = run(capsys, "explain", photos / "0.png", "-m", made / "m.onnx", "-o", target)
    assert code == 0, err
    assert Image.open(target).format == kind


def test_explain_refuses_other_endings_before_it_loads_a_model(photos, capsys):
    target = photos / "a.tiff"
    code, _, err = run(capsys, "explain", photos / "0.png", "-m", "none.onnx", "-o", target)
    assert (code, "ends in one of .png, .jpg, .jpeg, .webp" in err) == (1, True)
    assert not target.exists()


def test_explain_says_that_a_heat_map_is_empty(made, photos, capsys, monkeypatch):
    def nothing_warm(classifier, source, label=None):
        said = classifier.predict(source)
        return explanation(said, said.label, -np.ones((2, 2), "f4"), Image.open(source), "pad")

    monkeypatch.setattr(ac.ApparelClassifier, "explain", nothing_warm)
    words = ["explain", photos / "0.png", "-m", made / "m.onnx", "-o", photos / "why.png"]
    _, out, _ = run(capsys, *words)
    assert "no part of this picture speaks for 'saree' by itself: the heat map is empty" in out
    _, out, _ = run(capsys, *words, "--force", "--json")
    assert json.loads(out)["empty"] is True


def test_a_name_is_no_formula_to_a_spreadsheet(made, photos, capsys, monkeypatch):
    (photos / "0.png").rename(photos / "=1+1.png")
    monkeypatch.chdir(photos)
    _, out, _ = run(capsys, "predict", "=1+1.png", "1.png", "-m", made / "m.onnx", "--csv")
    sources = [row["source"] for row in csv.DictReader(io.StringIO(out))]
    assert sources == ["'=1+1.png", "1.png"]


@pytest.mark.parametrize("name", ["x.onnx", "x.tflite", "x-openvino"])
def test_export_writes_what_predict_opens(made, tmp_path, capsys, name):
    code, out, _ = run(capsys, "export", "-m", made / "m.keras", "-o", tmp_path / name)
    assert code == 0, out
    assert "fp32" in out
    picture = made / "train" / "saree" / "0.png"
    code, out, _ = run(capsys, "predict", picture, "-m", tmp_path / name)
    assert "saree" in out
    code, _, err = run(capsys, "export", "-m", made / "m.keras", "-o", tmp_path / name)
    assert (code, "--force" in err) == (1, True)


def test_export_to_int8_says_what_it_costs(made, tmp_path, capsys):
    words = ["export", "-m", made / "m.keras", "-o", tmp_path / "m8.onnx", "--precision", "int8"]
    code, _, err = run(capsys, *words)
    assert code == 1
    assert "--precision int8 needs --data" in err
    more = ["--data", made / "train", "--max-loss", 100, "--json"]
    code, out, _ = run(capsys, *words, *more)
    assert code == 0
    assert json.loads(out)["n"] == len(ac.ImageFolder(made / "train").split()[2])


@pytest.mark.parametrize("model", ["m.keras", "m.onnx"])
def test_evaluate_takes_any_model(made, capsys, model):
    code, out, _ = run(
        capsys, "evaluate", made / "train", "-m", made / model, "--split", "all", "--json"
    )
    assert code == 0
    assert json.loads(out)["n"] == 24


def test_nothing_of_a_model_or_a_name_reaches_the_terminal_raw(made, tmp_path, capsys, monkeypatch):
    loaded = ac.load(made / "m.onnx")
    loaded.classes_ = ("a\x1b[31m", "b\x9b2J", "c\rd")
    monkeypatch.setattr(ac, "load", lambda *_: loaded)
    photo = tmp_path / "x\x1b[2J.png"
    photo.write_bytes((made / "train" / "saree" / "0.png").read_bytes())
    out = ""
    for form in ([], ["--json"], ["--csv"]):
        out += run(capsys, "predict", photo, "-m", made / "m.onnx", *form)[1]
    output = tmp_path / "why\x1b.png"
    out += run(capsys, "explain", photo, "-m", made / "m.onnx", "-o", output)[1]
    assert output.exists()
    assert not set(out) & set("\x1b\x9b\r")
    assert out.count("a\\x1b[31m") >= 2
    assert "x\\x1b[2J.png" in out
