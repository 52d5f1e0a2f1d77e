"""What a person decides holds for this version and all later ones."""

from __future__ import annotations

import errno
import getpass
import io
import json
import os

import pytest
from PIL import Image

from apparel_clf.dataset import (
    ImageRecord,
    JournalWriter,
    Staging,
    curate,
    decide,
    open_version,
    publish,
    read_decisions,
    read_list,
    verify,
)
from apparel_clf.dataset.decisions import DECISIONS, Decision, add_decisions, in_force
from apparel_clf.errors import DatasetError, DatasetNotFoundError, SettingsError
from apparel_clf.images import load_image, sign

SHA = 64 * "a"


@pytest.fixture
def published(crawl, dataset):
    crawl("1", range(20))
    crawl("2", range(100, 120), "saree")
    return publish(dataset)


def shas(version):
    return {row.record.sha256 for row in version.rows}


def recrawled(dataset, data, label, name, size):
    """Journal a picture again as a later crawl that finds it at another size."""
    buffer = io.BytesIO()
    load_image(data).resize(size, Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=80)
    staging = Staging(dataset)
    staging.objects.put(buffer.getvalue())
    with JournalWriter(staging.journals_folder / f"{name}.jsonl") as journal:
        journal.image(ImageRecord(label, sign(buffer.getvalue()), asin="again"))
    return sign(buffer.getvalue()).sha256


def test_a_rejected_image_stays_out_also_at_another_size(published, dataset, jpeg):
    row = next(row for row in published.rows if row.record.label == "jeans")
    second = curate(dataset, reject=[row.path], who="Ada", why="a table")
    assert shas(published) - shas(second) == {row.record.sha256}
    data = Staging(dataset).objects.path(row.record.sha256).read_bytes()
    again = recrawled(dataset, data, "jeans", "3", (120, 160))
    third = publish(dataset)
    assert not shas(third) & {again, row.record.sha256}
    (told,) = (r for r in third.rejections() if r.sha256 == again)
    assert told.reason == "rejected_by_hand"
    assert told.detail.startswith("a table (Ada, 2")
    assert verify(third.path).ok


def test_a_relabelled_image_moves_and_keeps_its_split(published, dataset):
    row = next(row for row in published.rows if row.record.label == "jeans")
    second = curate(dataset, relabel={row.record.sha256[:16]: "saree"})
    (moved,) = (r for r in second.rows if r.record.sha256 == row.record.sha256)
    assert (moved.record.label, moved.split) == ("saree", row.split)
    assert shas(second) == shas(published)
    assert open_version(published.path).id == published.id


def test_a_new_class_can_be_made_by_relabelling(published, dataset):
    names = {row.path: "robe d'été" for row in published.rows[:3]}
    assert curate(dataset, relabel=names).facts["classes"] == ["jeans", "robe d'été", "saree"]


def test_what_was_decided_can_be_taken_back(published, dataset):
    row = published.rows[0]
    curate(dataset, reject=[row.path])
    third = curate(dataset, restore=[row.record.sha256])
    assert third.id == published.id
    assert [d.action for d in read_decisions(dataset)] == ["reject", "restore"]


def test_a_person_settles_what_two_classes_claim(crawl, dataset):
    crawl("1", range(20))
    crawl("2", [*range(100, 120), 5], "saree")
    first = publish(dataset)
    (sha256,) = {r.sha256 for r in first.rejections() if r.reason == "label_conflict"}
    second = curate(dataset, relabel={sha256: "jeans"})
    (row,) = (r for r in second.rows if r.record.sha256 == sha256)
    assert row.record.label == "jeans"


def test_the_last_decision_on_an_image_holds(jpeg):
    signature = sign(jpeg())
    reject, relabel = Decision("reject", signature), Decision("relabel", signature, "saree")
    assert in_force([reject, relabel]) == (relabel,)
    assert in_force([relabel, reject]) == (reject,)
    assert in_force([reject, Decision("restore", signature)]) == ()


def test_equal_decisions_make_equal_versions(crawl, dataset, published, tmp_path, stage):
    names = [row.record.sha256 for row in published.rows[:3]]
    curate(dataset, reject=names, who="Ada")
    one = publish(dataset).id
    other = tmp_path / "other" / "demo"
    stage(other, "b", range(100, 120), "saree")
    stage(other, "a", range(20))
    publish(other)
    add_decisions(other, read_decisions(dataset))
    assert publish(other).id == one


def test_an_image_may_be_named_by_the_file_that_was_imported(published, dataset, tmp_path):
    """A list of label issues in a plain folder, taken after the folder's import."""
    sha256 = published.rows[0].record.sha256
    path = tmp_path / "jeans, mine.jpg"
    path.write_bytes(Staging(dataset).objects.path(sha256).read_bytes())
    decisions = decide(dataset, reject=[str(path)], who="Ada")
    assert [decision.signature.sha256 for decision in decisions] == [sha256]
    path.write_bytes(b"another file")
    with pytest.raises(DatasetError, match="by the file that was imported"):
        decide(dataset, reject=[str(path)])


def test_reasons_and_people_are_kept(published, dataset):
    row = published.rows[0]
    curate(dataset, reject={row.path: "blurred"}, who="Ada", why="looked at")
    (decision,) = read_decisions(dataset)
    assert (decision.why, decision.who, decision.label) == ("blurred", "Ada", "")
    assert decision.when.endswith("+00:00")


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        ({"reject": ["train/jeans/nothing.jpg"]}, DatasetError, "no image of this dataset"),
        ({"reject": ["../../etc/passwd"]}, DatasetError, "no image of this dataset"),
        ({"reject": ["0a"]}, DatasetError, "no image of this dataset"),
        ({}, SettingsError, "nothing to decide"),
    ],
)
def test_what_cannot_be_decided_is_told_and_nothing_is_written(
    published, dataset, arguments, error, told
):
    with pytest.raises(error, match=told):
        curate(dataset, **arguments)
    assert read_decisions(dataset) == ()


