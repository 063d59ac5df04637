"""MXNet's NDArray file: named dense arrays, the format of the `model_algo-1` inside a PCA artifact.

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
_ARRAY_MAGIC_V1 = 0xF993FAC8  # 64-bit dimensions, no storage type
_ARRAY_MAGIC_V2 = 0xF993FAC9  # adds the storage type; what MXNet 1.x writes
_ARRAY_MAGIC_NUMPY = 0xF993FACA  # zero-size and unknown shapes; never written by the algorithm images
_DENSE_STORAGE = 0
_CPU_CONTEXT = (1, 0)
_MAX_DIMENSIONS = 32
_TYPE_FLAGS = {code: np.dtype(name) for code, name in enumerate(("<f4", "<f8", "<f2", "u1", "<i4", "i1", "<i8"))}


def read_ndarrays(data: bytes) -> dict[str, NDArray[Any]]:
    """Return the named arrays of an NDArray file, in file order; raises ValueError for any other content."""
    cursor = _Cursor(data)
    if len(data) < 24 or cursor.unpack("<Q") != (_FILE_MAGIC,):
        raise ValueError(f"Not an MXNet NDArray file: it does not start with the file magic {_FILE_MAGIC:#x}.")
    _, count = cursor.unpack("<QQ")
    # The smallest array takes 16 bytes, so a larger count is damage and not a reason to loop.
    if count > len(data) // 16:
        raise ValueError(f"The NDArray file announces {count} arrays in {len(data)} bytes. It is damaged.")
    arrays = [_read_array(cursor) for _ in range(count)]
    names = _read_names(cursor, count)
    return dict(zip(names, arrays, strict=True))


def write_ndarrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return the NDArray file that holds the arrays under their names, byte for byte as MXNet 1.9 writes it."""
    parts = [struct.pack("<QQQ", _FILE_MAGIC, 0, len(arrays))]
    for name, array in arrays.items():
        parts += _array_parts(name, np.asarray(array))
    parts.append(struct.pack("<Q", len(arrays)))
    for name in arrays:
        encoded = name.encode()
        parts += [struct.pack("<Q", len(encoded)), encoded]
    return b"".join(parts)


class _Cursor:
    """Reads forward through bytes and says so when they end too soon."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._offset = 0

    def take(self, size: int) -> memoryview:
        if size > len(self._data) - self._offset:
            raise ValueError(f"The NDArray file ends at byte {len(self._data)} inside an entry. It is truncated.")
        self._offset += size
        return self._data[self._offset - size : self._offset]

    def unpack(self, layout: str) -> tuple[Any, ...]:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))


def _read_array(cursor: _Cursor) -> NDArray[Any]:
    shape = _read_shape(cursor)
    cursor.unpack("<ii")  # device type and id: where the array lived, not where it goes
    (type_flag,) = cursor.unpack("<i")
    if type_flag not in _TYPE_FLAGS:
        raise ValueError(f"NDArray type flag {type_flag} is unknown. Allowed: 0 to {max(_TYPE_FLAGS)}.")
    dtype = _TYPE_FLAGS[type_flag]
    values = cursor.take(math.prod(shape) * dtype.itemsize)
    return np.frombuffer(values, dtype).reshape(shape).copy()


def _read_shape(cursor: _Cursor) -> tuple[int, ...]:
    (magic,) = cursor.unpack("<I")
    if magic == _ARRAY_MAGIC_NUMPY:
        raise ValueError("The NDArray file was saved in NumPy-shape mode. Save it without `mx.npx.set_np()`.")
    if magic == _ARRAY_MAGIC_V2:
        (storage,) = cursor.unpack("<i")
        if storage != _DENSE_STORAGE:
            raise ValueError(f"NDArray storage type {storage} is sparse. Save a dense array.")
    dimension = "q"
    if magic in (_ARRAY_MAGIC_V1, _ARRAY_MAGIC_V2):
        (ndim,) = cursor.unpack("<I")
    else:  # files older than MXNet 0.12 have no magic: the first number is ndim and dimensions are 32 bits wide
        ndim, dimension = magic, "I"
    if not 0 < ndim <= _MAX_DIMENSIONS:
        raise ValueError(f"An NDArray of {ndim} dimensions is not readable. Allowed: 1 to {_MAX_DIMENSIONS}.")
    shape: tuple[int, ...] = cursor.unpack(f"<{ndim}{dimension}")
    if min(shape) < 1:
        raise ValueError(f"NDArray shape {shape} has an empty dimension. Every dimension must be at least 1.")
    return shape


def _read_names(cursor: _Cursor, count: int) -> list[str]:
    (name_count,) = cursor.unpack("<Q")
    if name_count != count:
        raise ValueError(f"The NDArray file has {name_count} names for {count} arrays. Save a dict, not a list.")
    names = [bytes(cursor.take(cursor.unpack("<Q")[0])).decode() for _ in range(count)]
    if len(set(names)) != count:
        raise ValueError(f"The NDArray file repeats a name: {names}. Names must differ.")
    return names


def _array_parts(name: str, array: NDArray[Any]) -> list[bytes]:
    little_endian = array.dtype.newbyteorder("<")
    type_flag = next((code for code, dtype in _TYPE_FLAGS.items() if dtype == little_endian), None)
    if type_flag is None:
        allowed = ", ".join(str(dtype) for dtype in _TYPE_FLAGS.values())
        raise ValueError(f"Array {name!r} has type {array.dtype}, which MXNet cannot store. Allowed: {allowed}.")
    if array.ndim == 0 or array.size == 0:
        raise ValueError(f"Array {name!r} of shape {array.shape} is empty or a scalar. Give it at least one element.")
    header = struct.pack(f"<IiI{array.ndim}q", _ARRAY_MAGIC_V2, _DENSE_STORAGE, array.ndim, *array.shape)
    return [header, struct.pack("<iii", *_CPU_CONTEXT, type_flag), array.astype(little_endian).tobytes()]
