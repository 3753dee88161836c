"""What the bytes of an ONNX file say before anything runs them: versions, operators, and where its weights lie.

Only the frame of protocol buffers is read, field by field, so that neither the package onnx nor trust is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

VARINT, EIGHT_BYTES, SIZED, FOUR_BYTES = 0, 1, 2, 5  # wire types; groups (3, 4) are in no ONNX file
MOST_DEPTH = 64  # of graphs in attributes of nodes in graphs; protocol buffers themselves stop at 100
EXTERNAL = 1  # TensorProto.DataLocation


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """What a file says of itself."""

    opsets: Mapping[str, int]  # by domain; "" is ONNX's own
    operators: frozenset[str]
    external_weights: bool  # some lie in other files


class _Field(NamedTuple):
    number: int
    value: int  # of a varint; else 0
    part: memoryview  # of what has a size; else empty


# onnx.proto: the fields that hold messages, and of which kind, so far as tensors and nodes can be reached by them.
INNER: Final[Mapping[str, Mapping[int, str]]] = {
    "model": {7: "graph", 8: "opset", 20: "training", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 9: "opset", 11: "attribute"},
    "opset": {},
    "tensor": {},
}
OPERATOR_TYPE, EXTERNAL_DATA, DATA_LOCATION, OPSET_DOMAIN, OPSET_VERSION = 4, 13, 14, 1, 2


def network_facts(data: bytes) -> NetworkFacts:
    """Read what an ONNX file says of itself.

    Parameters
    ----------
    data : the whole file

    Raises
    ------
    ValueError : it is no ONNX file, or cut off

    References
    ----------
    ONNX, onnx.proto (IR version 10); Protocol Buffers, "Encoding".
    """
    opsets: dict[str, int] = {}
    operators: set[str] = set()
    external = False
    for kind, fields in _messages("model", memoryview(data), 0):
        if kind == "opset":
            domain, version = _opset(fields)
            opsets[domain] = max(version, opsets.get(domain, 0))  # functions may name others
        elif kind == "node":
            operators |= {_text(field.part) for field in fields if field.number == OPERATOR_TYPE}
        elif kind == "tensor":
            external |= any(_is_external(field) for field in fields)
    if not operators or "" not in opsets:
        raise ValueError("no operators of ONNX")
    return NetworkFacts(opsets, frozenset(operators), external)


def _is_external(field: _Field) -> bool:
    return field.number == EXTERNAL_DATA or (field.number == DATA_LOCATION and field.value == EXTERNAL)


def _opset(fields: list[_Field]) -> tuple[str, int]:
    domain = next((_text(field.part) for field in fields if field.number == OPSET_DOMAIN), "")
    version = next((field.value for field in fields if field.number == OPSET_VERSION), 0)
    return "" if domain == "ai.onnx" else domain, version


def _text(part: memoryview) -> str:
    return bytes(part).decode("utf-8", "replace")


def _messages(kind: str, data: memoryview, depth: int) -> Iterator[tuple[str, list[_Field]]]:
    """Every message that can be reached, its kind and fields; the outer before the inner."""
    if depth > MOST_DEPTH:
        raise ValueError(f"nested deeper than {MOST_DEPTH}")
    fields = list(_fields(data))
    yield kind, fields
    for field in fields:
        inner = INNER[kind].get(field.number)
        if inner is not None:
            yield from _messages(inner, field.part, depth + 1)


def _fields(data: memoryview) -> Iterator[_Field]:
    place, empty = 0, data[:0]
    while place < len(data):
        key, place = _varint(data, place)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, place = _varint(data, place)
            yield _Field(number, value, empty)
            continue
        size, place = _varint(data, place) if wire == SIZED else (_fixed_size(wire), place)
        if place + size > len(data):
            raise ValueError(f"cut off: {place + size - len(data)} bytes are missing")
        yield _Field(number, 0, data[place : place + size] if wire == SIZED else empty)
        place += size


def _fixed_size(wire: int) -> int:
    if wire not in (EIGHT_BYTES, FOUR_BYTES):
        raise ValueError("not in the format of ONNX")
    return 8 if wire == EIGHT_BYTES else 4


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    """The number at a place, and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            raise ValueError("cut off within a number")
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError("not in the format of ONNX")
