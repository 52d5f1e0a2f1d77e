"""Every code block of the guides is run, or checked and its reason named."""

from __future__ import annotations

import contextlib
import io
import json
import re
from pathlib import Path

import pytest

import apparel_clf as ac
from crawler.classes import load_classes
from tests.docs import reasons
from tests.docs.blocks import Block, blocks_of, commands_of, guides
from tests.docs.commands import run_command

SHELL = ("sh", "bash", "console")


def given() -> dict[str, object]:
    """The names that a guide may use without saying where they come from."""
    data = ac.ImageFolder("datasets/demo/latest")
    train, val, test = data.split()
    clf = ac.load("model.keras")
    names = {"data": data, "train": train, "val": val, "test": test, "clf": clf}
    return names | {"photos_of_other_things": ac.ImageFolder("shoe_photos")}


def run_python(block: Block, names: dict[str, object]) -> None:
    code = compile("\n" * (block.line - 1) + block.text, block.document, "exec")
    with contextlib.redirect_stdout(io.StringIO()):
        exec(code, names)


def run_shell(block: Block) -> None:
    for words in commands_of(block):
        try:
            run_command(words)
        except AssertionError as error:
            raise AssertionError(f"{block.place}: {' '.join(words)}\n{error}") from error


def check_classes(block: Block) -> None:
    """A classes file becomes what its first line says it is called."""
    name = re.match(r"# (\S+\.toml)\n", block.text)
    path = Path(name[1] if name else "classes.toml")
    path.write_text(block.text, "utf-8")
    for language in ("en", "de"):
        assert load_classes(path, language)


def run(block: Block, names: dict[str, object]) -> None:
    if first_of(block) in reasons.BLOCKS:
        return
    if block.language == "python":
        run_python(block, names)
    elif block.language in SHELL or _is_bare_commands(block):
        run_shell(block)
    elif block.language == "toml":
        check_classes(block)
    elif block.language == "json":
        json.loads(block.text)
    else:
        language = block.language or "text"
        assert language in reasons.LANGUAGES, f"{block.place}: {language} has no reason"


def first_of(block: Block) -> tuple[str, str]:
    """What a block is named by in the table of reasons: its document and first line."""
    return block.document, next(iter(block.text.splitlines()), "")


def _is_bare_commands(block: Block) -> bool:
    return not block.language and block.text.startswith(("apparel-clf ", "scrapy ", "make "))


@pytest.mark.parametrize("document", guides())
def test_a_guide_can_be_followed_from_top_to_bottom(document, sandbox):
    names = given()
    for block in blocks_of(document):
        run(block, names)


# --- the tests' own tools --------------------------------------------------------------------


def test_blocks_are_found_with_their_lines_also_in_lists():
    found = {block.language for block in blocks_of("CONTRIBUTING.md")}
    assert {"sh", "toml", "json", "python"} <= found
    for document in guides():
        lines = (Path(__file__).parents[2] / document).read_text("utf-8").splitlines()
        for block in blocks_of(document):
            first = next(iter(block.text.splitlines()), "")
            assert lines[block.line - 1].strip() == first.strip()


def test_commands_are_taken_apart():
    text = 'A=1 ls "a b" > out  # why\nmake x && cat y | wc \\\n  -l\n'
    found = list(commands_of(Block("x.md", 1, "sh", text)))
    assert found == [("ls", "a b"), ("make", "x"), ("cat", "y"), ("wc", "-l")]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("apparel-clf train datasets/demo --epoch-count 3", "unrecognized"),
        ("apparel-clf predict nothing.jpg -m model.keras", "no such file"),
        ("scrapy crawl amazon_apparel -a per_clas=3", "per_clas"),
        ("scrapy crawl amazon_apparel -s CLASS_FILE=x.toml", "unknown settings"),
        ("scrapy crawl amazon_apparel --dryrun", "scrapy knows no"),
        ("make dem", "No rule to make target"),
        ("pip install '.[trian]'", "no extra"),
        ("python -m benchmarks.crawls", "no module"),
        ("rm -rf /", "unknown"),
    ],
)
def test_what_is_wrong_is_found(line, problem, sandbox):
    (words,) = commands_of(Block("x.md", 1, "sh", line))
    with pytest.raises((AssertionError, ac.SettingsError), match=problem):
        run_command(words)


def test_every_reason_is_a_sentence():
    tables = (reasons.COMMANDS, reasons.CHECKED, reasons.FOREIGN, reasons.LANGUAGES)
    assert all(len(reason) > 4 for table in tables for reason in table.values())
    assert all(len(reason) > 4 for reason in reasons.BLOCKS.values())


def test_no_reason_outlives_its_block():
    there = {first_of(block) for document in guides() for block in blocks_of(document)}
    assert set(reasons.BLOCKS) <= there
