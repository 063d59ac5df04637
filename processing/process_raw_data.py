"""Turns raw recordings into training features and the statistics that go with them.

Runs in a SageMaker processing container and needs only NumPy and pyarrow. It streams every .csv, .csv.gz and .parquet
file below --input-dir, so that memory stays flat however large the files are, in one flow:

    arguments -> input files -> bad rows -> missing values -> moments -> scaling -> features -> manifest

Features are headerless CSV or RecordIO-protobuf, in parts. Moments tell later steps about the rows without reading
them again: count, mean, range, gaps, scatter matrix. On several hosts each handles its own files, and the hosts'
moments merge exactly. moments-<host>.json is the manifest, written last: where it stands, everything else stands.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import gzip
import itertools
import json
import os
import re
import shutil
import signal
import struct
import sys
import time
import zlib
from collections import Counter
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, NamedTuple, Sequence, Union

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

FloatArray = npt.NDArray[np.float64]
Document = Dict[str, Any]

SCHEMA_VERSION = 1
SUFFIXES = (".csv", ".csv.gz", ".parquet")
BLOCK_BYTES = 4 << 20
FLOAT32_MAX = float(np.finfo(np.float32).max)
MAX_SCATTER_COLUMNS = 2_000  # a scatter matrix of 2,000 columns takes 32 MB; wider data keeps variances only
NAMED_BAD_ROWS = 10
PROGRESS_SECONDS = 5.0
NO_VALUE = "has no value"
SPELLINGS = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NAN", "-NaN", "-nan", "null", "Null", "NULL", "None")
MISSING_CELLS = (*SPELLINGS, *(f" {spelling}" for spelling in SPELLINGS))
# Numbers as Arrow reads them, for either decimal mark.
NUMBER = {mark: re.compile(rf"^[+-]?([0-9]+[{mark}]?[0-9]*|[{mark}][0-9]+)([eE][+-]?[0-9]+)?$") for mark in ".,"}
# Arrow's "inf", made of its bytes: of a Python value Arrow makes a scalar by way of pandas, a second and 60 MB.
INFINITE_CELL = pa.StringArray.from_buffers(1, pa.py_buffer(struct.pack("<ii", 0, 3)), pa.py_buffer(b"inf"))[0]


class InputError(Exception):
    """The input or the arguments are not what the job needs; the message says what, where and what to do."""


# -------------------------------------------------------------------------------------------------------- arguments


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; `@file` stands for the arguments in that file, one a line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0], fromfile_prefix_chars="@")
    add = parser.add_argument
    add("--input-dir", type=Path, required=True, help=f"files ending in {', '.join(SUFFIXES)}, at any depth")
    add("--features-dir", type=Path, help="where features-<host>-<part> go")
    add("--stats-dir", type=Path, required=True, help="where moments-<host>.json and scatter-<host>.npy go")
    add("--feature-columns", type=split_names, required=True, help="names as one CSV line, in output order")
    add("--missing-values", choices=("zero", "mean", "drop", "fail"), default="zero", help="what becomes of a gap")
    add("--scaling", choices=("none", "standardize"), default="none", help="standardize: mean 0, deviation 1")
    add("--output-format", choices=("csv", "recordio"), default="csv")
    add("--part-rows", type=int, default=250_000, help="rows a part; training hosts share out whole parts")
    add("--delimiter", type=lambda text: text.replace("\\t", "\t"), default=",", help=r"one character, or \t")
    add("--decimal", choices=(".", ","), default=".", help="decimal mark")
    add("--on-bad-rows", choices=("fail", "skip"), default="fail")
    add("--max-bad-fraction", type=float, default=0.01, help="with skip: a larger share of bad rows fails the job")
    add("--profile-only", action="store_true", help="write moments and no features: the first of two jobs")
    add("--moments-dir", type=Path, help="what a --profile-only job over the same files wrote, all hosts together")
    add("--resource-config", type=Path, default=Path("/opt/ml/config/resourceconfig.json"), help="names the hosts")
    add("--message-dir", type=Path, default=Path("/opt/ml/output"), help="gets a file `message` with the outcome")
    arguments = parser.parse_args(argv)
    if not arguments.features_dir and not arguments.profile_only:
        parser.error("--features-dir is missing. Name a folder, or ask for --profile-only.")
    if arguments.part_rows < 1 or len(arguments.delimiter) != 1:
        parser.error("--part-rows takes 1 or more, --delimiter one character.")
    return arguments


def split_names(text: str) -> list[str]:
    """Column names of one CSV line, where a name that holds a comma is quoted."""
    names = [name.strip() for name in next(csv.reader([text]), [])]
    if not names or not all(names) or len(set(names)) < len(names):
        raise argparse.ArgumentTypeError(f"{shorten(names)}: a column is empty or named twice. Name each column once.")
    return names


def read_hosts(resource_config: Path) -> tuple[str, list[str]]:
    """The name of this host and the names of all hosts of the job; without a configuration there is one, algo-1."""
    if not resource_config.is_file():
        return "algo-1", ["algo-1"]
    config = json.loads(resource_config.read_text(encoding="utf-8"))
    return str(config["current_host"]), sorted(map(str, config["hosts"]))


# ------------------------------------------------------------------------------------------------------ input files


def open_input_files(arguments: argparse.Namespace, hosts: Sequence[str]) -> list[InputFile]:
    """Every input file below --input-dir in order of its name, headers checked."""
    folder = arguments.input_dir
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    if ignored := [name for name in names if not name.lower().endswith(SUFFIXES)]:
        log(f"ignored, for ending in none of {', '.join(SUFFIXES)}: {shorten(ignored)}")
    files: list[InputFile] = [
        (ParquetFile if name.lower().endswith(".parquet") else CsvFile)(folder / name, name, arguments)
        for name in names
        if name.lower().endswith(SUFFIXES)
    ]
    # With fewer files than hosts some host is left without; alone, a host without files is a job without input.
    if not files and len(hosts) == 1:
        raise InputError(f"no input files under {folder}. Files have to end in {', '.join(SUFFIXES)}.")
    for file in files[1:]:
        refuse_other_header(files[0].name, files[0].columns, file.name, file.columns)
    log_limiting_shard(files)
    return files


def refuse_other_header(first: str, columns: Sequence[str], other: str, other_columns: Sequence[str]) -> None:
    """Files of one job hold the same columns in the same order: another header is a file of another kind."""
    for number, (here, there) in enumerate(itertools.zip_longest(columns, other_columns), start=1):
        if here != there:
            raise InputError(
                f"{other} has another header than {first}: column {number} is "
                f"{there!r} there and {here!r} here. Process files of different kinds apart."
            )


def log_limiting_shard(files: Sequence[InputFile]) -> None:
    """Name a file so large that the job takes as long as that file, however many hosts it gets."""
    total = sum(file.size for file in files)
    log(f"input files: {len(files)}, {total / 1e6:,.1f} MB" if files else "no input file: more hosts than files")
    for file in files:
        if len(files) > 1 and file.size > total / 2 and file.size > 2 * total / len(files):
            share = f"{file.size / total:.0%} of this host's bytes"
            log(
                f"{file.name} is the limiting shard with {share}: hosts never share a file. Split it to use more hosts."
            )


def find_columns(columns: Sequence[str], wanted: Sequence[str], file_name: str) -> dict[str, int]:
    """The feature columns and where they are in a file."""
    count, position = Counter(columns), {column: index for index, column in enumerate(columns)}
    for column in wanted:
        if not count[column]:
            remedy = "Correct the feature columns, the delimiter or the file."
            raise InputError(f"{file_name} has no column {column!r}. Its columns are {shorten(columns)}. {remedy}")
        if count[column] > 1:
            raise InputError(f"{file_name} has more than one column {column!r}. Give each column its own name.")
    return {column: position[column] for column in wanted}


class BadRow(NamedTuple):
    """A row that cannot become features: its file, its line (in Parquet its row), and why."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        unit = "row" if self.file.lower().endswith(".parquet") else "line"
        return f"{self.file}, {unit} {self.line}: {self.reason}"


