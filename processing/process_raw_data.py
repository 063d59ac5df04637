"""Turns raw recordings into training features and the statistics that go with them.

Runs in a SageMaker processing container and needs only NumPy and pyarrow. It streams every .csv, .csv.gz and .parquet
file below --input-dir, so that memory stays flat however large the files are, in one flow:

    arguments -> input files -> batches of numbers -> bad rows -> missing values -> moments -> scaling -> features

Features are headerless CSV or RecordIO-protobuf, in parts. Moments tell later steps about the rows without reading
them again: count, mean, range, gaps, scatter matrix. On several hosts each handles its own files, and the hosts'
moments merge exactly. moments-<host>.json is written last: where it stands, everything else stands.
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
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, NamedTuple, Sequence, Union

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

FloatArray = npt.NDArray[np.float64]
Features = npt.NDArray[np.float32]
Document = Dict[str, Any]

SCHEMA_VERSION = 1
INPUT_SUFFIXES = (".csv", ".csv.gz", ".parquet")
FLOAT32_MAX = float(np.finfo(np.float32).max)
MAX_SCATTER_COLUMNS = 2_000  # a scatter matrix of 2,000 columns takes 32 MB; wider data keeps variances only
NAMED_BAD_ROWS = 10
MESSAGE_BYTES = 1_024  # SageMaker passes on the first kilobyte of /opt/ml/output/message
PROGRESS_SECONDS = 5.0
BLOCK_BYTES = 4 << 20
_SPELLINGS = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NAN", "null", "Null", "NULL", "None")
MISSING_CELLS = (*_SPELLINGS, *(f" {spelling}" for spelling in _SPELLINGS))


# Numbers as Arrow reads them, for either decimal mark.
NUMBER = {mark: re.compile(rf"^[+-]?([0-9]+[{mark}]?[0-9]*|[{mark}][0-9]+)([eE][+-]?[0-9]+)?$") for mark in ".,"}


class InputError(Exception):
    """The input or the arguments are not what the job needs; the message says what, where and what to do."""


# -------------------------------------------------------------------------------------------------------- arguments


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; `@file` stands for the arguments in that file, one a line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0], fromfile_prefix_chars="@")
    add = parser.add_argument
    add("--input-dir", type=Path, required=True, help=f"files ending in {', '.join(INPUT_SUFFIXES)}, at any depth")
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
    """Column names of one CSV line: a name that holds a comma is quoted."""
    names = [name.strip() for name in next(csv.reader([text]), [])]
    if repeated := repeated_names(names):
        raise argparse.ArgumentTypeError(f"column {repeated[0]!r} is named twice. Name each column once.")
    if not names or not all(names):
        raise argparse.ArgumentTypeError("a column name is empty. Name columns as a,b,c.")
    return names


def repeated_names(names: Sequence[str]) -> list[str]:
    """Names that occur more than once, in order."""
    seen: set[str] = set()
    return [name for name in names if name in seen or seen.add(name)]  # type: ignore[func-returns-value]


def read_hosts(resource_config: Path) -> tuple[str, list[str]]:
    """The name of this host and the names of all hosts of the job; without a configuration there is one, algo-1."""
    if not resource_config.is_file():
        return "algo-1", ["algo-1"]
    config = json.loads(resource_config.read_text(encoding="utf-8"))
    return str(config["current_host"]), sorted(map(str, config["hosts"]))


# ------------------------------------------------------------------------------------------------------ input files


class BadRow(NamedTuple):
    """A row that cannot become features: its file, its line (in Parquet its row), and why."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        unit = "row" if self.file.lower().endswith(".parquet") else "line"
        return f"{self.file}, {unit} {self.line}: {self.reason}"


