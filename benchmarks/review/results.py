"""Lays out what was measured, and writes it down."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apparel_clf as ac
from apparel_clf.evaluation import wilson_interval
from benchmarks.review.gain import SHARES
from benchmarks.tables import table
from benchmarks.versions import cpus, package_version

_PACKAGES = ("tensorflow", "keras", "numpy", "pillow", "scikit-learn")
_ORDERS = {"model": "out-of-fold predictions", "looks": "image features only"}


def write(folder: Path, data: str, rounds: Sequence[dict[str, Any]]) -> str:
    """Write ``review.md`` and ``review.json``.

    Args:
        folder: where to; made if it isn't there.
        data: name of the photos.
        rounds: what was measured, for each seed.

    Returns:
        The text.
    """
    text = _text(data, rounds)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "review.md").write_text(text, encoding="utf-8")
    (folder / "review.json").write_text(json.dumps(rounds, indent=2) + "\n", encoding="utf-8")
    return text


def _text(data: str, rounds: Sequence[dict[str, Any]]) -> str:
    first = rounds[0]
    bad = sum(r["swapped"] + r["foreign"] for r in rounds)
    versions = [f"- {name}: {package_version(name)}" for name in _PACKAGES]
    return "\n".join(
        [
            f"# Review: what it is worth, {data}",
            "",
            f"{first['judged']} photos with {first['swapped']} labels swapped, and "
            f"{first['foreign']} pictures of other things among them, scaled to the photos' size. "
            f"Untrained backbone, recipe fast. Rounds, each with other faults: {len(rounds)}.",
            "",
            "## How many of the bad ones are among the first of the order",
            "",
            f"All rounds together, n={bad} bad ones. 95% Wilson intervals in brackets.",
            "",
            table(["order, what", *(f"first {share:.0%}" for share in SHARES)], _found(rounds)),
            "",
            "## Accuracy after what was shown there is mended",
            "",
            "5-fold grouped cross-validation: trained by the labels as they are then, judged by "
            f"the right labels of the photos, n={first['judged']} in each round. Mean of the "
            "rounds, the 95% Wilson interval of one round, lowest and highest round; and "
            "over all rounds, how many photos only became right, and only became wrong.",
            "",
            table(
                ["labels", "accuracy", "95% interval", "rounds", "became right", "became wrong"],
                _accuracy(rounds),
            ),
            "",
            *versions,
            f"- CPUs: {cpus()}",
            f"- apparel-clf: {ac.__version__}",
            "",
        ]
    )


def _found(rounds: Sequence[dict[str, Any]]) -> list[list[str]]:
    rows = []
    for name, words in _ORDERS.items():
        for kind in ("all bad ones", "swapped", "foreign"):
            cells = [_share(rounds, name, kind, place) for place in range(len(SHARES))]
            rows.append([f"{words}: {kind}", *cells])
    return [*rows, ["a perfect order", *_perfect(rounds)], ["chance", *_chance()]]


def _share(rounds: Sequence[dict[str, Any]], name: str, kind: str, place: int) -> str:
    kinds = ("swapped", "foreign") if kind == "all bad ones" else (kind,)
    found = sum(_order(r, name)["found"][place][k] for r in rounds for k in kinds)
    total = sum(r[k] for r in rounds for k in kinds)
    low, high = wilson_interval(found, total)
    return f"{found / total:.0%} ({low:.0%} to {high:.0%})"


def _order(one: dict[str, Any], name: str) -> dict[str, Any]:
    order: dict[str, Any] = next(order for order in one["orders"] if order["name"] == name)
    return order


def _perfect(rounds: Sequence[dict[str, Any]]) -> list[str]:
    shares = []
    for place in range(len(SHARES)):
        looked = [_order(r, "looks")["found"][place]["looked"] for r in rounds]
        bad = [r["swapped"] + r["foreign"] for r in rounds]
        best = sum(min(pair) for pair in zip(looked, bad, strict=True))
        shares.append(f"{best / sum(bad):.0%}")
    return shares


def _chance() -> list[str]:
    return [f"{share:.0%}" for share in SHARES]


def _accuracy(rounds: Sequence[dict[str, Any]]) -> list[list[str]]:
    rows = [_line("as spoilt", rounds, [r["hits_before"] for r in rounds])]
    for name, words in _ORDERS.items():
        for place, share in enumerate(SHARES):
            found = [_order(r, name)["mended"][place] for r in rounds]
            changed = [sum(f[key] for f in found) for key in ("only_after", "only_before")]
            told = f"{words}, first {share:.0%} mended"
            rows.append(_line(told, rounds, [f["hits"] for f in found], changed))
    return [*rows, _line("all mended", rounds, [r["hits_all_mended"] for r in rounds])]


def _line(
    name: str, rounds: Sequence[dict[str, Any]], hits: Sequence[int], changed: Sequence[int] = ()
) -> list[str]:
    judged = [r["judged"] for r in rounds]
    shares = [hit / n for hit, n in zip(hits, judged, strict=True)]
    low, high = wilson_interval(round(sum(hits) / len(hits)), round(sum(judged) / len(judged)))
    return [
        name,
        f"{sum(shares) / len(shares):.1%}",
        f"{low:.1%} to {high:.1%}",
        f"{min(shares):.1%} to {max(shares):.1%}",
        *([str(n) for n in changed] or ["", ""]),
    ]
