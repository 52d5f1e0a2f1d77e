"""The pure parts of the crawl benchmark: what is counted, compared and written down."""

import argparse
import json
from dataclasses import replace

import psutil
import pytest

from benchmarks import measure
from benchmarks.crawl import ways
from benchmarks.crawl.__main__ import sizes
from benchmarks.crawl.catalogue import SIZE, catalogue, draw, shares
from benchmarks.crawl.results import (
    Figures,
    Growth,
    Results,
    WayResult,
    growth_ratio,
    medians,
    ratio,
    ratios_to_ours,
)
from benchmarks.crawl.runs import as_figures, check_fetched, compare
from benchmarks.crawl.searches import SEARCHES
from benchmarks.crawl.shop import ShopReport, original_id, original_ids
from benchmarks.crawl.tables import comparison, growth, markdown
from benchmarks.errors import BenchmarkError, NotInstalledError
from benchmarks.measure import QUARTERS, Usage, at_quarters, measured, role_of
from benchmarks.tables import table

FIGURES = Figures(
    fetched=100,
    images=90,
    duplicates=0,
    wall_s=20.0,
    slept_s=5.0,
    cpu_python_s=4.0,
    cpu_browser_s=6.0,
    cpu_driver_s=1.0,
    cpu_other_s=0.5,
    shop_cpu_s=2.0,
    peak_python_mb=100.0,
    peak_all_mb=900.0,
    rss_quarters_mb=(70.0, 80.0, 90.0, 100.0),
)
OURS = WayResult("ours", "this project", (FIGURES,))
SLOW = WayResult("slow", "a slow way", (replace(FIGURES, wall_s=50.0, cpu_python_s=8.0),))
ABSENT = WayResult("absent", "an absent way", problem="needs a thing")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/images/I/71C8dVn7nrL.jpg", "71C8dVn7nrL"),
        ("/images/I/71C8dVn7nrL.png", "71C8dVn7nrL"),
        ("/images/I/71%2B8dVn-nrL.jpg", "71+8dVn-nrL"),
        ("/images/I/71C8dVn7nrL.jpg?x=1", "71C8dVn7nrL"),
        ("/images/I/71C8dVn7nrL._AC_UL320_.jpg", None),
        ("/images/I/71C8dVn7nrL._AC_UL320_FMwebp_QL65_.jpg", None),
        ("/s?k=jeans", None),
        ("/static/71C8dVn7nrL.jpg", None),
    ],
)
def test_only_a_path_without_modifiers_is_an_original(path, expected):
    assert original_id(path) == expected


def test_an_original_that_was_asked_for_twice_counts_once():
    paths = ["/images/I/71C8dVn7nrL.jpg"] * 2 + ["/images/I/81C8dVn7nrL._AC_.jpg", "/"]
    assert original_ids(paths) == {"71C8dVn7nrL"}


def test_fetching_just_what_the_searches_show_passes():
    check_fetched("way", frozenset("ab"), frozenset("ab"))


@pytest.mark.parametrize(
    ("fetched", "words"),
    [("a", "1 of 2 originals are missing"), ("abc", "1 are no result's"), ("", "2 of 2")],
)
def test_fetching_anything_else_is_an_error_that_names_it(fetched, words):
    with pytest.raises(BenchmarkError, match=words):
        check_fetched("way", frozenset(fetched), frozenset("ab"))


@pytest.mark.parametrize(
    ("name", "command", "role"),
    [
        ("chromium", ["/usr/lib/chromium/chromium", "--headless"], "browser"),
        ("chromium", ["/usr/lib/chromium/chromium --type=renderer --x=chromedriver"], "browser"),
        ("chrome_crashpad", ["/usr/lib/chromium/chrome_crashpad_handler"], "browser"),
        ("headless_shell", ["/opt/headless_shell"], "browser"),
        ("chromedriver", ["/usr/bin/chromedriver", "--port=1"], "driver"),
        ("MainThread", ["/opt/playwright/driver/node", "cli.js"], "driver"),
        ("chromium", [], "browser"),
        ("cat", ["cat"], "other"),
        ("", [], "other"),
    ],
)
def test_the_program_says_the_role(name, command, role):
    assert role_of(name, command) == role


