"""Text from elsewhere, made fit for a terminal."""

from __future__ import annotations

import json
import re
from typing import Any

# What a terminal acts on, or what makes text be read in another order than it is written in. No
# more than that: other signs that are not seen belong to the words of some scripts.
_ACTED_ON = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    r"""Return a text with control characters, which a page or a name could hold, spelled out.

    Example:
        >>> printable("a\x1b[31mb")
        'a\\x1b[31mb'
    """
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def printable_lines(text: str) -> str:
    """As `printable`, for a text of several lines."""
    return "\n".join(map(printable, text.split("\n")))


def json_text(values: Any, **options: Any) -> str:
    r"""Return values as JSON that people can read, also on a terminal.

    Letters of any script are written as they are; what a terminal would act on is escaped, as JSON
    itself escapes only some of it. It reads back as the same values.

    Args:
        values: what to write.
        **options: as of `json.dumps`.

    Example:
        >>> json_text("é\x9b31m")
        '"é\\u009b31m"'
    """
    text = json.dumps(values, ensure_ascii=False, **options)
    return _ACTED_ON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
