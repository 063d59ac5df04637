"""Where quoted cells span lines, so that a stray quote takes no line with it that nobody counts.

Arrow takes whatever stands between two quotes for one cell, thousands of lines too, and after a quote that is never
closed the rest of the file. What a quote opens and closes is judged by Python's csv module, whose rules are Arrow's: a
quote opens a cell only as its first character, two in a row are one character, and what follows a closing one is text.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from typing import Any

import numpy as np
import pyarrow as pa

CACHED_BYTES = 1 << 18  # a stretch of text whose arrays stay in a core's cache
LINE_END = re.compile(rb"\r\n|\n|\r")
csv.field_size_limit(2**31 - 1)  # a cell may be as long as it likes


class QuotedCells:
    """Follows quoted cells through the lines of a file, which come in any number at a time."""

    def __init__(self, delimiter: str) -> None:
        self.open_lines = 0  # how many lines a cell, still open behind the last line seen, has taken so far
        self._delimiter = delimiter
        self._before_opening = np.isin(np.arange(256), [ord(character) for character in f'{delimiter}\r\n"'])

    def end_within_lines(self, lines: bytes | bytearray) -> bool:
        """Whether no cell of some whole lines spans lines, at a glance: where it says no, `spanning` has to find out.

        Where every other quote, from the first on, stands at a cell's start or doubles the one before, they alone open
        cells; none is open at a line's end with an even number of quotes before it.
        """
        if self.open_lines or b'"' not in lines:
            return not self.open_lines
        characters = np.frombuffer(lines, np.uint8)
        quotes = np.flatnonzero(characters == ord('"'))
        ends = np.flatnonzero(line_ends(characters))
        # What stands before the first character is, in effect, the last one: a line end.
        opened = self._before_opening[characters[quotes[::2] - 1]].all()
        return bool(opened and not (np.searchsorted(quotes, ends) % 2).any())

    def spanning(self, lines: str) -> list[range]:
        """Which of some whole lines, counted from 0, hold part of a cell that spans lines."""
        open_before, found, start, last_start = self.open_lines, [], 0, 0
        lines = lines.replace("\0", "\ufffd")  # which the csv module refuses before Python 3.11
        text = io.StringIO('"' + lines if open_before else lines, newline=None)
        # An empty line behind them is a row without cells, unless it is part of a cell.
        rows = csv.reader(itertools.chain(text, ["\n"]), delimiter=self._delimiter)
        row: list[str] = []
        for row in rows:  # noqa: B007  the last one matters
            if rows.line_num > start + 1 or (open_before and not start):
                found.append(range(start, rows.line_num))
            last_start, start = start, rows.line_num
        self.open_lines = row[-1].count("\n") - 1 if row else 0
        if open_before and row and len(row) == 1 and not last_start:  # still the same cell
            self.open_lines += open_before
        return found


class WholeLines:
    """The lines of an open CSV file in blocks of whole rows: without those that hold a cell that spans lines.

    Where cells may span lines, a row that does is in one block.

    :param size: the file's bytes, None where nothing tells before its end
    :param header_lines: how many lines come before the first row
    """

    def __init__(self, file: Any, size: int | None, header_lines: int, delimiter: str, newlines_in_cells: bool) -> None:
        self.row_count = 0  # rows that Arrow has to make of the lines given
        self.kept_back: list[int] = []  # per line that is kept back, how many rows come before it
        self.quotes = QuotedCells(delimiter)
        self._file, self._unread = file, size
        self._header_lines, self._newlines_in_cells = header_lines, newlines_in_cells
        self._begun_line, self._has_ended = b"", False

    def read(self, size: int) -> bytes | bytearray:
        """The next lines, as many as fit into `size` bytes, at least one row; nothing at the end of the file."""
        while block := self._next_block(size):
            rows_before = self.row_count
            lines = self._without_spanning(as_utf8(self._without_header(block)))
            self.row_count += count_lines(lines) if lines else 0
            if self.row_count > rows_before:
                return lines
        return b""

    @property
    def spanning_lines(self) -> int:
        """How many lines are kept back."""
        return len(self.kept_back)

    def _next_block(self, size: int) -> bytearray:
        # Each block is read to where it stays: at this size copies cost more than all that is done with them.
        length = len(self._begun_line)
        # One byte more than there is, to meet the end; memory beyond that would be filled with zeros for nothing.
        block = bytearray(size if self._unread is None else min(size, length + self._unread + 1))
        block[:length] = self._begun_line
        while read := self._file.readinto(memoryview(block)[length:]):
            length += read
            if self._unread is not None:
                self._unread -= read
                if self._unread < 0:  # it has grown since it was opened
                    self._unread = None
                    block += bytes(max(0, size - len(block)))
            # The carriage return at a block's end may have its line feed in the next one.
            if end := max(block.rfind(b"\n", 0, length), block.rfind(b"\r", 0, length - 1)) + 1:
                self._begun_line = bytes(memoryview(block)[end:length])
                del block[end:]
                return block
        if length >= size:  # with what is no UTF-8 replaced, it may have grown
            raise pa.ArrowInvalid(f"a line is longer than {size:,} bytes")
        del block[length:]
        self._begun_line, self._has_ended = b"", True
        if block and not block.endswith((b"\n", b"\r")):
            block += b"\n"
        return block

    def _without_header(self, block: bytearray) -> bytes | bytearray:
        if not self._header_lines:
            return block
        end = 0
        while self._header_lines and (line := LINE_END.search(block, end)):
            end = line.end()
            self._header_lines -= 1
        del block[:end]
        return block

    def _without_spanning(self, block: bytes | bytearray) -> bytes | bytearray:
        found = [] if self.quotes.end_within_lines(block) else self.quotes.spanning(block.decode())
        if not found:
            return block
        lines = block.splitlines(keepends=True)
        if self._newlines_in_cells:
            if found[-1].stop > len(lines) and not self._has_ended:  # the rest of the last row is yet to be read
                *found, begun = found
                self._begun_line = b"".join([*lines[begun.start :], self._begun_line])
                self.quotes.open_lines = 0
                block = b"".join(lines[: begun.start])
            for span in found:
                self.row_count += 1 - count_lines(b"".join(lines[span.start : span.stop]))
            return block
        kept: list[bytes | bytearray] = []
        rows_before, end = self.row_count, 0
        for span in found:
            between = b"".join(lines[end : span.start])
            rows_before += count_lines(between) if between else 0
            self.kept_back += [rows_before] * len(lines[span.start : span.stop])
            kept.append(between)
            end = span.stop
        return b"".join([*kept, *lines[end:]])


def as_utf8(block: bytes | bytearray) -> bytes | bytearray:
    """Text that Arrow can hand to Python: what is no UTF-8 becomes a replacement character, as when read as text."""
    return block if block.isascii() else block.decode(errors="replace").encode()


def line_ends(characters: Any, carriage_returns: bool = True) -> Any:
    """Where characters end a line."""
    is_end = characters == ord("\n")
    if carriage_returns:
        is_end |= characters == ord("\r")
    return is_end


def count_lines(block: bytes | bytearray) -> int:
    """How many of some whole lines are not empty; Arrow makes a row of each."""
    characters, carriage_returns, count = np.frombuffer(block, np.uint8), b"\r" in block, 0
    for start in range(0, len(characters), CACHED_BYTES):
        is_end = line_ends(characters[max(start - 1, 0) : start + CACHED_BYTES], carriage_returns)
        count += int(np.count_nonzero(is_end[1:] > is_end[:-1]))
    return count