def test_quarters_are_quarters_of_the_time():
    series = [(float(second), second * 10) for second in range(101)]
    assert at_quarters(series) == (250, 500, 750, 1000)


@pytest.mark.parametrize(("series", "expected"), [([], ()), ([(0.3, 7)], (7, 7, 7, 7))])
def test_quarters_of_a_short_run(series, expected):
    assert at_quarters(series) == expected


def test_images_are_dealt_out_evenly():
    assert sum(shares(1000).values()) == 1000
    assert max(shares(1000).values()) - min(shares(1000).values()) == 1
    assert list(shares(3)) == list(SEARCHES)


def test_a_catalogue_is_drawn_once(tmp_path):
    folder = catalogue(4, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.jpg")}
    again = catalogue(4, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in again.rglob("*.jpg")} == before
    assert len({path.read_bytes() for path in before}) == 4
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_the_same_seed_draws_the_same_picture():
    assert draw((0, 1)).size == SIZE
    assert draw((0, 1)).tobytes() == draw((0, 1)).tobytes() != draw((1, 0)).tobytes()


def test_derived_figures():
    assert FIGURES.wall_awake_s == 15.0
    assert FIGURES.cpu_all_s == 11.5
    assert FIGURES.images_per_cpu_s == 25.0
    assert FIGURES.images_per_s == 5.0


def test_medians_are_taken_figure_by_figure():
    runs = [
        replace(FIGURES, wall_s=wall, cpu_python_s=cpu, rss_quarters_mb=(cpu,) * 4)
        for wall, cpu in [(1.0, 9.0), (2.0, 8.0), (9.0, 1.0)]
    ]
    found = medians(runs)
    assert (found.wall_s, found.cpu_python_s) == (2.0, 8.0)
    assert found.rss_quarters_mb == (8.0,) * 4


def test_ratios_are_to_this_project_wherever_it_stands():
    for order in ([OURS, SLOW, ABSENT], [ABSENT, SLOW, OURS]):
        found = ratios_to_ours(order)
        assert set(found) == {"slow"}
        assert found["slow"]["wall_s"] == 2.5
        assert found["slow"]["images_per_cpu_s"] == 0.5


def test_there_is_no_ratio_without_this_project():
    assert ratios_to_ours([]) == {}
    assert ratios_to_ours([SLOW]) == {}
    assert ratio(1.0, 0.0) is None


def test_growth_compares_the_largest_with_the_smallest():
    small = Growth(1000, FIGURES)
    large = Growth(3000, replace(FIGURES, fetched=300, cpu_python_s=18.0))
    assert growth_ratio([large, small]) == pytest.approx(1.5)
    assert growth_ratio([small]) is None


def test_a_table_lines_up():
    text = table(["", "figure"], [["a", "1"], ["long name", "1,000.0"]])
    lines = text.splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[1] == "|-----------|--------:|"
    assert lines[2] == "| a         |       1 |"


def test_the_comparison_shows_every_way_and_why_one_is_missing():
    text = comparison([OURS, SLOW, ABSENT])
    wall = next(line for line in text.splitlines() if line.startswith("| wall, s"))
    assert [cell.strip() for cell in wall.split("|")[2:-1]] == ["20.0", "50.0", "not run", "2.50"]
    assert "an absent way: not run, needs a thing." in text


def test_the_growth_shows_memory_along_the_way():
    assert " 70 80 90 100 |" in growth([Growth(1000, FIGURES)])


def test_the_file_says_what_was_run():
    results = Results({"runs": 3}, {"Scrapy": "2.19"}, (OURS,), (Growth(1000, FIGURES),))
    text = markdown(results)
    assert "- runs: 3\n- Scrapy: 2.19" in text
    assert text.index("## Several ways") < text.index("## Growth") < text.index("## Settings")


def test_what_was_left_out_has_no_heading():
    assert "##" not in markdown(Results({}, {})).replace("## Settings", "")


def test_json_holds_runs_medians_and_ratios():
    results = Results({"runs": 1}, {"Scrapy": "2.19"}, (OURS, SLOW, ABSENT), (Growth(9, FIGURES),))
    found = json.loads(json.dumps(results.to_json()))
    assert set(found) == {
        *("settings", "versions", "ways", "ratios_to_ours"),
        *("growth", "growth_cpu_per_image_ratio"),
    }
    assert found["ways"]["ours"]["status"] == "ok"
    assert found["ways"]["ours"]["median"] == found["ways"]["ours"]["runs"][0]
    assert found["ways"]["ours"]["median"]["images_per_cpu_s"] == 25.0
    assert found["ways"]["absent"] == {
        "status": "not run",
        "problem": "needs a thing",
        "median": None,
        "runs": [],
    }
    assert found["ratios_to_ours"]["slow"]["cpu_python_s"] == 2.0
    assert found["growth"][0]["catalogue_images"] == 9
    assert found["growth"][0]["cpu_per_image_ms"] == 40.0


def test_figures_put_the_shop_and_the_unseen_where_they_belong():
    usage = Usage(
        wall=10.0,
        cpu={"python": 1.0, "browser": 2.0, "driver": 3.0, "other": 4.0},
        cpu_unseen=0.5,
        peak_python=5_000_000,
        peak_all=9_000_000,
        rss_quarters=(1_000_000,) * 4,
    )
    report = ShopReport(frozenset("ab"), frozenset("ab"), {"image": 2}, cpu=7.0)
    found = as_figures(usage, report, ways.Output(files=2, duplicates=1), seconds=0.5)
    assert (found.fetched, found.images, found.duplicates) == (2, 2, 1)
    assert (found.cpu_other_s, found.cpu_all_s, found.shop_cpu_s) == (4.5, 10.5, 7.0)
    assert (found.peak_python_mb, found.peak_all_mb) == (5.0, 9.0)


def test_a_way_that_needs_more_than_there_is_does_not_run(monkeypatch):
    monkeypatch.setattr(ways.shutil, "which", lambda _: None)
    with pytest.raises(NotInstalledError, match="chromedriver"):
        ways.SELENIUM.check()
    said = []
    (found,) = compare([ways.SELENIUM], images=150, repeat=2, say=said.append)
    assert (found.runs, found.median) == ((), None)
    assert "chromedriver" in found.problem
    assert said == [f"selenium: not run, {found.problem}"]


@pytest.mark.parametrize(("text", "expected"), [("", ()), ("150,3000", (150, 3000))])
def test_sizes(text, expected):
    assert sizes(text) == expected


@pytest.mark.parametrize("text", ["149", "x", "-1", "1000,2"])
def test_sizes_that_give_a_search_one_page_are_refused(text):
    with pytest.raises(argparse.ArgumentTypeError):
        sizes(text)


def test_a_program_and_what_it_starts_are_measured_and_gone(tmp_path, monkeypatch):
    """The program ends once both have been looked at, however long that takes."""
    pid_file, seen = tmp_path / "pid", tmp_path / "seen"
    look = measure._Tree.look

    def look_and_tell(tree, at):
        look(tree, at)
        if pid_file.exists() and pid_file.read_text().strip() in {str(pid) for pid, _ in tree.seen}:
            seen.touch()

    monkeypatch.setattr(measure._Tree, "look", look_and_tell)
    wait = f"while [ ! -e {seen} ]; do sleep 0.1; done"
    command = ["sh", "-c", f"sleep 600 & echo $! > {pid_file}; {wait}"]
    usage = measured(command, folder=tmp_path, root=tmp_path, limit=120)
    assert usage.wall > 0
    assert usage.peak_all >= usage.peak_python > 0
    assert len(usage.rss_quarters) == len(QUARTERS)
    assert not _runs(int(pid_file.read_text()))


def _runs(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_program_that_fails_tells_its_last_words(tmp_path):
    with pytest.raises(BenchmarkError, match=r"exit 3(?s:.*)last words"):
        measured(["sh", "-c", "echo last words; exit 3"], folder=tmp_path, root=tmp_path, limit=120)


def test_a_program_that_takes_too_long_is_ended(tmp_path):
    with pytest.raises(BenchmarkError, match="not done after"):
        measured(["sleep", "60"], folder=tmp_path, root=tmp_path, limit=0.1)
