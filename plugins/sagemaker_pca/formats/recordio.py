"""RecordIO-protobuf: framed `aialgs.data.Record` messages, what the built-in algorithms read and answer.

A frame is a magic, a length and a payload padded to four bytes. Dense float records of one width share one byte
layout, so a whole batch is written and read as one structured NumPy array; every other record (integer, sparse, mixed
widths) goes through the general parser of `record_message`.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from sagemaker_pca.formats.record_message import RecordMap, Tensor, encode_dense, parse_record

_FRAME_MAGIC = 0xCED7230A
_FRAME_HEADER = struct.Struct("<II")
# Guards a reader of damaged files: no algorithm accepts a record as large as this.
_MAX_FRAME_BYTES = 1 << 28
_FEATURES_KEY = "values"
_PROJECTION_KEY = "projection"
# Batches are written and checked in windows: small ones stay in a core's cache, but a file system takes the same bytes
# in half the time when they come in larger pieces.
_WINDOW_BYTES = 1 << 21
_READ_BYTES = 1 << 22


def encode_features(features: NDArray[Any]) -> bytes:
    """Return the records of a feature matrix (n, d): float64 stays float64, any other type becomes float32."""
    return b"".join(map(bytes, _encode(features, RecordMap.FEATURES, _FEATURES_KEY)))


def write_features(file: BinaryIO, features: NDArray[Any]) -> None:
    """Append the records of a feature matrix (n, d) to an open file, in constant extra memory."""
    for window in _encode(features, RecordMap.FEATURES, _FEATURES_KEY):
        file.write(window)


def decode_features(data: bytes, feature_dim: int | None = None) -> NDArray[Any]:
    """Return the feature matrix (n, d) of a request body; labels are ignored.

    Raises ValueError where the bytes are no records, are cut short, or rows differ in width (from `feature_dim`).
    """
    return _decode(data, RecordMap.FEATURES, _FEATURES_KEY, feature_dim)


def encode_projections(projections: NDArray[Any]) -> bytes:
    """Return projections (n, k) as the built-in PCA answers them: no features, label `projection` in float32."""
    return b"".join(map(bytes, _encode(projections.astype(np.float32), RecordMap.LABEL, _PROJECTION_KEY)))


def decode_projections(data: bytes) -> NDArray[Any]:
    """Return the projections (n, k) of an answer of the built-in PCA."""
    return _decode(data, RecordMap.LABEL, _PROJECTION_KEY, None)


def iter_features(
    file: BinaryIO, feature_dim: int | None = None, read_bytes: int = _READ_BYTES
) -> Iterator[NDArray[Any]]:
    """Yield the feature matrix of a file in blocks (m, d) of about `read_bytes`, in bounded memory."""
    buffer, filled = bytearray(read_bytes), 0
    while True:
        with memoryview(buffer) as view:
            received = file.readinto(view[filled:])  # type: ignore[attr-defined]
            filled += received
            rows, consumed = _decode_frames(view[:filled], RecordMap.FEATURES, _FEATURES_KEY, feature_dim)
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
    """The byte layout that consecutive dense records share: constant bytes around raw little-endian values."""

    frame: NDArray[np.uint8]
    constant: tuple[slice, ...]
    dtype: np.dtype[np.void]

    @classmethod
    def of(cls, frame: bytes, tensors: list[Tensor], wanted: Tensor) -> Self:
        """Return the layout of a framed record whose tensors are all raw runs of floats."""
        spans = sorted(tensor.span for tensor in tensors)
        edges = [0, *(_FRAME_HEADER.size + edge for span in spans for edge in span), len(frame)]
        constant = tuple(slice(start, stop) for start, stop in zip(edges[::2], edges[1::2], strict=True))
        values = (wanted.values.dtype, wanted.values.shape)
        offset = _FRAME_HEADER.size + wanted.span[0]
        dtype = np.dtype({"names": ["values"], "formats": [values], "offsets": [offset], "itemsize": len(frame)})
        return cls(np.frombuffer(frame, np.uint8), constant, dtype)

    def read(self, data: memoryview) -> NDArray[Any]:
        """Return the values (m, d) of the records of this layout at the start of the data, one window at most."""
        size = len(self.frame)
        count = min(len(data), max(size, _WINDOW_BYTES)) // size
        records = np.frombuffer(data[: count * size], np.uint8).reshape(count, size)
        for part in self.constant:
            same = records[:, part] == self.frame[part]
            if not same.all():
                records = records[: int(same.all(axis=1).argmin())]
        return self._values(records)

    def write(self, values: NDArray[Any]) -> Iterator[memoryview]:
        """Yield the framed records of the values (n, d) in windows, each valid until the next."""
        window = np.tile(self.frame, (min(len(values), max(1, _WINDOW_BYTES // len(self.frame))), 1))
        for start in range(0, len(values), max(1, len(window))):
            rows = values[start : start + len(window)]
            self._values(window)[: len(rows)] = rows
            yield window[: len(rows)].reshape(-1).data

    def _values(self, records: NDArray[np.uint8]) -> NDArray[Any]:
        values: NDArray[Any] = records.reshape(-1).view(self.dtype)["values"]
        return values


def _encode(values: NDArray[Any], record_map: RecordMap, key: str) -> Iterator[memoryview]:
    if values.ndim != 2 or values.shape[1] == 0:
        raise ValueError(f"Records are written from a matrix with columns, not from shape {values.shape}.")
    dtype = np.dtype("<f8" if values.dtype == np.float64 else "<f4")
    message = encode_dense(record_map, key, np.zeros(values.shape[1], dtype))
    frame = _FRAME_HEADER.pack(_FRAME_MAGIC, len(message)) + message + bytes(-len(message) % 4)
    (tensor,) = parse_record(memoryview(message))
    return _DenseLayout.of(frame, [tensor], tensor).write(values)


def _decode(data: bytes, record_map: RecordMap, key: str, width: int | None) -> NDArray[Any]:
    rows, consumed = _decode_frames(memoryview(data), record_map, key, width)
    if consumed < len(data):
        raise ValueError(f"The RecordIO record at byte {consumed} of {len(data)} is cut short. The data are truncated.")
    if not rows:
        raise ValueError("The data hold no RecordIO record.")
    return _stacked(rows)


def _decode_frames(
    data: memoryview, record_map: RecordMap, key: str, width: int | None
) -> tuple[list[NDArray[Any]], int]:
    """Return the value rows of all whole frames, in runs (m, d), and the bytes consumed."""
    runs: list[NDArray[Any]] = []
    offset, layout = 0, None
    while (stop := _frame_stop(data, offset)) is not None:
        run = layout.read(data[offset:]) if layout else None
        if run is None or not len(run):
            run, layout = _decode_frame(data[offset:stop], record_map, key, width)
        if width is not None and run.shape[1] != width:
            raise ValueError(f"A record has {run.shape[1]} values, expected {width}.")
        runs.append(run)
        offset += len(layout.frame) * len(run) if layout else stop - offset
    return runs, offset


def _decode_frame(
    frame: memoryview, record_map: RecordMap, key: str, width: int | None
) -> tuple[NDArray[Any], _DenseLayout | None]:
    """Return the values (1, d) of one framed record, and its layout where dense records like it can follow."""
    _, size = _FRAME_HEADER.unpack_from(frame)
    tensors = parse_record(frame[_FRAME_HEADER.size : _FRAME_HEADER.size + size])
    wanted = next((tensor for tensor in tensors if (tensor.record_map, tensor.key) == (record_map, key)), None)
    if wanted is None:
        raise ValueError(f"A record has no {record_map.name.lower()} tensor {key!r}.")
    layout = None
    if all(tensor.is_raw_run for tensor in tensors):
        layout = _DenseLayout.of(bytes(frame), tensors, wanted)
    return wanted.densified(width)[np.newaxis], layout


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
    return np.concatenate(runs)
