"""The duplicates benchmark, run small and on drawn garments alone."""

import json

import pytest

from apparel_clf.dataset import likeness
from benchmarks.duplicates.__main__ import main
from benchmarks.duplicates.baselines import BASELINES
from benchmarks.duplicates.changes import CHANGES, HARD, cropped, padded
from benchmarks.duplicates.drawn import KINDS, draw, garments, recolours
from benchmarks.duplicates.measures import limits, measure
from benchmarks.duplicates.pictures import drawn
from benchmarks.duplicates.study import known_pairs


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("duplicates")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("APPAREL_TEST_DATA", raising=False)
        assert main(["--quick", "--out", str(folder)]) == 0
    return folder


def test_everything_is_written(written):
    figures = {f"duplicates-{name}.png" for name in ("hash", "luma", "chroma", "contrast", "ways")}
    sheets = {"taken.png", "next.png"}
    files = {path.name for path in written.iterdir()}
    assert files == figures | sheets | {"duplicates.md", "duplicates.json"}


def test_copies_are_found_and_different_garments_kept(written):
    study = json.loads((written / "duplicates.json").read_text())["study"]
    asked = [row for row in study["recalls"] if row["asked"]]
    assert {row["change"] for row in study["recalls"]} == {change.name for change in CHANGES}
    assert all(row["found"] == row["n"] for row in asked)
    assert [pictures["taken"] for pictures in study["removals"]] == [[]]
    assert study["recolours"]["near"] == 0


def test_every_limit_has_its_curve_and_every_way_its_count(written):
    study = json.loads((written / "duplicates.json").read_text())["study"]
    for curve in study["curves"]:
        assert curve["chosen"] in [None, *curve["values"]]
        assert list(curve["recall"]) == list(HARD)
        assert list(curve["false"]) == sorted(curve["false"])
    assert list(study["baselines"]) == [way.name for way in BASELINES]


def test_a_folder_of_photos_that_is_not_there_is_said(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("APPAREL_TEST_DATA", str(tmp_path))
    assert main(["--quick"]) == 1
    assert "has no folder catalogue" in capsys.readouterr().err


def test_garments_are_the_same_for_any_count_and_all_different():
    few, many = garments(12), garments(40)
    assert many[:12] == few
    assert {garment.kind for garment in few} == set(KINDS)
    assert len({draw(garment).tobytes() for garment in many}) == len(many)


def test_a_recolour_changes_the_colour_alone():
    originals = garments(10)
    pairs = recolours(originals, 4)
    assert len(pairs) == 4
    for index, dyed in pairs:
        before = originals[index]
        assert (dyed.kind, dyed.parts, dyed.folds) == (before.kind, before.parts, before.folds)
        assert dyed.colour != before.colour


def test_crops_and_padding_have_the_size_they_say(picture):
    image = picture(0, (200, 100))
    assert cropped(image, 0.02).size == (192, 96)
    assert padded(image).size == (200, 250)
    assert padded(picture(0, (100, 200))).size == (160, 200)


def test_other_limits_hold_for_a_while_only():
    signatures = [picture.signature for picture in drawn(2)]
    before = likeness.NEAR_LUMA
    measured = measure(signatures, signatures)
    with limits(NEAR_LUMA=-1.0, NEAR_LUMA_MOVED=-1.0, BADGE_REST=-1.0):
        assert not measured.removed().any()
    assert before == likeness.NEAR_LUMA
    assert measured.removed().all()


def test_pairs_that_were_looked_at_are_pairs():
    assert all(len(pair) == 2 for pair in known_pairs())
