"""RecordIO-protobuf: framed `aialgs.data.Record` messages, what the built-in algorithms read and answer.

A frame is a magic, a length and a payload padded to four bytes. Dense float records of one width share one byte
layout, so a whole batch is written and read as one NumPy array; every
other record (integer, sparse, with labels) goes through `record_message`.
"""

import contextlib
import functools
import io
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sagemaker_local.pca_algorithm.record_message import decode_row, encode_dense

_FRAME_MAGIC = 0xCED7230A
_FRAME_HEADER = struct.Struct("<II")
# Guards a reader of damaged files: no algorithm accepts a record as large as this.
_MAX_FRAME_BYTES = 1 << 28
# Which of a record's maps, and the key in it.
_FEATURES = ("features", "values")
_PROJECTION = ("label", "projection")
# Batches are written and checked in windows: small ones stay in a core's cache, but a file system takes the same bytes
# in half the time when they come in larger pieces.
_WINDOW_BYTES = 1 << 21
_READ_BYTES = 1 << 22


def encode_features(features: NDArray[Any]) -> bytes:
    """Return the records of a feature matrix (n, d): float64 stays float64, any other type becomes float32."""
    return _encode(features, *_FEATURES)


def write_features(file: BinaryIO, features: NDArray[Any]) -> None:
    """Append the records of a feature matrix (n, d) to an open file, in constant extra memory."""
    layout = _layout_of(features, *_FEATURES)
    _allocate(file, len(features) * len(layout.frame))
    for window in layout.write(features):
        file.write(window)


def decode_features(data: bytes, feature_dim: int | None = None) -> NDArray[Any]:
    """Return the feature matrix (n, d) of a request body; labels are ignored.

    Raises ValueError where the bytes are no records, are cut short, or rows differ in width (from `feature_dim`).
    """
    return _decode(data, *_FEATURES, feature_dim)


def encode_projections(projections: NDArray[Any]) -> bytes:
    """Return projections (n, k) as the built-in PCA answers them: no features, label `projection` in float32."""
    return _encode(projections.astype(np.float32), *_PROJECTION)


def decode_projections(data: bytes) -> NDArray[Any]:
    """Return the projections (n, k) of an answer of the built-in PCA."""
    return _decode(data, *_PROJECTION, None)


def iter_features(
    file: BinaryIO, feature_dim: int | None = None, read_bytes: int = _READ_BYTES
) -> Iterator[NDArray[Any]]:
    """Yield the feature matrix of a file in blocks (m, d) of about `read_bytes`, in bounded memory."""
    buffer, filled = bytearray(read_bytes), 0
    while True:
        with memoryview(buffer) as view:
            received = file.readinto(view[filled:])  # type: ignore[attr-defined]
            filled += received
            rows, consumed = _decode_frames(view[:filled], *_FEATURES, feature_dim)
        if rows:
            yield _stacked(rows)
        buffer[: filled - consumed] = buffer[consumed:filled]
        filled -= consumed
        if filled == len(buffer):  # one record is larger than the buffer
            buffer += bytes(len(buffer))
        elif not received:
            break
    if filled:
        raise ValueError(f"The last RecordIO record is cut short after {filled} bytes. The file is truncated.")