class CsvFile:
    """One file of delimited text, plain or gzipped."""

    def __init__(self, path: Path, name: str, arguments: argparse.Namespace) -> None:
        self.path, self.name, self.size = path, name, path.stat().st_size
        self.bytes_read = self.skipped_rows = 0
        self._arguments, self._gzipped = arguments, name.lower().endswith(".gz")
        with self._cells() as rows:
            header = next((row for row in rows if row), None)
            if header is None:
                raise InputError(f"{name} is empty. Remove it or upload it again.")
            if any("\0" in cell for cell in header):
                raise InputError(f"{name} is no UTF-8 text. Save it as UTF-8.")
            self._header_lines = rows.line_num
            self._first: list[str] = next((row for row in rows if row), [])
        self.columns = match_trailing_delimiter([column.strip() for column in header], self._first)
        # A block has to hold the longest row, and of wide rows enough to be worth a pass.
        row_bytes = 4 * max(len("".join(row)) + len(row) for row in (header, self._first))
        self._block_size = max(BLOCK_BYTES, min(256 * row_bytes, 8 * BLOCK_BYTES), 2 * row_bytes)
        self._positions = find_columns(self.columns, arguments.feature_columns, name)

    def batches(self) -> Iterator[FloatArray]:
        """Feature columns, shape (d, rows): NaN where a cell is missing, infinite where it is no number."""
        if not self._first:
            return
        raw = pa.OSFile(str(self.path))
        try:
            for batch in self._open(pa.CompressedInputStream(raw, "gzip") if self._gzipped else raw):
                # Arrow reads ahead: a batch is a block, wherever the file already stands.
                self.bytes_read = raw.tell() if self._gzipped else min(self.bytes_read + self._block_size, self.size)
                if batch.num_rows:
                    yield np.stack([to_array(self._to_numbers(column)) for column in batch.columns])
        except pa.ArrowInvalid as error:
            # Arrow is quick and does not say where; the slow reader finds the place.
            where = next(self.bad_rows(), f"{self.name}: {error}")
            raise InputError(f"{where}. Correct the file, or skip bad rows.") from error
        except OSError as error:
            raise InputError(f"{self.name} is cut off or damaged: {error}. Upload it again.") from error

    def bad_rows(self) -> Iterator[BadRow]:
        """The bad rows, found by reading cell by cell."""
        with self._cells() as rows:
            for row in rows:
                if row and rows.line_num > self._header_lines and (reason := self._problem(row)):
                    yield BadRow(self.name, rows.line_num, reason)

    def _open(self, stream: Any) -> Any:
        names = [str(index) for index in range(len(self.columns))]
        wanted = [names[index] for index in self._positions.values()]
        skip = self._arguments.on_bad_rows == "skip"
        reading = pacsv.ReadOptions(block_size=self._block_size, column_names=names, skip_rows=self._header_lines)
        parsing = pacsv.ParseOptions(delimiter=self._arguments.delimiter, newlines_in_values=True)
        converting = pacsv.ConvertOptions(include_columns=wanted, null_values=MISSING_CELLS, strings_can_be_null=True)
        converting.column_types = dict.fromkeys(wanted, pa.string() if skip else pa.float64())
        converting.decimal_point = self._arguments.decimal
        if skip:
            parsing.invalid_row_handler = self._skip_row
        return pacsv.open_csv(stream, reading, parsing, converting)

    def _skip_row(self, _row: Any) -> str:
        self.skipped_rows += 1
        return "skip"

    def _to_numbers(self, column: Any) -> Any:
        if self._arguments.decimal == "." or pa.types.is_floating(column.type):
            with contextlib.suppress(pa.ArrowInvalid):  # most blocks of strings hold nothing but numbers
                return column.cast(pa.float64())
        text = pc.utf8_trim(column, characters=" \t")
        is_number = pc.match_substring_regex(text, NUMBER[self._arguments.decimal].pattern)
        return pc.if_else(is_number, pc.replace_substring(text, ",", "."), INFINITE_CELL).cast(pa.float64())

    @contextlib.contextmanager
    def _cells(self) -> Iterator[Any]:
        csv.field_size_limit(2**31 - 1)
        opener: Any = gzip.open if self._gzipped else open
        try:
            with opener(self.path, "rt", encoding="utf-8-sig", errors="replace", newline="") as text:
                yield csv.reader(text, delimiter=self._arguments.delimiter)
        except (EOFError, OSError, zlib.error, csv.Error) as error:
            raise InputError(f"{self.name} is cut off or damaged: {error}. Upload it again.") from error

    def _problem(self, row: list[str]) -> str | None:
        if len(row) != len(self.columns):
            quotes = "; a decimal comma needs quotes" if self._arguments.delimiter == self._arguments.decimal else ""
            return f"{len(row)} cells instead of {len(self.columns)}{quotes}"
        for column, index in self._positions.items():
            if problem := cell_problem(row[index], self._arguments):
                return f"column {column!r} {problem}"
        return None


