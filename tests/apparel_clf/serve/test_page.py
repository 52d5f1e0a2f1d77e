"""The page in a real browser: a picture dropped, pasted or chosen; what is bad is told in words."""

import base64
import os
import re
import shutil

import pytest

from .conftest import LIMITS, SECONDS, coloured, encoded, serving

pytestmark = pytest.mark.browser
HOSTILE_NAME = "<img src=x onerror=document.title=1>.jpg"
# As a person's drop or paste arrives: an event with files.
HAND_OVER = """
([kind, name, data]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const held = new DataTransfer();
  held.items.add(new File([bytes], name, {type: "image/jpeg"}));
  const options = {bubbles: true, cancelable: true};
  const event = kind === "drop"
    ? new DragEvent("drop", {...options, dataTransfer: held})
    : new ClipboardEvent("paste", {...options, clipboardData: held});
  document.getElementById("drop").dispatchEvent(event);
}
"""


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as tools:
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        options = {"executable_path": path} if path else {}
        root = hasattr(os, "geteuid") and os.geteuid() == 0
        try:
            found = tools.chromium.launch(args=["--no-sandbox"] if root else [], **options)
        except playwright.Error as error:
            pytest.skip(f"no Chromium could be started: {error.message.splitlines()[0]}")
        yield found
        found.close()


@pytest.fixture
def page(browser, url):
    """The page, open; anything that its scripts or its policy complain of fails the test."""
    found = browser.new_page()
    complaints, asked = [], []
    found.on("pageerror", lambda error: complaints.append(str(error)))
    found.on("console", lambda message: complaints.append(message.text))
    found.on("request", lambda request: asked.append(request.url))
    found.goto(url)
    yield found
    found.close()
    assert [text for text in complaints if "422" not in text] == []
    assert [a for a in asked if not a.startswith((url, "blob:"))] == []


def hand_over(page, kind, name, data):
    page.evaluate(HAND_OVER, [kind, name, base64.b64encode(data).decode()])


def expect(thing):
    """Expect something of the page, sooner or later: a first answer may take a while."""
    from playwright.sync_api import expect as expectation

    expectation.set_options(timeout=1000 * SECONDS)
    return expectation(thing)


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_picture_gets_label_bars_and_where_the_network_looked(page, kind):
    hand_over(page, kind, "red.png", encoded(coloured("saree", size=(90, 120)), "PNG"))
    card = page.locator(".card")
    expect(card.locator(".label")).to_have_text("saree")
    expect(card.locator(".file")).to_have_text("red.png")
    expect(card.locator(".share")).to_have_count(3)
    shares = [
        float(text.rstrip("%")) for text in card.locator(".share dd:not(.track)").all_inner_texts()
    ]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(100, abs=0.2)
    widths = [box.bounding_box()["width"] for box in card.locator(".fill rect").all()]
    assert widths[0] > widths[1]
    heat = card.locator(".heat")
    expect(heat).to_be_visible()
    assert heat.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [90, 120]
    expect(page.locator("#summary")).to_have_text("1 of 1 picture labelled")


def test_the_slider_fades_between_picture_and_heat_map_by_keyboard(page):
    page.set_input_files(
        "#files", {"name": "x.jpg", "mimeType": "image/jpeg", "buffer": encoded(coloured("saree"))}
    )
    slider = page.locator(".mix input")
    expect(slider).to_be_visible()
    assert page.locator(".heat").evaluate("image => image.style.opacity") == "1"
    slider.focus()
    page.keyboard.press("Home")
    assert page.locator(".heat").evaluate("image => image.style.opacity") == "0"
    assert slider.get_attribute("aria-valuetext") == "0% heat map"


@pytest.mark.usefixtures("nothing_warm")
def test_an_empty_heat_map_is_told_in_place_of_a_slider_that_does_nothing(page):
    hand_over(page, "drop", "x.jpg", encoded(coloured("saree")))
    card = page.locator(".card")
    expect(card.locator(".mix-note")).to_have_text(
        "No part of this picture speaks for “saree” by itself: the heat map is empty, usual with "
        "an untrained backbone."
    )
    expect(card.locator(".mix input")).to_be_disabled()
    expect(card.locator(".heat")).to_be_hidden()


