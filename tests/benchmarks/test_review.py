"""The faults of the review benchmark are known, and its person mends what is shown."""

from __future__ import annotations

import shutil

import pytest

from apparel_clf.dataset import open_version
from apparel_clf.review import Suspicion
from benchmarks.review.gain import SHARES, found_in, mended
from benchmarks.review.results import write
from benchmarks.review.spoil import spoil


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory, jpeg):
    folder = tmp_path_factory.mktemp("spoilt")
    for label, first in (("jeans", 0), ("saree", 100)):
        (folder / "photos" / label).mkdir(parents=True)
        for seed in range(first, first + 20):
            (folder / "photos" / label / f"{seed}.jpg").write_bytes(jpeg(seed))
    for label in ("belts", "jeans", "track_pants"):
        (folder / "others" / label).mkdir(parents=True)
        for seed in range(200, 206):
            path = folder / "others" / label / f"{label}{seed}.jpg"
            path.write_bytes(jpeg(seed + len(label) * 10, (224, 224)))
    return spoil(folder / "photos", folder / "others", folder / "demo", seed=3)


def test_as_many_faults_as_were_asked_for(spoilt):
    assert len(spoilt.swapped) == 4
    assert len(spoilt.foreign) == 2
    assert len(spoilt.truth) == 42
    rows = {row.record.sha256: row.record for row in open_version(spoilt.folder / "v1").rows}
    assert {s: r.label for s, r in rows.items()} == dict(spoilt.given)
    sizes = {(rows[s].signature.width, rows[s].signature.height) for s in spoilt.foreign}
    assert sizes == {(60, 80)}  # as the photos are


def test_what_is_found_is_counted(spoilt):
    bad = [*sorted(spoilt.swapped), *sorted(spoilt.foreign)]
    ranked = [*bad, *sorted(set(spoilt.truth) - set(bad))]
    found = found_in(ranked, spoilt)
    assert [(f.looked, f.swapped, f.foreign) for f in found] == [(2, 2, 0), (4, 4, 0), (8, 4, 2)]


def test_the_person_mends_what_is_shown_and_nothing_else(spoilt, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(spoilt.folder, copy, symlinks=True)
    bad = spoilt.swapped | spoilt.foreign
    judge = GivenScores({s: 1.0 if s in bad else 0.0 for s in spoilt.truth})
    versions = mended(spoilt, judge, copy)
    assert len(versions) == len(SHARES)
    wrong = [sum(spoilt.truth[s] != label for s, label in labels.items()) for labels in versions]
    assert wrong[0] == 4
    assert wrong[-1] == 0
    assert set(versions[-1]) == set(spoilt.truth) - spoilt.foreign
    assert set(open_version(copy / "v1").rows) == set(open_version(spoilt.folder / "v1").rows)


class GivenScores:
    """A judge whose scores are given."""

    name, what = "given", "as given"

    def __init__(self, scores):
        self.scores = scores

    def __call__(self, rows):
        return {row.record.sha256: Suspicion(self.scores[row.record.sha256]) for row in rows}


def test_the_table_says_what_was_measured(tmp_path):
    found = [
        {"share": s, "looked": n, "swapped": n, "foreign": 0}
        for s, n in zip(SHARES, (2, 4, 4), strict=True)
    ]
    after = [{"share": s, "hits": 36, "only_before": 1, "only_after": 3} for s in SHARES]
    orders = [
        {"name": name, "what": "", "found": found, "mended": after} for name in ("model", "looks")
    ]
    one = {
        "seed": 0, "images": 42, "swapped": 4, "foreign": 2, "judged": 40,
        "hits_before": 34, "hits_all_mended": 38, "orders": orders,
    }  # fmt: skip
    text = write(tmp_path, "photos", [one, one])
    assert "n=12 bad ones" in text
    assert "| image features only: swapped          |" in text
    assert "| as spoilt" in text
    assert "85.0%" in text
    assert (tmp_path / "review.md").read_text() == text