def match_trailing_delimiter(columns: list[str], first_row: Sequence[str]) -> list[str]:
    """The header's columns as the rows have them: header or rows alone may end in a delimiter."""
    if first_row and not columns[-1] and len(first_row) == len(columns) - 1:
        return columns[:-1]
    if first_row and not first_row[-1] and len(first_row) == len(columns) + 1:
        return [*columns, ""]
    return columns


def cell_problem(cell: str, arguments: argparse.Namespace) -> str | None:
    """What is wrong with a cell, judged as Arrow judges it."""
    if cell in MISSING_CELLS:
        return NO_VALUE if arguments.missing_values == "fail" else None
    text = cell.strip(" \t")
    if not NUMBER[arguments.decimal].search(text):
        return f"holds {cell[:40]!r}, which is no finite number"
    return out_of_range(float(text.replace(",", ".")))


def out_of_range(value: float) -> str | None:
    """What is wrong with a number that training, which works in float32, cannot take."""
    return None if abs(value) <= FLOAT32_MAX else f"holds {value!r}, beyond the range of float32"


class ParquetFile:
    """One Parquet file."""

    def __init__(self, path: Path, name: str, arguments: argparse.Namespace) -> None:
        self.path, self.name, self.size = path, name, path.stat().st_size
        self.bytes_read = self.skipped_rows = 0
        self._wanted, self._gaps_are_bad = arguments.feature_columns, arguments.missing_values == "fail"
        with self._open() as file:
            schema, self._row_count = file.schema_arrow, file.metadata.num_rows
        self.columns = list(schema.names)
        for column, index in find_columns(self.columns, self._wanted, name).items():
            kind = schema.types[index]
            if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
                raise InputError(f"{name}: column {column!r} has type {kind}. Store it as numbers.")

    def batches(self) -> Iterator[FloatArray]:
        """Feature columns, shape (d, rows): NaN where a value is missing."""
        rows_read = 0
        with self._open() as file:
            for batch in file.iter_batches(max(1, BLOCK_BYTES // 8 // len(self._wanted)), columns=self._wanted):
                rows_read += batch.num_rows
                self.bytes_read = self.size * rows_read // self._row_count
                columns = (batch.column(batch.schema.get_field_index(name)) for name in self._wanted)
                yield np.stack([to_array(column.cast(pa.float64(), safe=False)) for column in columns])

    def bad_rows(self) -> Iterator[BadRow]:
        """The rows with infinite values, where gaps are no good also those with gaps; line counts rows from 1."""
        start = 1
        for values in self.batches():
            bad = (np.abs(values) > FLOAT32_MAX) | (np.isnan(values) & self._gaps_are_bad)
            for row in np.flatnonzero(bad.any(axis=0)):
                column = int(np.argmax(bad[:, row]))
                problem = NO_VALUE if np.isnan(values[column, row]) else out_of_range(float(values[column, row]))
                yield BadRow(self.name, start + int(row), f"column {self._wanted[column]!r} {problem}")
            start += values.shape[1]

    @contextlib.contextmanager
    def _open(self) -> Iterator[Any]:
        try:
            with pq.ParquetFile(str(self.path)) as file:
                yield file
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(f"{self.name} is cut off or damaged: {error}. Upload it again.") from error


InputFile = Union[CsvFile, ParquetFile]


def to_array(column: Any) -> FloatArray:
    """An Arrow column of doubles with NaN for null. `to_numpy` and `pa.array` would import pandas: a second, 60 MB."""
    validity, values = column.buffers()
    numbers = np.frombuffer(values, np.float64, len(column), 8 * column.offset)
    if not column.null_count:
        return numbers
    bits = np.unpackbits(np.frombuffer(validity, np.uint8), bitorder="little")
    return np.where(bits[column.offset : column.offset + len(column)], numbers, np.nan)


# --------------------------------------------------------------------------------------- bad rows and missing values


class TrainingRows:
    """The rows of this host as training sees them before scaling: no bad rows, no gaps. Counts what it met.

    A gap that takes the mean stays one, NaN, in the first pass, which has yet to find the mean.
    """

    def __init__(
        self, files: Sequence[InputFile], arguments: argparse.Namespace, scaling: Scaling | None, purpose: str
    ) -> None:
        self.files: list[Document] = []
        self.bad_rows: list[BadRow] = []
        self.rows_read = self.dropped_rows = self.skipped_rows = 0
        self.null_count = np.zeros(len(arguments.feature_columns), np.int64)
        self._files, self._arguments, self._purpose = files, arguments, purpose
        self._fill = np.zeros(self.null_count.shape)
        if arguments.missing_values == "mean":
            self._fill = scaling.mean if scaling else np.full(self.null_count.shape, np.nan)
        self._fails = arguments.on_bad_rows == "fail"

    @property
    def row_count(self) -> int:
        """How many rows are left of those read so far."""
        return self.rows_read - self.dropped_rows

    def __iter__(self) -> Iterator[FloatArray]:
        progress = Progress(self._purpose, sum(file.size for file in self._files))
        bytes_before = 0
        for file in self._files:
            rows_before, skipped_before = self.row_count, self.skipped_rows
            file.bytes_read = file.skipped_rows = 0
            for batch in file.batches():
                rows = self._good_rows(file, batch)
                self.rows_read += rows.shape[1]
                yield self._handle_gaps(rows)
                progress.update(self.rows_read, bytes_before + file.bytes_read)
            bytes_before += file.size
            self.files.append({"name": file.name, "rows": self.row_count - rows_before})
            self.skipped_rows += file.skipped_rows
            if self.skipped_rows > skipped_before:
                self.bad_rows += itertools.islice(file.bad_rows(), NAMED_BAD_ROWS - len(self.bad_rows))
        progress.update(self.rows_read, bytes_before, last=True)
        self._judge_skipped()

    def _good_rows(self, file: InputFile, rows: FloatArray) -> FloatArray:
        beyond = np.abs(rows) > FLOAT32_MAX
        gap = self._arguments.missing_values == "fail" and bool(np.isnan(rows).any())
        if gap or (self._fails and beyond.any()):
            found = (row for row in file.bad_rows() if self._fails or row.reason.endswith(NO_VALUE))
            where = next(found, f"{file.name}: a value is missing or infinite")
            raise InputError(f"{where}. Correct the file, or choose another policy for such rows.")
        if not beyond.any():
            return rows
        bad = beyond.any(axis=0)
        self.skipped_rows += int(np.count_nonzero(bad))
        return rows[:, ~bad]

    def _handle_gaps(self, rows: FloatArray) -> FloatArray:
        missing = np.isnan(rows)
        if not missing.any():
            return rows
        self.null_count += missing.sum(axis=1)
        if self._arguments.missing_values != "drop":
            return np.where(missing, self._fill[:, np.newaxis], rows)
        keep = ~missing.any(axis=0)
        self.dropped_rows += int(np.count_nonzero(~keep))
        return rows[:, keep]

    def _judge_skipped(self) -> None:
        if not self.skipped_rows:
            return
        share = f"{self.skipped_rows:,} of {self.rows_read + self.skipped_rows:,} rows"
        log("\n  ".join([f"skipped {share}, the first being", *map(str, self.bad_rows)]))
        allowed = self._arguments.max_bad_fraction
        if self.skipped_rows > allowed * (self.rows_read + self.skipped_rows):
            first = "".join(f" The first is {row}." for row in self.bad_rows[:1])
            raise InputError(f"{share} are bad, more than max_bad_fraction={allowed}.{first} Correct the files.")


# ---------------------------------------------------------------------------------------------- moments and scaling


class Moments:
    """Count, mean, range and scatter of rows that arrive in batches; NaN counts as absent."""

    def __init__(self, width: int, *, with_scatter: bool = False) -> None:
        self.count: Any = np.zeros(width, np.int64)
        self.mean = np.zeros(width)
        self.squared_deviations = np.zeros(width)
        self.minimum = np.full(width, np.nan)
        self.maximum = np.full(width, np.nan)
        self.scatter = np.zeros((width, width)) if with_scatter and width <= MAX_SCATTER_COLUMNS else None

    @classmethod
    def from_document(cls, document: Document) -> Moments:
        """What one host wrote; where gaps take the mean, its profile describes the values present."""
        moments = cls(len(document["mean"]))
        absent = np.array(document["null_count"]) if document["missing_values"] == "mean" else 0
        moments.count = moments.count + document["row_count"] - absent
        for name in ("mean", "squared_deviations", "minimum", "maximum"):
            setattr(moments, name, np.array(document[name], dtype=np.float64))
        return moments

    def add(self, rows: FloatArray) -> None:
        """Take in a batch of shape (d, n)."""
        if not rows.shape[1]:
            return
        batch, absent = Moments(len(rows)), np.isnan(rows)
        batch.minimum, batch.maximum = np.fmin.reduce(rows, axis=1), np.fmax.reduce(rows, axis=1)
        batch.count = rows.shape[1] - absent.sum(axis=1)
        present = np.where(absent, 0.0, rows) if absent.any() else rows
        batch.mean = present.sum(axis=1) / np.maximum(batch.count, 1)
        centred = rows - batch.mean[:, np.newaxis]
        centred[absent] = 0.0
        if self.scatter is not None:
            batch.scatter = centred @ centred.T
        batch.squared_deviations = np.einsum("ij,ij->i", centred, centred)
        self.merge(batch)

    def merge(self, other: Moments) -> None:
        """Chan, Golub, LeVeque 1979: the deviations within both sets, and those between their means."""
        total = self.count + other.count
        share = other.count / np.maximum(total, 1)
        delta, weight = other.mean - self.mean, self.count * share
        self.squared_deviations = self.squared_deviations + other.squared_deviations + delta**2 * weight
        if self.scatter is not None and other.scatter is not None:
            self.scatter += other.scatter + np.outer(delta * weight, delta)
        self.mean = self.mean + delta * share
        self.minimum, self.maximum = np.fmin(self.minimum, other.minimum), np.fmax(self.maximum, other.maximum)
        self.count = total


class Scaling(NamedTuple):
    """Mean and divisor of every column over the rows of all hosts, each of shape (d,)."""

    mean: FloatArray
    scale: FloatArray


def find_scaling(files: Sequence[InputFile], arguments: argparse.Namespace, hosts: Sequence[str]) -> Scaling | None:
    """What a first pass over all rows has to find, where the arguments need one: deviations have divisor n."""
    if arguments.scaling == "none" and arguments.missing_values != "mean":
        return None
    if len(hosts) > 1 and not arguments.moments_dir:
        raise InputError(
            f"scaling={arguments.scaling} and missing_values={arguments.missing_values} on {len(hosts)} hosts need "
            "the moments of all hosts. Run a --profile-only job first and give its output as --moments-dir."
        )
    profiles = read_profiles(arguments) if arguments.moments_dir else [read_rows(files, arguments, None, None)[0]]
    merged = Moments(len(arguments.feature_columns))
    for document in profiles:
        merged.merge(Moments.from_document(document))
    if not merged.count.all():
        column = arguments.feature_columns[int(np.argmin(merged.count))]
        raise InputError(f"column {column!r} has no value in any row, hence no mean. Leave the column out.")
    deviation = np.sqrt(merged.squared_deviations / sum(document["row_count"] for document in profiles))
    # A constant column has nothing to scale.
    return Scaling(merged.mean, np.where((merged.minimum < merged.maximum) & (deviation > 0), deviation, 1.0))


def read_profiles(arguments: argparse.Namespace) -> list[Document]:
    """The moments that every host of a --profile-only job wrote."""
    folder = arguments.moments_dir
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("moments-*.json"))]
    found = {document["host"] for document in documents}
    if not found or found != {host for document in documents for host in document["hosts"]}:
        raise InputError(f"{folder} holds moments of {shorten(sorted(found))}, not of every host of one profile job.")
    for document in documents:
        for key in ("feature_columns", "missing_values"):
            if document[key] != getattr(arguments, key):
                raise InputError(f"{folder}: {key} differs from this job's. Run both jobs with the same arguments.")
    heads = [(document["files"][0]["name"], document["header"]) for document in documents if document["files"]]
    for head in heads[1:]:
        refuse_other_header(*heads[0], *head)
    return documents


