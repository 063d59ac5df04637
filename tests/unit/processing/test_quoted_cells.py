"""No line is lost: each is a row or a bad row that is counted, or the job fails."""

import contextlib
import csv
import io
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.arguments import parse_arguments
from processing.csv_files import CsvFile
from processing.messages import InputError
from processing.quoted_cells import QuotedCells, WholeLines
from tests.processing_job import Job

LINES = [f"t{number},{number},{number}" for number in range(2_000)]


def text_with(changed: dict[int, str], end: str = "\n") -> str:
    """A file of 2,000 rows, some of them changed; row 0 is line 2."""
    lines = [changed.get(number, line) for number, line in enumerate(LINES)]
    return end.join(["t,a,b", *lines, ""])


def good_rows(first: int, last: int) -> list[list[float]]:
    return [[number, number] for number in range(2_000) if not first <= number <= last]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
@pytest.mark.parametrize("options", [{}, {"on_bad_rows": "skip", "max_bad_fraction": 1}, {"newlines_in_cells": True}])
def test_a_quote_never_closed_fails_the_job_whatever_the_policy(
    job: Job, options: dict[str, Any], suffix: str, end: str
) -> None:
    job.add(f"r{suffix}", text_with({99: '"t,99,99'}, end))
    assert job.run(**options) == 1
    assert job.message() == f"r{suffix}, line 101: a quote opens a cell that is never closed. Remove or close it."
    assert job.left_files() == []


@pytest.mark.parametrize("options", [{}, {"on_bad_rows": "skip"}, {"newlines_in_cells": True}])
def test_a_quote_opened_on_the_last_line_fails_the_job(job: Job, options: dict[str, Any]) -> None:
    job.add("r.csv", 't,a,b\nx,1,2\nx,3,"4')
    assert job.run(**options) == 1
    assert job.message().startswith("r.csv, line 3: a quote opens a cell that is never closed.")


def test_a_quote_opened_where_another_cell_closes_is_named_by_its_own_line(job: Job) -> None:
    job.add("r.csv", 't,a,b\n"x\ny",1,"2\nx,3,4\n')
    assert job.run(newlines_in_cells=True) == 1
    assert "r.csv, line 3: a quote opens a cell that is never closed." in job.message()


def test_a_stray_quote_in_a_column_that_is_no_feature_never_passes_unnoticed(job: Job) -> None:
    rows = [f"t{row},{row},{row}" for row in range(20_000)]
    rows[100] = f'"{rows[100]}'
    job.add("r.csv", "\n".join(["t,a,b", *rows]))
    assert job.run() == 1
    assert "r.csv, line 102: a quote opens a cell that is never closed" in job.message()


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_a_cell_that_spans_lines_fails_the_job_naming_its_lines(job: Job, suffix: str) -> None:
    job.add(f"r{suffix}", text_with({99: '"t,99,99', 1_500: 't",1500,1500'}))
    assert job.run() == 1
    assert job.message() == (
        f"r{suffix}, line 101: a quoted cell spans lines 101 to 1502. Correct the file, or set on_bad_rows=skip. "
        "Where cells may span lines, set newlines_in_cells."
    )
    assert job.left_files() == []


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_lines_of_a_spanning_cell_are_skipped_counted_and_named(job: Job, end: str) -> None:
    job.add("r.csv", text_with({99: '"t,99,99', 110: 't",110,110', 200: "t,one,2"}, end))
    assert job.run(on_bad_rows="skip") == 0
    moments = job.moments()
    assert (moments["row_count"], moments["skipped_rows"]) == (1_987, 13)
    assert job.features().tolist() == [row for row in good_rows(99, 110) if row[0] != 200]
    assert [row["line"] for row in moments["bad_rows"]] == list(range(101, 111))
    assert {row["reason"] for row in moments["bad_rows"]} == {"a quoted cell spans lines 101 to 112"}


def test_skipping_counts_spanning_lines_against_max_bad_fraction(job: Job) -> None:
    job.add("r.csv", text_with({99: '"t,99,99', 1_098: 't",1,1'}))
    assert job.run(on_bad_rows="skip") == 1
    assert "1,000 of 2,000 rows are bad, more than max_bad_fraction=0.01. The first is r.csv, line 101" in job.message()