def open_input_files(arguments: argparse.Namespace, host: str, hosts: Sequence[str]) -> list[InputFile]:
    """Every input file below --input-dir in order of its name, headers checked."""
    folder = arguments.input_dir
    found = sorted((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file())
    paths = {name: path for name, path in found if name.lower().endswith(INPUT_SUFFIXES)}
    if ignored := [name for name, _ in found if name not in paths]:
        log(f"ignored {len(ignored)} files that end in none of {', '.join(INPUT_SUFFIXES)}: {shorten(ignored)}")
    # With fewer files than hosts some host is left without; a job without any input has no host with one.
    if not paths and len(hosts) == 1:
        raise InputError(f"no input files under {folder}. Files have to end in {', '.join(INPUT_SUFFIXES)}.")
    files = [open_input_file(path, name, arguments) for name, path in paths.items()]
    for file in files[1:]:
        refuse_other_header(files[0], file)
    log(f"{host}, one of {len(hosts)} hosts: {len(files)} files, {sum(file.size for file in files) / 1e6:,.1f} MB")
    log_limiting_shard(files)
    return files


def open_input_file(path: Path, name: str, arguments: argparse.Namespace) -> InputFile:
    """The file as its suffix says."""
    return (ParquetFile if name.lower().endswith(".parquet") else CsvFile)(path, name, arguments)


def refuse_other_header(first: InputFile, other: InputFile) -> None:
    """Files of one job hold the same columns in the same order: another header is a file of another kind."""
    for number, (here, there) in enumerate(itertools.zip_longest(first.columns, other.columns), start=1):
        if here != there:
            raise InputError(
                f"{other.name} has another header than {first.name}: column {number} is "
                f"{there!r} there and {here!r} here. Process files of different kinds apart."
            )


def find_columns(columns: Sequence[str], wanted: Sequence[str], name: str) -> dict[str, int]:
    """The feature columns and where they are in a file."""
    position = {column: index for index, column in enumerate(columns)}
    for column in wanted:
        if column not in position:
            raise InputError(
                f"{name} has no column {column!r}. Its columns are {shorten(columns)}. "
                "Correct the feature columns, the delimiter or the file."
            )
    if repeated := [column for column in repeated_names(columns) if column in set(wanted)]:
        raise InputError(f"{name} has more than one column {repeated[0]!r}. Give each column a name of its own.")
    return {column: position[column] for column in wanted}


def log_limiting_shard(files: Sequence[InputFile]) -> None:
    """Name a file so large that the job takes as long as that file however many hosts it gets."""
    total, largest = sum(file.size for file in files), max(files, key=lambda file: file.size, default=None)
    if largest and len(files) > 1 and largest.size > 0.5 * total and largest.size > 2 * total / len(files):
        log(
            f"{largest.name} is the limiting shard: it holds {largest.size / total:.0%} of this host's bytes, and a "
            "file is never shared out among hosts. Split it to gain from more hosts."
        )


class CsvFile:
    """One file of delimited text, plain or gzipped."""

    def __init__(self, path: Path, name: str, arguments: argparse.Namespace) -> None:
        self.path, self.name, self.size = path, name, path.stat().st_size
        self.bytes_read = self.skipped_rows = 0
        self._arguments = arguments
        self._gzipped = name.lower().endswith(".gz")
        with self._cells() as rows:
            header = next((row for row in rows if row), None)
            if header is None:
                raise InputError(f"{name} is empty. Remove it or upload it again.")
            self._header_lines = rows.line_num
            first: list[str] = next((row for row in rows if row), [])
        self.columns = match_trailing_delimiter([column.strip() for column in header], first)
        self._row_bytes = 4 * max(len("".join(row)) + len(row) for row in (header, first))
        self._has_rows = bool(first)
        self._positions = find_columns(self.columns, arguments.feature_columns, name)

    def batches(self) -> Iterator[FloatArray]:
        """Feature columns, shape (d, rows): NaN where a cell is missing, infinite where it is no number."""
        if not self._has_rows:
            return
        try:
            with pa.OSFile(str(self.path)) as raw:
                for batch in self._open(pa.CompressedInputStream(raw, "gzip") if self._gzipped else raw):
                    self.bytes_read = raw.tell()
                    yield stack(map(self._to_numbers, batch.columns), batch.num_rows)
        except pa.ArrowInvalid as error:
            # Arrow is quick and does not say where; the slow reader finds the place.
            where = next(self.bad_rows(), f"{self.name}: {error}")
            raise InputError(f"{where}. Correct it, or skip bad rows.") from error
        except OSError as error:
            raise InputError(f"{self.name} is cut off or damaged: {error}. Upload it again.") from error

    def bad_rows(self, *, missing: bool = False) -> Iterator[BadRow]:
        """The bad rows, or those with a missing feature, found by reading cell by cell."""
        with self._cells() as rows:
            for row in rows:
                reason = self._problem(row, missing) if row and rows.line_num > self._header_lines else None
                if reason:
                    yield BadRow(self.name, rows.line_num, reason)

    def _open(self, stream: Any) -> Any:
        names = [str(index) for index in range(len(self.columns))]
        wanted = [names[index] for index in self._positions.values()]
        skip = self._arguments.on_bad_rows == "skip"
        # A block has to hold the longest row, and of wide rows enough to be worth a pass.
        block_size = max(BLOCK_BYTES, min(256 * self._row_bytes, 8 * BLOCK_BYTES), 2 * self._row_bytes)
        return pacsv.open_csv(
            stream,
            pacsv.ReadOptions(block_size=block_size, column_names=names, skip_rows=self._header_lines),
            pacsv.ParseOptions(
                delimiter=self._arguments.delimiter,
                newlines_in_values=True,
                invalid_row_handler=self._skip_row if skip else None,
            ),
            pacsv.ConvertOptions(
                include_columns=wanted,
                column_types=dict.fromkeys(wanted, pa.string() if skip else pa.float64()),
                null_values=MISSING_CELLS,
                strings_can_be_null=True,
                decimal_point=self._arguments.decimal,
            ),
        )

    def _skip_row(self, _row: Any) -> str:
        self.skipped_rows += 1
        return "skip"

    def _to_numbers(self, column: Any) -> Any:
        if not pa.types.is_string(column.type):
            return column
        text = pc.utf8_trim(column, characters=" \t")
        is_number = pc.match_substring_regex(text, NUMBER[self._arguments.decimal].pattern)
        return pc.if_else(is_number, pc.replace_substring(text, ",", "."), "inf").cast(pa.float64())

    @contextlib.contextmanager
    def _cells(self) -> Iterator[Any]:
        opener: Any = gzip.open if self._gzipped else open
        csv.field_size_limit(2**31 - 1)
        try:
            with opener(self.path, "rt", encoding="utf-8-sig", errors="replace", newline="") as text:
                yield csv.reader(text, delimiter=self._arguments.delimiter)
        except (EOFError, OSError, zlib.error, csv.Error) as error:
            raise InputError(f"{self.name} is cut off or damaged: {error}. Upload it again.") from error

    def _problem(self, row: list[str], missing: bool) -> str | None:
        if len(row) != len(self.columns):
            return None if missing else f"{len(row)} cells instead of {len(self.columns)}"
        for column, index in self._positions.items():
            if problem := cell_problem(row[index], self._arguments.decimal, missing):
                return f"column {column!r} {problem}"
        return None


def match_trailing_delimiter(columns: list[str], first_row: Sequence[str]) -> list[str]:
    """The header's columns as the rows have them: header or rows alone may end in a delimiter."""
    if first_row and not columns[-1] and len(first_row) == len(columns) - 1:
        return columns[:-1]
    if first_row and not first_row[-1] and len(first_row) == len(columns) + 1:
        return [*columns, ""]
    return columns


def cell_problem(cell: str, decimal: str, missing: bool) -> str | None:
    """What is wrong with a cell, judged as Arrow judges it; with `missing`, whether it is missing."""
    if cell in MISSING_CELLS or missing:
        return f"has no value ({cell!r})" if missing and cell in MISSING_CELLS else None
    text = cell.strip(" \t")
    if not NUMBER[decimal].search(text):
        return f"holds {cell[:40]!r}, which is no finite number"
    return out_of_range(float(text.replace(",", ".")))


def out_of_range(value: float) -> str | None:
    """What is wrong with a number that training, which works in float32, cannot take."""
    return None if abs(value) <= FLOAT32_MAX else f"holds {value!r}, which is beyond float32"


class ParquetFile:
    """One Parquet file."""

    def __init__(self, path: Path, name: str, arguments: argparse.Namespace) -> None:
        self.path, self.name, self.size = path, name, path.stat().st_size
        self.bytes_read = self.skipped_rows = 0
        self._wanted = arguments.feature_columns
        try:
            with pq.ParquetFile(str(path)) as file:
                schema, self._row_count = file.schema_arrow, file.metadata.num_rows
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(f"{name} is no whole Parquet file: {error}. Upload it again.") from error
        self.columns = list(schema.names)
        for column, index in find_columns(self.columns, self._wanted, name).items():
            kind = schema.types[index]
            if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
                raise InputError(f"{name}: column {column!r} has type {kind}. Store it as numbers.")

    def batches(self) -> Iterator[FloatArray]:
        """Feature columns, shape (d, rows): NaN where a value is missing."""
        rows = max(1, BLOCK_BYTES // 8 // len(self._wanted))
        rows_read = 0
        try:
            with pq.ParquetFile(str(self.path)) as file:
                for batch in file.iter_batches(rows, columns=self._wanted):
                    rows_read += batch.num_rows
                    self.bytes_read = self.size * rows_read // self._row_count
                    columns = (batch.column(name).cast(pa.float64(), safe=False) for name in self._wanted)
                    yield stack(columns, batch.num_rows)
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(f"{self.name} is cut off or damaged: {error}. Upload it again.") from error

    def bad_rows(self, *, missing: bool = False) -> Iterator[BadRow]:
        """The rows with infinite values, or those with a missing feature; line counts rows from 1."""
        start = 1
        for values in self.batches():
            bad = np.isnan(values) if missing else np.abs(values) > FLOAT32_MAX
            for row in np.flatnonzero(bad.any(axis=0)):
                column = int(np.argmax(bad[:, row]))
                problem = "has no value" if missing else out_of_range(float(values[column, row]))
                yield BadRow(self.name, start + int(row), f"column {self._wanted[column]!r} {problem}")
            start += values.shape[1]


InputFile = Union[CsvFile, ParquetFile]


def stack(columns: Iterable[Any], rows: int) -> FloatArray:
    """Arrow columns as one array of shape (d, rows), nulls as NaN."""
    numbers = [column.to_numpy(zero_copy_only=False) for column in columns]
    return np.stack(numbers) if numbers else np.empty((0, rows))


# --------------------------------------------------------------------------------------- bad rows and missing values


class RawRows:
    """All rows of this host as numbers, bad rows refused or left out and counted."""

    def __init__(self, files: Sequence[InputFile], arguments: argparse.Namespace, label: str) -> None:
        self.files: list[Document] = []
        self.bad_rows: list[BadRow] = []
        self.row_count = self.skipped_rows = 0
        self._files, self._arguments, self._label = files, arguments, label

    def __iter__(self) -> Iterator[FloatArray]:
        progress = Progress(self._label, sum(file.size for file in self._files))
        bytes_before = 0
        for file in self._files:
            rows_before, skipped_before, file.skipped_rows = self.row_count, self.skipped_rows, 0
            for batch in file.batches():
                rows = self._good_rows(file, batch)
                self.row_count += rows.shape[1]
                yield rows
                progress.update(self.row_count, bytes_before + file.bytes_read)
            bytes_before += file.size
            self.skipped_rows += file.skipped_rows
            self.files.append({"name": file.name, "rows": self.row_count - rows_before})
            if self.skipped_rows > skipped_before:
                self.bad_rows += itertools.islice(file.bad_rows(), NAMED_BAD_ROWS - len(self.bad_rows))
        progress.finish(self.row_count)
        self._check_bad_fraction()

    def _good_rows(self, file: InputFile, rows: FloatArray) -> FloatArray:
        if self._arguments.missing_values == "fail" and np.isnan(rows).any():
            where = next(file.bad_rows(missing=True), file.name)
            raise InputError(f"{where}. Fill it, or choose another policy for missing values.")
        beyond = np.abs(rows) > FLOAT32_MAX
        if not beyond.any():
            return rows
        if self._arguments.on_bad_rows == "fail":
            raise InputError(f"{next(file.bad_rows(), file.name)}. Correct it, or skip bad rows.")
        bad = beyond.any(axis=0)
        self.skipped_rows += int(bad.sum())
        return rows[:, ~bad]

    def _check_bad_fraction(self) -> None:
        read = self.row_count + self.skipped_rows
        if not self.skipped_rows:
            return
        log(f"skipped {self.skipped_rows:,} of {read:,} rows, the first {len(self.bad_rows)} being:")
        for row in self.bad_rows:
            log(f"  {row}")
        if self.skipped_rows > self._arguments.max_bad_fraction * read:
            raise InputError(
                f"{self.skipped_rows:,} of {read:,} rows are bad, more than max_bad_fraction="
                f"{self._arguments.max_bad_fraction} allows. The first: {self.bad_rows[0]}. Correct the files."
            )


class MissingValues:
    """Fills or drops what is missing, and counts it."""

    def __init__(self, policy: str, width: int, means: FloatArray | None) -> None:
        self.null_count = np.zeros(width, np.int64)
        self.dropped_rows = 0
        self._policy = policy
        # Without means yet, the first pass over the rows, gaps stay gaps.
        self._fill = np.full(width, np.nan) if policy == "mean" else np.zeros(width)
        if policy == "mean" and means is not None:
            self._fill = means

    def handle(self, rows: FloatArray) -> FloatArray:
        """The rows (d, n) as training is to see them, in raw units."""
        missing = np.isnan(rows)
        if not missing.any():
            return rows
        self.null_count += missing.sum(axis=1)
        if self._policy != "drop":
            return np.where(missing, self._fill[:, np.newaxis], rows)
        keep = ~missing.any(axis=0)
        self.dropped_rows += int(np.count_nonzero(~keep))
        return rows[:, keep]


# ---------------------------------------------------------------------------------------------- moments and scaling


class Moments:
    """Count, mean, range and scatter of rows that arrive in batches; NaN counts as absent."""

    def __init__(self, width: int, *, with_scatter: bool) -> None:
        self.count: npt.NDArray[np.int64] = np.zeros(width, np.int64)
        self.mean = np.zeros(width)
        self.squared_deviations = np.zeros(width)
        self.minimum = np.full(width, np.nan)
        self.maximum = np.full(width, np.nan)
        self.scatter = np.zeros((width, width)) if with_scatter and width <= MAX_SCATTER_COLUMNS else None

    @classmethod
    def from_document(cls, document: Document) -> Moments:
        """What one host wrote; where gaps take the mean, its profile describes the values present."""
        moments = cls(len(document["mean"]), with_scatter=False)
        absent = np.array(document["null_count"]) if document["missing_values"] == "mean" else 0
        moments.count = moments.count + document["row_count"] - absent
        for name in ("mean", "squared_deviations", "minimum", "maximum"):
            setattr(moments, name, np.array(document[name], dtype=np.float64))
        return moments

    def add(self, rows: FloatArray) -> None:
        """Take in a batch of shape (d, n)."""
        if not rows.shape[1]:
            return
        batch = Moments(len(rows), with_scatter=False)
        batch.minimum, batch.maximum = np.fmin.reduce(rows, axis=1), np.fmax.reduce(rows, axis=1)
        absent = np.isnan(rows)
        batch.count = rows.shape[1] - absent.sum(axis=1)
        gaps = bool(absent.any())
        batch.mean = (np.where(absent, 0.0, rows) if gaps else rows).sum(axis=1) / np.maximum(batch.count, 1)
        centred = rows - batch.mean[:, np.newaxis]
        if gaps:
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
            self.scatter += other.scatter
            self.scatter += np.outer(delta * weight, delta)
        self.mean = self.mean + delta * share
        self.minimum, self.maximum = np.fmin(self.minimum, other.minimum), np.fmax(self.maximum, other.maximum)
        self.count = total


class Recipe(NamedTuple):
    """What has to be known of all rows before the first can be written, each of shape (d,)."""

    mean: FloatArray
    scale: FloatArray


def make_recipe(documents: Sequence[Document], columns: Sequence[str]) -> Recipe:
    """Means and standard deviations of the columns over all hosts, divisor n, gaps as the policy fills them."""
    merged = Moments(len(columns), with_scatter=False)
    for document in documents:
        merged.merge(Moments.from_document(document))
    if (empty := np.flatnonzero(merged.count == 0)).size:
        raise InputError(f"column {columns[empty[0]]!r} has no value in any row, hence no mean. Leave the column out.")
    rows = sum(document["row_count"] for document in documents)
    deviation = np.sqrt(merged.squared_deviations / rows)
    # A constant column has nothing to scale.
    return Recipe(merged.mean, np.where((merged.minimum < merged.maximum) & (deviation > 0), deviation, 1.0))


def read_profiles(folder: Path, arguments: argparse.Namespace) -> list[Document]:
    """The moments that every host of a --profile-only job wrote."""
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("moments-*.json"))]
    found = {document["host"] for document in documents}
    if not found or found != {host for document in documents for host in document["hosts"]}:
        raise InputError(f"{folder} holds moments of {sorted(found)}, not of every host of one profile job.")
    for document in documents:
        for key in ("feature_columns", "missing_values"):
            if document[key] != getattr(arguments, key):
                raise InputError(
                    f"{folder}: the profile of {document['host']} was made with {key}={shorten(document[key])}, this "
                    f"job has {shorten(getattr(arguments, key))}. Run both jobs with the same arguments."
                )
    return documents


