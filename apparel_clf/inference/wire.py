"""Reads Protocol Buffers so strictly that no other reader can see anything else in them.

Readers differ in what they make of odd bytes: some cut a tag of more than 32 bits and find a known
field, some merge a message that stands twice, some pass over what they don't know. A file that is
checked by one reader and run by another must have none of these. Every writer of today leaves them
out, so whatever is odd is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

#: Values of a message by field number, in their order: whole numbers without a sign, bytes
#: (numbers of fixed size, too), or messages.
Message: TypeAlias = "dict[int, list[Any]]"

_LARGEST_TAG, _LARGEST_LENGTH = 2**32 - 1, 2**31 - 1
_LARGEST_NUMBER = 2**64 - 1
_SIZES = {FIXED32: 4, FIXED64: 8}


class Field(NamedTuple):
    """What a field of a message may hold.

    Args:
        kind: how its values are written.
        many: whether it may stand several times. Default False.
        inner: name of the message that it holds; empty for bytes. Default: empty.
        alone: whether it must be the only field of its message, as one of several that exclude
            each other. Default False.
    """

    kind: int
    many: bool = False
    inner: str = ""
    alone: bool = False


#: Fields of each message by their numbers.
Schema: TypeAlias = "Mapping[str, Mapping[int, Field]]"


class StrangeFieldError(ValueError):
    """A field that the schema does not have, or has once; what else is odd is a `ValueError`."""


def parse(schema: Schema, name: str, data: memoryview, most: int) -> Message:
    """Read a message and all messages in it.

    Args:
        schema: what each message may hold; no message may hold itself, however deep.
        name: which one it is.
        data: its bytes.
        most: how many fields and packed numbers there may be in all.

    Raises:
        ValueError: it is anything but what a writer of such messages would write.
    """
    return _Reader(schema, most).message(name, data)


class _Reader:
    def __init__(self, schema: Schema, most: int) -> None:
        self._schema, self._left = schema, most

    def message(self, name: str, data: memoryview) -> Message:
        fields = self._schema[name]
        found: Message = {}
        place = 0
        while place < len(data):
            number, kind, place = _tag(data, place)
            self._count()
            field = fields.get(number)
            if field is None:
                raise StrangeFieldError(f"the field {number} of {name}")
            if (number in found and not field.many) or (found and field.alone):
                raise StrangeFieldError(f"the field {number} of {name} once more")
            values, place = self._values(field, kind, data, place)
            found.setdefault(number, []).extend(values)
        return found

    def _values(
        self, field: Field, kind: int, data: memoryview, place: int
    ) -> tuple[list[Any], int]:
        """The values that stand at a place: one, or several numbers packed together."""
        packed = kind == BYTES and field.kind != BYTES and field.many
        if kind != field.kind and not packed:
            raise ValueError(f"a field of kind {kind} where {field.kind} should be")
        if kind == VARINT:
            value, place = _varint(data, place)
            return [value], place
        length, place = _varint(data, place) if kind == BYTES else (_SIZES[kind], place)
        end = place + length
        if length > _LARGEST_LENGTH or end > len(data):
            raise ValueError("a field is longer than what it is in")
        part = data[place:end]
        if packed:
            return list(self._packed(field.kind, part)), end
        return [self.message(field.inner, part) if field.inner else part], end

    def _packed(self, kind: int, data: memoryview) -> Iterator[Any]:
        if kind in _SIZES:
            if len(data) % _SIZES[kind]:
                raise ValueError("packed numbers that are cut off")
            yield data
            return
        place = 0
        while place < len(data):
            self._count()
            value, place = _varint(data, place)
            yield value

    def _count(self) -> None:
        """Whoever packs a large file full of little must not keep us busy for minutes."""
        self._left -= 1
        if self._left < 0:
            raise StrangeFieldError("more fields")


def _tag(data: memoryview, place: int) -> tuple[int, int, int]:
    """Number and kind of the field at a place, and where its value begins."""
    tag, place = _varint(data, place)
    if tag > _LARGEST_TAG:
        raise ValueError("a tag of more than 32 bits")
    number, kind = tag >> 3, tag & 7
    if not number:
        raise ValueError("a field without a number")
    if kind not in (VARINT, FIXED64, BYTES, FIXED32):
        raise ValueError(f"a field of unknown kind {kind}")
    return number, kind, place


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    """The number at a place, in as few bytes as it needs, and where it ends."""
    value = shift = 0
    while shift < 70:
        if place == len(data):
            raise ValueError("a number is cut off")
        byte = data[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            if (not byte and shift > 7) or value > _LARGEST_NUMBER:
                raise ValueError("a number that is written longer than it is")
            return value, place
    raise ValueError("a number without an end")
