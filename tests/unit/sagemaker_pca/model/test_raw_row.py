from __future__ import annotations

import pytest

from sagemaker_pca.exceptions import InputError
from sagemaker_pca.model.raw_row import parse_row

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
