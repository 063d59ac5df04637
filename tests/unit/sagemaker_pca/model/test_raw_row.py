from __future__ import annotations

import csv
from typing import Any

import numpy as np
import pytest

from sagemaker_pca.exceptions import InputError
from sagemaker_pca.model.raw_row import csv_values, numbers_of, parse_row

COLUMNS = ("i", "ii")


@pytest.mark.parametrize("text", ["1.5,-2e3", " 1.5 ,\t-2e3\r\n", "\n1.5,-2e3\n\n"])
def test_a_row_is_a_number_for_each_column(text: str) -> None:
    assert parse_row(text, COLUMNS).tolist() == [1.5, -2000.0]


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("", r"The row is empty\. Give 2 numbers"),
        (" \n ", "The row is empty"),
        ("i,ii\n1,2", r"There are 2 lines\. Give one row, without a header"),
        ("1", "The row has 1 values for 2 columns"),
        ("1;2", r"The row has 1 values for 2 columns\. Separate them by commas"),
        ("1,5,2,5", "The row has 4 values for 2 columns.*decimal point"),
        ("1,abc", r"Column ii is 'abc', which is no number"),
        ("1,0x10", "Column ii is '0x10', which is no number"),
        ("1,1_000", r"Column ii is '1.000', which is no number"),
        ("1,", r"Column ii has no value\. The endpoint fills no gaps"),
        ("nan,1", "Column i is nan, beyond what"),
        ("1,inf", "Column ii is inf, beyond what"),
        ("1,1e39", "Column ii is 1e39, beyond what the endpoint's 32-bit numbers hold"),
        ("1," + "9" * 400, "Column ii is 9{40}…, beyond"),
        ("1," + "x" * 400, "Column ii is 'x{40}…', which is no number"),
    ],
)
def test_what_is_no_row_of_the_model_is_refused_with_what_to_do(text: str, refusal: str) -> None:
    with pytest.raises(InputError, match=refusal):
        parse_row(text, COLUMNS)


@pytest.mark.parametrize(
    "text",
    ["1,2\n3,\n", "1,2\r\n3,\r\n", "1,2\r3,\r", "b,x,a\n2,?,1\n,?,3\n", "a , b\n\n1,2\n \n3, \n", "\ufeffa,b\n1,2\n3,"],
    ids=["\\n", "\\r\\n", "\\r", "by name", "blank lines", "byte order mark"],
)
def test_csv_is_read_by_its_header_or_in_order(text: str) -> None:
    for given in (text, text.encode()):
        values, index = numbers_of(given, ("a", "b"))
        np.testing.assert_array_equal(values, [[1, 2], [3, np.nan]])
        assert index is None


@pytest.mark.parametrize("text", ["2,1\n6,5\n", "5,6\n"])
def test_names_may_be_numbers(text: str) -> None:
    np.testing.assert_array_equal(csv_values(text, ("1", "2")), [[5, 6]])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1,2\n3,x\n", "Line 2 is no row of 2 cells"),
        ('"1\n",2\n\n3,1_0\n', "Line 4 is no row of 2 cells"),
        ("1,2\n3\n", "Line 2 is no row of 2 cells"),
        ("a,c\n1,2\n", "The rows lack b. Give the model's columns: a, b."),
        ("a,b,a\n1,2,3\n", "The rows have a more than once"),
    ],
    ids=["text", "a cell of two lines", "too short", "missing", "repeated"],
)
def test_a_line_that_is_no_row_is_refused_by_its_number(text: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        csv_values(text, ("a", "b"))


def test_a_cell_too_large_for_the_reader_is_refused_by_its_line() -> None:
    limit = csv.field_size_limit(10)
    try:
        with pytest.raises(InputError, match="Line 2 is no CSV: field larger than field limit"):
            csv_values(f"1,2\n1,{'2' * 20}\n", ("a", "b"))
    finally:
        csv.field_size_limit(limit)


def test_frames_and_series_are_taken_by_name() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"b": [2, 4], "x": ["?", "?"], "a": [1.0, None]}, index=["u", "v"])
    values, index = numbers_of(frame, ("a", "b"))
    np.testing.assert_array_equal(values, [[1, 2], [np.nan, 4]])
    assert list(index) == ["u", "v"]
    values, index = numbers_of(frame[["b", "a"]].loc["u"], ("a", "b"))
    np.testing.assert_array_equal(values, [[1, 2]])
    assert list(index) == ["u"]


@pytest.mark.parametrize(
    "rows",
    [
        np.array([[1 + 2j, 0]]),
        np.array([["2026-01-01", "2026-01-02"]], "M8[D]"),
        np.array([[1, 2]], "m8[s]"),
        [["x", "y"]],
        [[1, 2], [3]],
    ],
    ids=["complex", "dates", "durations", "text", "ragged"],
)
def test_what_is_no_real_number_is_refused(rows: Any) -> None:
    with pytest.raises(InputError, match="The rows hold"):
        numbers_of(rows, ("a", "b"))


def test_a_frame_of_dates_is_refused() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": pd.to_datetime(["2026-01-01"]), "b": [1]})
    with pytest.raises(InputError, match="times or durations"):
        numbers_of(frame, ("a", "b"))


def test_one_row_may_be_given_alone() -> None:
    values, _ = numbers_of([1, 2], ("a", "b"))
    assert values.shape == (1, 2)
