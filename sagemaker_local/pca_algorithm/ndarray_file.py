"""MXNet's NDArray file as far as a model needs it: named float32 arrays, byte for byte as MXNet 1.x writes them.

Layout after apache/mxnet src/ndarray/ndarray.cc, everything little-endian: a 24-byte header, per array a shape, a
context, a type and C-ordered values, then the names.
"""

import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_FILE_MAGIC = 0x112
_ARRAY_MAGIC = 0xF993FAC9  # version 2, since MXNet 1.0
_DENSE_STORAGE = 0
_CPU_CONTEXT = (1, 0)
_FLOAT32 = 0
_MAX_DIMENSIONS = 32


def write_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return the file that holds the arrays in float32 under their names."""
    parts = [struct.pack("<QQQ", _FILE_MAGIC, 0, len(arrays))]
    for array in arrays.values():
        shape = struct.pack(f"<IiI{array.ndim}q", _ARRAY_MAGIC, _DENSE_STORAGE, array.ndim, *array.shape)
        parts += [shape, struct.pack("<iii", *_CPU_CONTEXT, _FLOAT32), array.astype("<f4").tobytes()]
    parts.append(struct.pack("<Q", len(arrays)))
    for name in map(str.encode, arrays):
        parts += [struct.pack("<Q", len(name)), name]
    return b"".join(parts)


def read_arrays(data: bytes) -> dict[str, NDArray[np.float32]]:
    """Return the arrays of a file by name; raises ValueError where it is damaged or holds anything else."""
    cursor = _Cursor(data)
    magic, _, count = cursor.unpack("<QQQ")
    if magic != _FILE_MAGIC or count > len(data):
        raise ValueError(f"not an MXNet NDArray file of {len(data)} bytes: it starts with {data[:24].hex()}")
    arrays = [_read_array(cursor) for _ in range(count)]
    if cursor.unpack("<Q") != (count,):
        raise ValueError("the NDArray file has not one name for each array")
    names = [bytes(cursor.take(*cursor.unpack("<Q"))).decode() for _ in range(count)]
    return dict(zip(names, arrays, strict=True))


def _read_array(cursor: "_Cursor") -> NDArray[np.float32]:
    magic, storage, dimensions = cursor.unpack("<IiI")
    if (magic, storage) != (_ARRAY_MAGIC, _DENSE_STORAGE) or not 0 < dimensions <= _MAX_DIMENSIONS:
        raise ValueError("the NDArray file holds something else than dense arrays as MXNet 1.x writes them")
    shape = cursor.unpack(f"<{dimensions}q")
    _, _, value_type = cursor.unpack("<iii")  # the context says where the array lived, not where it goes
    if value_type != _FLOAT32 or min(shape) < 1:
        raise ValueError(f"the NDArray file holds an array of type {value_type} and shape {shape}, not of float32")
    return np.frombuffer(cursor.take(4 * math.prod(shape)), "<f4").reshape(shape)


class _Cursor:
    """Reads forward through bytes and says so when they end too soon."""

    def __init__(self, data: bytes) -> None:
        self._rest = memoryview(data)

    def take(self, size: int) -> memoryview:
        if size > len(self._rest):
            raise ValueError("the NDArray file is truncated")
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def unpack(self, layout: str) -> tuple[int, ...]:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))
