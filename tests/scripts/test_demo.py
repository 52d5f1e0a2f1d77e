"""The demo ends where a person ends it: at once, in one line, with nothing made of half a model."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

import apparel_clf as ac
from scripts import demo

TOLD = "demo: interrupted; make demo begins again, features are kept\n"
# Says that it runs, then does what a crawl does at Ctrl-C: takes its time, and ends with 130.
SLOW_TO_END = """
import signal, time
def ended(*_):
    print("closed", flush=True)
    raise SystemExit(130)
signal.signal(signal.SIGINT, ended)
print("open", flush=True)
time.sleep(300)
"""


@pytest.fixture
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def demo_set(tmp_path, monkeypatch, jpeg):
    """A small set where the demo expects its dataset, and a network that is quick to train."""
    for place, label in enumerate(("jeans", "saree", "trousers")):
        folder = tmp_path / "photos" / label
        folder.mkdir(parents=True)
        for number in range(10):
            (folder / f"{number}.jpg").write_bytes(jpeg(100 * place + number))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ac.ApparelClassifier, "_blocks", ((4, 1), (8, 1)))
    ac.import_folder(tmp_path / "photos", tmp_path / "datasets" / "demo")
    return ac.ImageFolder("datasets/demo").split()


def test_a_crawl_that_is_interrupted_ends_the_demo(in_a_folder, monkeypatch, capsys):
    monkeypatch.setattr(demo, "_code_of", lambda _: demo.INTERRUPTED)
    assert demo.main(["--per-class", "2"]) == demo.INTERRUPTED
    out, err = capsys.readouterr()
    assert err == TOLD
    assert "Train" not in out


def test_training_that_is_interrupted_is_not_evaluated(demo_set, monkeypatch, capsys):
    """`fit` returns what it has got so far; the demo goes no further with that."""

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("apparel_clf.training.fit.out_of_fold_of", interrupted)
    monkeypatch.setattr(demo, "_crawl", lambda *_: None)
    monkeypatch.setattr(demo, "_trained", lambda *words: demo._fitted(None, *words))
    assert demo.main(["--per-class", "5"]) == demo.INTERRUPTED
    out, err = capsys.readouterr()
    assert err.endswith(TOLD)
    assert "Warning" not in err
    assert "== Train" in out
    assert "== Evaluate" not in out


def test_training_that_is_not_interrupted_warns_as_ever(demo_set):
    train, val, _ = demo_set
    damaged = train.samples[0].path
    damaged.unlink()  # a link to what the dataset keeps
    damaged.write_bytes(b"no picture")
    with pytest.warns(UserWarning, match="could not be read"):
        assert demo._fitted(None, train, val, 2).classes_ == ("jeans", "saree", "trousers")


def test_a_command_gets_the_time_to_end_by_itself(tmp_path):
    """Ctrl-C reaches the crawl as well; it has a browser to close and a summary to write."""
    program = (
        "import sys; from scripts import demo; "
        f"sys.exit(demo._code_of([sys.executable, '-c', {SLOW_TO_END!r}]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout.readline() == "open\n"
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        out, _ = process.communicate(timeout=120)
    finally:
        process.kill()
    assert (process.returncode, out) == (demo.INTERRUPTED, "closed\n")
