"""What holds for the package as a whole: cheap import, typed names, clear extras, one direction."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import apparel_clf as ac
from apparel_clf._extras import require
from apparel_clf.errors import MissingExtraError

ROOT = Path(__file__).parents[1]
HEAVY = (
    *("tensorflow", "keras", "matplotlib", "sklearn", "pandas", "scrapy"),
    *("onnx", "onnxruntime", "openvino", "ai_edge_litert", "fastapi", "uvicorn"),
)


def loaded_after(code):
    program = f"import sys, json\n{code}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import apparel_clf",
        "from apparel_clf import ImageFolder, find_duplicates, publish",
        "from apparel_clf import ApparelClassifier, Prediction, Augmentation, History",
        "import apparel_clf.cli",
    ],
)
def test_imports_load_nothing_heavy(code):
    assert not loaded_after(code) & set(HEAVY)


def test_the_bare_import_loads_not_even_numpy():
    assert "numpy" not in loaded_after("import apparel_clf")


@pytest.mark.parametrize("name", ac.__all__)
def test_every_public_name_is_there_and_documented(name):
    value = getattr(ac, name)
    assert name.startswith("__") or value.__doc__
    assert name in dir(ac)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nonsense"):
        ac.nonsense  # noqa: B018


def test_a_missing_extra_carries_the_pip_line():
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[train\]'") as caught:
        require("no_such_module_at_all.sub", "train")
    assert isinstance(caught.value, ImportError)
    assert caught.value.missing == "no_such_module_at_all"


def imported(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def test_the_packages_depend_in_one_direction():
    library = {name for p in (ROOT / "apparel_clf").rglob("*.py") for name in imported(p)}
    project = {name for p in (ROOT / "crawler").rglob("*.py") for name in imported(p)}
    assert not library & {"crawler", "scrapy", "playwright"}
    assert not project & {"tensorflow", "keras", "sklearn", "matplotlib"}
    assert "apparel_clf" in project


def test_the_wheel_holds_the_library_alone(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    from zipfile import ZipFile

    names = ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"apparel_clf"}
    assert "apparel_clf/py.typed" in names
    assert any(name.endswith(".html.j2") or name.endswith(".html") for name in names)