# --------------------------------------------------------------------------------------------------------- features


class CsvPart:
    """A features file of headerless CSV; every number reads back as the same float32."""

    suffix = ".csv"

    def __init__(self, path: Path, width: int) -> None:
        self._schema = pa.schema([(str(index), pa.float32()) for index in range(width)])
        self._writer = pacsv.CSVWriter(str(path), self._schema, write_options=pacsv.WriteOptions(include_header=False))
        self.close = self._writer.close

    def write(self, features: FloatArray) -> None:
        """Append features of shape (d, n)."""
        columns = [[None, pa.py_buffer(column)] for column in features.astype(np.float32, order="C")]
        arrays = [pa.Array.from_buffers(pa.float32(), features.shape[1], column) for column in columns]
        self._writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self._schema))


class RecordIOPart:
    """A features file of RecordIO-protobuf, as the `sagemaker` SDK writes it for dense float32 vectors.

    A record is {features: {"values": {float32_tensor: {values: [...]}}}} (aialgs.data.Record) in a frame of magic
    number, length and padding to four bytes. All records of one width have one layout: a batch is one NumPy array.
    """

    suffix = ".pbr"

    def __init__(self, path: Path, width: int) -> None:
        message = b""
        # From the inside out: float32_tensor.values, Value.float32_tensor, the map's entry, Record.features.
        for opening in (b"\x0a", b"\x12", b"\x0a\x06values\x12", b"\x0a"):
            message = opening + varint(len(message) + 4 * width) + message
        length = len(message) + 4 * width
        self._prefix = np.frombuffer(struct.pack("<II", 0xCED7230A, length) + message, np.uint8)
        fields = [("prefix", "u1", self._prefix.size), ("values", "<f4", width), ("padding", "u1", -length % 4)]
        self._layout, self._file = np.dtype(fields), path.open("wb")
        self.close = self._file.close

    def write(self, features: FloatArray) -> None:
        """Append features of shape (d, n)."""
        records = np.zeros(features.shape[1], self._layout)
        records["prefix"], records["values"] = self._prefix, features.T
        records.tofile(self._file)