def test_a_file_of_spanning_lines_alone_counts_them(job: Job) -> None:
    job.add("a.csv", "t,a,b\nx,1,2\n")
    job.add("b.csv", 't,a,b\n"x\n",1,2\n')
    assert job.run(on_bad_rows="skip", max_bad_fraction=1) == 0
    assert job.moments()["skipped_rows"] == 2


def test_cells_may_span_lines_where_newlines_in_cells_allows_it(job: Job) -> None:
    job.add("r.csv", '"t\nime",a,b\r\n"x\ny",1,2\n\n"a ""\r\n\r""\n",3,4\rz,5,"6\n"\n')
    assert job.run(newlines_in_cells=True, on_bad_rows="skip", max_bad_fraction=1) == 0
    assert job.features().tolist() == [[1, 2], [3, 4]]
    assert [(row["line"], row["reason"]) for row in job.moments()["bad_rows"]] == [
        (10, "column 'b' holds '6\\n', which is no finite number")
    ]


def test_a_header_that_spans_lines_is_named(job: Job) -> None:
    job.add("r.csv", '"t\nime",a,b\nx,1,2\n')
    assert job.run(on_bad_rows="skip") == 1
    assert job.message().startswith("r.csv: a quoted cell of the header spans lines 1 to 2.")


def test_quotes_within_a_cell_are_text(job: Job) -> None:
    job.add("r.csv", 't,a,b\n5" pipe,1,2\n"a"b"c,3,4\n "x,5,6\n"""",7,8\n"",9,"10"\n')
    assert job.run() == 0
    assert job.features().tolist() == [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10]]


def test_a_cell_may_be_longer_than_the_csv_modules_own_limit(job: Job) -> None:
    job.add("r.csv", f't,a,b\n"{"x" * 300_000}",1,2\n')
    assert job.run() == 0


FILES = st.lists(
    st.sampled_from(
        ['"', '""', ",", "\n", "\r", "\r\n", "1", "12", "x", " ", '"1",2\n', "3,4\n", "\n\n", "\0", "\xe9"]
    ),
    max_size=40,
).map("".join)


@settings(max_examples=100, deadline=None)
@given(body=FILES)
def test_every_line_is_a_row_or_a_bad_row_or_the_job_fails(body: str) -> None:
    with written(body, "--on-bad-rows=skip") as open_file:
        if is_open(body):
            with pytest.raises(InputError, match=r"^r.csv, line \d+: a quote opens a cell that is never closed\. "):
                list(open_file().batches())
            return
        file = open_file()
        batches = list(file.batches())
        numbers = [
            number for batch in batches for number in batch.numbers[~np.isinf(batch.values).any(axis=0)].tolist()
        ]
        good = len(numbers)
        named = {row.line for row in file.bad_rows()}
        bad = sum(len(batch.numbers) for batch in batches) - good + file.skipped_rows
        spanned = {2 + number for span in QuotedCells(",").spanning(body) for number in span}
        assert len(named) == bad
        assert spanned <= named
        rows = [number for number, line in enumerate(lines(body), start=2) if line or number in spanned]
        assert good + bad == len(rows)
        assert numbers == [place for place, line in enumerate(rows, start=1) if line not in named]


@settings(max_examples=100, deadline=None)
@given(body=FILES)
def test_the_job_fails_naming_the_first_bad_row(body: str) -> None:
    with written(body) as open_file:
        expected = "a quote opens a cell that is never closed."
        with contextlib.suppress(InputError):
            file = open_file()
            first = next(file.bad_rows(), None)
            if not first:
                numbers = [number for batch in file.batches() for number in batch.numbers.tolist()]
                assert numbers == list(range(1, 1 + sum(map(bool, lines(body)))))
                return
            expected = f"{first}."
        with pytest.raises(InputError, match=re.escape(expected)):
            list(open_file().batches())


@settings(max_examples=100, deadline=None)
@given(body=FILES)
def test_arrow_and_the_csv_module_agree_on_rows_that_span_lines(body: str) -> None:
    with written(body, "--on-bad-rows=skip", "--newlines-in-cells") as open_file:
        if is_open(body):
            with pytest.raises(InputError, match="a quote opens a cell that is never closed"):
                list(open_file().batches())
            return
        file = open_file()
        batches = list(file.batches())
        rows = [row for row in csv.reader(io.StringIO(body.replace("\0", "\ufffd"), newline="")) if row]
        bad = file.skipped_rows + sum(np.count_nonzero(np.isinf(batch.values).any(axis=0)) for batch in batches)
        assert sum(len(batch.numbers) for batch in batches) + file.skipped_rows == len(rows)
        numbers = [number for batch in batches for number in batch.numbers.tolist()]
        assert numbers == [place for place, row in enumerate(rows, start=1) if len(row) == len(file.columns)]
        assert len(list(file.bad_rows())) == bad


