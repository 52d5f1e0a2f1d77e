"""Text from elsewhere on its way to a terminal or into a file that a person looks at."""

from __future__ import annotations

import json

import pytest

from apparel_clf._printable import json_text, printable_lines

ORDINARY = [
    "Jeans für Männer",
    "साड़ी",
    "شلوار\u200cجین",
    "\u200eLevi's",
    "👩\u200d🎨 T\u00a0shirt",
    'a "b" \\n\n',
]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_words_of_any_script_are_written_as_they_are(text):
    """The hash of such lines is a version's id."""
    assert json_text({"title": text}) == json.dumps({"title": text}, ensure_ascii=False)


@pytest.mark.parametrize(
    "sign", [*map(chr, range(0x20)), *"\x7f\x80\x9b\x9f\u2028\u202e\u2066\u2069"]
)
def test_what_a_terminal_acts_on_is_escaped_and_reads_back(sign):
    values = {"title": f"a{sign}b", sign: [sign]}
    text = json_text(values, sort_keys=True)
    assert sign not in text
    assert json.loads(text) == values


def test_lines_stay_lines():
    assert printable_lines("a\x1bb\nc\r\u202ed") == "a\\x1bb\nc\\r\\u202ed"