def test_a_bad_file_shows_its_reason_beside_a_good_one(page):
    page.set_input_files(
        "#files",
        [
            {"name": "x.jpg", "mimeType": "image/jpeg", "buffer": b"<!doctype html>"},
            {"name": "y.jpg", "mimeType": "image/jpeg", "buffer": encoded(coloured("jeans"))},
        ],
    )
    bad, good = page.locator(".card").nth(0), page.locator(".card").nth(1)
    expect(bad.locator(".reason")).to_contain_text("Not an image but an HTML page")
    expect(bad.locator(".label")).to_have_text("No answer")
    expect(good.locator(".label")).to_have_text("jeans")
    expect(page.locator("#summary")).to_have_text("1 of 2 pictures labelled, 1 not readable")


def test_a_file_too_large_is_told_without_sending_it(page):
    asked = []
    page.on("request", lambda request: asked.append(request.method))
    expect(page.locator("#limits")).to_contain_text("Up to 2 MB each")
    page.set_input_files(
        "#files", {"name": "x.jpg", "mimeType": "image/jpeg", "buffer": bytes(2_100_000)}
    )
    expect(page.locator(".reason")).to_have_text("This file has 2.1 MB; 2 MB are allowed.")
    assert "POST" not in asked


def test_a_file_name_is_shown_as_text(page):
    hand_over(page, "drop", HOSTILE_NAME, encoded(coloured("saree")))
    expect(page.locator(".file bdi")).to_have_text(HOSTILE_NAME)
    expect(page.locator(".heat")).to_be_visible()
    assert page.title() == "What is in the picture? – apparel-clf"
    assert page.locator(".file img").count() == 0


def test_a_drop_without_files_is_told(page):
    page.evaluate(
        "document.dispatchEvent(new DragEvent('drop', {dataTransfer: new DataTransfer()}))"
    )
    expect(page.locator("#notice")).to_contain_text("no picture in what was dropped")


def test_a_dropped_folder_is_told_beside_a_picture(page, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "x.jpg").write_bytes(encoded(coloured("saree")))
    expect(page.locator("#model")).to_contain_text("Knows")
    session = page.context.new_cdp_session(page)
    files = [str(tmp_path / name) for name in ("folder", "x.jpg")]
    data = {"items": [], "files": files, "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        event = {"type": kind, "x": 400, "y": 200, "data": data}
        session.send("Input.dispatchDragEvent", event)
    expect(page.locator("#notice")).to_contain_text("A folder can't be taken")
    expect(page.locator(".card .label")).to_have_text("saree")
    assert page.locator(".card").count() == 1


def test_a_file_that_is_gone_is_not_blamed_on_the_service(page):
    expect(page.locator("#model")).to_contain_text("Knows")
    told = page.evaluate(
        "() => whyUnsent({slice: () => ({arrayBuffer: () => Promise.reject(new Error())})})"
    )
    assert "can't be read any more" in told
    assert "can't be reached" in page.evaluate("() => whyUnsent(new File(['x'], 'x.jpg'))")


def test_it_is_used_by_keyboard_alone(page):
    # Heard from now on: who begins to listen when Enter is pressed may be too late for it.
    page.on("filechooser", lambda _: None)
    page.bring_to_front()
    expect(page.locator("#model")).to_contain_text("Knows")
    page.keyboard.press("Tab")
    expect(page.locator("#choose")).to_be_focused()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(
        {"name": "x.jpg", "mimeType": "image/jpeg", "buffer": encoded(coloured("saree"))}
    )
    expect(page.locator(".label")).to_have_text("saree")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".card")).to_have_count(0)
    expect(page.locator("#choose")).to_be_focused()


def test_it_names_the_model_and_how_good_it_is(page):
    expect(page.locator("#model")).to_contain_text(
        re.compile(
            r"Knows jeans, saree, trousers · .*% right on 30 pictures \(95% interval .*keras"
        )
    )


def test_a_service_that_has_gone_is_told(browser, classifier):
    from apparel_clf.serve import create_app

    page = browser.new_page()
    with serving(create_app(classifier, LIMITS), LIMITS) as address:
        page.goto(address)
        expect(page.locator("#model")).to_contain_text("Knows")
    hand_over(page, "drop", "x.jpg", encoded(coloured("saree")))
    expect(page.locator(".reason")).to_contain_text("can't be reached")
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser, url, scheme):
    page = browser.new_page(color_scheme=scheme)
    page.goto(url)
    colours = page.evaluate(
        "() => { const style = getComputedStyle(document.body);"
        "return [style.color, style.backgroundColor]; }"
    )
    ink, ground = (luminance(text) for text in colours)
    page.close()
    assert (max(ink, ground) + 0.05) / (min(ink, ground) + 0.05) > 7


def luminance(colour):
    """Relative luminance of ``rgb(…)``, by WCAG."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
