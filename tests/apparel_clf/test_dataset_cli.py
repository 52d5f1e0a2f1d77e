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


def test_what_was_left_out_is_told(photos, capsys, jpeg):
    (photos / "mine" / "sandals" / "boot.jpg").write_bytes(jpeg(0))
    assert main(["dataset", "import", "mine"]) == 0
    told = capsys.readouterr().out
    assert "left out: label_conflict 2, not_an_image 1 (see rejections.jsonl)\n" in told
    assert "datasets/mine --relabel LIST" in told
    assert "nothing changed" not in told
    assert main(["dataset", "import", "mine"]) == 0
    assert "nothing changed since the version before" in capsys.readouterr().out
    assert main(["dataset", "publish", "datasets/mine", "--json"]) == 0
    made = answer(capsys)
    assert made["id"] == open_version("datasets/mine/latest").id
    assert made["rejected"] == {"label_conflict": 2, "not_an_image": 1}
    assert (set(made["removed"]), made["unchanged"]) == ({"exact", "near"}, True)


def test_duplicates_that_were_removed_are_counted(photos, capsys):
    assert main(["dataset", "import", "mine"]) == 0
    assert "duplicates removed: near 1\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("files", "warned"),
    [
        (["clogs/0"], "for val or test: its pictures form one group"),
        (["clogs/0", "clogs/1"], "for val or test: its 2 pictures form 2 groups"),
        (["train/clogs/0", "test/clogs/1"], "for val: its pictures came with their splits"),
    ],
)
def test_a_class_that_a_split_has_no_image_of_is_warned_of(photos, jpeg, capsys, files, warned):
    for seed, file in enumerate(files):
        path = photos / "few" / f"{file}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg(seed))
    assert main(["dataset", "import", "few"]) == 0
    assert f"warning: class clogs has no image {warned}\n" in f"{capsys.readouterr().out}\n"


def test_no_class_is_warned_of_without_need(photos, capsys):
    assert main(["dataset", "import", "mine"]) == 0
    assert "warning" not in capsys.readouterr().out


def test_a_dataset_means_its_latest_version_for_every_command(photos, capsys):
    assert main(["dataset", "import", "mine"]) == 0
    for words in (["stats"], ["verify"], ["diff", "datasets/mine/v1"], ["export", "-o", "x.zip"]):
        assert main(["dataset", *words, "datasets/mine"]) == 0
    capsys.readouterr()
    assert main(["dataset", "export", "-o", "y.zip", "datasets/mine", "--json"]) == 0
    assert answer(capsys)["id"] == open_version("datasets/mine/v1").id


@pytest.mark.parametrize("source", ["datasets/mine/latest", "datasets/mine/v1", "datasets/mine"])
def test_a_version_is_imported_into_a_dataset_that_is_named(photos, capsys, source):
    assert main(["dataset", "import", "mine"]) == 0
    assert main(["dataset", "import", source]) == 1
    assert "-o datasets/NAME" in capsys.readouterr().err
    assert [path.name for path in (photos / "datasets").iterdir()] == ["mine"]
    assert main(["dataset", "import", source, "-o", "datasets/other"]) == 0


def test_a_list_that_contradicts_itself_is_refused(photos, capsys):
    assert main(["dataset", "import", "mine"]) == 0
    path = open_version("datasets/mine/v1").rows[0].path
    command = ["dataset", "curate", "datasets/mine", "--relabel", "list"]
    (photos / "list").write_text(f"{path},tops\n{path},jeans\n")
    assert main(command) == 1
    assert f"list: {path}: named twice, as 'tops' and as 'jeans'" in capsys.readouterr().err
    (photos / "list").write_text(f"{path}\n")
    assert main(command) == 1
    assert f"list: {path}: no class is given" in capsys.readouterr().err
    (photos / "list").write_text(f"{path},tops\n{path},tops\n")
    assert main(command) == 0
    assert "tops 1" in capsys.readouterr().out