# --------------------------------------------------------------------------------------------------------- features


class CsvPart:
    """One features file of headerless CSV; every number reads back as the same float32."""

    suffix = ".csv"

    def __init__(self, path: Path, width: int) -> None:
        self._schema = pa.schema([(str(index), pa.float32()) for index in range(width)])
        self._writer = pacsv.CSVWriter(str(path), self._schema, write_options=pacsv.WriteOptions(include_header=False))

    def write(self, features: Features) -> None:
        """Append features of shape (d, n)."""
        self._writer.write_batch(pa.record_batch([pa.array(column) for column in features], schema=self._schema))

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()


class RecordIOPart:
    """One features file of RecordIO-protobuf, as the `sagemaker` SDK writes it for dense float32 vectors.

    A record is {features: {"values": {float32_tensor: {values: [...]}}}} (aialgs.data.Record) in a frame of magic
    number, length and padding to four bytes. Of one width all records have one layout: a batch is one NumPy array.
    """

    suffix = ".pbr"

    def __init__(self, path: Path, width: int) -> None:
        message = b""
        # From the inside out: float32_tensor.values, Value.float32_tensor, the map's entry, Record.features.
        for opening in (b"\x0a", b"\x12", b"\x0a\x06values\x12", b"\x0a"):
            message = opening + varint(len(message) + 4 * width) + message
        length = len(message) + 4 * width
        prefix = struct.pack("<II", 0xCED7230A, length) + message
        self._prefix = np.frombuffer(prefix, np.uint8)
        padding = -length % 4
        self._layout = np.dtype([("prefix", "u1", len(prefix)), ("values", "<f4", width), ("padding", "u1", padding)])
        self._file = path.open("wb")

    def write(self, features: Features) -> None:
        """Append features of shape (d, n)."""
        records = np.zeros(features.shape[1], self._layout)
        records["prefix"] = self._prefix
        records["values"] = features.T
        records.tofile(self._file)

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


