import gzip
import io
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from sagemaker_pca.exceptions import InputError
from sagemaker_pca.raw_rows import MAX_TEXT_BYTES, RawFormat, first_rows

ECG = "Real Time,Ch5,Ch6,Ch7,Ch8,BioRadio Event,\n12:20,1,2,3,4,,\n12:21,5,6,7,8,,\n"
TWO = RawFormat(("b", "a"), (10.0, 20.0))


def rows(text: str, raw_format: RawFormat = TWO, limit: int = 100) -> Any:
    return first_rows("x.csv", text.encode(), raw_format, limit, is_whole=False).tolist()


def test_recordings_with_a_trailing_comma_in_header_and_rows_are_read() -> None:
    raw_format = RawFormat(("Ch5", "Ch6", "Ch7", "Ch8"), (0.0,) * 4)
    assert rows(ECG, raw_format) == [[1, 2, 3, 4], [5, 6, 7, 8]]


def test_columns_come_in_the_order_of_the_model() -> None:
    assert rows("a,b\n1,2\n") == [[2, 1]]


def test_missing_cells_get_the_fill_value_of_their_column() -> None:
    assert rows("a,b\n,2\n1,\nnan,NaN\n ,3\n") == [[2, 20], [10, 1], [10, 20], [3, 20]]


def test_no_more_rows_than_asked_for_come_back() -> None:
    assert rows("a,b\n1,2\n3,4\n5,6\n", limit=2) == [[2, 1], [4, 3]]


@pytest.mark.parametrize("line", ["x,2", "1", "", "1;2"])
def test_rows_that_hold_no_numbers_are_passed_over(line: str) -> None:
    assert rows(f"a,b\n{line}\n1,2\n") == [[2, 1]]


def test_a_number_cut_off_in_the_middle_is_no_row() -> None:
    assert rows("a,b\n1,2\n3,45") == [[2, 1]]


def test_decimal_commas_are_read_with_their_delimiter() -> None:
    assert rows("a;b\n1,5;-2,25\n", RawFormat(("a", "b"), (0.0, 0.0), delimiter=";", decimal=",")) == [[1.5, -2.25]]


def test_byte_order_mark_windows_line_ends_quotes_and_spaces_are_taken_in_stride() -> None:
    assert rows('\ufeff"a", b \r\n"1", 2\r\n') == [[2, 1]]


def test_a_quoted_column_name_may_hold_the_delimiter() -> None:
    assert rows('"Ch5, left",b\n1,2\n', RawFormat(("Ch5, left",), (0.0,))) == [[1]]


def test_a_missing_column_is_named_with_the_header_found() -> None:
    with pytest.raises(InputError) as error:
        rows("a,c\n1,2\n")
    assert str(error.value) == "x.csv has no column b; its header is a, c."


@pytest.mark.parametrize("text", ["a,b\n", "a,b\nx,y\n", "a,b\n1,2"])
def test_a_file_without_a_complete_row_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^x\.csv starts with no complete row of numbers for b, a\.$"):
        rows(text)


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(InputError, match="has no column b"):
        rows("")


def test_the_beginning_of_a_gzip_file_is_enough() -> None:
    numbers = np.random.default_rng(3).normal(size=(20_000, 2))
    text = "a,b\n" + "".join(f"{a!r},{b!r}\n" for a, b in numbers.tolist())
    packed = gzip.compress(text.encode())
    read = first_rows("x.csv.gz", packed[: len(packed) // 2], TWO, 50, is_whole=False)
    np.testing.assert_array_equal(read, numbers[:50, ::-1])


def test_a_gzip_file_of_gigabytes_is_not_unpacked_whole() -> None:
    packed = gzip.compress(b"a,b\n1,2\n" + b"\n" * (2 * MAX_TEXT_BYTES), compresslevel=1)
    assert first_rows("x.csv.gz", packed, TWO, 1, is_whole=True).tolist() == [[2, 1]]


def parquet(**columns: list[Any]) -> bytes:
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def test_parquet_rows_are_read_like_csv_rows() -> None:
    content = parquet(a=[1.5, None, math.nan], other=["x", "y", "z"], b=[1, 2, None])
    assert first_rows("x.parquet", content, TWO, 10, is_whole=True).tolist() == [[1, 1.5], [2, 20], [10, 20]]


def test_numbers_of_parquet_have_no_decimal_comma_to_read() -> None:
    raw_format = RawFormat(("a",), (0.0,), delimiter=";", decimal=",")
    assert first_rows("x.parquet", parquet(a=[1.5]), raw_format, 1, is_whole=True).tolist() == [[1.5]]


def test_last_line_without_a_line_end_counts_only_in_a_whole_file() -> None:
    content = b"a,b\n1,2\n3,41"
    assert first_rows("x.csv", content, TWO, 9, is_whole=True).tolist() == [[2, 1], [41, 3]]
    assert first_rows("x.csv", content, TWO, 9, is_whole=False).tolist() == [[2, 1]]
