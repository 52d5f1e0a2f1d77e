"""Builds the site from the files as they are read in the repository.

Some pages live outside of docs/, beside what they describe: they are taken in from there, so that
nothing is written twice. Links are those that work in the repository; here they are turned to the
site's pages, and a link to a file that the site does not show keeps its text alone.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

import apparel_clf

ROOT = Path(__file__).resolve().parents[2]

#: Pages of the site that are kept elsewhere in the repository.
TAKEN_IN = {
    "dataset-format.md": "datasets/README.md",
    "benchmarks/how.md": "benchmarks/README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    **{
        f"benchmarks/{path.name}": f"benchmarks/results/{path.name}"
        for path in sorted((ROOT / "benchmarks" / "results").glob("*.md"))
    },
}
#: What the repository shows first; on the site that is the home page.
FRONT = "README.md"

_PAGE_OF = {place: page for page, place in TAKEN_IN.items()} | {FRONT: "index.md"}
_NAMED = re.compile(r"^::: apparel_clf\.(\w+)$", re.MULTILINE)
_FENCE = re.compile(r"^( *```.*?^ *```)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are kept elsewhere."""
    for page, place in TAKEN_IN.items():
        text = (ROOT / place).read_text("utf-8")
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Turn the repository's links to the site's, and public names to where they are defined."""
    uri = page.file.src_uri
    markdown = _NAMED.sub(lambda found: f"::: {home_of(found[1])}", markdown)
    place = TAKEN_IN.get(uri, f"docs/{uri}")
    return for_site(markdown, place, uri)


def home_of(name: str) -> str:
    """Say where a public name is defined; some share theirs with a module, as `stats` does.

    Example:
        >>> home_of("stats")
        'apparel_clf.dataset.stats.stats'
    """
    found = getattr(apparel_clf, name)
    return f"{found.__module__}.{found.__qualname__}"


def for_site(markdown: str, place: str, page: str) -> str:
    """Turn links, code blocks left as they are.

    Args:
        markdown: a page's text.
        place: where in the repository it is kept, for example ``"datasets/README.md"``.
        page: which page of the site it becomes, for example ``"dataset-format.md"``.

    Example:
        >>> for_site("[how](../benchmarks/README.md#crawl)", "docs/x.md", "x.md")
        '[how](benchmarks/how.md#crawl)'
    """
    parts = _FENCE.split(markdown)
    parts[::2] = [_LINK.sub(lambda link: _turned(link, place, page), text) for text in parts[::2]]
    return "".join(parts)


def _turned(link: re.Match[str], place: str, page: str) -> str:
    mark, text, target = link.groups()
    path, hash_mark, anchor = target.partition("#")
    if not path or re.match(r"[a-z]+:", target):
        return link[0]
    wanted = posixpath.normpath(posixpath.join(posixpath.dirname(place), path))
    shown = _PAGE_OF.get(wanted) or _in_docs(wanted)
    if shown is None:
        # A file of the repository that no page shows; one that is missing stays, to be told of.
        return text if (ROOT / wanted).exists() else link[0]
    relative = posixpath.relpath(shown, posixpath.dirname(page) or ".")
    return f"{mark}[{text}]({relative}{hash_mark}{anchor})"


def _in_docs(place: str) -> str | None:
    return place.removeprefix("docs/") if place.startswith("docs/") else None
