from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_local.pca_algorithm import csv_matrix
from sagemaker_local.pca_algorithm.csv_matrix import iter_csv, parse_csv

NUMBERS = st.floats(allow_nan=False, width=64)
PAD = b"\n" * (csv_matrix._SMALL_BYTES + 1)  # blank lines that push a body beyond the small parser


@given(st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(NUMBERS, min_size=width, max_size=width), min_size=1)))
def test_small_and_large_bodies_are_read_alike(rows: list[list[float]]) -> None:
    body = "\n".join(",".join(map(repr, row)) for row in rows).encode()

    np.testing.assert_array_equal(parse_csv(body), rows)
    np.testing.assert_array_equal(parse_csv(body + PAD), rows)


@pytest.mark.parametrize("pad", [b"", PAD], ids=["small", "large"])
class TestBothParsers:
    @pytest.mark.parametrize(
        ("body", "rows"),
        [
            (b"1,2\r\n3,4\r\n", [[1, 2], [3, 4]]),
            (b"\xef\xbb\xbf1, 2 \n\n+3,.5", [[1, 2], [3, 0.5]]),
            (b"1,\n,2\n", [[1, np.nan], [np.nan, 2]]),
            (b"nan,inf\n", [[np.nan, np.inf]]),
            (b"1\n2\n", [[1], [2]]),
        ],
    )
    def test_rows_are_read(self, body: bytes, rows: list[list[float]], pad: bytes) -> None:
        np.testing.assert_array_equal(parse_csv(body + pad), rows)

    def test_label_columns_are_dropped_whatever_they_hold(self, pad: bytes) -> None:
        np.testing.assert_array_equal(parse_csv(b"cat,1,2\ndog,3,4\n" + pad, label_size=1), [[1, 2], [3, 4]])

    @pytest.mark.parametrize(
        "body", [b"", b"Ch5,Ch6\n1,2\n", b'"1",2\n', b"1_0,2\n", b"1,2\n3\n", b"1;2\n", b"0x10,1\n"]
    )
    def test_anything_else_is_refused(self, body: bytes, pad: bytes) -> None:
        with pytest.raises(ValueError, match=r"CSV|convert"):
            parse_csv(body + pad)


@pytest.mark.parametrize("read_bytes", [5, 64, 1 << 20])
def test_a_file_is_read_in_order_whatever_its_blocks(
    tmp_path: Path, read_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_matrix, "_READ_BYTES", read_bytes)
    rows = np.random.default_rng(0).normal(size=(200, 3))
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(",".join(map(repr, row)) for row in rows.tolist()))

    np.testing.assert_array_equal(np.concatenate(list(iter_csv(path, label_size=0))), rows)


def test_a_file_without_line_ends_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_matrix, "_MAX_LINE_BYTES", 1 << 10)
    monkeypatch.setattr(csv_matrix, "_READ_BYTES", 1 << 9)
    path = tmp_path / "binary"
    path.write_bytes(b"1" * (1 << 14))

    with pytest.raises(ValueError, match="more than 1024 bytes"):
        list(iter_csv(path, label_size=0))
