"""The pure parts of the near pairs benchmark: hashes, extrapolation, agreement, tables."""

import json

import numpy as np
import pytest

from apparel_clf.dataset.neighbours import near_pairs
from benchmarks.errors import BenchmarkError
from benchmarks.neighbours import runs
from benchmarks.neighbours.hashes import mixed, skewed, uniform
from benchmarks.neighbours.picture import draw
from benchmarks.neighbours.results import Case, Cell, Results, Run, check_agreement, predicted
from benchmarks.neighbours.runs import Scope, climb
from benchmarks.neighbours.tables import markdown
from benchmarks.neighbours.ways import BRUTE, OURS, Way

SMALL = Case("uniform", 8, 1000)
LARGE = Case("uniform", 8, 10_000)
RUN = Run(pairs=5, wall_s=2.0, cpu_s=1.9, peak_mb=50.0)
MEASURED = Cell("ours", SMALL, (RUN, Run(5, 4.0, 3.9, 70.0), Run(5, 3.0, 2.9, 60.0)), 1000)
EXTRAPOLATED = Cell("ours", LARGE, (RUN,), 1000)
ABSENT = Cell("other", SMALL, problem="needs a package")
SCOPE = Scope((10, 100, 1000), (8,), 2, limit=30, our_limit=1000)


def results(*cells):
    kinds, ways = {"uniform": "Uniform hashes"}, {"ours": "this project", "other": "another"}
    return Results({"radii": "8"}, {"numpy": "2"}, kinds, ways, cells)


@pytest.mark.parametrize("make", [uniform, skewed, mixed(skewed(300))])
def test_hashes_are_always_the_same(make):
    once = make(500)
    assert (once.dtype, once.shape) == (np.uint64, (500,))
    np.testing.assert_array_equal(once, make(500))


def test_skewed_hashes_have_half_of_their_bits_set():
    assert set(np.bitwise_count(skewed(200)).tolist()) == {32}


def test_mixed_hashes_have_what_two_photos_agree_in():
    photos = skewed(100) | np.uint64(0b1001)
    assert (mixed(photos)(200) & np.uint64(0b1001) == 0b1001).all()


@pytest.mark.parametrize("make", [uniform, skewed])
def test_our_way_counts_as_comparing_all_does(make):
    hashes = make(400)
    expected = len(list(near_pairs(hashes, 12)))
    assert OURS.count(hashes, 12) == BRUTE.count(hashes, 12) == expected


def test_cost_grows_with_the_square():
    assert predicted(2.0, 1000, 10_000) == 200.0
    assert (MEASURED.wall_s, MEASURED.peak_mb, MEASURED.pairs) == (3.0, 60.0, 5)
    assert (EXTRAPOLATED.wall_s, EXTRAPOLATED.peak_mb, EXTRAPOLATED.pairs) == (200.0, None, None)


def test_what_is_predicted_to_take_long_is_not_run(monkeypatch, tmp_path):
    counts = []

    def searched(way, case, limit, folder):
        counts.append(case.count)
        return Run(0, case.count**2 / 1e4, case.count**2 / 1e4, 50.0)

    monkeypatch.setattr(runs, "_searched", searched)
    cells = climb(BRUTE, "uniform", 8, SCOPE, tmp_path, lambda _: None)
    assert counts == [10, 100]
    assert [cell.extrapolated for cell in cells] == [False, False, True]
    assert cells[-1].wall_s == 100.0


def test_our_way_is_repeated_unless_it_takes_long(monkeypatch, tmp_path):
    monkeypatch.setattr(runs, "_searched", lambda way, case, *_: Run(0, case.count / 50, 0, 50))
    cells = climb(OURS, "uniform", 8, SCOPE, tmp_path, lambda _: None)
    assert [len(cell.runs) for cell in cells] == [2, 2, 1]


def test_a_way_that_fails_is_left_out_but_ours_is_not(monkeypatch, tmp_path):
    def failing(*_):
        raise BenchmarkError("python -m x\nfailed (exit 1):\nRecursionError: too deep\n")

    monkeypatch.setattr(runs, "_searched", failing)
    cells = climb(BRUTE, "uniform", 8, SCOPE, tmp_path, lambda _: None)
    assert {cell.problem for cell in cells} == {"failed on 10: RecursionError: too deep"}
    with pytest.raises(BenchmarkError):
        climb(OURS, "uniform", 8, SCOPE, tmp_path, lambda _: None)


def test_a_way_without_its_package_does_not_run(tmp_path):
    way = Way("x", "X", lambda *_: 0, ("no_such_package.part",), "no-such-package")
    cells = climb(way, "uniform", 8, SCOPE, tmp_path, lambda _: None)
    assert {cell.problem for cell in cells} == {"needs the package no-such-package"}


def test_ways_must_agree():
    other = Cell("other", SMALL, (Run(6, 1.0, 1.0, 50.0),), 1000)
    check_agreement([MEASURED, EXTRAPOLATED, ABSENT])
    with pytest.raises(BenchmarkError, match="'ours': 5, 'other': 6"):
        check_agreement([MEASURED, other])


def test_one_search_in_a_process_of_its_own(tmp_path):
    np.save(tmp_path / "uniform-10.npy", np.arange(10, dtype=np.uint64))
    scope = Scope((10,), (1,), 1, limit=300, our_limit=300)
    (cell,) = climb(OURS, "uniform", 1, scope, tmp_path, lambda _: None)
    assert cell.pairs == 15  # a cube's 12 edges and three more
    assert cell.peak_mb > 10


def test_markdown_marks_what_is_extrapolated():
    absent = Cell("other", LARGE, problem="needs a package")
    text = markdown(results(MEASURED, ABSENT, EXTRAPOLATED, absent))
    assert "| 8      |  1,000 |     5 |         3.00 |       – |" in text
    assert "| 8      | 10,000 |     – |         ~200 |       – |" in text
    assert text.count("another: not run, needs a package.") == 1


def test_json_and_picture(tmp_path):
    absent = Cell("other", LARGE, problem="needs a package")
    found = results(MEASURED, ABSENT, EXTRAPOLATED, absent)
    cells = json.loads(json.dumps(found.to_json()))["cells"]
    assert [cell["extrapolated_from"] for cell in cells] == [None, None, 1000, None]
    draw(found, tmp_path / "growth" / "x.png")
    assert (tmp_path / "growth" / "x.png").read_bytes().startswith(b"\x89PNG")
