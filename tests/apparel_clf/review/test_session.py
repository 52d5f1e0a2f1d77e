"""Decisions reach the file at once, undo survives a restart, publishing is the library's own."""

from __future__ import annotations

import pytest

from apparel_clf.dataset import curate, decide, publish, read_decisions, verify
from apparel_clf.dataset.curate import write_decisions
from apparel_clf.errors import DatasetError, DatasetNotFoundError, SettingsError
from apparel_clf.review import Review, open_reviewable


def row_of(version, sha256):
    return next((row for row in version.rows if row.record.sha256 == sha256), None)


def test_a_decision_is_in_the_file_when_the_call_returns(review, dataset, named):
    review.decide([named["wrong"]], "relabel", "saree", why="silk")
    (decision,) = read_decisions(dataset)
    assert (decision.action, decision.label, decision.who, decision.why) == (
        "relabel",
        "saree",
        "Ada",
        "silk",
    )
    assert decision.signature == review.rows[named["wrong"]].record.signature
    assert review.change(named["wrong"]) == "relabel"


def test_undo_survives_a_restart(review, dataset, named):
    review.decide([named["one"], named["hostile"]], "reject")
    review.decide([named["one"]], "relabel", "saree")
    again = Review(dataset)
    assert again.pending() == {"reject": 1, "relabel": 1}
    assert again.undo().left
    assert again.pending() == {"reject": 2}
    assert not again.undo().left
    assert again.pending() == {}
    with pytest.raises(SettingsError, match="nothing to undo"):
        again.undo()
    assert len(read_decisions(dataset)) == 6


def test_publishing_is_what_curate_does(review, dataset, named, tmp_path):
    from tests.apparel_clf.review.conftest import stage_all

    review.decide([named["wrong"]], "relabel", "saree")
    review.decide([named["hostile"]], "reject")
    version = review.publish()
    other = tmp_path / "other" / "demo"
    stage_all(other)
    publish(other)
    assert (
        curate(other, relabel={named["wrong"]: "saree"}, reject=[named["hostile"]]).id == version.id
    )
    assert version.name == "demo/v2"
    assert review.version is version
    assert review.pending() == {}
    assert verify(version.path).ok


def test_a_person_takes_back_what_the_crawl_turned_away_and_changes_it_back(review, dataset, named):
    assert review.change(named["small"]) == ""
    review.decide([named["small"]], "relabel", "trousers")
    assert review.pending() == {"take back": 1}
    second = review.publish()
    assert row_of(second, named["small"]).record.label == "trousers"
    assert review.pending() == {}
    review.undo()
    assert review.pending() == {"restore": 1}
    third = review.publish()
    assert row_of(third, named["small"]) is None
    assert review.pending() == {}


def test_a_person_takes_back_what_a_person_rejected(review, named):
    review.decide([named["one"]], "reject")
    review.publish()
    assert named["one"] not in review.rows
    assert review.file_of(named["one"]).is_file()
    review.decide([named["one"]], "restore")
    assert review.pending() == {"take back": 1}
    assert row_of(review.publish(), named["one"]) is not None
    assert review.pending() == {}


def test_a_decision_on_an_image_holds_for_its_copy_in_the_group(review, dataset, named, jpeg):
    group = review.rows[named["one"]].group
    assert {named["one"], named["mirrored"]} == set(review.groups[group])
    assert set(review.decide([named["one"]], "reject")) == {named["one"], named["mirrored"]}
    assert review.change(named["mirrored"]) == ""  # a mirror image is no copy


def test_what_others_decide_meanwhile_is_seen(review, dataset, named):
    decide(dataset, reject=[named["hostile"]], who="Bob")
    review.decide([named["wrong"]], "reject")
    assert review.pending()["reject"] == 1  # the rest of the page is told on the next load
    assert Review(dataset).pending()["reject"] == 2
    review.undo()
    assert [d.who for d in read_decisions(dataset)] == ["Bob", "Ada", "Ada"]
    assert Review(dataset).pending() == {"reject": 1}


@pytest.mark.parametrize(
    ("images", "action", "label", "error", "told"),
    [
        ([], "reject", "", SettingsError, "choose an image"),
        (["../../etc/passwd"], "reject", "", DatasetError, "no image of this version"),
        ([64 * "0"], "reject", "", DatasetError, "no image of this version"),
        (["wrong"], "relabel", "../x", DatasetError, "not a class name"),
        (["wrong"], "relabel", "Jeans", DatasetError, "differ only in case"),
        (["wrong"], "relabel", "", DatasetError, "not a class name"),
    ],
)
def test_what_cannot_be_decided_is_told_and_nothing_is_written(
    review, dataset, named, images, action, label, error, told
):
    with pytest.raises(error, match=told):
        review.decide([named.get(image, image) for image in images], action, label)
    assert read_decisions(dataset) == ()
    assert not review.can_undo


def test_a_new_class_is_one_of_the_classes_from_then_on(review, named):
    review.decide([named["wrong"]], "relabel", "robe d'été")
    assert review.classes == ("jeans", "saree", "trousers", "robe d'été")
    review.publish()
    assert review.classes == ("jeans", "robe d'été", "saree", "trousers")


def test_folders_that_cannot_be_reviewed_say_what_to_do(dataset, named, tmp_path, jpeg):
    plain = tmp_path / "photos"
    (plain / "jeans").mkdir(parents=True)
    (plain / "jeans" / "1.jpg").write_bytes(jpeg())
    with pytest.raises(DatasetError, match=f"apparel-clf dataset import {plain}"):
        open_reviewable(plain)
    with pytest.raises(DatasetNotFoundError):
        open_reviewable(tmp_path / "nowhere")
    alone = tmp_path / "alone" / "v1"
    alone.parent.mkdir()
    (dataset / "v1").rename(alone)
    with pytest.raises(DatasetNotFoundError, match="not a dataset's folder"):
        open_reviewable(alone)


def test_decisions_that_cannot_be_written_change_nothing(review, dataset, named, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(write_decisions.__globals__, "add_decisions", fail)
    with pytest.raises(DatasetError, match="Free some space"):
        review.decide([named["wrong"]], "reject")
    assert review.pending() == {}
