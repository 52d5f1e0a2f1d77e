"""The site builds strictly, every link leads somewhere, and the reference is complete."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import apparel_clf as ac
from tests.docs.blocks import ROOT, guides

_LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_RESULTS = [
    f"benchmarks/results/{p.name}" for p in sorted((ROOT / "benchmarks/results").glob("*.md"))
]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site; that building warns of nothing is what `--strict` asks."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_every_guide_is_a_page(site):
    pages = {path.relative_to(site).as_posix() for path in site.rglob("*.html")}
    wanted = {f"{path.stem}.html" for path in (ROOT / "docs").glob("*.md")}
    assert wanted <= pages
    assert {"dataset-format.html", "contributing.html", "changelog.html"} <= pages
    assert {f"benchmarks/{place.rsplit('/', 1)[1][:-3]}.html" for place in _RESULTS} <= pages


def test_pages_ask_other_hosts_for_nothing(site):
    loaded = re.compile(r'<(?:script|img|iframe)[^>]+src="https?:|<link[^>]+href="https?:')
    for path in site.rglob("*.html"):
        assert not loaded.search(path.read_text("utf-8")), path.name


def test_the_reference_has_every_public_name_and_no_other(site):
    text = (ROOT / "docs/api.md").read_text("utf-8")
    named = re.findall(r"^::: apparel_clf\.(\w+)$", text, re.MULTILINE)
    assert sorted(named) == sorted(set(ac.__all__) - {"__version__"})
    page = (site / "api.html").read_text("utf-8")
    for name in named:
        home = getattr(ac, name)
        assert f'id="{home.__module__}.{home.__qualname__}"' in page


def test_links_to_files_that_the_site_does_not_show_keep_their_text(site):
    page = (site / "benchmarks/how.html").read_text("utf-8")
    assert "selenium_way.py" in page
    assert 'href="crawl/selenium_way.py"' not in page
    assert 'href="../duplicates.html"' in page


@pytest.mark.parametrize("document", [*guides(), "CHANGELOG.md", *_RESULTS])
def test_links_lead_somewhere_in_the_repository(document):
    for target in _links(document):
        if re.match(r"[a-z]+:", target):
            parts = urlsplit(target)
            assert parts.scheme in ("http", "https", "mailto")
            assert "." in parts.netloc, target
            continue
        path, _, anchor = target.partition("#")
        file = ((ROOT / document).parent / path).resolve() if path else ROOT / document
        assert file.exists(), f"{document}: {target}"
        assert file.is_relative_to(ROOT), f"{document}: {target}"
        if anchor:
            assert anchor in _anchors(file), f"{document}: {target}"


def _links(document: str) -> list[str]:
    return _LINK.findall(_CODE.sub("", (ROOT / document).read_text("utf-8")))


@cache
def _anchors(file: Path) -> set[str]:
    """The anchors that GitHub gives to headings."""
    heads = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}
