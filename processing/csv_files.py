"""CSV files: their columns, their numbers, and their bad rows."""

from __future__ import annotations

import argparse
import contextlib
import csv
import gzip
import zlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Deque, Iterator, List, NamedTuple, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from processing.bad_rows import BadRow
from processing.cells import MISSING_CELLS, cell_problem, to_numbers, with_gaps
from processing.columns import find_columns, match_trailing_delimiter
from processing.messages import InputError, counted
from processing.moments import FloatArray
from processing.quoted_cells import QuotedCells, WholeLines
from processing.rows import IntArray, Rows, numbers_beside

BLOCK_BYTES = 4 << 20
# Blocks of text and what Arrow makes of them, in memory at once.
AHEAD_BYTES = 64 << 20
MAX_ROW_LINES = 100_000  # Arrow takes no row beyond its block; looking for a bad one, more lines are an open quote
ALLOWED = "Where cells may span lines, set newlines_in_cells."


class Row(NamedTuple):
    """A row as the csv module reads it: its lines, counted from 1, and its cells; none where it may not span lines."""

    first_line: int
    last_line: int
    cells: list[str] | None


class ParsedBlock(NamedTuple):
    """What Arrow made of some whole lines of `size` bytes.

    :param values: (d, n) feature columns
    :param ids: the id columns, (n,) each
    :param skipped: numbers, from 1 among the rows of these lines, of those that it skipped
    """

    size: int
    values: FloatArray
    ids: Sequence[Any]
    skipped: List[int]