def varint(number: int) -> bytes:
    """A number as protobuf writes it: seven bits a byte, the lowest first."""
    return bytes([number]) if number < 0x80 else bytes([number & 0x7F | 0x80]) + varint(number >> 7)


class FeatureWriter:
    """Writes features into parts of --part-rows rows."""

    def __init__(self, folder: Path, host: str, arguments: argparse.Namespace) -> None:
        self.parts: list[Document] = []
        self._folder, self._host, self._arguments = folder, host, arguments
        self._part: CsvPart | RecordIOPart | None = None

    def write(self, features: FloatArray) -> None:
        """Append features of shape (d, n), opening parts as they fill up."""
        while features.shape[1]:
            if self._part is None or self.parts[-1]["rows"] == self._arguments.part_rows:
                self._part = self._open_part()
            room = self._arguments.part_rows - self.parts[-1]["rows"]
            self._part.write(features[:, :room])
            self.parts[-1]["rows"] += min(room, features.shape[1])
            features = features[:, room:]

    def close(self) -> None:
        """Finish the last part."""
        if self._part is not None:
            self._part.close()
            self.parts[-1]["bytes"] = (self._folder / self.parts[-1]["name"]).stat().st_size

    def _open_part(self) -> CsvPart | RecordIOPart:
        self.close()
        kind = CsvPart if self._arguments.output_format == "csv" else RecordIOPart
        name = f"features-{self._host}-{len(self.parts):05d}{kind.suffix}"
        self.parts.append({"name": name, "rows": 0})
        return kind(self._folder / name, len(self._arguments.feature_columns))


