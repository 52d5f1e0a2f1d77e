from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from apparel_clf.dataset import ImageSet, Sample
from apparel_clf.evaluation import LabelIssue
from apparel_clf.evaluation.html import (
    MAX_AUGMENTED,
    MAX_EXAMPLES,
    MAX_ISSUES,
    MAX_MISTAKES,
    MAX_VIEWS,
    SAMPLES_PER_CLASS,
    render,
    spread,
)
from apparel_clf.training import History

HOSTILE = '"><script>alert(1)<.jpg'


class _Page(HTMLParser):
    """What a browser would make of a page: its tags, its text, its attributes."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words += data

    def handle_endtag(self, tag):
        self.words += " "

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def _text(page):
    return re.sub(r"\s+", " ", _Page(page).words)


def test_the_headline_says_all_that_belongs_to_the_figure(judge):
    page = render(judge())
    assert page.startswith("<!doctype html>")
    text = _text(page)
    for words in (
        "75.0%",
        "6 of 8 images",
        "40.9% to 92.9%",
        "Split test",
        "demo/v1",
        "0123456789ab",
        "Backbone weights imagenet",
        "most frequent class would get 50.0%",
    ):
        assert words in text


@pytest.mark.parametrize(("weights", "warned"), [(None, True), ("none", True), ("imagenet", False)])
def test_an_untrained_backbone_is_explained_in_plain_words(judge, weights, warned):
    text = _text(render(judge(weights=weights)))
    assert ("they say nothing of the ImageNet model" in text) is warned
    assert ("none (untrained backbone)" in text) is warned


@pytest.mark.parametrize(
    ("split", "words"), [("train", "has seen these very images"), ("val", "best epoch was chosen")]
)
def test_a_split_that_flatters_is_named(judge, split, words):
    assert words in _text(render(judge(split=split)))
    assert words not in _text(render(judge(split="test")))


def test_needs_nothing_beside_itself(judge, history):
    page = render(judge(history=history))
    tags = _Page(page)
    assert tags.all("script") == tags.all("link") == tags.all("iframe") == []
    for name, attrs in tags.tags:
        for key in ("src", "href", "xlink:href", "action", "srcset", "background"):
            value = attrs.get(key, "#")
            assert value.startswith(("data:image/jpeg;base64,", "#")), (name, key)
    assert "@import" not in page
    assert not re.findall(r"url\((?!#)", page)


def test_the_same_inputs_give_the_same_bytes(judge, history, tmp_path):
    for name in ("a.html", "b.html"):
        assert judge(history=history).to_html(tmp_path / name) == tmp_path / name
    first, second = ((tmp_path / name).read_bytes() for name in ("a.html", "b.html"))
    assert first == second


def test_every_picture_is_described(judge):
    images = _Page(render(judge())).all("img")
    assert len(images) == 2 + 8 + 8  # mistakes, examples, samples
    assert all(image["alt"] for image in images)
    assert {image["alt"] for image in images} >= {"jeans, taken for trousers", "sample of saree"}


def test_names_cannot_break_out(judge, pictures, add_picture):
    hostile = add_picture(HOSTILE, b"no image")
    page = render(
        judge(
            paths=[*pictures[:2], hostile, *pictures[3:]],
            dataset="<b>demo</b>",
            version_id="'><i>",
            weights="/models/<u>.h5",
            settings={"<script>": "<script>alert(2)</script>", "nested": {"a": "</style>"}},
            skipped=[(HOSTILE, "<script>alert(3)</script>")],
        )
    )
    tags = _Page(page)
    assert tags.all("script") == tags.all("i") == tags.all("u") == []
    assert len(tags.all("style")) == 1
    assert HOSTILE in tags.words
    assert "<script>alert(2)</script>" in tags.words


def test_a_picture_that_is_gone_becomes_a_named_placeholder(judge, pictures, add_picture):
    gone = add_picture("gone.jpg", b"")
    page = render(judge(paths=[*pictures[:2], gone, *pictures[3:]]))
    spots = [attrs for attrs in _Page(page).all("span") if attrs.get("class") == "gone"]
    assert len(spots) == 3  # as a mistake, an example and a sample
    assert spots[0]["aria-label"] == "jeans, taken for trousers: cannot be shown"
    assert "the file is empty" in _text(page)


def test_the_confusion_matrix_has_counts_and_row_shares(judge):
    page = render(judge())
    matrix = page[page.index('<table class="matrix">') :]
    matrix = _text(matrix[: matrix.index("</table>")])
    assert "jeans 2 50.0% 0 0.0% 2 50.0%".replace(" ", "") in matrix.replace(" ", "")


def test_a_class_without_images_is_dashes_not_zero(judge):
    page = render(judge(y_true=np.array([0, 0, 0, 0, 0, 0, 2, 2])))
    table = page[page.index('<table class="figures">') :]
    row = re.search(r"<tr><th[^>]*>saree</th>(.*?)</tr>", table).group(1)
    assert re.findall(r"<td>(.*?)</td>", row) == ["0.000", "–", "0.000", "0"]


def test_curves_and_epochs(judge, history):
    page = render(judge(history=history))
    labels = [attrs["aria-label"] for attrs in _Page(page).all("svg")]
    assert labels[1:] == ["accuracy by epoch", "loss by epoch"]
    marked = re.findall(r'<tr class="best"><th scope="row">(\d+)', page)
    assert marked == ["2"]
    assert "2 best kept" in _text(page)


def test_best_and_kept_may_be_different_epochs(judge, history):
    page = render(judge(history=History(history.history)))
    assert re.findall(r'<tr class="best"><th scope="row">(\d+)', page) == ["2", "3"]


def test_a_loss_that_is_not_a_number_is_a_dash(judge):
    history = History({"loss": [0.9, float("nan")], "accuracy": [0.5, 0.5]})
    page = render(judge(history=history))
    assert re.search(r'<th scope="row">2.*?</th><td>–</td><td>0.500</td>', page)


def test_without_history_it_says_so(judge):
    page = render(judge())
    assert "is not recorded" in page
    assert "by epoch" not in page


def test_of_models_of_folds_only_their_settings_are_shown(judge):
    page = render(judge(settings={"folds_random_state": 0}))
    assert "is not recorded" not in page
    assert "How the model was made" in page


def test_no_mistakes(judge):
    page = render(judge(y_true=np.array([0, 0, 2, 2, 1, 1, 2, 2])))
    assert "None among 8 images." in _text(page)


def test_only_the_surest_of_many_mistakes_are_shown(judge, pictures):
    many = MAX_MISTAKES + 6
    report = judge(
        y_true=np.zeros(many, int),
        probabilities=np.tile([0.2, 0.8, 0.0], (many, 1)),
        paths=[pictures[0]] * many,
    )
    page = render(report)
    assert f"The {MAX_MISTAKES} surest of {many} mistakes" in _text(page)
    assert page.count("jeans, taken for saree") == MAX_MISTAKES


def test_samples_come_from_the_set_that_is_given(judge, pictures):
    samples = ImageSet(
        [Sample(path, "jeans") for path in pictures[:1] * 20],
        ["jeans", "saree", "trousers"],
        name="demo/v1",
        split_name="train",
    )
    page = render(judge(), samples)
    assert page.count("sample of jeans") == SAMPLES_PER_CLASS
    assert "sample of saree" not in page
    text = _text(page)
    assert "Images of the train split" in text
    assert "jeans 20 images" in text


def test_settings_are_written_for_people(judge):
    settings = {"weights": None, "shape": (2, 3), "flip": {"x": True}, "seed": None}
    text = _text(render(judge(settings=settings)))
    for words in ("weights none (untrained backbone)", "shape 2, 3", "flip.x yes", "seed default"):
        assert words in text


def test_skipped_images_are_listed_with_their_reason(judge):
    text = _text(render(judge(skipped=[("v1/test/jeans/x.jpg", "truncated")])))
    assert "1 image could not be read" in text
    assert "test/jeans/x.jpg truncated" in text
    assert "Skipped images" not in _text(render(judge()))


def test_many_classes_get_a_narrow_matrix_and_no_flood_of_examples(judge, pictures):
    page = render(
        judge(
            classes=[f"kind{number}" for number in range(15)],
            y_true=np.arange(15),
            probabilities=np.eye(15),
            paths=(pictures * 2)[:15],
        )
    )
    assert '<table class="matrix many">' in page
    assert page.count(", predicted ") == MAX_EXAMPLES
    assert page.count("100%</small>") == 15


def test_the_calibration_error_is_judged_against_chance(judge):
    text = _text(render(judge()))
    assert "Calibration error 0.294 No more than chance alone explains" in text
    assert "Temperature none" in text
    assert "as the network gives them" in text


@pytest.mark.parametrize(
    ("probabilities", "words"),
    [
        ([0.01, 0.99, 0.0], "On average the model is too sure, by 99.0 points."),
        ([0.34, 0.33, 0.33], "On average the model is too unsure, by 66.0 points."),
    ],
)
def test_an_error_beyond_chance_says_which_way(judge, probabilities, words):
    text = _text(
        render(judge(y_true=np.zeros(8, int), probabilities=np.tile(probabilities, (8, 1))))
    )
    assert "More than chance alone explains" in text
    assert words in text


def test_errors_that_cancel_out_are_no_lean(judge):
    half = np.repeat([[0.99, 0.01, 0.0], [0.34, 0.33, 0.33]], 100, axis=0)
    labels = np.repeat([0, 1, 0, 1], [66, 34, 67, 33])
    text = _text(render(judge(y_true=labels, probabilities=half, paths=["x"] * 200)))
    assert "too sure in some ranges and too unsure in others" in text


def test_temperature_and_split_id_are_named(judge):
    report = judge(temperature=1.2345, hashes=[f"{number:064x}" for number in range(8)])
    page = render(report)
    text = _text(page)
    assert "Temperature 1.23" in text
    assert "divided by the temperature" in text
    assert f"Split id {report.split_id[:12]}" in text
    assert f'title="{report.split_id}"' in page
    assert "Split id" not in _text(render(judge()))


def _issue(path, suggested="saree", label="jeans"):
    kind = "label" if suggested else "outlier"
    return LabelIssue(path, label, suggested, kind, 0.9, "why it is <odd>")


def test_label_issues_are_shown_with_pictures(judge, pictures):
    page = render(judge(label_issues=[_issue(pictures[0]), _issue(pictures[1], None)]))
    text = _text(page)
    assert "1 image probably of another class, 1 image perhaps of none of the classes" in text
    assert "saree? labelled jeans why it is <odd>" in text
    assert "none of these? labelled jeans" in text
    alts = {image["alt"] for image in _Page(page).all("img")}
    assert {"labelled jeans, perhaps saree", "labelled jeans, perhaps none of the classes"} <= alts
    assert "Likely label issues" not in _text(render(judge()))


def test_of_many_label_issues_the_first_are_shown(judge, pictures):
    text = _text(render(judge(label_issues=[_issue(pictures[0])] * (MAX_ISSUES + 5))))
    assert f"{MAX_ISSUES + 5} images probably of another class; the {MAX_ISSUES} most" in text
    assert text.count("saree? labelled jeans") == MAX_ISSUES


def _views(count):
    return [Image.new("RGB", (40, 60), (20 * number, 80, 120)) for number in range(count)]


def test_augmented_views_stand_beside_their_image(judge, tmp_path):
    path = judge().to_html(tmp_path / "r.html", augmented=[("jeans/a.jpg", _views(3))])
    page = path.read_text(encoding="utf-8")
    alts = [image["alt"] for image in _Page(page).all("img")]
    assert [alt for alt in alts if alt.startswith("jeans/a.jpg")] == [
        "jeans/a.jpg, as it is",
        "jeans/a.jpg, view 1",
        "jeans/a.jpg, view 2",
    ]
    assert page.count('class="frame before"') == 1
    assert "Augmentation" not in _text(render(judge()))


def test_augmented_views_are_few(judge):
    given = [(f"image {number}", _views(MAX_VIEWS + 2)) for number in range(MAX_AUGMENTED + 2)]
    alts = [image["alt"] for image in _Page(render(judge(), augmented=given)).all("img")]
    assert sum("as it is" in alt or "view" in alt for alt in alts) == MAX_AUGMENTED * MAX_VIEWS


def test_new_sections_keep_the_promises_of_the_page(judge, pictures, add_picture):
    hostile = add_picture(HOSTILE, b"no image")
    odd = "<script>alert(1)</script>"
    report = judge(
        temperature=1.5,
        label_issues=[
            LabelIssue(hostile, odd, odd, "label", 0.9, odd),
            LabelIssue(hostile, odd, None, "outlier", 0.8, odd),
        ],
    )
    pages = [render(report, augmented=[(odd, _views(2)), ("none", [])]) for _ in range(2)]
    assert pages[0] == pages[1]
    tags = _Page(pages[0])
    assert tags.all("script") == []
    assert all(image["src"].startswith("data:image/jpeg;base64,") for image in tags.all("img"))
    assert tags.words.count(odd) >= 6


@pytest.mark.parametrize(
    ("items", "count", "expected"),
    [("abcdefgh", 3, "acf"), ("ab", 3, "ab"), ("", 3, ""), ("abcd", 4, "abcd")],
)
def test_spread(items, count, expected):
    assert "".join(spread(items, count)) == expected


@pytest.mark.browser
def test_a_browser_runs_nothing_in_it(judge, history, pictures, add_picture, tmp_path):
    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = next(filter(None, map(shutil.which, names)), None)
    if chromium is None:
        pytest.skip("needs a Chromium on PATH")
    name = '"><img src=x onerror=document.title=1><.jpg'
    hostile = add_picture(name, b"no image")
    issue = LabelIssue(hostile, name, name, "label", 0.9, name)
    paths = [*pictures[:2], hostile, *pictures[3:]]
    report = judge(history=history, paths=paths, label_issues=[issue])
    path = report.to_html(tmp_path / "report.html", augmented=[(name, _views(2))])
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", profile]
    done = subprocess.run(
        [chromium, *flags, "--dump-dom", path.as_uri()],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    page = _Page(done.stdout)
    assert "<title>75.0% on demo/v1" in done.stdout
    assert [image for image in page.all("img") if image["src"] == "x"] == []
    assert name in page.words


@pytest.mark.parametrize(
    ("recipe", "shown"),
    [({"views": 1}, False), ({"views": 3}, True), ({"views": 1, "backbone": "loop"}, True)],
)
def test_augmentation_is_listed_where_it_was_used(judge, recipe, shown):
    recipe = {**recipe, "augmentation": {"rotation": 12.5}}
    text = _text(render(judge(settings={"recipe": recipe})))
    assert ("recipe.augmentation.rotation 12.5" in text) is shown


_RATES = {"learning_rate": 0.25, "batch_size": 48, "fine_tune_rate": 0.125}


@pytest.mark.parametrize(
    ("recipe", "idle"),
    [
        ({"solver": "adam", "fine_tune": 0}, {"fine_tune_rate"}),
        ({"solver": "lbfgs", "fine_tune": 0}, set(_RATES)),
        ({"solver": "lbfgs", "fine_tune": 2}, {"learning_rate"}),
        ({"solver": "adam", "fine_tune": 2}, set()),
    ],
)
def test_rates_are_listed_where_they_were_used(judge, recipe, idle):
    text = _text(render(judge(settings={"recipe": {**recipe, **_RATES}})))
    for name, value in _RATES.items():
        assert (f"recipe.{name} {value}" in text) is (name not in idle)


def test_no_patience_is_told_as_such(judge):
    assert "recipe.patience never" in _text(render(judge(settings={"recipe": {"patience": None}})))


@pytest.mark.parametrize(("count", "folded"), [(15, False), (16, True)])
def test_a_long_table_of_epochs_is_folded(judge, count, folded):
    history = History({"loss": [0.5] * count, "accuracy": [0.5] * count})
    page = _Page(render(judge(history=history)))
    assert bool(page.all("details")) is folded
    assert ("Figures of all 16 epochs" in page.words) is folded


def test_a_long_name_under_a_mistake_is_short_and_whole_when_pointed_at(judge, pictures):
    name = f"test/jeans/{'0123456789ab' + 'c' * 52}.jpg"
    page = render(judge(paths=[name, *pictures[1:]]))
    assert f'title="{name}"' in page
    assert f">{name.replace('/', '/<wbr>')}<" not in page
