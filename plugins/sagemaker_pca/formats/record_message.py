"""One `aialgs.data.Record` protobuf message: the tensors it holds, and the bytes of a dense one.

Schema: Record {features: map<string, Value> = 1, label: map<string, Value> = 2}; Value is one of float32_tensor = 2,
float64_tensor = 3, int32_tensor = 7, bytes = 9; a tensor is {values = 1, keys = 2, shape = 3}, all packed.
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5
_FIXED_WIDTHS = {_FIXED64: 8, _FIXED32: 4}
_FLOAT_TENSORS: dict[int, np.dtype[Any]] = {2: np.dtype("<f4"), 3: np.dtype("<f8")}
_INT32_TENSOR = 7
_VALUES, _KEYS, _SHAPE = 1, 2, 3


class RecordMap(IntEnum):
    """The two maps of a record, by protobuf field number."""

    FEATURES = 1
    LABEL = 2


class Tensor(NamedTuple):
    """One tensor of a record.

    `is_raw_run` says that the values are one packed run of floats, dense and at `span` of the message's bytes.
    """

    record_map: RecordMap
    key: str
    values: NDArray[Any]
    keys: NDArray[np.uint64]
    shape: NDArray[np.uint64]
    span: tuple[int, int]
    is_raw_run: bool

    def densified(self, width: int | None) -> NDArray[Any]:
        """Return the values as one dense row; a sparse tensor without shape takes its width from the caller."""
        if not self.keys.size and (self.values.size or not self.shape.size):
            return self.values
        size = int(self.shape[0]) if self.shape.size else width
        if size is None or (width is not None and size != width):
            raise ValueError(f"A sparse record has shape {self.shape.tolist()}, expected [{width}]. Write its shape.")
        if self.keys.size != self.values.size or (self.keys >= size).any():
            raise ValueError(f"A sparse record has keys outside its shape [{size}] or not one key per value.")
        row = np.zeros(size, self.values.dtype)
        row[self.keys] = self.values
        return row


def parse_record(message: memoryview) -> list[Tensor]:
    """Return every tensor of a record message; raises ValueError where the bytes are not such a message."""
    return [
        _parse_entry(message, RecordMap(number), start, stop)
        for number, wire_type, start, stop in _fields(message, 0, len(message))
        if number in tuple(RecordMap) and wire_type == _DELIMITED
    ]


def encode_dense(record_map: RecordMap, key: str, values: NDArray[Any]) -> bytes:
    """Return the message of a record that holds one dense float32 or float64 tensor, values (d,)."""
    tensor_field = next(number for number, dtype in _FLOAT_TENSORS.items() if dtype == values.dtype)
    value = _delimited(tensor_field, _delimited(_VALUES, values.tobytes()))
    return _delimited(record_map, _delimited(1, key.encode()) + _delimited(2, value))


def _parse_entry(message: memoryview, record_map: RecordMap, start: int, stop: int) -> Tensor:
    key, tensor = "", None
    for number, _, inner_start, inner_stop in _fields(message, start, stop):
        if number == 1:
            key = bytes(message[inner_start:inner_stop]).decode()
        elif number == 2:
            tensor = _parse_value(message, record_map, inner_start, inner_stop)
    if tensor is None:
        raise ValueError(f"The record's {record_map.name.lower()} entry {key!r} holds no tensor.")
    return tensor._replace(key=key)


def _parse_value(message: memoryview, record_map: RecordMap, start: int, stop: int) -> Tensor | None:
    for number, wire_type, inner_start, inner_stop in _fields(message, start, stop):
        if wire_type == _DELIMITED and (number in _FLOAT_TENSORS or number == _INT32_TENSOR):
            return _parse_tensor(message, record_map, number, inner_start, inner_stop)
    return None


def _parse_tensor(message: memoryview, record_map: RecordMap, tensor_field: int, start: int, stop: int) -> Tensor:
    runs: dict[int, list[memoryview]] = {_VALUES: [], _KEYS: [], _SHAPE: []}
    span = (0, 0)
    for number, _, inner_start, inner_stop in _fields(message, start, stop):
        if number in runs:
            runs[number].append(message[inner_start:inner_stop])
            if number == _VALUES:
                span = (inner_start, inner_stop)
    raw = {number: b"".join(parts) for number, parts in runs.items()}
    if (dtype := _FLOAT_TENSORS.get(tensor_field)) is not None:
        values: NDArray[Any] = np.frombuffer(raw[_VALUES], dtype)
    else:
        values = _decode_varints(raw[_VALUES]).astype(np.uint32).view(np.int32)
    is_raw_run = dtype is not None and values.size > 0 and len(runs[_VALUES]) == 1 and not runs[_KEYS]
    keys, shape = _decode_varints(raw[_KEYS]), _decode_varints(raw[_SHAPE])
    return Tensor(record_map, "", values, keys, shape, span, is_raw_run)


def _fields(message: memoryview, start: int, stop: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield (field number, wire type, start, stop of the content) for each field in a byte range."""
    while start < stop:
        tag, start = _read_varint(message, start, stop)
        wire_type, content = tag & 7, start
        if wire_type == _VARINT:
            _, start = _read_varint(message, start, stop)
        elif wire_type == _DELIMITED:
            size, content = _read_varint(message, start, stop)
            start = content + size
        elif wire_type in _FIXED_WIDTHS:
            start += _FIXED_WIDTHS[wire_type]
        else:
            raise ValueError(f"Protobuf wire type {wire_type} at byte {content} is not part of a Record message.")
        if start > stop:
            raise ValueError(f"The Record message ends inside the field at byte {content}. It is damaged.")
        yield tag >> 3, wire_type, content, start


def _read_varint(message: memoryview, start: int, stop: int) -> tuple[int, int]:
    value = shift = 0
    for position in range(start, min(stop, start + 10)):
        value |= (message[position] & 0x7F) << shift
        if message[position] < 0x80:
            return value, position + 1
        shift += 7
    raise ValueError(f"The Record message has an unfinished number at byte {start}. It is damaged.")


def _decode_varints(data: bytes) -> NDArray[np.uint64]:
    """Decode a packed run of varints: each ends at the first byte below 128 and adds 7 bits per byte, lowest first."""
    septets = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(septets < 0x80) + 1
    if septets.size and (not ends.size or ends[-1] != septets.size):
        raise ValueError("The Record message has an unfinished number in a packed field. It is damaged.")
    sizes = np.diff(ends, prepend=0)
    if sizes.size and sizes.max() > 10:
        raise ValueError("The Record message has a number of more than 10 bytes. It is damaged.")
    starts = ends - sizes
    shifts = 7 * (np.arange(septets.size) - np.repeat(starts, sizes))
    bits = (septets & np.uint8(0x7F)).astype(np.uint64) << shifts.astype(np.uint64)
    return np.add.reduceat(bits, starts) if starts.size else bits


def _delimited(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _DELIMITED) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
