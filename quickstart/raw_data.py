"""Check the raw data that a user brings, before anything is started for it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from processing.arguments import parse_arguments
from processing.csv_files import CsvFile
from processing.messages import InputError
from quickstart.processes import QuickstartError
from sagemaker_pca.run.service_requests import script_arguments
from sagemaker_pca.settings.pipeline import PcaRunConfig

RAW_SUFFIXES = (".csv", ".csv.gz")


def raw_files(data: Path) -> list[Path]:
    """Return the CSV files that the path names: itself, or those of a folder."""
    if not data.exists():
        raise QuickstartError(f"DATA={data} does not exist. Give a .csv or .csv.gz file, or a folder of them.")
    candidates = sorted(data.iterdir()) if data.is_dir() else [data]
    files = [path for path in candidates if path.is_file() and path.name.lower().endswith(RAW_SUFFIXES)]
    if not files:
        what = "holds no .csv or .csv.gz file" if data.is_dir() else "is no .csv or .csv.gz file"
        raise QuickstartError(f"DATA={data} {what}. Give a .csv or .csv.gz file, or a folder of them.")
    return files


def check_columns(files: Sequence[Path], config: PcaRunConfig) -> None:
    """Refuse the first file without the feature columns, as the processing job's own reading of it finds them."""
    folders = ["--input-dir=.", "--features-dir=.", "--stats-dir=."]
    arguments = parse_arguments([*script_arguments(config), *folders])
    for path in files:
        try:
            CsvFile(path, path.name, arguments)
        except InputError as error:
            raise QuickstartError(f"{error} In the demo: FEATURES=a,b,c names the columns.") from None


def split_columns(text: str) -> list[str]:
    """Split ``a,b,c`` into names; a name that holds a comma is quoted as in CSV."""
    names = next(csv.reader([text], skipinitialspace=True), [])
    return [name.strip() for name in names if name.strip()]
