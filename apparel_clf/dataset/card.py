"""The card: the README of a version, for people and for the Hugging Face hub."""

from __future__ import annotations

from collections import Counter
from typing import Any

from apparel_clf.dataset.plan import Plan
from apparel_clf.dataset.splits import SPLITS

# Hugging Face's imagefolder guesses splits from any folder name that contains "train" or "test",
# a class called test_shirt too; data_files says outright which folder is which.
_FRONT_MATTER = """---
pretty_name: {name}
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


def render_card(plan: Plan, facts: dict[str, Any]) -> str:
    """Write the card of a version.

    Args:
        plan: what the version holds.
        facts: what ``version.json`` says.

    Returns:
        Markdown, with front matter that tells Hugging Face where the splits are.
    """
    sections = (
        _front_matter(facts),
        f"# {facts['name']}\n\n{_summary(plan, facts)}\n",
        f"## Images\n\n{_counts_table(plan)}\n",
        f"## Where they come from\n\n{_sources_table(plan)}\n",
        f"## What was removed\n\n{_removed_table(facts)}\n",
        _use(facts),
    )
    return "\n".join(sections)


def _front_matter(facts: dict[str, Any]) -> str:
    size = next((name for limit, name in _SIZES if facts["images"] < limit), "1M<n<10M")
    return _FRONT_MATTER.format(name=facts["name"], size=size)


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
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{c}" if c in "\\|`*_[]#" else c for c in escaped)


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


def _removed_table(facts: dict[str, Any]) -> str:
    removed = [(f"{kind} duplicate", n) for kind, n in sorted(facts["removed"].items())]
    return _table(("reason", "number"), [*removed, *facts["rejected"].items()])


def _use(facts: dict[str, Any]) -> str:
    dataset, _, version = facts["name"].partition("/")
    return f"""## Use

```python
import apparel_clf as ac

train, val, test = ac.ImageFolder("datasets/{dataset}/{version}").split()
```

`manifest.jsonl` has one line for each image: source, query, ASIN, title, URLs, hashes, size,
group and split. Images are the bytes that the shop sent, named by their sha256; what was not a
plain RGB JPEG was converted once, and keeps its original's name.

`rejections.jsonl` has one line for each result or image that was turned away, with the reason.

The pictures belong to whoever made them. You need the right to collect and use them; this
dataset grants none.
"""