def varint(number: int) -> bytes:
    """A number as protobuf writes it: seven bits a byte, the lowest first."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


class FeatureWriter:
    """Writes features into parts of --part-rows rows, the first file from 0."""

    def __init__(self, folder: Path, host: str, arguments: argparse.Namespace) -> None:
        self.parts: list[Document] = []
        self._folder, self._host, self._part_rows = folder, host, arguments.part_rows
        self._width = len(arguments.feature_columns)
        self._kind = CsvPart if arguments.output_format == "csv" else RecordIOPart
        self._part: CsvPart | RecordIOPart | None = None

    def write(self, features: Features) -> None:
        """Append features of shape (d, n), in the current part and as many more as they need."""
        while features.shape[1]:
            if self._part is None or self.parts[-1]["rows"] == self._part_rows:
                self._part = self._open_part()
            room = self._part_rows - self.parts[-1]["rows"]
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
        name = f"features-{self._host}-{len(self.parts):05d}{self._kind.suffix}"
        self.parts.append({"name": name, "rows": 0})
        return self._kind(self._folder / name, self._width)


# --------------------------------------------------------------------------------------------------------- the flow


def run(arguments: argparse.Namespace) -> str:
    """Do the whole job and say in one sentence what it made."""
    host, hosts = read_hosts(arguments.resource_config)
    files = open_input_files(arguments, host, hosts)
    remove_output(arguments, host)
    if arguments.profile_only:
        document, scatter = profile(files, arguments), None
    else:
        recipe = find_recipe(files, arguments, hosts)
        with staging_folder(arguments.features_dir, host) as folder:
            document, scatter = transform(files, arguments, recipe, FeatureWriter(folder, host, arguments))
            refuse_no_rows(document, hosts)
            for part in document["parts"]:
                os.replace(folder / part["name"], arguments.features_dir / part["name"])
    refuse_no_rows(document, hosts)
    write_statistics(arguments.stats_dir, {"host": host, "hosts": hosts, **document}, scatter)
    return (
        f"{document['row_count']:,} rows x {len(arguments.feature_columns)} columns in {len(document['parts'])} parts; "
        f"{document['skipped_rows']:,} bad rows skipped, {document['dropped_rows']:,} rows with gaps dropped."
    )


def find_recipe(files: Sequence[InputFile], arguments: argparse.Namespace, hosts: Sequence[str]) -> Recipe | None:
    """Means and scales of all rows of all hosts, where the arguments ask for them."""
    if arguments.scaling == "none" and arguments.missing_values != "mean":
        return None
    if arguments.moments_dir:
        return make_recipe(read_profiles(arguments.moments_dir, arguments), arguments.feature_columns)
    if len(hosts) > 1:
        raise InputError(
            f"scaling={arguments.scaling} and missing_values={arguments.missing_values} on {len(hosts)} hosts need "
            "the moments of all hosts. Run a --profile-only job first and give its output as --moments-dir."
        )
    return make_recipe([profile(files, arguments)], arguments.feature_columns)


def profile(files: Sequence[InputFile], arguments: argparse.Namespace) -> Document:
    """Read all rows for their moments alone."""
    width = len(arguments.feature_columns)
    raw, missing = RawRows(files, arguments, "profile"), MissingValues(arguments.missing_values, width, None)
    moments = Moments(width, with_scatter=False)
    for rows in raw:
        moments.add(missing.handle(rows))
    return {**describe_rows(arguments, raw, missing, moments), "parts": [], "profile_only": True}


def transform(
    files: Sequence[InputFile], arguments: argparse.Namespace, recipe: Recipe | None, writer: FeatureWriter
) -> tuple[Document, FloatArray | None]:
    """Read all rows, write their features, and return what there is to know about them."""
    width = len(arguments.feature_columns)
    raw = RawRows(files, arguments, "features")
    missing = MissingValues(arguments.missing_values, width, recipe.mean if recipe else None)
    moments = Moments(width, with_scatter=True)
    standardize = recipe if arguments.scaling == "standardize" else None
    with contextlib.closing(writer):
        for batch in raw:
            rows = missing.handle(batch)
            moments.add(rows)
            if standardize:
                rows = (rows - standardize.mean[:, np.newaxis]) / standardize.scale[:, np.newaxis]
            writer.write(rows.astype(np.float32))
    document = {**describe_rows(arguments, raw, missing, moments), "parts": writer.parts}
    if standardize:
        document.update(center=standardize.mean.tolist(), scale=standardize.scale.tolist())
    return document, moments.scatter


def describe_rows(arguments: argparse.Namespace, raw: RawRows, missing: MissingValues, moments: Moments) -> Document:
    """The statistics of one pass, ready for JSON; the range of no rows is null."""
    return {
        "schema_version": SCHEMA_VERSION,
        "feature_columns": arguments.feature_columns,
        "row_count": raw.row_count - missing.dropped_rows,
        "mean": moments.mean.tolist(),
        "minimum": [None if np.isnan(value) else float(value) for value in moments.minimum],
        "maximum": [None if np.isnan(value) else float(value) for value in moments.maximum],
        "null_count": missing.null_count.tolist(),
        "squared_deviations": moments.squared_deviations.tolist(),
        "files": raw.files,
        "dropped_rows": missing.dropped_rows,
        "skipped_rows": raw.skipped_rows,
        "bad_rows": [row._asdict() for row in raw.bad_rows],
        "missing_values": arguments.missing_values,
        "scaling": arguments.scaling,
    }


def refuse_no_rows(document: Document, hosts: Sequence[str]) -> None:
    """A host may end up without rows where others have some."""
    if not document["row_count"] and len(hosts) == 1:
        names = shorten([file["name"] for file in document["files"]])
        raise InputError(
            f"no rows are left of {names}: {document['skipped_rows']:,} are bad and {document['dropped_rows']:,} "
            "have gaps. Check the files."
        )


# ------------------------------------------------------------------------------------------------- output and report


@contextlib.contextmanager
def staging_folder(features_dir: Path, host: str) -> Iterator[Path]:
    """A folder for parts until all of them are whole; gone in the end, whatever happens."""
    folder = features_dir / f".partial-{host}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_output(arguments: argparse.Namespace, host: str) -> None:
    """Remove what an earlier run of this host left, the manifest first."""
    arguments.stats_dir.mkdir(parents=True, exist_ok=True)
    for name in (f"moments-{host}.json", f"scatter-{host}.npy"):
        with contextlib.suppress(FileNotFoundError):
            (arguments.stats_dir / name).unlink()
    if not arguments.profile_only:
        for part in arguments.features_dir.glob(f"features-{host}-*"):
            part.unlink()


def write_statistics(folder: Path, document: Document, scatter: FloatArray | None) -> None:
    """Write the scatter matrix, then the moments, each under its name only once it is whole."""
    if scatter is not None:
        partial = folder / f".scatter-{document['host']}.npy"
        np.save(partial, scatter)
        os.replace(partial, folder / f"scatter-{document['host']}.npy")
    partial = folder / f".moments-{document['host']}.json"
    partial.write_text(json.dumps(document), encoding="utf-8")
    os.replace(partial, folder / f"moments-{document['host']}.json")


class Progress:
    """Logs rows, speed and time left every few seconds."""

    def __init__(self, label: str, total_bytes: int) -> None:
        self._label, self._total_bytes = label, total_bytes
        self._start = time.monotonic()
        self._due = self._start + PROGRESS_SECONDS

    def update(self, rows: int, bytes_read: int) -> None:
        """Log where the pass stands, if it is time."""
        if time.monotonic() < self._due:
            return
        seconds = time.monotonic() - self._start
        left = seconds * (self._total_bytes - bytes_read) / max(bytes_read, 1)
        share = bytes_read / max(self._total_bytes, 1)
        log(f"{self._label}: {rows:,} rows, {rows / seconds:,.0f} rows/s, {share:.0%} done, {left:,.0f} s left")
        self._due = time.monotonic() + PROGRESS_SECONDS

    def finish(self, rows: int) -> None:
        """Log the whole pass."""
        seconds = max(time.monotonic() - self._start, 1e-9)
        log(f"{self._label}: {rows:,} rows in {seconds:.1f} s, {rows / seconds:,.0f} rows/s")


def log(text: str) -> None:
    """Write a line to the job's log at once."""
    print(text, flush=True)


def shorten(names: Any) -> str:
    """A list of names as text, the first of many."""
    if isinstance(names, str):
        return names
    return ", ".join(names[:20]) + (f" and {len(names) - 20:,} more" if len(names) > 20 else "")


def write_message(folder: Path, text: str) -> None:
    """Leave the outcome where SageMaker picks up a job's exit message; outside a container there is no such place."""
    if folder.is_dir():
        # Cut between characters: bytes that are no UTF-8 would fail the job.
        (folder / "message").write_text(text.encode()[:MESSAGE_BYTES].decode(errors="ignore"), encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; 0 is success, 1 a failure that the log and the exit message explain."""
    arguments = parse_arguments(argv)
    try:
        outcome = run(arguments)
    except InputError as error:
        print(f"ERROR: {error}", file=sys.stderr, flush=True)
        write_message(arguments.message_dir, str(error))
        return 1
    except Exception as error:
        write_message(arguments.message_dir, f"{type(error).__name__}: {error}")
        raise
    log(outcome)
    write_message(arguments.message_dir, outcome)
    return 0


if __name__ == "__main__":
    # SageMaker stops a job with SIGTERM: leave by way of every `finally`, so that nothing partial stays.
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(143))
    sys.exit(main())
