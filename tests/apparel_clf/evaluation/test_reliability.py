from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from apparel_clf.evaluation import calibration
from apparel_clf.evaluation.curves import Series, curve_svg
from apparel_clf.evaluation.reliability import reliability_svg

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def svg():
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.ones(3), 80)
    return reliability_svg(calibration(generator.integers(0, 3, 80), probabilities))


def test_is_one_wellformed_element_with_a_name(svg):
    root = ElementTree.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    assert root.attrib["aria-label"] == "accuracy by probability of the top label"


def test_says_what_it_shows(svg):
    texts = {element.text for element in ElementTree.fromstring(svg).iter(f"{SVG}text")}
    assert {"accuracy, 95% interval", "as often as it says", "accuracy", "images"} <= texts
    assert {"0%", "100%", "probability of the top label"} <= texts


def test_takes_colours_and_font_from_the_page(svg):
    assert {"var(--train)", "var(--val)", "var(--muted)"} <= set(re.findall(r"var\([^)]+\)", svg))
    assert not re.findall(r"#[0-9a-f]{6}\b", svg)
    assert "font-family" not in svg


def test_the_same_input_gives_the_same_text(svg):
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.ones(3), 80)
    assert reliability_svg(calibration(generator.integers(0, 3, 80), probabilities)) == svg


def test_shares_no_id_with_a_curve(svg):
    curve = curve_svg("Loss", [1, 2], [Series("train", [0.5, 0.4])])
    ids = [set(re.findall(r' id="([^"]+)"', text)) for text in (svg, curve)]
    assert ids[0]
    assert not ids[0] & ids[1]


@pytest.mark.parametrize("hits", [0, 1])
def test_one_sure_image_can_be_drawn(hits):
    assert "<use" in reliability_svg(calibration(np.array([hits]), np.array([[0.0, 1.0]])))
