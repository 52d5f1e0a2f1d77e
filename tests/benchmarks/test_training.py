import json

import numpy as np
import pytest
from PIL import Image

from apparel_clf import ApparelClassifier
from benchmarks.recipes.__main__ import VARIANTS
from benchmarks.recipes.__main__ import main as recipes
from benchmarks.training.__main__ import markdown, seed_seconds
from benchmarks.training.tasks import subset


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for label, colour in {"a": (200, 40, 40), "b": (40, 40, 200)}.items():
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(30):
            pixels = rng.normal(colour, 40, (20, 16, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / label / f"{number}.png")
    return tmp_path / "data"


def test_the_images_are_spread_over_all_classes_and_disjoint(folder):
    train, val = subset(folder, 20, 9)
    assert (len(train), len(val)) == (20, 9)
    assert not {s.path for s in train} & {s.path for s in val}
    assert min(train.class_counts.values()) >= 8


def test_a_share_of_the_images_is_exchanged_for_new_ones(folder):
    (first, _), (second, val) = subset(folder, 20, 9), subset(folder, 20, 9, more=0.1)
    before, after = ({s.path for s in part} for part in (first, second))
    assert len(after - before) == 2
    assert not after & {s.path for s in val}


def test_the_seed_is_extrapolated_from_its_second_epoch():
    assert seed_seconds({"to_first_epoch": 30.0, "epochs": [20.0]}) == 30 + 19 * 20


def test_tables_hold_what_was_measured():
    run = {"seconds": 10.0, "wall_s": 12.0, "peak_mb": 900.0}
    document = {
        "settings": {"CPUs": 2},
        "tasks": {
            "seed": {**run, "to_first_epoch": 30.0, "epochs": [20.0]},
            "fast": run,
            "whole": {**run, "epochs": [9.0, 8.0], "val_loss": [0.5, 0.4]},
            "block5": {**run, "epochs": [1.0, 1.0], "history": {"val_loss": [1, 0.5, 0.4, 0.3]}},
            "limit": {
                name: {"gmac_per_s": 100.0, "images_per_s": 5.0} for name in ("float32", "bfloat16")
            },
        },
    }
    text = markdown(document)
    assert "41.0" in text
    assert "8.0" in text
    assert "100%" in text


@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS)
def test_every_variant_is_one_that_the_library_takes(settings):
    ApparelClassifier(weights=None, **settings).settings()


@pytest.mark.train
def test_the_study_runs_and_compares_with_the_first(folder, tmp_path, capsys):
    wanted = ["--only", "fast", "--only", "fast, mean of block 5", "--folds", "2"]
    assert recipes(["--data", str(folder), "--out", str(tmp_path / "out"), *wanted]) == 0
    rows = json.loads((tmp_path / "out" / "recipes.json").read_text())
    assert [row["n"] for row in rows] == [60, 60]
    assert rows[1]["p_value"] is not None
    assert "untrained backbone" in (tmp_path / "out" / "recipes.md").read_text()
