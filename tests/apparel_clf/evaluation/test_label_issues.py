from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apparel_clf.dataset import read_list
from apparel_clf.errors import SettingsError
from apparel_clf.evaluation import LabelIssue, rank_label_issues, write_label_issues

CLASSES = ("jeans", "saree", "trousers")


def _judged(seed, n=150, wrong=0.08):
    """Paths, labels of which some are wrong, out-of-fold probabilities, and which are wrong."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 3, n)
    logits = generator.normal(size=(n, 3))
    logits[np.arange(n), truth] += 3
    shares = np.exp(2 * logits)
    labels, flipped = truth.copy(), generator.random(n) < wrong
    labels[flipped] = (truth[flipped] + generator.integers(1, 3, int(flipped.sum()))) % 3
    paths = [f"train/{CLASSES[label]}/{number:03}.jpg" for number, label in enumerate(labels)]
    return paths, labels, shares / shares.sum(axis=1, keepdims=True), flipped


def _rank(seed, **changes):
    paths, labels, shares, _ = _judged(seed)
    return rank_label_issues(paths, labels, shares, CLASSES, **changes)


def test_by_hand():
    shares = np.array([[0.9, 0.1], [0.7, 0.3], [0.05, 0.95], [0.1, 0.9], [0.2, 0.8], [0.6, 0.4]])
    labels = np.array([0, 0, 0, 1, 1, 1])
    # Mean probability of the own class: jeans 0.55, saree 0.70. The third is saree with 0.95, the
    # last is jeans with 0.6.
    found = rank_label_issues(list("abcdef"), labels, shares, ["jeans", "saree"])
    assert [(i.path, i.label, i.suggested, i.kind) for i in found] == [
        ("c", "jeans", "saree", "label"),
        ("f", "saree", "jeans", "label"),
    ]
    assert [issue.score for issue in found] == [5 / 6, 4 / 6]
    assert "gives saree 95%, jeans 5%" in found[0].why


def test_a_class_the_model_is_never_sure_of_has_a_lower_threshold():
    shares = np.array([[0.55, 0.45]] * 4 + [[0.05, 0.95]] * 4 + [[0.56, 0.44]])
    labels = np.array([0] * 4 + [1] * 5)
    found = rank_label_issues([f"{n}" for n in range(9)], labels, shares, ["jeans", "saree"])
    assert [(issue.path, issue.suggested) for issue in found] == [("8", "jeans")]


def test_a_model_that_is_equally_sure_of_all_reaches_its_own_threshold():
    shares = np.array([[0.9, 0.1]] * 20 + [[0.1, 0.9]] * 10)
    labels = np.array([0] * 19 + [1] * 11)
    found = rank_label_issues([f"{n:02}" for n in range(30)], labels, shares, ["x", "y"])
    assert [(issue.path, issue.suggested) for issue in found] == [("19", "x")]


def test_a_model_that_is_wrong_but_not_confidently_raises_no_issue():
    shares = np.array([[0.95, 0.05], [0.9, 0.1], [0.1, 0.9], [0.6, 0.4]])
    assert rank_label_issues(list("abcd"), np.array([0, 0, 1, 1]), shares, ["x", "y"]) == ()


def test_wrong_labels_come_up_first():
    for seed in range(5):
        paths, labels, shares, flipped = _judged(seed)
        found = rank_label_issues(paths, labels, shares, CLASSES)
        wrong = {path for path, is_wrong in zip(paths, flipped, strict=True) if is_wrong}
        assert len({issue.path for issue in found} & wrong) >= 0.7 * len(wrong)
        assert {issue.path for issue in found[: len(wrong) // 2]} <= wrong


@given(st.integers(0, 10_000))
def test_what_an_issue_says_is_true_of_its_image(seed):
    paths, labels, shares, _ = _judged(seed)
    found = rank_label_issues(paths, labels, shares, CLASSES)
    thresholds = [shares[labels == number, number].mean() for number in range(3)]
    margins = []
    for issue in found:
        place = paths.index(issue.path)
        suggested = CLASSES.index(issue.suggested)
        assert issue.label == CLASSES[labels[place]] != issue.suggested
        assert shares[place, suggested] >= thresholds[suggested] - 1e-9
        assert shares[place, suggested] > shares[place, labels[place]]
        others = np.delete(shares[place], labels[place])
        margins.append(shares[place, labels[place]] - others.max())
    assert margins == sorted(margins)
    assert [i.score for i in found] == sorted((i.score for i in found), reverse=True)
    assert all(0 <= issue.score < 1 for issue in found)
    assert len({issue.path for issue in found}) == len(found)


@given(st.integers(0, 1000), st.randoms(use_true_random=False))
def test_the_order_of_the_images_makes_no_difference(seed, random):
    paths, labels, shares, _ = _judged(seed, n=60)
    order = list(range(60))
    random.shuffle(order)
    shuffled = rank_label_issues(
        [paths[place] for place in order], labels[order], shares[order], CLASSES
    )
    plain = rank_label_issues(paths, labels, shares, CLASSES)
    assert {issue.path for issue in shuffled} == {issue.path for issue in plain}
    assert [issue.path for issue in shuffled] == [issue.path for issue in plain]


def test_a_class_without_images_is_never_suggested():
    shares = np.array([[0.6, 0.1, 0.3], [0.1, 0.1, 0.8], [0.2, 0.7, 0.1]])
    found = rank_label_issues(list("abc"), np.array([0, 0, 1]), shares, CLASSES)
    assert found == ()


def _with_strangers(seed, strange):
    paths, labels, shares, flipped = _judged(seed)
    scores = np.random.default_rng(seed).gamma(20, 1, len(paths))
    for place, score in strange.items():
        scores[place] = score
    return paths, labels, shares, flipped, scores


def test_a_stranger_is_an_outlier_and_has_no_suggestion():
    paths, labels, shares, flipped, scores = _with_strangers(0, {})
    place = int(np.flatnonzero(~flipped)[0])
    scores[place] = 200
    found = rank_label_issues(paths, labels, shares, CLASSES, outlier_scores=scores)
    first = next(issue for issue in found if issue.kind == "outlier")
    assert (first.path, first.suggested) == (paths[place], None)
    assert first.score == (len(paths) - 1) / len(paths)
    assert "sigmas stranger than the usual" in first.why
    assert [issue.kind for issue in found].count("outlier") == 1


def test_both_kinds_are_ranked_into_one_another():
    paths, labels, shares, flipped, scores = _with_strangers(1, {})
    strangers = np.flatnonzero(~flipped)[:4]
    scores[strangers] = [150, 160, 170, 180]
    found = rank_label_issues(paths, labels, shares, CLASSES, outlier_scores=scores)
    kinds = [issue.kind for issue in found[:8]]
    assert kinds.count("outlier") == 4
    assert kinds.count("label") == 4


def test_strange_for_its_label_but_usual_for_the_suggested_one_is_a_wrong_label():
    labels = np.array([0] * 20 + [1] * 20)
    shares = np.where(labels[:, np.newaxis] == 0, [[0.9, 0.1]], [[0.1, 0.9]])
    shares[0] = (0.02, 0.98)
    # Sarees are stranger than jeans throughout; the first is as strange as a saree.
    scores = np.where(labels == 0, 1.0, 50.0) + np.linspace(0, 0.5, 40)
    scores[0] = 50.3
    paths = [f"{number:02}" for number in range(40)]
    found = rank_label_issues(paths, labels, shares, ["jeans", "saree"], outlier_scores=scores)
    assert [(i.path, i.kind, i.suggested) for i in found] == [("00", "label", "saree")]
    scores[0] = 500
    found = rank_label_issues(paths, labels, shares, ["jeans", "saree"], outlier_scores=scores)
    assert [(i.path, i.kind, i.suggested) for i in found] == [("00", "outlier", None)]


@given(st.integers(0, 1000), st.floats(0.01, 1000), st.floats(-100, 100))
def test_the_unit_of_the_scores_makes_no_difference(seed, factor, shift):
    paths, labels, shares, _, scores = _with_strangers(seed, {3: 90.0, 40: 70.0})
    plain = rank_label_issues(paths, labels, shares, CLASSES, outlier_scores=scores)
    other = rank_label_issues(
        paths, labels, shares, CLASSES, outlier_scores=factor * scores + shift
    )
    assert [(i.path, i.kind) for i in other] == [(i.path, i.kind) for i in plain]


def test_equal_scores_are_no_outliers():
    assert _rank(2, outlier_scores=[1.0] * 150) == _rank(2)


def test_among_many_equal_scores_one_stranger_is_found():
    scores = [1.0] * 150
    scores[7] = 30.0
    assert {i.path for i in _rank(2, outlier_scores=scores) if i.kind == "outlier"} == {
        _judged(2)[0][7]
    }


def test_a_label_with_few_images_is_held_against_all():
    labels = np.array([0] * 40 + [1] * 2)
    shares = np.where(labels[:, np.newaxis] == 0, [[0.9, 0.1]], [[0.1, 0.9]])
    scores = np.concatenate([np.linspace(1, 2, 40), [1.5, 90.0]])
    paths = [f"{number:02}" for number in range(42)]
    found = rank_label_issues(paths, labels, shares, ["jeans", "saree"], outlier_scores=scores)
    assert [(issue.path, issue.kind) for issue in found] == [("41", "outlier")]


@pytest.mark.parametrize("limit", [0, 1, 3, 1000])
def test_limit_keeps_the_first(limit):
    assert _rank(0, limit=limit) == _rank(0)[:limit]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"paths": ["a.jpg"]}, r"shape \(1, k\)"),
        ({"y_true": np.zeros(3, int)}, "3 labels"),
        ({"y_true": np.full(150, 3)}, "indices from 0 to 2"),
        ({"classes": ["jeans", "saree", "trousers", "kurta"]}, "3 columns"),
        ({"probabilities": np.full((150, 3), 0.5)}, "add up to 1 per image.*000.jpg"),
        ({"outlier_scores": [1.0]}, "150 finite numbers"),
        ({"outlier_scores": [np.nan] * 150}, "150 not finite"),
        ({"limit": -1}, "limit=-1"),
    ],
)
def test_what_does_not_fit_together(changes, words):
    paths, labels, shares, _ = _judged(0)
    given = {"paths": paths, "y_true": labels, "probabilities": shares, "classes": CLASSES}
    with pytest.raises(SettingsError, match=words):
        rank_label_issues(**{**given, **changes})


def test_json_says_the_same():
    issue = _rank(0)[0]
    assert json.loads(json.dumps(issue.to_json())) == dataclasses.asdict(issue)


def _issue(path="train/jeans/a.jpg", suggested="saree", why="looks like saree"):
    kind = "outlier" if suggested is None else "label"
    return LabelIssue(path, "jeans", suggested, kind, 0.9, why)


def test_a_list_has_labels_for_issues_and_none_for_removals(tmp_path):
    path = write_label_issues([_issue(), _issue("b.jpg", None, "strange")], tmp_path / "x.csv")
    assert path.read_text(encoding="utf-8") == (
        'image,label,why\n"train/jeans/a.jpg","saree","looks like saree"\n"b.jpg","","strange"\n'
    )
    assert read_list(path) == [
        {"image": "train/jeans/a.jpg", "label": "saree", "why": "looks like saree"},
        {"image": "b.jpg", "label": "", "why": "strange"},
    ]


@pytest.mark.parametrize(
    "name",
    [
        "a,b.jpg",
        'say "hello".jpg',
        "'single'.jpg",
        "=HYPERLINK(1).jpg",
        "+1.jpg",
        "@x.jpg",
        "# no comment.jpg",
        "{not: json}.jpg",
        "image",
        "line\nbreak.jpg",
        "line\n\n# comment\nbreak.jpg",
        "carriage\rreturn.jpg",
        "\r\n.jpg",
        " blanks ",
        "tab\tinside.jpg",
        "back\\slash.jpg",
        "separator\u2028inside\x85.jpg",
        "broken\udcff.jpg",
        "साड़ी 👗.jpg",
        "-",
    ],
)
def test_hostile_names_survive(tmp_path, name):
    issues = [_issue(name), _issue("plain.jpg", "saree, silk"), _issue(f"x/{name}", None)]
    rows = read_list(write_label_issues(issues, tmp_path / "list.csv"))
    assert [row["image"] for row in rows] == [name, "plain.jpg", f"x/{name}"]
    assert [row["label"] for row in rows] == ["saree", "saree, silk", ""]
    assert [row["why"] for row in rows] == ["looks like saree"] * 3


@given(st.lists(st.tuples(st.text(min_size=1), st.text(min_size=1)), min_size=1))
def test_any_names_survive(tmp_path_factory, pairs):
    issues = [_issue(name, label) for name, label in pairs]
    path = write_label_issues(issues, tmp_path_factory.mktemp("lists") / "list.csv")
    assert [(row["image"], row["label"]) for row in read_list(path)] == pairs


def test_no_issue_makes_a_list_of_none(tmp_path):
    assert read_list(write_label_issues([], tmp_path / "new" / "list.csv")) == []
