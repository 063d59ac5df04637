import struct
from pathlib import Path

import numpy as np
import pytest

from sagemaker_local.pca_algorithm.ndarray_file import read_arrays, write_arrays

GOLDEN = (Path(__file__).parents[3] / "data" / "golden_model_algo-1").read_bytes()


def test_reads_the_file_that_mxnet_wrote() -> None:
    arrays = read_arrays(GOLDEN)

    assert {name: (array.shape, array.dtype.name) for name, array in arrays.items()} == {
        "s": ((3,), "float32"),
        "v": ((5, 3), "float32"),
        "mean": ((1, 5), "float32"),
    }


def test_writes_the_bytes_that_mxnet_writes() -> None:
    assert write_arrays(read_arrays(GOLDEN)) == GOLDEN
    assert write_arrays({name: array.astype(np.float64) for name, array in read_arrays(GOLDEN).items()}) == GOLDEN


def test_every_truncation_of_a_file_is_refused() -> None:
    for size in range(len(GOLDEN)):
        with pytest.raises(ValueError, match="truncated"):
            read_arrays(GOLDEN[:size])


@pytest.mark.parametrize(
    ("header", "message"),
    [
        pytest.param(struct.pack("<IiIqiii", 0xF993FACA, 0, 1, 2, 1, 0, 0), "as MXNet 1.x writes", id="numpy-shape"),
        pytest.param(struct.pack("<IiIqiii", 0xF993FAC9, 1, 1, 2, 1, 0, 0), "dense arrays", id="sparse"),
        pytest.param(struct.pack("<IiIqiii", 0xF993FAC9, 0, 1, 2, 1, 0, 1), "type 1", id="float64"),
        pytest.param(struct.pack("<IiIqiii", 0xF993FAC9, 0, 1, -2, 1, 0, 0), "shape", id="negative-shape"),
        pytest.param(struct.pack("<IiIqiii", 0xF993FAC9, 0, 1, 1 << 62, 1, 0, 0), "truncated", id="huge-shape"),
        pytest.param(struct.pack("<IiIqiii", 0xF993FAC9, 0, 999, 2, 1, 0, 0), "dense arrays", id="many-dimensions"),
        pytest.param(struct.pack("<IiIqiii2f", 0xF993FAC9, 0, 1, 2, 1, 0, 0, 1, 2) + bytes(8), "one name", id="list"),
    ],
)
def test_arrays_that_no_model_holds_are_refused_with_the_reason(header: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_arrays(struct.pack("<QQQ", 0x112, 0, 1) + header)


@pytest.mark.parametrize("data", [b"PK\x03\x04" + bytes(40), struct.pack("<QQQ", 0x112, 0, 1 << 60)])
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not an MXNet NDArray file"):
        read_arrays(data)
