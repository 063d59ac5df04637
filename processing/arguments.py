"""What the job is asked for: its command line and, on several hosts, who the hosts are."""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Sequence

from processing.messages import shorten

SUFFIXES = (".csv", ".csv.gz", ".parquet")


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; `@file` stands for the arguments in that file, one a line."""
    parser = argparse.ArgumentParser(prog="processing", fromfile_prefix_chars="@")
    add = parser.add_argument
    add("--input-dir", type=Path, required=True, help=f"files ending in {', '.join(SUFFIXES)}, at any depth")
    add("--features-dir", type=Path, help="where features-<host>-<part> go")
    add("--stats-dir", type=Path, required=True, help="where moments-, scatter- and sample-<host> go")
    add("--feature-columns", type=split_names, required=True, help="names as one CSV line, in output order")
    add("--missing-values", choices=("mean", "zero", "drop", "fail"), default="mean", help="what becomes of a gap")
    add("--scaling", choices=("none", "standardize"), default="none", help="standardize: mean 0, deviation 1")
    add("--output-format", choices=("csv", "recordio"), default="csv")
    add("--part-rows", type=int, default=250_000, help="rows a part; training hosts share out whole parts")
    add("--part-hosts", type=int, default=1, help="training hosts: parts come in groups of as many, of equal size")
    add("--sample-rows", type=int, default=0, help="write so many rows of all files, gaps filled, before scaling")
    add("--leading-rows", type=int, default=0, help="write the first so many rows likewise, one behind the other")
    add("--model", type=Path, help="a model to score rows with; a gap then takes the mean of that model's data")
    add("--scores-dir", type=Path, help="where scores-<host>-<part> go")
    add("--scores-format", choices=("csv", "parquet"), default="csv")
    add("--id-columns", type=split_names, default=[], help="names as one CSV line, carried along with the scores")
    add("--window-rows", type=int, default=0, help="count rows beyond limits by windows of so many rows, too")
    add("--delimiter", type=lambda text: text.replace("\\t", "\t"), default=",", help=r"one character, or \t")
    add("--decimal", choices=(".", ","), default=".", help="decimal mark")
    add("--newlines-in-cells", action="store_true", help="let a quoted cell span lines; else its lines are bad rows")
    add("--on-bad-rows", choices=("fail", "skip"), default="fail")
    add("--max-bad-fraction", type=float, default=0.01, help="with skip: a larger share of bad rows fails the job")
    add("--profile-only", action="store_true", help="write moments and no features: the first of two jobs")
    add("--moments-dir", type=Path, help="what a --profile-only job over the same files wrote, all hosts together")
    add("--resource-config", type=Path, default=Path("/opt/ml/config/resourceconfig.json"), help="names the hosts")
    add("--message-dir", type=Path, default=Path("/opt/ml/output"), help="gets a file `message` with the outcome")
    arguments = parser.parse_args(argv)
    if problem := contradiction(arguments):
        parser.error(problem)
    return arguments


def contradiction(arguments: argparse.Namespace) -> str | None:
    """What is wrong with arguments that argparse takes one by one."""
    if not (arguments.features_dir or arguments.scores_dir or arguments.profile_only):
        return "--features-dir is missing. Name a folder, or --scores-dir, or ask for --profile-only."
    if arguments.scores_dir and not arguments.model:
        return "--scores-dir needs --model. Name the file."
    if arguments.part_rows < 1 or arguments.part_hosts < 1:
        return "--part-rows and --part-hosts take 1 or more."
    if min(arguments.sample_rows, arguments.leading_rows, arguments.window_rows) < 0:
        return "--sample-rows, --leading-rows and --window-rows take 0 or more."
    if len(arguments.delimiter) != 1 or not arguments.delimiter.isascii():
        return f"--delimiter={arguments.delimiter} is no single ASCII character. Give one."
    return None


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
