from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from apparel_clf.evaluation.curves import Series, curve_svg

SVG = "{http://www.w3.org/2000/svg}"
LINES = (Series("train", [0.5, 0.8, 0.9]), Series("val", [0.6, float("nan"), 0.8]))


def _texts(svg):
    return [element.text for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_is_one_wellformed_element_with_a_name():
    root = ElementTree.fromstring(curve_svg("Accuracy & more", [1, 2, 3], LINES))
    assert root.tag == f"{SVG}svg"
    assert root.attrib["aria-label"] == "Accuracy & more"
    assert root.attrib["role"] == "img"
    assert "width" not in root.attrib


def test_the_same_inputs_give_the_same_text():
    first, second = (curve_svg("Loss", [1, 2, 3], LINES, best=2) for _ in range(2))
    assert first == second
    assert "<metadata" not in first


def test_two_charts_in_a_page_share_no_id():
    one, two = (curve_svg(title, [1, 2, 3], LINES) for title in ("Accuracy", "Loss"))
    ids = [set(re.findall(r' id="([^"]+)"', svg)) for svg in (one, two)]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_every_reference_has_its_target():
    svg = curve_svg("Loss", [1, 2, 3], LINES)
    targets = set(re.findall(r' id="([^"]+)"', svg))
    assert set(re.findall(r"(?:url\(#|href=\"#)([\w-]+)", svg)) <= targets


def test_takes_colours_and_font_from_the_page():
    svg = curve_svg("Loss", [1, 2, 3], LINES, best=2)
    assert {"var(--train)", "var(--val)", "var(--muted)"} <= set(re.findall(r"var\([^)]+\)", svg))
    assert not re.findall(r"#[0-9a-f]{6}\b", svg)
    assert "font-family" not in svg


@pytest.mark.parametrize(("best", "shown"), [(2, True), (None, False)])
def test_the_best_epoch_is_marked_where_there_is_one(best, shown):
    assert ("best epoch" in _texts(curve_svg("Loss", [1, 2, 3], LINES, best=best))) is shown


def test_percent_axis():
    texts = _texts(curve_svg("Accuracy", [1, 2, 3], LINES, percent=True))
    assert "80%" in texts
    assert not any(text.endswith("%") for text in _texts(curve_svg("Loss", [1, 2, 3], LINES)))


def test_one_epoch_can_be_seen():
    svg = curve_svg("Loss", [1], [Series("train", [0.5])], best=1)
    assert "1" in _texts(svg)
    assert "<use" in svg


def test_leaves_no_setting_behind():
    import matplotlib

    before = dict(matplotlib.rcParams)
    curve_svg("Loss", [1, 2, 3], LINES)
    assert dict(matplotlib.rcParams) == before
