"""Every layout trap is a folder of ``cases``: the page, its facts, and what the trap is.

After a change that is meant, write the facts anew and read the diff::

    python tests/crawler/pages/test_cases.py
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from crawler.pages import parse_page

CASES = sorted((Path(__file__).parent / "cases").iterdir())


def facts_of(case: Path) -> dict:
    meta = json.loads((case / "meta.json").read_text(encoding="utf-8"))
    html = (case / "input.html").read_text(encoding="utf-8")
    facts = dataclasses.asdict(parse_page(html, meta["url"], meta["status"]))
    assert facts.pop("url") == meta["url"]
    return json.loads(json.dumps(facts))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_page_is_read_as_expected(case):
    assert facts_of(case) == json.loads((case / "expected.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_says_what_its_trap_is(case):
    assert {path.name for path in case.iterdir()} == {"input.html", "expected.json", "meta.json"}
    meta = json.loads((case / "meta.json").read_text(encoding="utf-8"))
    assert set(meta) == {"trap", "url", "status"}
    assert meta["trap"].endswith(".")


if __name__ == "__main__":
    for folder in CASES:
        text = json.dumps(facts_of(folder), indent=2, ensure_ascii=False)
        (folder / "expected.json").write_text(text + "\n", encoding="utf-8")
