"""Messages that the guide to troubleshooting explains are those of the code."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from apparel_clf import errors
from tests.docs.blocks import ROOT

GUIDE = (ROOT / "docs/troubleshooting.md").read_text("utf-8")
MESSAGES = re.findall(r"^\| `([^`]+)` \|", GUIDE, re.MULTILINE)


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_is_one_of_the_code(message):
    pattern = ".*".join(re.escape(" ".join(part.split())) for part in message.split("…"))
    assert any(re.search(pattern, text) for text in _texts()), message


def test_every_kind_of_error_has_its_section():
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
    missing = [k for k in kinds - {"ApparelError"} if not re.search(rf"^## .*\b{k}\b", GUIDE, re.M)]
    assert not missing


def test_every_code_of_an_image_error_that_is_named_exists():
    codes = re.findall(r"^\| `[^`]+` \| `(\w+)` \|", GUIDE, re.MULTILINE)
    assert codes
    assert all(f"``{code}``" in (errors.ImageError.__doc__ or "") for code in codes)


@cache
def _texts() -> tuple[str, ...]:
    """Every text in the code, what is put into it at run time left as one sign."""
    found = []
    for package in ("apparel_clf", "crawler"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(" ".join(node.value.split()))
                elif isinstance(node, ast.JoinedStr):
                    found.append(" ".join(_spoken(node).split()))
    return tuple(found)


def _spoken(node: ast.JoinedStr) -> str:
    return "".join(
        part.value if isinstance(part, ast.Constant) else "\N{REPLACEMENT CHARACTER}"
        for part in node.values
    )
