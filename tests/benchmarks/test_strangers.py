"""The scores of the strangers benchmark rank made-up strangers, and its tallies count them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.strangers.judging import Tally, either
from benchmarks.strangers.results import write
from benchmarks.strangers.scores import OF_FEATURES, OF_LOGITS, Learnt, Seen


def seen(count: int, seed: int, *, strange: bool = False) -> tuple[Seen, np.ndarray]:
    """Two classes that vary along few directions; strangers vary along others, and doubtfully."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    basis = np.random.default_rng(9).normal(size=(8, 60))
    inner = rng.normal(size=(count, 4)) @ basis[4 if strange else 0 :][:4]
    rows = inner + 3 * labels[:, None] * basis[0] + 0.1 * rng.normal(size=(count, 60)) + 20
    sure = 0.5 if strange else 4.0
    logits = sure * np.stack([1 - labels, labels], axis=1) + 0.1 * rng.normal(size=(count, 2))
    return Seen(rows.astype(np.float16), logits), labels


@pytest.fixture(scope="module")
def learnt() -> Learnt:
    return Learnt(*seen(200, 0))


# A stranger has no place among class means here, and is near all pictures if it is near a class.
@pytest.mark.parametrize("name", sorted({*OF_LOGITS, *OF_FEATURES} - {"Mahalanobis, relative"}))
def test_a_higher_score_is_more_like_what_was_learnt(learnt, name):
    score = {**OF_LOGITS, **OF_FEATURES}[name]
    known, strange = score(learnt, seen(100, 1)[0]), score(learnt, seen(100, 2, strange=True)[0])
    assert known.shape == strange.shape == (100,)
    assert np.median(known) > np.median(strange)


def test_the_relative_distance_is_the_difference_of_the_two(learnt):
    shown = seen(20, 1)[0]
    difference = OF_FEATURES["Mahalanobis"](learnt, shown) - OF_FEATURES[
        "Mahalanobis, one Gaussian"
    ](learnt, shown)
    np.testing.assert_allclose(OF_FEATURES["Mahalanobis, relative"](learnt, shown), difference)


def test_a_threshold_goes_by_val_and_judges_the_others():
    tally = Tally(strangers=4)
    for _ in range(5):
        tally.add(np.arange(100.0), np.array([4.0, 50.0]), np.array([-1.0, 0.5, 3.0, 90.0]))
    first, second = tally.to_json()["kept"]
    assert (first["test"], first["test_refused"], first["strangers_refused"]) == (10, 5, 3)
    assert (second["test_refused"], second["strangers_refused"]) == (0, 2)
    assert first["strangers_ci"][0] < 0.75 < first["strangers_ci"][1]


def test_joined_scores_refuse_what_either_refuses():
    val = np.arange(10.0)
    first = {"val": val, "test": np.array([-1.0, 9.0, 9.0])}
    second = {"val": val, "test": np.array([9.0, -1.0, 9.0])}
    assert either(first, second)["test"].tolist() == [0.0, 0.0, 1.0]


def test_figures_are_written_as_they_are(tmp_path):
    tally = Tally(strangers=2)
    for _ in range(5):
        tally.add(np.arange(100.0), np.array([50.0]), np.array([-1.0, 90.0]))
    row = {"trial": "a against b", "fair": False, "score": "x", "strangers": "things"}
    text = write(tmp_path / "out", {"weights": "none"}, [row | tally.to_json()])
    assert (tmp_path / "out" / "strangers.md").read_text() == text
    assert "## a against b: things" in text
    assert "5 known pictures, 2 strangers." in text
    assert "may tell the source" in text
    assert "50.0% (9% to 91%)" in text
    found = json.loads((tmp_path / "out" / "strangers.json").read_text())
    assert found["scores"][0]["auroc"] == 0.5


ROOT = Path(__file__).parents[2]
SCORES = ("softmax", "32 directions (gap)", "softmax or 32 directions (gap)")


def shares(trial: str, strangers: str) -> list[str]:
    """What the scores of the guide refuse where 95% are kept, from the result file."""
    document = json.loads((ROOT / "benchmarks/results/strangers.json").read_text("utf-8"))
    found = {
        row["score"]: row["kept"][0]
        for row in document["scores"]
        if (row["trial"], row["strangers"]) == (trial, strangers)
    }
    return [f"{found[s]['strangers_refused'] / found[s]['strangers']:.1%}" for s in SCORES]


@pytest.mark.parametrize(
    ("trial", "strangers", "row"),
    [
        ("photos without jeans", "jeans", "| photos: sarees, trousers | jeans | 234 |"),
        ("photos without saree", "saree", "| photos: jeans, trousers | saree | 298 |"),
        ("photos without trousers", "trousers", "| photos: jeans, sarees | trousers | 291 |"),
        *(
            (f"catalogue: {known}", kind, f"| catalogue: {known} | other {kind} | {n} |")
            for known, things, garments in (
                ("jeans, trousers, shirts", "400", "718"),
                ("tops, tshirts, kurtas", "400", "718"),
                ("watches, handbags, shoes", "100", "1,018"),
                ("jackets, shorts, belts", "300", "853"),
            )
            for kind, n in (("things", things), ("garments", garments))
        ),
    ],
)
def test_the_guide_says_what_was_measured(trial, strangers, row):
    guide = (ROOT / "docs/deployment.md").read_text("utf-8")
    assert f"{row} {' | '.join(shares(trial, strangers))} |" in guide


def test_the_guide_says_what_the_source_does():
    guide = " ".join((ROOT / "docs/deployment.md").read_text("utf-8").split())
    others = shares("photos against catalogue", "other classes")[1]
    own = shares("photos against catalogue", "the same classes")[1]
    assert f"refuses {others} of another catalogue's other things, and {own} of its" in guide
