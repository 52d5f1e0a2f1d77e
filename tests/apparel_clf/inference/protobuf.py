"""Writes Protocol Buffers by hand, also in ways in which no writer of today does."""

from __future__ import annotations

from apparel_clf.inference.wire import BYTES, FIXED32, FIXED64, VARINT


def varint(number, extra=0):
    """A number as it is written, or in some bytes more than it needs."""
    found = bytearray()
    while number > 127 or extra:
        if number <= 127:
            extra -= 1
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def field(number, payload, kind=BYTES, **odd):
    tag = varint((number << 3 | kind) + odd.get("more", 0), odd.get("tag", 0))
    if kind == BYTES:
        payload = varint(len(payload), odd.get("length", 0)) + payload
    return tag + payload


def read(data, place):
    value = shift = 0
    while True:
        byte = data[place]
        value, place, shift = value | (byte & 127) << shift, place + 1, shift + 7
        if byte < 128:
            return value, place


def top(data):
    """Number, payload and kind of each field of a message, as its writer wrote it."""
    place = 0
    while place < len(data):
        tag, start = read(data, place)
        kind = tag & 7
        if kind == VARINT:
            _, place = read(data, start)
        elif kind == BYTES:
            length, start = read(data, start)
            place = start + length
        else:
            place = start + {FIXED32: 4, FIXED64: 8}[kind]
        yield tag >> 3, data[start:place], kind


def rewritten(data, number, **odd):
    """Write one field of a message in another way."""
    return b"".join(
        field(found, payload, kind, **(odd if found == number else {}))
        for found, payload, kind in top(data)
    )