# --------------------------------------------------------------------------------------------------------- the flow


def run(arguments: argparse.Namespace) -> str:
    """Do the whole job and say in one sentence what it made."""
    host, hosts = read_hosts(arguments.resource_config)
    remove_output(arguments, host)
    files = open_input_files(arguments, hosts)
    with staging_folder(arguments.features_dir or arguments.stats_dir, host) as folder:
        writer = None if arguments.profile_only else FeatureWriter(folder, host, arguments)
        scaling = find_scaling(files, arguments, hosts) if writer else None
        document, scatter = read_rows(files, arguments, scaling, writer)
        if not document["row_count"] and len(hosts) == 1:
            raise InputError(f"No rows are left: {summary(document)}. Check the files and the policies.")
        for part in document["parts"]:
            os.replace(folder / part["name"], arguments.features_dir / part["name"])
    if scatter is not None:
        write_whole(arguments.stats_dir / f"scatter-{host}.npy", lambda path: np.save(path, scatter))
    header = files[0].columns if files else None
    manifest = json.dumps({"host": host, "hosts": hosts, "header": header, **document})
    write_whole(arguments.stats_dir / f"moments-{host}.json", lambda path: path.write_text(manifest))
    return summary(document)


def read_rows(
    files: Sequence[InputFile], arguments: argparse.Namespace, scaling: Scaling | None, writer: FeatureWriter | None
) -> tuple[Document, FloatArray | None]:
    """One pass over all rows: their statistics and scatter matrix and, with a writer, their features."""
    rows = TrainingRows(files, arguments, scaling, "features" if writer else "profile")
    moments = Moments(len(arguments.feature_columns), with_scatter=writer is not None)
    standardize = scaling if arguments.scaling == "standardize" else None
    with contextlib.closing(writer) if writer else contextlib.nullcontext():
        for batch in rows:
            moments.add(batch)
            if standardize:
                batch = (batch - standardize.mean[:, np.newaxis]) / standardize.scale[:, np.newaxis]
            if writer:
                writer.write(batch)
    document = describe(rows, moments, arguments)
    document.update(parts=writer.parts if writer else [], profile_only=writer is None)
    if standardize:
        document.update(center=standardize.mean.tolist(), scale=standardize.scale.tolist())
    return document, moments.scatter


