"""The results as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.duplicates.baselines import BASELINES
from benchmarks.duplicates.results import Results
from benchmarks.duplicates.speed import Search, Signing
from benchmarks.duplicates.study import Curve, Recall, Removals, Study
from benchmarks.tables import table

_LEAST_RECALL = 0.99


def markdown(results: Results) -> str:
    """Write everything down as one Markdown file."""
    found = results.study
    parts = ["# Duplicates"]
    for kind in dict.fromkeys(row.pictures for row in found.recalls):
        rows = [row for row in found.recalls if row.pictures == kind]
        parts += [f"## Recall, {kind}", recall(rows)]
    parts += ["## Pairs taken for one picture"]
    parts += [text for kind in found.removals for text in removals(kind)]
    parts += [recoloured(found), "## Other limits", other_limits(found)]
    parts += ["## Simpler ways", simpler(found)]
    if found.next:
        parts += [
            "## What comes next",
            _NEXT,
            table(["one", "other", "first removed at"], found.next),
        ]
    parts += ["## Speed", speed(results.signing), search(results.search), _bits(found)]
    facts = {**results.settings, **results.versions}
    parts += ["## Settings and versions", "\n".join(f"- {k}: {v}" for k, v in facts.items())]
    parts += ["What the words mean and how it is measured: docs/duplicates.md"]
    return "\n\n".join(parts) + "\n"


_LIMITS = {
    "hash": "bits of a hash",
    "luma": "brightness, times the limit in use",
    "luma-alone": "the same without the rule of contrast",
    "chroma": "colour",
    "contrast": "contrast",
    "contrast-off": "without the rule of contrast",
}
_NEXT = "Pairs that are kept, and by how much all limits would have to grow to remove one of them."


def recall(rows: Sequence[Recall]) -> str:
    """Lay out recall: a row for each kind of change."""
    head = ["change", "copies", "brought together", "found", "recall", "95% interval"]
    head += [way.name for way in BASELINES]
    return table(
        head,
        [
            [
                row.change + (" *" if row.asked else ""),
                str(row.n),
                str(row.brought),
                str(row.found),
                f"{row.share:.3f}",
                "{:.3f} to {:.3f}".format(*row.interval),
                *(f"{row.baselines[way.name] / row.n:.3f}" for way in BASELINES),
            ]
            for row in rows
        ],
    ) + (f"\n\n\\* asked: {_LEAST_RECALL} or more. {_short(rows)}")


def _short(rows: Sequence[Recall]) -> str:
    short = [row.change for row in rows if row.asked and row.share < _LEAST_RECALL]
    return f"Not reached: {', '.join(short)}." if short else "All of them reach it."


def removals(found: Removals) -> list[str]:
    """Tell what was found among pictures as they are: counts, then the pairs."""
    largest = ", ".join(map(str, found.groups[:5])) or "none"
    counts = (
        f"**{found.pictures}**, {found.n:,} pictures: {len(found.taken)} pairs taken for one "
        f"picture, of them {len(found.false)} not known to be one. {found.recolours:,} pairs told "
        f"as recolours, {found.mirrors} as mirrored; largest groups: {largest}."
    )
    rows = [
        [
            pair.first,
            pair.second,
            pair.kind,
            pair.reason,
            "yes" if pair.removed else "no",
            "one picture" if pair.known else "not looked at, or different",
        ]
        for pair in found.taken
    ]
    head = ["one", "other", "kind", "measured", "removed", "looked at"]
    return [counts, table(head, rows)] if rows else [counts]


def recoloured(found: Study) -> str:
    """Tell what became of the recolours."""
    told = found.recolours
    return (
        f"Of {told['made']} garments drawn again in another colour, {told['recolour']} are told as "
        f"recolours, {told['near']} would be removed, {told['mirror']} are told as mirrored, "
        f"{told['different']} as different."
    )


def other_limits(found: Study) -> str:
    """Lay out every curve: a row for each value of each limit."""
    head = ["limit", "value", "false pairs", *found.curves[0].recall]
    return table(head, [row for curve in found.curves for row in _curve(curve)])


def _curve(curve: Curve) -> list[list[str]]:
    return [
        [
            _LIMITS[curve.limit],
            ("" if curve.limit == "contrast-off" else f"{value:g}")
            + (" (in use)" if value == curve.chosen else ""),
            str(false),
            *(f"{values[place]:.3f}" for values in curve.recall.values()),
        ]
        for place, (value, false) in enumerate(zip(curve.values, curve.false, strict=True))
    ]


def simpler(found: Study) -> str:
    """Lay out how many different pictures the simpler ways would remove."""
    rows = [[name, f"{false:,}"] for name, false in found.baselines.items()]
    chosen = next(curve for curve in found.curves if curve.limit == "luma")
    rows.insert(0, ["this project", str(chosen.false[chosen.values.index(1.0)])])
    return table(["way", f"false pairs of {found.pool:,} pictures"], rows)


def speed(rows: Sequence[Signing]) -> str:
    """Lay out how fast pictures are signed."""
    head = ["longer side, px", "files", "kB", "signed a CPU second", "imagehash", "ratio", "asked"]
    return table(
        head,
        [
            [
                str(row.side),
                str(row.files),
                f"{row.kilobytes:.0f}",
                f"{row.ours:.0f}",
                f"{row.imagehash:.0f}",
                f"{row.ratio:.2f}",
                "" if row.asked is None else f"{row.asked:g}",
            ]
            for row in rows
        ],
    )


def search(row: Search) -> str:
    """Tell what a whole search costs."""
    each = row.judging / max(row.pairs, 1) * 1e6
    steps = ", ".join(f"{name} {value:.0f}" for name, value in row.steps.items())
    return (
        f"Finding duplicates among {row.pictures:,} pictures, in CPU seconds: signing "
        f"{row.signing:.1f}, searching hashes {row.hashes:.2f}, judging {row.judging:.1f} "
        f"({row.pairs:,} pairs, {each:.0f} microseconds each); searching and judging as one call "
        f"{row.whole:.1f}. Microseconds a pair in each step: {steps}."
    )


def _bits(found: Study) -> str:
    counts = ", ".join(f"{number:,} by {bits}" for bits, number in found.bits.items())
    kinds = dict.fromkeys(row.pictures for row in found.recalls)
    largest = ", ".join(
        f"{max(row.bits for row in found.recalls if row.pictures == kind)} ({kind})"
        for kind in kinds
    )
    return (
        f"Bits in which the signature's hash differs from imagehash's own: {counts}. "
        f"Largest over all changed copies: {largest}."
    )
