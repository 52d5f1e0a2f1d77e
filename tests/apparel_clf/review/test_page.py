"""The page in a real browser: keys, undo, publishing, reloads, hostile titles, 10,000 images."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from apparel_clf.dataset import (
    ImageRecord,
    ManifestRow,
    Plan,
    Policy,
    Staging,
    open_version,
    read_decisions,
)
from apparel_clf.dataset.decisions import in_force
from apparel_clf.dataset.publish import publish_plan
from apparel_clf.images import sign
from apparel_clf.review import Review
from tests.apparel_clf.review.conftest import HOSTILE, serving

pytestmark = pytest.mark.browser

MANY = 10_000


@pytest.fixture(scope="module")
def browser():
    """A Chromium that shows pictures."""
    from playwright.sync_api import sync_playwright

    from crawler.browser import launch_options

    options = launch_options()
    options["args"] = [a for a in options["args"] if "imagesEnabled" not in a]
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(**options)
        yield running
        running.close()


def is_problem(message):
    """Whether something went wrong; a refused decision, which the page tells, is no surprise."""
    refused = re.search(r"status of (403|409) ", message.text)
    return message.type == "error" and not refused


@pytest.fixture
def open_page(browser):
    """Open the page in a window of its own; nothing may go wrong in it unseen."""
    contexts, problems = [], []

    def open_page(url):
        context = browser.new_context(viewport={"width": 1200, "height": 760})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda m: problems.append(m.text) if is_problem(m) else None)
        page.goto(url)
        page.wait_for_selector(".cell, #status.problem")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture
def page(server, open_page):
    return open_page(server.url)


def at(page):
    """The sha256 of the image that one is at."""
    return page.locator(".cell.focused").get_attribute("data-key")


def go_to(page, sha256):
    page.locator(f'.cell[data-key="{sha256}"]').click()


def said(page, text):
    """Wait until the page says something."""
    page.wait_for_function(
        "text => document.getElementById('status').textContent.includes(text)", arg=text
    )


def holds(dataset):
    return {d.signature.sha256: (d.action, d.label) for d in in_force(read_decisions(dataset))}


def test_the_most_suspicious_is_first_and_pictures_are_shown(page, named):
    assert at(page) == named["wrong"]
    assert page.locator(".cell.focused .suggested").text_content() == "→ saree"
    picture = page.locator(".cell.focused img")
    page.wait_for_function("i => i.complete && i.naturalWidth > 0", arg=picture.element_handle())
    assert page.locator("#classes [data-label=jeans]").text_content().startswith("1jeans")


def test_keys_decide_at_once_and_move_on(page, named, dataset):
    page.keyboard.press("x")
    said(page, "1 image rejected")
    assert holds(dataset) == {named["wrong"]: ("reject", "")}
    second = at(page)
    assert second != named["wrong"]
    page.keyboard.press("3")
    said(page, "now trousers")
    assert holds(dataset)[second] == ("relabel", "trousers")
    assert "1 rejected, 1 relabelled" in page.locator("#pending").text_content()
    assert page.locator(f'[data-key="{named["wrong"]}"] .badge').text_content() == "✕"
    assert page.locator(f'[data-key="{second}"] .badge').text_content() == "→ trousers"


def test_undo_is_real_and_survives_a_reload(page, named, dataset):
    page.keyboard.press("s")
    said(page, "now saree")
    page.keyboard.press("x")
    said(page, "rejected")
    page.reload()
    page.wait_for_selector(".cell")
    assert page.locator(f'[data-key="{named["wrong"]}"] .badge').text_content() == "→ saree"
    page.keyboard.press("u")
    said(page, "undone: 1 image")
    assert holds(dataset) == {named["wrong"]: ("relabel", "saree")}
    page.keyboard.press("u")
    page.wait_for_function("() => document.getElementById('undo').disabled")
    assert holds(dataset) == {}
    assert page.locator(".badge").count() == 0
    assert at(page) == named["wrong"]


def test_keys_pressed_in_a_row_are_all_kept_in_their_order(page, dataset):
    for key in "xxxxx":
        page.keyboard.press(key)
    page.wait_for_function("() => document.querySelectorAll('.badge').length === 5")
    first = [d.signature.sha256 for d in read_decisions(dataset)]
    cells = page.locator(".cell.will-reject").all()
    assert set(first) == {cell.get_attribute("data-key") for cell in cells}


def test_several_are_selected_and_decided_and_undone_together(page, dataset):
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert page.locator(".cell.selected").count() == 3
    cells = page.locator(".cell")
    cells.nth(5).click(modifiers=["Control"])
    assert page.locator(".cell.selected").count() == 4
    page.keyboard.press("x")
    said(page, "4 images rejected")
    assert len(holds(dataset)) == 4
    assert page.locator(".cell.selected").count() == 0
    page.keyboard.press("u")
    said(page, "undone: 4 images")
    assert holds(dataset) == {}
    page.keyboard.press("Home")
    cells.nth(3).click(modifiers=["Shift"])
    assert page.locator(".cell.selected").count() == 4
    page.keyboard.press("Escape")
    assert page.locator(".cell.selected").count() == 0


def test_arrows_space_and_next_suspicious(page, named):
    first = at(page)
    page.keyboard.press("ArrowRight")
    assert at(page) != first
    page.keyboard.press(" ")
    assert page.locator(".cell.selected").get_attribute("data-key") == at(page)
    page.keyboard.press("End")
    page.keyboard.press("Home")
    assert at(page) == first
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    assert at(page) == first
    page.keyboard.press("End")
    page.keyboard.press("n")
    assert page.locator(".cell.focused .suggested").count() == 1


def test_the_large_view_shows_facts_and_takes_keys(page, named, dataset):
    go_to(page, named["one"])
    page.keyboard.press("Enter")
    page.wait_for_selector("#large[open] td")
    assert named["one"] in page.locator("#large .facts").text_content()
    strip = page.locator("#large .strip img")
    assert [i.get_attribute("data-sha") for i in strip.all()] == [named["mirrored"]]
    page.keyboard.press("x")
    said(page, "1 image rejected")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("#large .decided")
    assert "Will be rejected" in page.locator("#large .decided").text_content()
    page.keyboard.press("Escape")
    assert page.locator("#large[open]").count() == 0
    assert holds(dataset) == {named["one"]: ("reject", "")}


def test_hostile_titles_and_addresses_are_text(page, named):
    go_to(page, named["hostile"])
    page.keyboard.press("Enter")
    page.wait_for_selector("#large[open] td")
    facts = page.locator("#large .facts")
    assert HOSTILE in facts.text_content()
    links = page.locator("#large .facts a")
    assert links.count() == 1  # javascript: is no link
    assert links.get_attribute("rel") == "noopener noreferrer"
    assert links.get_attribute("href").startswith("https://shop.example/")
    assert "javascript:alert(1)" in facts.text_content()
    page.keyboard.press("Escape")
    page.locator("[data-view=rejected]").click()
    page.wait_for_selector(".cell.rejected")
    assert HOSTILE in page.locator("#sheet").text_content()
    assert page.evaluate("window.hacked") is None
    assert page.locator("script").count() == 1


def test_what_was_turned_away_is_shown_with_its_reason_and_taken_back(page, named, dataset):
    page.locator("[data-view=rejected]").click()
    page.wait_for_selector(".cell.rejected")
    assert page.locator(".cell.rejected").count() == 2
    page.locator("#reason").select_option("sponsored")
    page.wait_for_function("() => document.querySelectorAll('.cell').length === 1")
    page.keyboard.press("t")
    said(page, "its picture was never fetched")
    page.locator("#reason").select_option("too_small")
    page.locator(".cell.rejected").click()
    page.keyboard.press("t")
    said(page, "now trousers")
    assert holds(dataset) == {named["small"]: ("relabel", "trousers")}
    assert "1 taken back" in page.locator("#pending").text_content()
    page.keyboard.press("x")
    said(page, "1 image restored")
    assert page.locator("#pending").text_content() == "no changes yet"


def test_what_is_suspicious_and_out_of_sight_is_told_at_the_start(page, named):
    assert page.locator("#status").text_content() == ""
    page.keyboard.press("End")
    page.reload()
    said(page, "1 suspicious elsewhere: press n")
    page.keyboard.press("n")
    assert at(page) == named["wrong"]


def test_publish_makes_the_next_version_and_opens_it(page, named, dataset):
    page.keyboard.press("s")
    said(page, "now saree")
    page.keyboard.press("p")
    assert page.locator("#ask button.main").text_content() == "Publish"
    page.locator("#ask button.main").click()
    said(page, "published demo/v2")
    assert page.locator("#version").text_content() == "v2"
    assert page.locator("#pending").text_content() == "no changes yet"
    assert page.locator("#publish").is_disabled()
    version = open_version(dataset / "latest")
    row = next(row for row in version.rows if row.record.sha256 == named["wrong"])
    assert row.record.label == "saree"
    page.keyboard.press("u")
    said(page, "undone")
    assert "1 restored" in page.locator("#pending").text_content()


def test_filters_leave_what_they_say(page, named):
    page.locator("#query").select_option("blue jeans")
    page.wait_for_function("() => document.querySelectorAll('.cell').length === 1")
    assert at(page) == named["wrong"]
    page.locator("#query").select_option("")
    page.locator("#classes [data-label=saree]").click()
    page.wait_for_function("() => document.querySelectorAll('.cell').length === 12")
    page.locator("#words").fill("number 7")
    page.wait_for_function("() => document.querySelectorAll('.cell').length === 1")
    page.locator("#words").fill("nothing such")
    page.wait_for_selector("#empty:not([hidden])")


def test_groups_are_side_by_side(page, named):
    page.locator("[data-view=groups]").click()
    page.wait_for_selector(".head")
    boxes = [page.locator(f'[data-key="{named[n]}"]').bounding_box() for n in ("one", "mirrored")]
    assert boxes[0]["y"] == boxes[1]["y"]
    assert abs(boxes[0]["x"] - boxes[1]["x"]) < 2 * boxes[0]["width"]


def test_a_class_is_named_in_words_also_a_new_one(page, named, dataset):
    page.keyboard.press("l")
    page.locator("#ask input").fill("robe d'été")
    page.keyboard.press("Enter")
    said(page, "now robe d'été")
    assert holds(dataset) == {named["wrong"]: ("relabel", "robe d'été")}
    page.wait_for_selector('#classes [data-label="robe d\'été"]')


def test_what_cannot_be_done_is_told_and_loses_nothing(page, named, dataset):
    page.keyboard.press("l")
    page.locator("#ask input").fill("../x")
    page.keyboard.press("Enter")
    said(page, "not a class name")
    page.wait_for_selector("#status.problem")
    assert holds(dataset) == {}
    assert at(page) == named["wrong"]


def test_without_the_token_the_page_only_shows(server, open_page, named, dataset):
    page = open_page(server.url.partition("#")[0])
    said(page, "Only to look at")
    page.keyboard.press("x")
    said(page, "open the address that the terminal shows")
    assert holds(dataset) == {}


def test_a_page_of_another_origin_reaches_nothing(server, open_page, browser, named, dataset):
    """A page elsewhere that knows the port, and even the token, decides nothing."""
    page = browser.new_page()
    page.goto("data:text/html,<title>elsewhere</title>")
    tried = page.evaluate(
        """async ([url, token, sha]) => {
          const tries = [];
          for (const type of ["text/plain", "application/json"]) {
            const headers = {"Content-Type": type};
            if (type !== "text/plain") headers["X-Review-Token"] = token;
            const body = JSON.stringify({images: [sha], action: "reject"});
            tries.push(fetch(url + "decide", {method: "POST", headers, body})
              .then((r) => r.status, () => "refused"));
          }
          tries.push(fetch(url + "overview").then((r) => r.text(), () => "refused"));
          tries.push(new Promise((done) => {
            const image = new Image();
            image.onload = () => done("shown");
            image.onerror = () => done("refused");
            image.src = url + "small/" + sha;
          }));
          return Promise.all(tries);
        }""",
        [server.url.partition("#")[0], server.token, named["one"]],
    )
    page.close()
    assert tried == ["refused"] * 4
    assert read_decisions(dataset) == ()


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Ten thousand images, published; each the bytes of one picture and a number."""
    dataset = tmp_path_factory.mktemp("many") / "many"
    objects = Staging(dataset).objects
    buffer = io.BytesIO()
    Image.new("RGB", (24, 32), (120, 90, 60)).save(buffer, "JPEG")
    data = buffer.getvalue()
    like = sign(data)
    rng = np.random.default_rng(0)
    thumbnails = rng.integers(0, 256, (MANY, len(like.thumbnail)), np.uint8)
    rows = []
    for number in range(MANY):
        numbered = data + number.to_bytes(4, "big")
        sha256 = objects.put(numbered)
        signature = replace(
            like, sha256=sha256, size_bytes=len(numbered), thumbnail=thumbnails[number].tobytes()
        )
        label = ("jeans", "saree", "trousers")[number % 3]
        record = ImageRecord(label, signature, query="q", title=f"number {number}")
        rows.append(ManifestRow(record, "train", sha256[:16]))
    rows.sort(key=lambda row: row.path)
    publish_plan(dataset, Plan(tuple(rows), {}, (), Policy()), show_progress=False)
    return dataset


def test_ten_thousand_images_need_few_elements(many, open_page):
    """What is in the page and what is asked for stays small, however far one scrolls."""
    review = Review(many)
    with serving(review) as server:
        page = open_page(server.url)
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        assert page.locator("#classes [data-label='']").text_content().endswith("10000")
        most = 0
        height = page.evaluate("document.getElementById('sheet').clientHeight")
        for share in (0.2, 0.5, 0.9, 0.3, 1.0):
            page.evaluate("y => document.getElementById('scroller').scrollTo(0, y)", height * share)
            page.wait_for_timeout(60)
            most = max(most, page.evaluate("document.querySelectorAll('*').length"))
        assert most < 1500
        page.keyboard.press("End")
        last = at(page)
        page.keyboard.press("x")
        said(page, "1 image rejected")
        assert holds(many) == {last: ("reject", "")}
        page.locator("#byClass").uncheck()
        page.keyboard.press("Control+a")
        said(page, "10000 selected")
        assert page.evaluate("document.querySelectorAll('*').length") < 1500
        page.keyboard.press("Escape")
        pictures = [url for url in asked if "/small/" in url]
        assert len(pictures) < 1000