def describe(rows: TrainingRows, moments: Moments, arguments: argparse.Namespace) -> Document:
    """The statistics of one pass, ready for JSON; the range of no rows is null."""
    return {
        "schema_version": SCHEMA_VERSION,
        "feature_columns": arguments.feature_columns,
        "row_count": rows.row_count,
        "mean": moments.mean.tolist(),
        "minimum": [None if np.isnan(value) else float(value) for value in moments.minimum],
        "maximum": [None if np.isnan(value) else float(value) for value in moments.maximum],
        "null_count": rows.null_count.tolist(),
        "squared_deviations": moments.squared_deviations.tolist(),
        "files": rows.files,
        "dropped_rows": rows.dropped_rows,
        "skipped_rows": rows.skipped_rows,
        "bad_rows": [row._asdict() for row in rows.bad_rows],
        "missing_values": arguments.missing_values,
        "scaling": arguments.scaling,
    }


def summary(document: Document) -> str:
    """The outcome in one line."""
    counts = "{row_count:,} rows, {skipped_rows:,} bad rows skipped, {dropped_rows:,} rows with gaps dropped"
    return f"{counts.format(**document)}, {len(document['feature_columns'])} columns, {len(document['parts'])} parts"


# ------------------------------------------------------------------------------------------------- output and report