class CsvFile:
    """One file of delimited text, plain or gzipped."""

    def __init__(self, path: Path, name: str, arguments: argparse.Namespace) -> None:
        self.path, self.name, self.size = path, name, path.stat().st_size
        self.bytes_read = self.skipped_rows = 0
        self._arguments, self._gzipped = arguments, name.lower().endswith(".gz")
        self._skips, self._newlines_in_cells = arguments.on_bad_rows == "skip", arguments.newlines_in_cells
        rows = self.rows()
        header = self._header(rows)
        first_row = next((row.cells for row in rows if row.cells), [])
        self.columns = match_trailing_delimiter([column.strip() for column in header], first_row)
        # A block has to hold the longest row, and of wide rows enough to be worth a pass.
        row_bytes = 4 * max(len("".join(row)) + len(row) for row in (header, first_row))
        self._block_size = max(BLOCK_BYTES, min(256 * row_bytes, 8 * BLOCK_BYTES), 2 * row_bytes)
        self._positions = find_columns(self.columns, arguments.feature_columns, name)
        self._ids = find_columns(self.columns, arguments.id_columns, name)

    @property
    def is_short(self) -> bool:
        """Whether its text is one block; gzip seldom makes less of numbers than an eighth."""
        return self.size * (8 if self._gzipped else 1) <= self._block_size

    def batches(self) -> Iterator[Rows]:
        """The rows that are rows at all.

        Raises InputError for a quote that is never closed, and for any bad row unless bad rows are skipped.
        """
        raw, row_count = pa.OSFile(str(self.path)), 0
        self.bytes_read = self.skipped_rows = 0
        self._skipped_places: List[int] = []
        source = pa.CompressedInputStream(raw, "gzip") if self._gzipped else raw
        size = None if self._gzipped else self.size
        lines = WholeLines(source, size, self._header_lines, self._arguments.delimiter, self._newlines_in_cells)
        try:
            for block in self._parsed(lines):
                if lines.spanning_lines and not self._skips:
                    break
                self.bytes_read = raw.tell() if self._gzipped else self.bytes_read + block.size
                first, count = row_count + len(self._skipped_places), block.values.shape[1]
                self._skipped_places += [first + number - 1 for number in block.skipped]
                self.skipped_rows += len(block.skipped)
                if count:
                    yield Rows(block.values, self._row_numbers(row_count, count, lines), block.ids)
                row_count += count
        except pa.ArrowInvalid as error:
            raise self._failure(str(error)) from error
        except OSError as error:
            raise InputError(f"{self.name} is cut off or damaged: {error}. Upload it again.") from error
        self._account_for(lines, row_count)

    def _row_numbers(self, rows_before: int, count: int, lines: WholeLines) -> IntArray:
        """The numbers of the next rows that Arrow made, among all rows of the file, from 1."""
        if not self._skips:
            return np.arange(rows_before + 1, rows_before + count + 1)
        places = numbers_beside(rows_before, count, np.array(self._skipped_places))
        return places + 1 + np.searchsorted(np.array(lines.kept_back, np.int64), places, side="right")

    def bad_rows(self) -> Iterator[BadRow]:
        """The bad rows, found by reading cell by cell; of a cell that spans lines each line."""
        for row in self.rows():
            if row.cells is None:
                reason = f"a quoted cell spans lines {row.first_line} to {row.last_line}"
                for line in range(row.first_line, row.last_line + 1):
                    yield BadRow(self.name, line, reason)
            elif row.cells and row.first_line > self._header_lines and (problem := self._problem(row.cells)):
                yield BadRow(self.name, row.first_line, problem)

    def _header(self, rows: Iterator[Row]) -> list[str]:
        header = next((row for row in rows if row.cells != []), None)
        if header is None:
            raise InputError(f"{self.name} is empty. Remove it or upload it again.")
        if header.cells is None:
            lines = f"lines {header.first_line} to {header.last_line}"
            raise InputError(f"{self.name}: a quoted cell of the header spans {lines}. Correct it. {ALLOWED}")
        self._header_lines = header.last_line
        return header.cells

    def _parsed(self, lines: WholeLines) -> Iterator[ParsedBlock]:
        """The blocks in order: one is read and several are parsed, on all cores, while one is used.

        Short files are parsed side by side as they are.
        """
        if self.is_short:
            while text := lines.read(self._block_size):
                yield self._parse(text)
            return
        most_ahead = max(2, min(pa.cpu_count() + 1, AHEAD_BYTES // self._block_size))
        ahead: Deque[Future[ParsedBlock]] = deque()
        with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(most_ahead) as parsers:
            block = reader.submit(lines.read, self._block_size)
            while text := block.result():
                ahead.append(parsers.submit(self._parse, text))
                block = reader.submit(lines.read, self._block_size)
                if len(ahead) > most_ahead:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()

    def _parse(self, lines: bytes | bytearray) -> ParsedBlock:
        names = [str(index) for index in range(len(self.columns))]
        wanted, ids = ([names[index] for index in found.values()] for found in (self._positions, self._ids))
        # In one block and without threads: so Arrow also says which row it skips.
        reading = pacsv.ReadOptions(block_size=len(lines) + 1, column_names=names, use_threads=False)
        parsing = pacsv.ParseOptions(delimiter=self._arguments.delimiter, newlines_in_values=self._newlines_in_cells)
        as_text = {*ids, *(wanted if self._skips else ())}
        converting = pacsv.ConvertOptions(include_columns=list(dict.fromkeys([*wanted, *ids])))
        # Where text is carried along, what spells a missing number is text there.
        converting.null_values, converting.strings_can_be_null = MISSING_CELLS, not ids
        converting.column_types = {name: pa.string() if name in as_text else pa.float64() for name in [*wanted, *ids]}
        converting.decimal_point = self._arguments.decimal
        skipped: List[int] = []

        def skip(row: Any) -> str:
            skipped.append(row.number)
            return "skip"

        if self._skips:
            parsing.invalid_row_handler = skip
        table = pacsv.read_csv(pa.py_buffer(lines), reading, parsing, converting).combine_chunks()
        columns = {name: table.column(name).chunk(0) for name in table.column_names} if table.num_rows else {}
        found = [self._numbers(columns[name]).to_numpy(zero_copy_only=False) for name in wanted if columns]
        values = np.stack(found) if found else np.empty((len(wanted), 0))
        return ParsedBlock(len(lines), values, [columns[name] for name in ids if columns], skipped)

    def _numbers(self, column: Any) -> Any:
        if column.type == pa.string():
            return to_numbers(with_gaps(column) if self._ids else column, self._arguments.decimal)
        return column

    def _account_for(self, lines: WholeLines, row_count: int) -> None:
        """Fail rather than lose a line: each is in a row, or skipped and counted."""
        if lines.spanning_lines and not self._skips:
            raise self._failure("a quoted cell spans lines")
        if lines.quotes.open_lines:
            deque(self.rows(), maxlen=0)  # raises, naming where it opens
        if row_count + self.skipped_rows != lines.row_count:
            raise InputError(
                f"{self.name}: {counted(lines.row_count, 'row')} became {row_count:,}. Correct its quotes."
            )
        self.skipped_rows += lines.spanning_lines

    def _failure(self, problem: str) -> InputError:
        # Arrow is quick and does not say where; the slow reader finds the place.
        where = next(self.bad_rows(), None)
        allowed = f" {ALLOWED}" if "spans lines" in str(where) else ""
        return InputError(f"{where or f'{self.name}: {problem}'}. Correct the file, or set on_bad_rows=skip.{allowed}")

    def rows(self) -> Iterator[Row]:
        """The header and all rows, cell by cell; a blank line has no cells. Raises InputError for an open quote."""
        quotes, record, first_line, number = QuotedCells(self._arguments.delimiter), [], 1, 0
        with self._text() as text:
            for number, line in enumerate(text, start=1):
                if number == 1 and "\0" in line:
                    raise InputError(f"{self.name} is no UTF-8 text. Save it as UTF-8.")
                if quotes.open_lines or '"' in line:
                    quotes.spanning(line.rstrip("\r\n") + "\n")
                if self._newlines_in_cells or number == first_line:
                    record.append(line.replace("\0", "\ufffd"))
                if quotes.open_lines:
                    if len(record) > MAX_ROW_LINES:
                        break
                    continue
                spans = number > first_line and not self._newlines_in_cells
                yield Row(
                    first_line, number, None if spans else next(csv.reader(record, delimiter=self._arguments.delimiter))
                )
                record, first_line = [], number + 1
        if quotes.open_lines:
            line = number - quotes.open_lines + 1
            raise InputError(
                f"{self.name}, line {line}: a quote opens a cell that is never closed. Remove or close it."
            )

    @contextlib.contextmanager
    def _text(self) -> Iterator[Any]:
        opener: Any = gzip.open if self._gzipped else open
        try:
            with opener(self.path, "rt", encoding="utf-8-sig", errors="replace", newline="") as text:
                yield text
        except (EOFError, OSError, zlib.error, csv.Error) as error:
            raise InputError(f"{self.name} is cut off or damaged: {error}. Upload it again.") from error

    def _problem(self, cells: list[str]) -> str | None:
        if len(cells) != len(self.columns):
            quotes = "; a decimal comma needs quotes" if self._arguments.delimiter == self._arguments.decimal else ""
            return f"{counted(len(cells), 'cell')} instead of {len(self.columns)}{quotes}"
        for column, index in self._positions.items():
            if problem := cell_problem(cells[index], self._arguments):
                return f"column {column!r} {problem}"
        return None
