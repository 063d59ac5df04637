"""The raw data that a user brings: found, and read as the job will read it before anything is started for it."""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from processing.arguments import SUFFIXES, parse_arguments
from processing.columns import refuse_other_header
from processing.csv_files import CsvFile
from processing.input_files import InputFile
from processing.messages import InputError
from processing.parquet_files import ParquetFile
from quickstart.checked_settings import checked_config, with_components
from quickstart.processes import QuickstartError
from quickstart.recognition import recognise
from sagemaker_pca.run.service_requests import script_arguments
from sagemaker_pca.settings.pipeline import PcaRunConfig

# The job knows no .tsv: such a file is uploaded as the .csv that it is but for its delimiter.
JOB_SUFFIXES = {".tsv": ".tsv.csv", ".tsv.gz": ".tsv.csv.gz", **{suffix: suffix for suffix in SUFFIXES}}
GIVE = f"Give a file ending in {', '.join(JOB_SUFFIXES)}, or a folder of them."
# The command line asks for folders, which reading a file's beginning has no use for.
NO_FOLDERS = ("--input-dir=.", "--features-dir=.", "--stats-dir=.")


class RawData(NamedTuple):
    """Files that can be run on, with what settings, and what of these the files themselves told."""

    files: list[Path]
    settings: dict[str, Any]
    notes: list[str]


def read_raw_data(data: Path, given: Mapping[str, Any]) -> RawData:
    """Find the files and complete the settings from them.

    Raises:
        QuickstartError: where the job would end at the files' first rows
    """
    files = raw_files(data)
    try:
        found, notes = recognise(files[0], given)
        settings = with_components({**given, **found})
        check_files(files, checked_config(settings))
    except InputError as error:
        raise QuickstartError(f"{error} FEATURES=a,b,c names the columns to take.") from None
    return RawData(files, settings, notes)


def raw_files(data: Path) -> list[Path]:
    """Return the files of raw data that the path names: itself, or those of a folder."""
    if not data.exists():
        raise QuickstartError(f"DATA={data} does not exist. {GIVE}")
    candidates = sorted(data.iterdir()) if data.is_dir() else [data]
    files = [path for path in candidates if path.is_file() and path.name.lower().endswith(tuple(JOB_SUFFIXES))]
    if not files:
        what = "holds no file of raw data" if data.is_dir() else "is no file of raw data"
        raise QuickstartError(f"DATA={data} {what}. {GIVE}")
    if twice := [name for name, count in Counter(map(raw_name, files)).items() if count > 1]:
        raise QuickstartError(
            f"DATA={data} holds several files that the job would know as {twice[0]}. Rename one of them."
        )
    return files


def raw_name(path: Path) -> str:
    """The name under which the job knows a file: its own, with a suffix that the job reads."""
    suffix = next(suffix for suffix in JOB_SUFFIXES if path.name.lower().endswith(suffix))
    return path.name[: -len(suffix)] + JOB_SUFFIXES[suffix]


def check_files(files: Sequence[Path], config: PcaRunConfig) -> None:
    """Refuse files that the processing job's own reading of their headers and first rows refuses.

    Raises:
        InputError: in the job's words
        QuickstartError: when no file has a row
    """
    arguments = parse_arguments([*script_arguments(config), *NO_FOLDERS])
    opened = [open_file(path, arguments) for path in files]
    for file in opened[1:]:
        refuse_other_header(opened[0].name, opened[0].columns, file.name, file.columns)
    filled = [file for file in opened if has_rows(file)]
    if not filled:
        raise QuickstartError(f"{opened[0].name} has a header and no rows below it. Give data with rows.")


def open_file(path: Path, arguments: argparse.Namespace) -> InputFile:
    """Open a file as the job does."""
    kind = ParquetFile if path.name.lower().endswith(".parquet") else CsvFile
    return kind(path, path.name, arguments)


def has_rows(file: InputFile) -> bool:
    """Whether a file has a first block of rows; raises InputError where the job would find a bad one in it."""
    return next(file.batches(), None) is not None


def split_columns(text: str) -> list[str]:
    """Split ``a,b,c`` into names; a name that holds a comma is quoted as in CSV."""
    names = next(csv.reader([text], skipinitialspace=True), [])
    return [name.strip() for name in names if name.strip()]
