"""The reader of Protocol Buffers: what it passes, the real one reads in the same way."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import onnx
import pytest
from google.protobuf.unknown_fields import UnknownFieldSet
from onnx import helper, numpy_helper

from apparel_clf.errors import ModelFileError
from apparel_clf.inference.onnx_scan import SCHEMA, scan
from apparel_clf.inference.wire import BYTES, FIXED32, FIXED64, VARINT, Field, parse
from tests.apparel_clf.inference.protobuf import field, rewritten, top, varint

HERE = Path("m.onnx")
GRAPH, NODE, PRODUCER, VERSION = 7, 1, 2, 1


def honest():
    """A small model that has every field which our exports have."""
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=1),
        helper.make_node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "kernel", "bias"], ["map"], pads=[1, 1, 1, 1]),
        helper.make_node("QuantizeLinear", ["map", "scale", "zero"], ["small"], name="q"),
    ]
    kernel = numpy_helper.from_array(np.arange(54, dtype=np.float32).reshape(2, 3, 3, 3), "kernel")
    tensors = [
        kernel,
        helper.make_tensor("bias", 1, [2], [0.5, -1.0]),
        helper.make_tensor("scale", 1, [], [0.1]),
        helper.make_tensor("zero", 3, [], [-3]),
    ]
    values = [
        helper.make_tensor_value_info(name, kind, shape)
        for name, kind, shape in (
            ("image", 2, ["batch", 8, 8, 3]), ("small", 3, ["batch", 2, 8, 8]), ("map", 1, [1, 2]),
        )
    ]  # fmt: skip
    graph = helper.make_graph(nodes, "g", values[:1], values[1:2], tensors, value_info=values[2:])
    model = helper.make_model(graph, producer_name="us", producer_version="1")
    helper.set_model_props(model, {"apparel.json": json.dumps({"class_names": ["a", "b"]})})
    return model.SerializeToString()


def changed(number, **odd):
    return lambda data: rewritten(data, number, **odd)


def added(*parts):
    return lambda data: data + b"".join(parts)


ODD = {
    "tag of 33 bits": changed(GRAPH, more=2**32),
    "tag of 64 bits": changed(GRAPH, more=2**63),
    "longer tag": changed(GRAPH, tag=1),
    "tag of six bytes": changed(GRAPH, tag=5),
    "longer length": changed(GRAPH, length=1),
    "longer number": added(field(5, varint(3, 1), VARINT)),
    "number of 65 bits": added(field(5, b"\xff" * 9 + b"\x02", VARINT)),
    "number without an end": added(field(5, b"\xff" * 11, VARINT)),
    "number that is cut off": added(field(5, b"\xff", VARINT)),
    "field 0": added(field(0, b"")),
    "group": added(varint(9 << 3 | 3), varint(9 << 3 | 4)),
    "end of a group": added(varint(9 << 3 | 4)),
    "kind 6": added(varint(9 << 3 | 6)),
    "kind 7": added(varint(GRAPH << 3 | 7)),
    "longer than the file": added(varint(4 << 3 | BYTES), varint(9), b"x"),
    "longer than 31 bits": added(varint(4 << 3 | BYTES), varint(2**31)),
    "longer than 63 bits": added(varint(4 << 3 | BYTES), varint(2**64 - 1)),
    "second graph": added(field(GRAPH, b"")),
    "second name": added(field(PRODUCER, b"them")),
    "second version": added(field(VERSION, b"\x08", VARINT)),
    "unknown field": added(field(99, b"")),
    "functions": added(field(25, b"")),
    "number as bytes": added(field(5, b"\x01")),
    "bytes as a number": added(field(4, b"\x01", VARINT)),
    "bytes as eight": added(field(4, bytes(8), FIXED64)),
    "cut off": lambda data: data[:-1],
}


@pytest.mark.parametrize("change", ODD.values(), ids=ODD)
def test_what_no_writer_writes_is_refused(change):
    assert change(honest()) != honest()
    with pytest.raises(ModelFileError):
        scan(HERE, change(honest()))


def test_what_is_changed_is_read_otherwise_as_it_was():
    assert changed(GRAPH)(honest()) == honest()
    assert scan(HERE, honest()) == {"class_names": ["a", "b"]}


SMALL = {
    "M": {1: Field(VARINT, many=True), 2: Field(FIXED32, many=True), 3: Field(BYTES, inner="N")},
    "N": {1: Field(VARINT, alone=True), 2: Field(BYTES, alone=True), 4: Field(FIXED64)},
}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", {}),
        (field(1, b"\x05", VARINT) + field(1, b"\x06\x07"), {1: [5, 6, 7]}),
        (field(1, b""), {1: []}),
        (field(1, b"\xff" * 9 + b"\x01", VARINT), {1: [2**64 - 1]}),
        (field(2, bytes(4), FIXED32) + field(2, bytes(8)), {2: [bytes(4), bytes(8)]}),
        (field(3, field(1, b"\x05", VARINT)), {3: [{1: [5]}]}),
        (field(3, field(4, bytes(8), FIXED64)), {3: [{4: [bytes(8)]}]}),
    ],
)
def test_values_are_read(data, expected):
    assert parse(SMALL, "M", memoryview(data), 10) == expected


@pytest.mark.parametrize(
    "data",
    [
        field(2, bytes(7)),
        field(2, bytes(3), FIXED32),
        field(1, b"\x80"),
        field(1, bytes(11)),
        field(1, b"\x00", VARINT) * 11,
        field(3, field(1, b"\x05", VARINT) + field(2, b"")),
    ],
)
def test_values_that_are_cut_off_too_many_or_exclude_each_other_are_refused(data):
    with pytest.raises(ValueError, match=r"cut off|longer|more"):
        parse(SMALL, "M", memoryview(data), 10)


def same(ours, theirs):
    """Hold a message as we read it against the same as the real reader does."""
    assert not len(UnknownFieldSet(theirs))
    found = {part.number: (part, value) for part, value in theirs.ListFields()}
    assert found.keys() == {number for number, values in ours.items() if values}
    for number, (part, value) in found.items():
        values = list(value) if part.is_repeated else [value]
        if part.message_type:
            assert len(values) == len(ours[number])
            for pair in zip(ours[number], values, strict=True):
                same(*pair)
        elif part.cpp_type == part.CPPTYPE_FLOAT:
            told = np.frombuffer(b"".join(ours[number]), np.float32)
            np.testing.assert_array_equal(told, np.array(values, np.float32))
        else:
            assert [plain(part, told) for told in ours[number]] == [
                value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
                for value in values
            ]


def plain(part, value):
    if not isinstance(value, int):
        return bytes(value)
    bits = 64 if part.cpp_type == part.CPPTYPE_INT64 else 32
    value %= 2**bits
    return value - 2**bits if value >> (bits - 1) else value


def spliced(rng, data, name="Model"):
    """Change a message somewhere, keeping the lengths of those around it right."""
    fields = list(top(data))
    if not fields:
        return field(rng.randrange(1, 20), varint(rng.getrandbits(rng.choice([3, 40]))), VARINT)
    place = rng.randrange(len(fields))
    number, payload, kind = fields[place]
    inner = SCHEMA[name].get(number, Field(kind)).inner
    odd = {}
    if inner and rng.random() < 0.7:
        payload = spliced(rng, payload, inner)
    else:
        match rng.randrange(6):
            case 0:
                fields.append(fields[place])
            case 1:
                number = rng.randrange(1, 30)
            case 2:
                odd = {rng.choice(["tag", "length"]): rng.randrange(1, 5)}
            case 3:
                odd = {"more": rng.choice([2**32, 2**35, 2**40, 1])}
            case 4:
                kind, payload = VARINT, varint(rng.getrandbits(rng.randrange(1, 70)))
            case 5:
                payload = payload + varint(rng.getrandbits(7)) if kind == BYTES else payload
    fields[place] = number, payload, kind
    return b"".join(
        field(*each, **(odd if index == place else {})) for index, each in enumerate(fields)
    )


def flipped(rng, data):
    spoilt = bytearray(data)
    for _ in range(rng.randrange(1, 4)):
        spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
    return bytes(spoilt)


@pytest.mark.parametrize("spoil", [spliced, flipped])
def test_what_passes_is_read_alike_by_the_real_reader(spoil):
    rng = random.Random(spoil.__name__)
    data, passed = honest(), 0
    same(parse(SCHEMA, "Model", memoryview(data), 10_000), onnx.ModelProto.FromString(data))
    for _ in range(3000):
        spoilt = spoil(rng, data)
        try:
            scan(HERE, spoilt)
        except ModelFileError:
            continue
        passed += spoilt != data
        ours = parse(SCHEMA, "Model", memoryview(spoilt), 10_000)
        same(ours, onnx.ModelProto.FromString(spoilt))
    assert passed > 50
