"""The card: the README of a version, for people and for the Hugging Face hub."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

from apparel_clf.dataset.likeness import HASH_DISTANCE, NEAR_CHROMA, NEAR_LUMA_MOVED
from apparel_clf.dataset.plan import Plan
from apparel_clf.dataset.splits import SPLITS

# Hugging Face's imagefolder guesses splits from any folder name that contains "train" or "test",
# a class called test_shirt too; data_files says outright which folder is which.
_FRONT_MATTER = """---
pretty_name: {name}
license: {license}
task_categories:
- image-classification
size_categories:
- {size}
configs:
- config_name: default
  drop_labels: false
  data_files:
  - split: train
    path: train/**
  - split: validation
    path: val/**
  - split: test
    path: test/**
---
"""

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
# Licences by the names that Hugging Face knows; any other is told in the card's text.
_LICENSES = frozenset(
    {"apache-2.0", "mit", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0"}
    | {"cc-by-nd-4.0", "cc-by-nc-sa-4.0", "cc-by-nc-nd-4.0", "cc-by-3.0", "cc-by-sa-3.0"}
    | {"odc-by", "odbl", "pddl", "cdla-permissive-2.0", "other", "unknown"}
)
# From here on, classes are told to be of unequal size.
_UNEQUAL = 1.5
_CELL = 300


def render_card(plan: Plan, facts: dict[str, Any]) -> str:
    """Write the card of a version.

    Args:
        plan: what the version holds.
        facts: what ``version.json`` says. ``license``, ``software`` and ``fetched`` are told
            where it has them.

    Returns:
        Markdown, with front matter that tells Hugging Face where the splits are. Text from the
        web is shown as text. Equal input gives an equal card.

    Example:
        >>> render_card(plan, facts).splitlines()[1]
        'pretty_name: "demo/v1"'
    """
    sections = (
        _front_matter(facts),
        f"# {_cell(facts['name'])}\n\n{_summary(plan, facts)}\n",
        f"## Images\n\n{_counts_table(plan)}\n",
        f"## Where they come from\n\n{_sources_table(plan)}\n",
        f"## Licence and rights\n\n{_rights(plan, facts)}\n",
        f"## How it was made\n\n{_making(plan, facts)}\n",
        f"## What was removed\n\n{_removed_table(facts)}\n",
        f"## Known limits\n\n{_limits(plan)}\n",
        _use(facts),
    )
    return "\n".join(sections)


def _front_matter(facts: dict[str, Any]) -> str:
    size = next((name for limit, name in _SIZES if facts["images"] < limit), "1M<n<10M")
    given = _license(facts).lower()
    known = given if given in _LICENSES else "other" if given else "unknown"
    # JSON's strings are YAML's too, whatever the dataset's folder is called.
    return _FRONT_MATTER.format(
        name=json.dumps(facts["name"], ensure_ascii=False), size=size, license=known
    )


def _license(facts: dict[str, Any]) -> str:
    return str(facts.get("license") or "").strip()


def _summary(plan: Plan, facts: dict[str, Any]) -> str:
    policy = plan.policy
    return (
        f"{facts['images']} images in {len(plan.classes)} classes. Version id `{facts['id']}`.\n\n"
        "No picture appears twice, and no group of duplicates or photos of one product spans two "
        f"splits. Splits were dealt by group and class: {policy.val:.0%} val, {policy.test:.0%} "
        f"test, seed {policy.seed}; an image that had a split before keeps it."
    )


def _table(head: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    """A Markdown table whose first column is text and the others numbers."""
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    """Text from the web can hold Markdown, HTML and pipes; shown here, it is text alone."""
    text = " ".join(str(value).split())
    text = text if len(text) <= _CELL else f"{text[:_CELL]}…"
    # What is not seen, such as a change of the direction of writing, could rearrange the line.
    shown = "".join(c if c.isprintable() else "\ufffd" for c in text)
    escaped = shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    escaped = "".join(f"\\{c}" if c in "\\|`*_[]#~$" else c for c in escaped)
    # Bare addresses would become links.
    return re.sub(r"(?i)\b(https?|ftp|mailto|www)([:.])", r"\1\\\2", escaped).replace("@", "&#64;")


def _counts_table(plan: Plan) -> str:
    rows: list[tuple[object, ...]] = []
    for label in plan.classes:
        numbers = [plan.counts[split][label] for split in SPLITS]
        rows.append((label, *numbers, sum(numbers)))
    totals = [sum(plan.counts[split].values()) for split in SPLITS]
    rows.append(("all", *totals, sum(totals)))
    return _table(("class", *SPLITS, "all"), rows)


def _sources_table(plan: Plan) -> str:
    counted = Counter((r.record.label, r.record.source, r.record.query) for r in plan.rows)
    rows = [(f"{s}: {q}", label, n) for (label, s, q), n in sorted(counted.items())]
    return _table(("source and query", "class", "images"), list(rows))


def _rights(plan: Plan, facts: dict[str, Any]) -> str:
    sources = sorted({row.record.source for row in plan.rows} - {""})
    given = _license(facts)
    told = (
        f"Whoever published this version gives its licence as: {_cell(given)}. Nobody has checked "
        "that they may."
        if given
        else "Licence: unknown. None is given with this version, and none follows from a picture "
        "being on a page that anyone can open."
    )
    where = (
        f"They were fetched from {', '.join(map(_cell, sources))}. The terms of each of these "
        "sources apply; read them before you use or pass on an image."
        if sources
        else "Where they come from was not recorded."
    )
    return (
        f"The pictures belong to whoever made them. {where}\n\n{told} You need the right to "
        "collect and use the pictures; this dataset grants none. To pass on addresses and hashes "
        "in place of pictures: `apparel-clf dataset export`."
    )


def _making(plan: Plan, facts: dict[str, Any]) -> str:
    chosen = [(f"policy: {name}", value) for name, value in sorted(facts["policy"].items())]
    rows: list[tuple[object, ...]] = [
        *chosen,
        ("near duplicates: bits of a hash that may differ, of 64", HASH_DISTANCE),
        ("near duplicates: what may remain of brightness, of 255", NEAR_LUMA_MOVED),
        ("near duplicates: what may remain of colour, of 255", NEAR_CHROMA),
        ("format of the hashes", facts["hash_format"]),
        ("id of the version before", facts.get("parent") or "none"),
    ]
    rows += [(f"software: {name}", value) for name, value in _software(facts)]
    converted = sum(not row.record.signature.plain for row in plan.rows)
    return (
        "Equal bytes are exact duplicates; pictures whose perceptual hashes and small copies agree "
        "are near duplicates. The one with the most pixels stays. Images are the "
        f"bytes that the source sent, named by their sha256; {converted} that were not a plain RGB "
        "JPEG were converted once, and keep their original's name.\n\n"
        f"{_table(('setting', 'value'), rows)}{_fetched(facts)}"
    )


def _software(facts: dict[str, Any]) -> list[tuple[str, object]]:
    software = facts.get("software")
    if isinstance(software, dict):
        return sorted(software.items())
    return [("version", software)] if software else []


def _fetched(facts: dict[str, Any]) -> str:
    fetched = facts.get("fetched")
    if not fetched:
        return ""
    missing = (
        f"{fetched['missing']} of its images could not be had any more and are missing here; "
        "`rejections.jsonl` names them."
        if fetched["missing"]
        else "All of its images are here."
    )
    return f"\nMade again from the addresses and hashes of version `{fetched['from']}`. {missing}\n"


def _removed_table(facts: dict[str, Any]) -> str:
    removed = [(f"{kind} duplicate", n) for kind, n in sorted(facts["removed"].items())]
    return _table(("reason", "number"), [*removed, *facts["rejected"].items()])


def _limits(plan: Plan) -> str:
    found = sum(bool(row.record.query) for row in plan.rows)
    limits = []
    if found:
        limits.append(
            f"The labels of {found} images come from the search that found them, not from a "
            "person who looked at them. Some will be wrong."
        )
    if found < len(plan.rows):
        limits.append(
            f"The labels of {len(plan.rows) - found} images are those of the folders they came "
            "in. How they were given is not known here."
        )
    if plan.relabelled:
        limits.append(f"A person gave {plan.relabelled} images another label than they came with.")
    limits += [
        "A copy that was cropped far, turned or drawn over can go unnoticed, also from one split "
        "to another; so can two photos of one product under two product numbers.",
        "Shops show what sells there and then: other places, times and people look different.",
    ]
    return "\n".join(f"- {limit}" for limit in [*limits, *_imbalance(plan)]) + "\n"


def _imbalance(plan: Plan) -> list[str]:
    sizes = Counter(row.record.label for row in plan.rows)
    if not sizes or max(sizes.values()) < _UNEQUAL * min(sizes.values()):
        return []
    (most, largest), (least, smallest) = sizes.most_common()[0], sizes.most_common()[-1]
    return [
        f"The classes are of unequal size: {_cell(most)} has {largest} images, {_cell(least)} has "
        f"{smallest}."
    ]


def _use(facts: dict[str, Any]) -> str:
    folder = f"datasets/{facts['name']}"

    def quoted(path: str) -> str:
        return json.dumps(path, ensure_ascii=False)

    return f"""## Use

```python
import apparel_clf as ac

train, val, test = ac.ImageFolder({quoted(folder)}).split()
```

```python
import keras

train = keras.utils.image_dataset_from_directory({quoted(folder + "/train")})
```

```python
from datasets import load_dataset

dataset = load_dataset({quoted(folder)})  # train, validation and test
```

Give Hugging Face the folder itself: `load_dataset("imagefolder", data_dir=...)` does not read
this card, and takes a class called `test_shirt` for a part of the test split.

`croissant.json` describes the same images for `mlcroissant` and other tools. `manifest.jsonl` has
one line for each image: source, query, ASIN, title, URLs, hashes, size, group and split.

`rejections.jsonl` has one line for each result or image that was turned away, with the reason.
"""
