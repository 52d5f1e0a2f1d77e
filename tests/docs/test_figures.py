"""The figures that the guides state are those of the result files."""

from __future__ import annotations

import json

import pytest

from tests.docs.blocks import ROOT


def results(name: str):
    return json.loads((ROOT / f"benchmarks/results/{name}.json").read_text("utf-8"))


def recipe_cells(name: str, recipe: str) -> str:
    """n, accuracy and interval of a recipe as they stand in a table."""
    (row,) = (row for row in results(name) if row["name"] == recipe)
    low, high = (100 * bound for bound in row["ci"])
    return f"{row['n']:,} | {row['accuracy']:.1%} | {low:.1f}–{high:.1f} |"


def crawl_cells(way: str) -> str:
    """Wall time, CPU and memory of a way as they stand in a table."""
    found = results("crawl")["ways"][way]["median"]
    memory = f"{found['peak_python_mb']:.0f} MB"
    return f"{found['wall_s']:.1f} s | {found['cpu_python_s']:.1f} s | {memory} |"


def crawl(name: str, way: str, key: str) -> float:
    return results(name)["ways"][way]["median"][key]


@pytest.mark.parametrize("document", ["README.md", "docs/benchmarks.md"])
@pytest.mark.parametrize("recipe", ["seed", "fast"])
def test_accuracies(document, recipe):
    assert recipe_cells("recipes", recipe) in _flat(document)


def test_further_accuracies():
    text = _flat("docs/benchmarks.md")
    assert recipe_cells("recipes", "best") in text
    assert recipe_cells("recipes-catalogue", "fast") in text


@pytest.mark.parametrize("way", ["ours", "selenium", "stock"])
def test_crawls(way):
    assert crawl_cells(way) in _flat("docs/benchmarks.md")
    assert f"{crawl('crawl', way, 'wall_s'):.1f} s" in _flat("README.md")


def test_resting_of_the_script():
    told = f"({crawl('crawl', 'selenium', 'slept_s'):.0f} s of it rests while scrolling)"
    assert told in _flat("README.md")
    assert told in _flat("docs/benchmarks.md")


def test_large_crawls():
    ours, script = (crawl("crawl-3000", way, "wall_s") for way in ("ours", "selenium"))
    told = f"{ours:.0f} s against the script's {script:,.0f} s, {script / ours:.1f} times"
    assert told in _flat("docs/benchmarks.md")


def test_growth():
    text = _flat("docs/benchmarks.md")
    small, large = results("crawl")["growth"]
    told = f"{small['peak_python_mb']:.0f} MB with 1,000 images and "
    assert told + f"{large['peak_python_mb']:.0f} MB with 10,000" in text
    first, half, third, _ = large["rss_quarters_mb"]
    told = f"{first:.0f}, {half:.0f} and {third:.0f} MB at a quarter, half and three quarters"
    assert told in text


def test_images_for_a_second_of_cpu():
    ways = {way: results("crawl")["ways"][way]["median"] for way in ("ours", "stock")}
    every, python = (
        ways["stock"][key] / ways["ours"][key] for key in ("cpu_all_s", "cpu_python_s")
    )
    text = _flat("docs/benchmarks.md")
    assert f"{every:.2f} times as many images for a second of CPU of all processes" in text
    assert f"{python:.2f} times for one of Python alone" in text


def test_training():
    tasks = results("training")["tasks"]
    first, later = tasks["seed"]["to_first_epoch"], tasks["seed"]["epochs"][0]
    seconds = (first + 19 * later, tasks["fast"]["seconds"], tasks["again"]["seconds"])
    text = _flat("docs/benchmarks.md")
    told = ("{:,.0f} s as the original", "{:.0f} s with `fast`", "{:.0f} s again")
    for words, value in zip(told, seconds, strict=True):
        assert words.format(value) in text
    text = _flat("docs/recipes.md")
    names = {
        "seed": "`seed`, extrapolated from two epochs",
        "fast": "`fast`, nothing in the cache",
        "again": "the same again",
    }
    for (task, name), value in zip(names.items(), seconds, strict=True):
        assert f"| {name} | {value:,.0f} | {tasks[task]['peak_mb'] / 1e3:.1f} GB |" in text
    # Not the first of each, in which it is traced and block 4's outputs are computed.
    assert f"{tasks['whole']['epochs'][1]:.0f} s on the whole network" in text
    second, third = tasks["block5"]["epochs"][-2:]
    assert f"{second:.0f} and {third:.0f} s from block 4's outputs" in text


def test_prediction():
    ways = results("prediction")["ways"]
    text = _flat("docs/deployment.md")
    script = ways["Keras script"]
    for name, told in (
        ("LiteRT int8", "{cold_s:.2f} s, {cold_mb:.0f} MB"),
        ("ONNX Runtime int8", "{one_s:.0f} ms"),
        ("OpenVINO int8", "{folder_s:.0f} ms an image"),
    ):
        cells = [told.format(**_milliseconds(way)) for way in (ways[f"ours, {name}"], script)]
        assert f"{name} | {cells[0]} | {cells[1]} |" in text


def _milliseconds(way: dict[str, float]) -> dict[str, float]:
    return way | {name: 1000 * way[name] for name in ("one_s", "folder_s")}


def test_whoever_states_an_accuracy_says_that_the_backbone_is_untrained():
    for document in ("README.md", "docs/benchmarks.md", "docs/recipes.md"):
        assert "untrained backbone" in _flat(document).lower()


def _flat(document: str) -> str:
    return " ".join((ROOT / document).read_text("utf-8").split())
