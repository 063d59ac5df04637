from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quickstart.processes import QuickstartError
from quickstart.raw_data import RawData, raw_files, raw_name, read_raw_data, split_columns

HEADER = "Time,a,b\n"
ROWS = "1,2,3\n4,5,6\n"


def csv_file(path: Path, text: str = HEADER) -> Path:
    path.write_text(text)
    return path


def read(path: Path, **given: Any) -> RawData:
    return read_raw_data(path, given)


def test_one_file_is_taken_as_it_is(tmp_path: Path) -> None:
    path = csv_file(tmp_path / "my data.csv")
    assert raw_files(path) == [path]


def test_a_folder_gives_its_files_of_raw_data_and_nothing_else(tmp_path: Path) -> None:
    for name in ("b.CSV", "c.tsv", "d.parquet", "notes.txt"):
        csv_file(tmp_path / name)
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(HEADER.encode()))
    assert [path.name for path in raw_files(tmp_path)] == ["a.csv.gz", "b.CSV", "c.tsv", "d.parquet"]


@pytest.mark.parametrize(
    ("name", "what"),
    [("missing.csv", "does not exist"), ("notes.txt", "is no file of raw data"), ("empty", "holds no file of raw")],
)
def test_data_that_cannot_be_used_is_refused_with_what_is_allowed(tmp_path: Path, name: str, what: str) -> None:
    csv_file(tmp_path / "notes.txt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(QuickstartError, match=what) as refusal:
        raw_files(tmp_path / name)
    assert str(tmp_path / name) in str(refusal.value)
    assert "Give a file ending in .tsv, .tsv.gz, .csv, .csv.gz, .parquet" in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "known_as"),
    [("a.csv", "a.csv"), ("a.CSV.GZ", "a.csv.gz"), ("a.tsv", "a.tsv.csv"), ("a.TSV.gz", "a.tsv.csv.gz")],
)
def test_a_file_is_uploaded_under_a_name_that_the_pipeline_takes(name: str, known_as: str) -> None:
    assert raw_name(Path(name)) == known_as


def test_without_features_the_numeric_columns_are_taken_and_named(tmp_path: Path) -> None:
    text = "when,a,name,b,void,b\n" + "2026-01-01,1,x,-2.5e3,,1\n2026-01-02,NA,y,3,,2\n"
    data = read(csv_file(tmp_path / "a.csv", text))
    assert data.settings == {"delimiter": ",", "decimal": ".", "feature_columns": ["a"], "num_components": 1}
    assert data.notes == [
        "Features are the numeric columns a, without when, name, b, void, b; FEATURES=a,b,c names others."
    ]


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.csv.gz"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_files_whatever_its_name(tmp_path: Path, name: str, delimiter: str) -> None:
    text = "Temperature, inside|x|y\n1|2|3\n4|5|6\n" if delimiter == "|" else (HEADER + ROWS).replace(",", delimiter)
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    data = read(path)
    assert data.settings["delimiter"] == delimiter
    assert len(data.settings["feature_columns"]) == 3
    assert any("its delimiter is" in note for note in data.notes) == (delimiter != ",")


def test_decimal_commas_are_recognised_and_said(tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv", "x;y;n\n1,5;-0,25;1\n2,5;1e3;2\n")
    data = read(path)
    assert (data.settings["delimiter"], data.settings["decimal"]) == (";", ",")
    assert data.settings["feature_columns"] == ["x", "y", "n"]
    assert data.notes[:2] == [
        "a.csv: its delimiter is a semicolon; DELIMITER= sets another.",
        "a.csv: its decimal is a comma; DECIMAL= sets another.",
    ]


def test_what_is_given_is_not_looked_for(tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv", HEADER + ROWS)
    data = read(path, delimiter=",", decimal=".", feature_columns=["b"], num_components=1)
    assert data.settings == {"delimiter": ",", "decimal": ".", "feature_columns": ["b"], "num_components": 1}
    assert data.notes == []
    with pytest.raises(QuickstartError, match="has no numeric column"):
        read(path, delimiter=";")


def test_parquet_gives_the_columns_that_hold_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"name": ["x", "y"], "a": [1, 2], "b": [0.5, 1.5]}), path)
    assert read(path).settings == {"feature_columns": ["a", "b"], "num_components": 2}
    with pytest.raises(QuickstartError, match=r"column 'name' has type string"):
        read(path, feature_columns=["name"])
    path.write_bytes(b"PAR1 no")
    with pytest.raises(QuickstartError, match=r"a\.parquet is cut off or damaged"):
        read(path)


def test_a_header_without_rows_is_refused(tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv")
    for given in ({}, {"feature_columns": ["a"]}):
        with pytest.raises(QuickstartError, match=r"^a\.csv has a header and no rows below it"):
            read_raw_data(path, given)
    empty = csv_file(tmp_path / "b.csv", "")
    with pytest.raises(QuickstartError, match=r"^b\.csv is empty"):
        read(empty)


def test_a_text_column_given_as_a_feature_is_refused_in_the_jobs_words(tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv", "name,a\nx,1\n")
    with pytest.raises(QuickstartError, match=r"^a\.csv, line 2: column 'name' holds 'x', which is no finite number"):
        read(path, feature_columns=["name", "a"])


def test_bad_rows_that_may_be_skipped_are_left_to_the_job(tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv", "a,b\n1,2\nx,3\n")
    assert read(path, feature_columns=["a", "b"], on_bad_rows="skip").settings["num_components"] == 2


def test_an_unknown_column_is_named_with_the_columns_that_there_are(tmp_path: Path) -> None:
    csv_file(tmp_path / "good.csv", HEADER + ROWS)
    csv_file(tmp_path / "a bad one.csv", "Time,a,c,\n1,2,3,\n")
    with pytest.raises(
        QuickstartError, match=r"^a bad one\.csv has no column 'b'\. Its columns are Time, a, c.*FEATURES=a,b,c"
    ):
        read(tmp_path, feature_columns=["a", "b"])


def test_files_of_different_kinds_are_refused_as_the_job_would(tmp_path: Path) -> None:
    csv_file(tmp_path / "a.csv", HEADER + ROWS)
    csv_file(tmp_path / "b.csv", "Time,b,a\n" + ROWS)
    with pytest.raises(QuickstartError, match=r"b\.csv has another header than a\.csv: column 2"):
        read(tmp_path)


def test_a_header_is_read_as_the_job_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(' Time,"a\nb",c \r\n1,2,3\r\n'.encode("utf-8-sig")))
    with pytest.raises(QuickstartError, match="header spans lines 1 to 2"):
        read(path, feature_columns=["c"])
    path.write_bytes(gzip.compress(' Time,"a",c \r\n1,2,3\r\n'.encode("utf-8-sig")))
    assert read(path, feature_columns=["Time", "c"]).settings["num_components"] == 2


@pytest.mark.parametrize(("name", "content"), [("a.csv.gz", b"a,b\n"), ("a.csv", "a,b\n".encode("utf-16"))])
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(QuickstartError, match=r"is cut off or damaged|is no UTF-8 text"):
        read(path)


@pytest.mark.parametrize(
    ("text", "names"),
    [("", []), ("a", ["a"]), ("a, b ,c", ["a", "b", "c"]), ('"a,b",c', ["a,b", "c"]), ("a,,b,", ["a", "b"])],
)
def test_feature_names_are_split_as_csv(text: str, names: list[str]) -> None:
    assert split_columns(text) == names
