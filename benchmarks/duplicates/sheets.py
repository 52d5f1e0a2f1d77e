"""Contact sheets: pairs side by side, for a person to look at. They hold photos: never publish."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from apparel_clf.images import load_image

_SIDE = 160
_TEXT = 46
_LETTERS = 60
_GAP = 14
_COLUMNS = 4


def write_sheet(
    path: Path, pairs: Sequence[tuple[str, str, str]], files: Mapping[str, bytes]
) -> None:
    """Draw pairs of pictures with their names and what was measured.

    Args:
        path: the PNG to write.
        pairs: name of one, name of the other, words.
        files: name to the bytes of its file.
    """
    rows = -(-len(pairs) // _COLUMNS) or 1
    size = (_COLUMNS * (2 * _SIDE + _GAP), rows * (_SIDE + _TEXT))
    sheet = Image.new("RGB", size, (90, 90, 90))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=10)
    for place, (first, second, words) in enumerate(pairs):
        x = place % _COLUMNS * (2 * _SIDE + _GAP)
        y = place // _COLUMNS * (_SIDE + _TEXT)
        lines = [f"{place + 1}: {first} | {second}", *textwrap.wrap(words, _LETTERS)]
        pen.multiline_text((x, y), "\n".join(lines), "white", font)
        for right, name in enumerate((first, second)):
            image = load_image(files[name])
            image.thumbnail((_SIDE, _SIDE))
            sheet.paste(image, (x + right * _SIDE, y + _TEXT))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
