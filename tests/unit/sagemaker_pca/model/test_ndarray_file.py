import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sagemaker_pca.model.ndarray_file import read_ndarrays, write_ndarrays

GOLDEN = Path(__file__).parents[3] / "data" / "golden_model_algo-1"
VALUES = np.array([1.5, -2.0], "<f4")


def test_reads_the_file_that_mxnet_wrote() -> None:
    arrays = read_ndarrays(GOLDEN.read_bytes())

    assert [(name, array.shape, array.dtype.name) for name, array in arrays.items()] == [
        ("s", (3,), "float32"),
        ("v", (5, 3), "float32"),
        ("mean", (1, 5), "float32"),
    ]
    rows = np.loadtxt(GOLDEN.with_name("golden_model_input.csv"), delimiter=",")
    np.testing.assert_allclose(arrays["mean"][0], rows.mean(axis=0), rtol=1e-5, atol=1e-6)
    singular_values = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False)[:3]
    np.testing.assert_allclose(arrays["s"], singular_values[::-1], rtol=1e-5)


def test_writes_the_bytes_that_mxnet_writes() -> None:
    golden = GOLDEN.read_bytes()

    assert write_ndarrays(read_ndarrays(golden)) == golden


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", "u1", "i4", "i1", "i8", ">f4"])
def test_every_storable_type_survives_a_round_trip(dtype: str) -> None:
    array = np.arange(6).reshape(2, 3).astype(dtype)

    restored = read_ndarrays(write_ndarrays({"ä": array}))["ä"]

    assert restored.dtype == array.dtype.newbyteorder("<")
    np.testing.assert_array_equal(restored, array)


def file_of(array_header: bytes, names: Sequence[bytes] = (b"s",)) -> bytes:
    name_list = b"".join(struct.pack("<Q", len(name)) + name for name in names)
    return (
        struct.pack("<QQQ", 0x112, 0, 1)
        + array_header
        + struct.pack("<iii", 1, 0, 0)
        + VALUES.tobytes()
        + struct.pack("<Q", len(names))
        + name_list
    )


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(struct.pack("<IiIq", 0xF993FAC9, 0, 1, 2), id="v2"),
        pytest.param(struct.pack("<IIq", 0xF993FAC8, 1, 2), id="v1"),
        pytest.param(struct.pack("<II", 1, 2), id="before-0.12"),
    ],
)
def test_reads_every_generation_of_the_format(header: bytes) -> None:
    np.testing.assert_array_equal(read_ndarrays(file_of(header))["s"], VALUES)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"PK\x03\x04" + bytes(40), "Not an MXNet NDArray file", id="zip"),
        pytest.param(b"", "Not an MXNet NDArray file", id="empty"),
        pytest.param(struct.pack("<QQQ", 0x112, 0, 1 << 60), "announces", id="count"),
        pytest.param(file_of(struct.pack("<IiIq", 0xF993FACA, 0, 1, 2)), "NumPy-shape mode", id="numpy-shape"),
        pytest.param(file_of(struct.pack("<IiIq", 0xF993FAC9, 1, 1, 2)), "sparse", id="sparse"),
        pytest.param(file_of(struct.pack("<IiIq", 0xF993FAC9, 0, 1, 1 << 62)), "truncated", id="huge-shape"),
        pytest.param(file_of(struct.pack("<IiIq", 0xF993FAC9, 0, 1, -2)), "empty dimension", id="negative-shape"),
        pytest.param(file_of(struct.pack("<IiI", 0xF993FAC9, 0, 999)), "999 dimensions", id="many-dimensions"),
        pytest.param(file_of(struct.pack("<II", 1, 2), names=()), "0 names for 1 arrays", id="list"),
    ],
)
def test_foreign_or_damaged_bytes_are_refused_with_the_reason(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_ndarrays(data)


def test_every_truncation_of_a_file_is_refused() -> None:
    golden = GOLDEN.read_bytes()

    for size in range(len(golden)):
        with pytest.raises(ValueError, match=r"truncated|Not an MXNet|announces"):
            read_ndarrays(golden[:size])


@pytest.mark.parametrize("array", [np.array(["a"]), np.array(1.0), np.empty((0, 2))])
def test_what_mxnet_cannot_store_is_refused(array: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match="'x'"):
        write_ndarrays({"x": array})
