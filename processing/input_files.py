"""Which files the job reads."""

from __future__ import annotations

import argparse
from typing import Sequence, Union

from processing.arguments import SUFFIXES
from processing.columns import refuse_other_header
from processing.csv_files import CsvFile
from processing.messages import InputError, log, shorten
from processing.parquet_files import ParquetFile

InputFile = Union[CsvFile, ParquetFile]


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
        raise InputError(f"No input files under {folder}. Files have to end in {', '.join(SUFFIXES)}.")
    for file in files[1:]:
        refuse_other_header(files[0].name, files[0].columns, file.name, file.columns)
    log_limiting_shard(files)
    return files


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