def test_contradictions_and_labels_that_are_none_are_refused(published, dataset):
    name = published.rows[0].path
    with pytest.raises(SettingsError, match="named twice"):
        curate(dataset, reject=[name], relabel={name: "saree"})
    with pytest.raises(DatasetError, match="not a class name"):
        curate(dataset, relabel={name: "../x"})
    assert read_decisions(dataset) == ()


def test_a_label_that_cannot_be_beside_the_others_is_refused(published, dataset):
    with pytest.raises(DatasetError, match="'Jeans' and 'jeans'"):
        curate(dataset, relabel={published.rows[0].path: "Jeans"})
    assert read_decisions(dataset) == ()


def test_a_folder_that_is_no_dataset_is_named(tmp_path):
    with pytest.raises(DatasetNotFoundError, match="not a dataset's folder"):
        curate(tmp_path, reject=["x"])


def test_a_torn_last_decision_is_left_out_and_cut_off(published, dataset):
    curate(dataset, reject=[published.rows[0].path])
    path = dataset / DECISIONS
    path.write_bytes(path.read_bytes() + b'{"action": "rej')
    assert len(read_decisions(dataset)) == 1
    curate(dataset, reject=[published.rows[1].path])
    assert len(read_decisions(dataset)) == 2


def test_a_damaged_decision_is_named(published, dataset):
    (dataset / DECISIONS).write_text('{"action": "burn"}\n')
    with pytest.raises(DatasetError, match=r"decisions\.jsonl, line 1"):
        publish(dataset)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.jpg\n\n# no\nb.jpg\n", [{"image": "a.jpg"}, {"image": "b.jpg"}]),
        ("a.jpg, saree\n", [{"image": "a.jpg", "label": "saree", "why": "saree"}]),
        ("a.jpg,saree,looks so\n", [{"image": "a.jpg", "label": "saree", "why": "looks so"}]),
        ("label,image\nsaree,a.jpg\n", [{"label": "saree", "image": "a.jpg"}]),
        (json.dumps({"image": "a", "why": "x", "label": None}), [{"image": "a", "why": "x"}]),
        ("\ufeffa.jpg\n", [{"image": "a.jpg"}]),
        ("", []),
    ],
)
def test_lists_are_read_as_people_and_programs_write_them(tmp_path, text, expected):
    path = tmp_path / "list"
    path.write_text(text, encoding="utf-8")
    assert read_list(path) == expected


@pytest.mark.parametrize("file", [SHA, f"{SHA}.jpg", f"train/Robe d'été, bleu/{SHA}.jpg"])
def test_classes_with_commas_do_not_break_a_list(tmp_path, file):
    path = tmp_path / "list"
    path.write_text(f'{file}\n{file}, saree, so\n{file}, "Robe d\'été, bleu"\n"{file}",x\n')
    assert read_list(path) == [
        {"image": file},
        {"image": file, "label": "saree", "why": "so"},
        {"image": file, "label": "Robe d'été, bleu", "why": "Robe d'été, bleu"},
        {"image": file, "label": "x", "why": "x"},
    ]


def test_a_line_of_json_may_hold_other_ends_of_lines(tmp_path):
    path = tmp_path / "list"
    path.write_text('{"image": "a", "why": "b\u2028c"}\n', encoding="utf-8")
    assert read_list(path) == [{"image": "a", "why": "b\u2028c"}]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("label,image\nsaree,\n", "an entry without an image"),
        ("{broken\n", "line 1: no object of JSON"),
        ('{"label": "x"}\n', "an entry without an image"),
        ('# two\n{"image": "x"}\n[1]\n', "line 3: no object of JSON"),
        ('{"image": ' + 99999 * "[" + "\n", "line 1: no object of JSON"),
        (f"image,why\nx,{200_000 * 'y'}\n", "cannot be read as CSV"),
        (f"x,{200_000 * 'y'}\n", "cannot be read as CSV"),
    ],
    ids=lambda text: text[:12],
)
def test_lists_that_make_no_sense_are_refused_by_name(tmp_path, text, told):
    path = tmp_path / "list"
    path.write_text(text)
    with pytest.raises(DatasetError, match=told) as refused:
        read_list(path)
    assert str(refused.value).startswith(str(path))
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize("error", [KeyError("uid not found: 4711"), OSError("no name")])
def test_a_user_without_a_name_is_known_by_number(published, dataset, monkeypatch, error):
    def nameless():
        raise error

    monkeypatch.setattr(getpass, "getuser", nameless)
    decide(dataset, reject=[published.rows[0].path])
    assert read_decisions(dataset)[0].who == str(os.getuid())


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_decisions_that_cannot_be_written_are_told_with_a_way_out(
    published, dataset, monkeypatch, number
):
    def fail(*_):
        raise OSError(number, os.strerror(number), "decisions.jsonl")

    monkeypatch.setitem(decide.__globals__, "add_decisions", fail)
    with pytest.raises(DatasetError, match="and decide again") as refused:
        curate(dataset, reject=[published.rows[0].path])
    assert str(refused.value).startswith(f"{dataset}: ")
    assert os.strerror(number) in str(refused.value)
