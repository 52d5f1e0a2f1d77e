"""Which names classes can have."""

from __future__ import annotations

import unicodedata

import pytest

from apparel_clf.dataset import ImageRecord, check_label, check_labels
from apparel_clf.errors import DatasetError
from apparel_clf.images import sign

ACUTE = "\u0301"
GOOD = [
    "saree",
    "test_shirt",
    "training",
    "Robe d'été",
    "साड़ी",
    "T Shirts",
    "a&b",
    "シャツ",
    "_x",
    "501",
    "Größe (XL), rot + blau!",
    "x" * 64,
    "服" * 64,
]
BAD = {
    "": "empty",
    "x" * 65: "65 characters",
    "𠀀" * 51: "204 bytes",
    ".": "starts with '.'",
    "..": "starts with '.'",
    ".hidden": "starts with '.'",
    "__pycache__": "starts with '__'",
    "-rf": "starts with '-'",
    " x": "starts with ' '",
    f"{ACUTE}x": "starts with",
    "x ": "ends with ' '",
    "x.": "ends with '.'",
    "a/b": "holds '/'",
    "../x": "starts with '.'",
    "a\\b": r"holds '\\\\'",
    "a\0b": r"holds '\\x00'",
    "a\nb": r"holds '\\n'",
    "a\u202eb": r"holds '\\u202e'",
    "a\u200db": r"holds '\\u200d'",
    "a\u3164b": r"holds '\\u3164'",
    "a\ufe0fb": r"holds '\\ufe0f'",
    "a\u00a0b": r"holds '\\xa0'",
    "a\ud800b": r"holds '\\ud800'",
    f"Robe d'e{ACUTE}te{ACUTE}": r"composed form \(NFC\), which is \"Robe d'\\xe9t\\xe9\"",
    "\u0958": r"composed form \(NFC\)",
    **{f"a{c}b": r"it holds '\S" for c in ':*?"<>|[]{}^~$`;#%@='},
}


@pytest.mark.parametrize("label", [unicodedata.normalize("NFC", label) for label in GOOD])
def test_names_of_many_kinds_are_class_names(label):
    assert check_label(label) == label


@pytest.mark.parametrize(("label", "words"), BAD.items(), ids=[ascii(b)[:20] for b in BAD])
def test_others_are_refused_with_the_reason(label, words):
    with pytest.raises(DatasetError, match=words):
        check_label(label)


@pytest.mark.parametrize("label", [5, None, ["a"], b"a"])
def test_what_is_no_text_is_no_name(label):
    with pytest.raises(DatasetError, match="expected text"):
        check_label(label)


def test_the_message_can_be_shown_anywhere():
    with pytest.raises(DatasetError) as caught:
        check_label("\u202e\n" + "x" * 5000)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


def test_names_are_checked_together():
    assert check_labels(iter(["saree", "jeans", "saree"])) == ("jeans", "saree")
    assert check_labels([]) == ()
    with pytest.raises(DatasetError, match="starts with"):
        check_labels(["saree", "../x"])


@pytest.mark.parametrize(
    ("one", "other"), [("Jeans", "jeans"), ("ÉTÉ", "été"), ("STRASSE", "straße")]
)
def test_names_that_are_one_folder_elsewhere_are_both_named(one, other):
    with pytest.raises(DatasetError, match=f"(?=.*'{one}')(?=.*'{other}')"):
        check_labels([one, "x", other])


def test_a_record_with_any_class_name_is_read_back(jpeg):
    record = ImageRecord(unicodedata.normalize("NFC", "साड़ी"), sign(jpeg()))
    assert ImageRecord.from_json(record.to_json()) == record
    with pytest.raises(DatasetError, match="not a class name"):
        ImageRecord.from_json(record.to_json() | {"label": "a/b"})