@dataclass(frozen=True)
class _DenseLayout:
    """The framed record that all dense records of one key, type and width equal up to their values.

    `record` is its type: the values, and around them the constant bytes as few numbers, eight bytes in each of most.
    """

    frame: bytes
    record: np.dtype[Any]
    constants: tuple[str, ...]

    def read(self, data: memoryview) -> NDArray[Any]:
        """Return the values (m, d) of the records of this layout at the start of the data, one window at most."""
        count = min(len(data), max(len(self.frame), _WINDOW_BYTES)) // len(self.frame)
        records, expected = np.frombuffer(data, self.record, count), np.frombuffer(self.frame, self.record)
        for name in self.constants:
            same = records[name] == expected[name]
            if not same.all():
                records = records[: int(same.argmin())]
        values: NDArray[Any] = records["values"]
        return values

    def write(self, values: NDArray[Any]) -> Iterator[memoryview]:
        """Yield the framed records of the values (n, d) in windows, each valid until the next."""
        size = min(len(values), max(1, _WINDOW_BYTES // len(self.frame)))
        window = np.frombuffer(bytearray(self.frame * size), self.record)
        for start in range(0, len(values), max(1, size)):
            rows = np.ascontiguousarray(values[start : start + size], window["values"].dtype)
            records = window[: len(rows)]
            _items(records["values"])[:] = _items(rows)
            yield records.view(np.uint8).data


def _items(rows: NDArray[Any]) -> NDArray[np.void]:
    """Return a view (n, 1) of rows (n, d) as one item each, which are copied at once instead of number by number."""
    return rows.view(f"V{rows.shape[1] * rows.itemsize}")


@functools.lru_cache(maxsize=64)
def _dense_layout(record_map: str, key: str, dtype: np.dtype[Any], width: int) -> _DenseLayout:
    message = encode_dense(record_map, key, np.zeros(width, dtype))
    frame = _FRAME_HEADER.pack(_FRAME_MAGIC, len(message)) + message + bytes(-len(message) % 4)
    stop = _FRAME_HEADER.size + len(message)  # the values are what a message ends with
    start = stop - width * dtype.itemsize
    # The last eight bytes before the values may be some of the eight before them too.
    constants = dict.fromkeys([*range(0, start - 8, 8), start - 8], "<u8")
    constants |= dict.fromkeys(range(stop, len(frame)), "u1")
    names = tuple(f"at {offset}" for offset in constants)
    record = np.dtype(
        {
            "names": ["values", *names],
            "formats": [(dtype, (width,)), *constants.values()],
            "offsets": [start, *constants],
            "itemsize": len(frame),
        }
    )
    return _DenseLayout(frame, record, names)


def _allocate(file: BinaryIO, size: int) -> None:
    """Find the room for so many further bytes at once, where file and system can: they are then written twice as fast.

    NumPy's `tofile` does so too.
    """
    # What is appended goes behind all room, and what is compressed needs less.
    is_plain = isinstance(file, io.BufferedWriter) and file.mode == "wb"
    if size and is_plain and hasattr(os, "posix_fallocate"):
        with contextlib.suppress(OSError):
            os.posix_fallocate(file.fileno(), file.tell(), size)


def _encode(values: NDArray[Any], record_map: str, key: str) -> bytes:
    return b"".join(map(bytes, _layout_of(values, record_map, key).write(values)))


def _layout_of(values: NDArray[Any], record_map: str, key: str) -> _DenseLayout:
    if values.ndim != 2 or values.shape[1] == 0:
        raise ValueError(f"Records are written from a matrix with columns, not from shape {values.shape}.")
    dtype = np.dtype("<f8" if values.dtype == np.float64 else "<f4")
    return _dense_layout(record_map, key, dtype, values.shape[1])


def _decode(data: bytes, record_map: str, key: str, width: int | None) -> NDArray[Any]:
    rows, consumed = _decode_frames(memoryview(data), record_map, key, width)
    if consumed < len(data):
        raise ValueError(f"The RecordIO record at byte {consumed} of {len(data)} is cut short. The data are truncated.")
    if not rows:
        raise ValueError("The data hold no RecordIO record.")
    return _stacked(rows)


def _decode_frames(data: memoryview, record_map: str, key: str, width: int | None) -> tuple[list[NDArray[Any]], int]:
    """Return the value rows of all whole frames, in runs (m, d), and the bytes consumed."""
    runs: list[NDArray[Any]] = []
    offset, layout = 0, None
    while (stop := _frame_stop(data, offset)) is not None:
        if layout and len(run := layout.read(data[offset:])):
            offset += len(layout.frame) * len(run)
        else:
            run, layout = _decode_frame(data[offset:stop], record_map, key, width)
            offset = stop
        if width is not None and run.shape[1] != width:
            raise ValueError(f"A record has {run.shape[1]} values, expected {width}.")
        runs.append(run)
    return runs, offset


def _decode_frame(
    frame: memoryview, record_map: str, key: str, width: int | None
) -> tuple[NDArray[Any], _DenseLayout | None]:
    """Return the values (1, d) of one framed record, and the layout of dense records that are likely to follow."""
    _, size = _FRAME_HEADER.unpack_from(frame)
    row = decode_row(bytes(frame[_FRAME_HEADER.size : _FRAME_HEADER.size + size]), record_map, key, width)
    is_dense = row.dtype.kind == "f" and size > row.nbytes > 0
    return row[np.newaxis], _dense_layout(record_map, key, row.dtype, len(row)) if is_dense else None


def _frame_stop(data: memoryview, offset: int) -> int | None:
    """Return where the frame at the offset ends, or None where the data end first."""
    if len(data) - offset < _FRAME_HEADER.size:
        return None
    magic, size = _FRAME_HEADER.unpack_from(data, offset)
    if magic != _FRAME_MAGIC:
        raise ValueError(f"No RecordIO record starts at byte {offset}: found {magic:#x}, expected {_FRAME_MAGIC:#x}.")
    if size > _MAX_FRAME_BYTES:
        raise ValueError(f"The RecordIO record at byte {offset} claims {size} bytes, more than {_MAX_FRAME_BYTES}.")
    stop = offset + _FRAME_HEADER.size + size + -size % 4
    return stop if stop <= len(data) else None


def _stacked(runs: list[NDArray[Any]]) -> NDArray[Any]:
    widths = {run.shape[1] for run in runs}
    if len(widths) > 1:
        raise ValueError(f"The records differ in width: {sorted(widths)} values. Every record needs the same number.")
    if widths == {0}:
        return np.concatenate(runs)
    dtype = np.result_type(*{run.dtype for run in runs})
    return np.concatenate([_items(run.astype(dtype, copy=False)) for run in runs]).view(dtype)
