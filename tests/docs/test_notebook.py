"""The notebook runs from top to bottom, on small pictures and with an untrained backbone."""

from __future__ import annotations

import base64
import importlib.util
import io
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

import apparel_clf as ac
from tests.docs.blocks import ROOT

PATH = ROOT / "notebooks" / "apparel.ipynb"
SMALL = "FOLDER = None\nPER_CLASS = 14\nIMAGE_SIZE = 32\nWEIGHTS = None\n"


def notebook() -> nbformat.NotebookNode:
    return nbformat.read(PATH, as_version=4)


def cells(book: nbformat.NotebookNode, tag: str = "") -> list[nbformat.NotebookNode]:
    found = [cell for cell in book.cells if cell.cell_type == "code"]
    return [cell for cell in found if not tag or tag in cell.metadata.get("tags", [])]


def executed(folder: Path, monkeypatch) -> nbformat.NotebookNode:
    """The notebook after a run in a fresh kernel, with small parameters."""
    book = notebook()
    (parameters,) = cells(book, "parameters")
    parameters.source = SMALL
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    where = {"metadata": {"path": str(PATH.parent)}}
    patience = {"timeout": 1200, "startup_timeout": 300}
    NotebookClient(book, kernel_name="python3", resources=where, **patience).execute()
    return book


def pictures(cell: nbformat.NotebookNode) -> list[Image.Image]:
    found = [output.get("data", {}).get("image/png") for output in cell.get("outputs", [])]
    return [Image.open(io.BytesIO(base64.b64decode(png))) for png in found if png]


def printed(book: nbformat.NotebookNode) -> str:
    outputs = [output for cell in cells(book) for output in cell.outputs]
    return "\n".join(o.get("text") or str(o.get("data", {}).get("text/plain", "")) for o in outputs)


def test_the_committed_notebook_has_no_outputs():
    for cell in cells(notebook()):
        assert cell.outputs == []
        assert cell.execution_count is None


@pytest.mark.train
def test_it_tells_the_whole_story_with_pictures(tmp_path, monkeypatch):
    book = executed(tmp_path, monkeypatch)
    text = printed(book)
    assert "3 near duplicates" in text
    assert "1 mirrored" in text
    assert "95% interval" in text
    assert "weights none (untrained backbone)" in text
    assert "2 relabelled" in text
    assert "model.keras" in text
    drawn = [picture for cell in cells(book) for picture in pictures(cell)]
    assert len(drawn) >= 7
    for picture in drawn:
        assert picture.width > 250
        assert np.asarray(picture.convert("L")).std() > 10


def test_without_a_checkout_it_draws_garments_of_its_own(monkeypatch, tmp_path):
    """As in Colab, where the library is installed and the crawler is not."""
    monkeypatch.setitem(sys.modules, "crawler.storefront.garments", None)
    (cell,) = (c for c in cells(notebook()) if "def plain_drawing" in c.source)
    names: dict = {}
    exec("import numpy as np\nfrom PIL import Image, ImageDraw\n" + cell.source, names)
    for label in ("jeans", "saree", "trousers"):
        (tmp_path / label).mkdir()
        for seed in range(20):
            names["draw_garment"](label, seed).save(tmp_path / label / f"{seed}.jpg", quality=92)
    found = ac.find_duplicates(tmp_path)
    assert len(found.images) == 60
    # Whatever is alike would share a split, and some splits would be empty.
    assert found.groups == ()


@pytest.mark.parametrize("source", [None, "apparel_clf-0.1.0-py3-none-any.whl", "git+https://x/y"])
@pytest.mark.parametrize("missing", [True, False])
def test_it_installs_what_is_missing(monkeypatch, tmp_path, source, missing):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    if missing:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    (tmp_path / "apparel_clf-0.1.0-py3-none-any.whl").touch()
    asked: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda words, **_: asked.append(words))
    cell = cells(notebook())[0].source.replace("SOURCE = None", f"SOURCE = {source!r}")
    if missing and source is None:
        with pytest.raises(SystemExit, match="say in SOURCE where it is"):
            exec(cell, {})
        with pytest.raises(SystemExit, match=r"typo\.whl: no such file"):
            exec(cell.replace("SOURCE = None", "SOURCE = 'typo.whl'"), {})
        return
    exec(cell, {})
    place = source if source and "://" in source else (tmp_path / str(source)).as_uri()
    assert [words[-1] for words in asked] == [f"apparel-clf[train] @ {place}"] * missing