@contextlib.contextmanager
def staging_folder(parent: Path, host: str) -> Iterator[Path]:
    """A folder for parts until all of them are whole; gone in the end, whatever happens."""
    folder = parent / f".partial-{host}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_output(arguments: argparse.Namespace, host: str) -> None:
    """Remove what an earlier run of this host left, the manifest first."""
    arguments.stats_dir.mkdir(parents=True, exist_ok=True)
    old = [arguments.stats_dir / f"moments-{host}.json", arguments.stats_dir / f"scatter-{host}.npy"]
    for path in [*old, *(arguments.features_dir or arguments.stats_dir).glob(f"features-{host}-*")]:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def write_whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file that has its name only once it is whole."""
    partial = path.with_name(f".partial-{path.name}")
    write(partial)
    os.replace(partial, path)


class Progress:
    """Logs rows, speed and time left of one pass every few seconds, and at the end."""

    def __init__(self, purpose: str, total_bytes: int) -> None:
        self._purpose, self._total_bytes, self._start = purpose, max(total_bytes, 1), time.monotonic()
        self._logged = self._start

    def update(self, rows: int, bytes_read: int, *, last: bool = False) -> None:
        """Log where the pass stands, if it is time."""
        now = time.monotonic()
        if last or now - self._logged >= PROGRESS_SECONDS:
            self._logged, seconds = now, max(now - self._start, 1e-9)
            left = 0 if last else seconds * (self._total_bytes - bytes_read) / max(bytes_read, 1)
            speed = f"{rows / seconds:,.0f} rows/s"
            done = f"{self._purpose} {1 if last else bytes_read / self._total_bytes:.0%}"
            log(f"{done}: {rows:,} rows in {seconds:.1f} s, {speed}, {left:.0f} s left")


def log(text: str) -> None:
    """Write a line to the job's log at once."""
    print(text, flush=True)


def shorten(names: Sequence[str]) -> str:
    """The first of many names as text."""
    return ", ".join(names[:20]) + (f" and {len(names) - 20:,} more" if len(names) > 20 else "")


def write_message(folder: Path, text: str) -> None:
    """Leave the outcome where SageMaker picks up a job's exit message: its first kilobyte, in whole characters."""
    if folder.is_dir():
        kilobyte = text.encode(errors="replace")[:1024].decode(errors="ignore")
        (folder / "message").write_text(kilobyte, encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; 0 is success, 1 a failure that the log and the exit message explain."""
    arguments = parse_arguments(argv)
    try:
        outcome = run(arguments)
    except Exception as error:
        expected = isinstance(error, InputError)
        write_message(arguments.message_dir, str(error) if expected else f"{type(error).__name__}: {error}")
        if not expected:
            raise
        print(f"ERROR: {error}", file=sys.stderr, flush=True)
        return 1
    log(outcome)
    write_message(arguments.message_dir, outcome)
    return 0


if __name__ == "__main__":
    # SageMaker stops a job with SIGTERM: leave by way of every `finally`, so that nothing partial stays.
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(143))
    sys.exit(main())