@pytest.mark.parametrize("step", [1, 2, 3])
@given(body=FILES)
def test_a_cell_is_followed_over_blocks_of_any_size(body: str, step: int) -> None:
    whole, parts, each = QuotedCells(","), QuotedCells(","), [f"{line}\n" for line in lines(body)]
    expected = {number for span in whole.spanning("".join(each)) for number in span}
    found = {
        start + number
        for start in range(0, len(each), step)
        for span in parts.spanning("".join(each[start : start + step]))
        for number in span
    }
    assert whole.open_lines == parts.open_lines
    assert {number for number in found if number < len(each)} == {number for number in expected if number < len(each)}


@settings(max_examples=400, deadline=None)
@given(body=FILES, size=st.integers(4, 40), tells_size=st.booleans())
def test_a_row_whose_cells_span_lines_is_in_one_block(body: str, size: int, tells_size: bool) -> None:
    content, blocks = body.encode("latin-1"), []
    text = content.decode(errors="replace")
    whole = WholeLines(pa.BufferReader(content), len(content) if tells_size else None, 0, ",", newlines_in_cells=True)
    with contextlib.suppress(pa.ArrowInvalid):  # a row that is longer than a block
        while block := whole.read(size):
            blocks.append(bytes(block).decode())
        if not is_open(body):
            assert [row for block in blocks for row in filled_rows(block)] == filled_rows(text)
            assert whole.row_count == len(filled_rows(text))


@settings(max_examples=300, deadline=None)
@given(body=FILES, size=st.integers(8, 60))
def test_rows_are_those_of_the_csv_module_however_the_file_is_cut_into_blocks(body: str, size: int) -> None:
    if is_open(body):
        return
    with written(body, "--on-bad-rows=skip", "--max-bad-fraction=1", "--newlines-in-cells") as open_file:
        whole, cut = open_file(), open_file()
        cut._block_size = max(size, longest_row(body) + 2)
        found, expected = list(cut.batches()), list(whole.batches())
        for name in ("values", "numbers"):
            parts = [[getattr(one, name) for one in each] for each in (found, expected) if each]
            assert len({np.concatenate(each, axis=-1).tobytes() for each in parts}) <= 1
        assert len(found) >= len(expected)
        assert cut.skipped_rows == whole.skipped_rows


def longest_row(text: str) -> int:
    """Characters of the longest row, with the line ends in it and behind it."""
    each = [f"{line}\r\n" for line in lines(text)]
    reader, start, longest = csv.reader(each), 0, 0
    for _ in reader:
        longest, start = max(longest, sum(map(len, each[start : reader.line_num]))), reader.line_num
    return longest


def filled_rows(text: str) -> list[list[str]]:
    """The rows of a text that are not empty, as the csv module reads them."""
    return [row for row in csv.reader(io.StringIO(text.replace("\0", "\ufffd"), newline="")) if row]


@contextlib.contextmanager
def written(body: str, *options: str) -> Iterator[Callable[[], CsvFile]]:
    """A file of columns a and b and how to open it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "r.csv")
        path.write_bytes(f"a,b\n{body}".encode("latin-1"))
        folders = [f"--{name}={folder}" for name in ("input-dir", "features-dir", "stats-dir")]
        arguments = parse_arguments([*folders, "--feature-columns=a,b", *options])
        yield lambda: CsvFile(path, path.name, arguments)


def test_a_file_that_grows_after_it_was_opened_is_read_whole() -> None:
    with written("1,1\n2,2\n") as open_file:
        file = open_file()
        with file.path.open("ab") as more:
            more.write(b"3,3\n44444,4\n5,5\n")
        assert np.concatenate([rows.values for rows in file.batches()], axis=1)[0].tolist() == [1, 2, 3, 44444, 5]


def is_open(body: str) -> bool:
    """Whether a quote in a file is never closed."""
    quotes = QuotedCells(",")
    quotes.spanning(f"{body}\n")
    return quotes.open_lines > 0


def lines(body: str) -> list[str]:
    """Lines without their ends."""
    found = re.split("\r\n|\r|\n", body)
    return found if found[-1] else found[:-1]
