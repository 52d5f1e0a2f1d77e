"""`apparel-clf dataset …`: what a person types, and what comes back."""

from __future__ import annotations

import json

import pytest

from apparel_clf.cli import main
from apparel_clf.dataset import open_version


@pytest.fixture
def photos(tmp_path, jpeg, monkeypatch):
    """A folder of two classes in the working folder, with a copy and a broken file in it."""
    monkeypatch.chdir(tmp_path)
    for label, seeds in (("boots", range(20)), ("sandals", range(100, 120))):
        (tmp_path / "mine" / label).mkdir(parents=True)
        for seed in seeds:
            (tmp_path / "mine" / label / f"{seed}.jpg").write_bytes(jpeg(seed))
    (tmp_path / "mine" / "boots" / "copy.jpg").write_bytes(jpeg(0, quality=70))
    (tmp_path / "mine" / "boots" / "page.jpg").write_bytes(b"<html>")
    return tmp_path


def answer(capsys):
    return json.loads(capsys.readouterr().out)


def test_a_folder_is_imported_curated_compared_and_checked(photos, capsys):
    assert main(["dataset", "import", "mine", "--json"]) == 0
    made = answer(capsys)
    assert made["path"].endswith("datasets/mine/v1")
    assert sum(sum(by.values()) for by in made["counts"].values()) == 40

    rows = open_version("datasets/mine/v1").rows
    (photos / "bad.txt").write_text(f"# looked at\n{rows[0].path}, a shop sign\n")
    (photos / "wrong.csv").write_text(f"image,label\n{rows[1].record.sha256},slippers\n")
    lists = ["--reject", "bad.txt", "--relabel", "wrong.csv", "--who", "Ada"]
    assert main(["dataset", "curate", "datasets/mine", *lists]) == 0
    assert "slippers 1" in capsys.readouterr().out
    assert main(["dataset", "diff", "datasets/mine/v1", "datasets/mine/v2", "--json"]) == 0
    difference = answer(capsys)
    assert len(difference["removed"]) == 1
    assert len(difference["relabelled"]) == 1
    card = (photos / "datasets/mine/v2/README.md").read_text()
    assert "A person gave 1 images another label" in card

    assert main(["dataset", "curate", "datasets/mine", "--restore", "bad.txt"]) == 0
    assert len(open_version("datasets/mine/latest")) == 40
    assert main(["dataset", "verify", "datasets/mine/latest"]) == 0
    assert main(["dataset", "stats", "datasets/mine/latest"]) == 0
    assert main(["dataset", "merge", "datasets/other", "datasets/mine", "mine", "--json"]) == 0
    capsys.readouterr()


def test_duplicates_of_any_folder_are_told_and_none_removed(photos, capsys):
    before = sorted(photos.rglob("*"))
    assert main(["dataset", "duplicates", "mine"]) == 1  # one file is no image
    told = capsys.readouterr()
    assert "near of boots/0.jpg" in told.out
    assert "41 images: 0 exact and 1 near duplicates to remove" in told.out
    assert "page.jpg" in told.err
    assert main(["dataset", "duplicates", "mine", "--json"]) == 1
    (removal,) = answer(capsys)["removals"]
    assert (removal["image"], removal["kind"]) == ("boots/copy.jpg", "near")
    assert sorted(photos.rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["import", "nowhere"], "nowhere"),
        (["import", "mine", "-o", "mine/out"], "lies within"),
        (["curate", "mine", "--reject", "none.txt"], "none.txt"),
        (["curate", "mine"], "not a dataset's folder"),
        (["merge", "datasets/x", "nowhere"], "nowhere"),
        (["duplicates", "nowhere"], "nowhere"),
    ],
)
def test_what_cannot_be_done_is_one_line(photos, capsys, words, told):
    assert main(["dataset", *words]) == 1
    error = capsys.readouterr().err.strip()
    assert (told in error, error.count("\n")) == (True, 0)
