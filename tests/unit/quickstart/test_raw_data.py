from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from quickstart.processes import QuickstartError
from quickstart.raw_data import check_columns, raw_files, split_columns

HEADER = "Time,a,b\n"


def csv_file(path: Path, text: str = HEADER) -> Path:
    path.write_text(text)
    return path


def test_one_file_is_taken_as_it_is(tmp_path: Path) -> None:
    path = csv_file(tmp_path / "my data.csv")
    assert raw_files(path) == [path]


def test_a_folder_gives_its_csv_files_and_nothing_else(tmp_path: Path) -> None:
    csv_file(tmp_path / "b.CSV")
    csv_file(tmp_path / "notes.txt")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(HEADER.encode()))
    assert [path.name for path in raw_files(tmp_path)] == ["a.csv.gz", "b.CSV"]


@pytest.mark.parametrize(
    ("name", "what"),
    [("missing.csv", "does not exist"), ("notes.txt", "is no .csv"), ("empty", "holds no .csv")],
)
def test_data_that_cannot_be_used_is_refused_with_what_is_allowed(tmp_path: Path, name: str, what: str) -> None:
    csv_file(tmp_path / "notes.txt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(QuickstartError, match=what) as refusal:
        raw_files(tmp_path / name)
    assert str(tmp_path / name) in str(refusal.value)
    assert "Give a .csv or .csv.gz file" in str(refusal.value)


def test_an_unknown_column_is_named_with_the_file_and_the_columns_it_has(tmp_path: Path) -> None:
    good = csv_file(tmp_path / "good.csv")
    bad = csv_file(tmp_path / "bad.csv", "Time,a,c,\n")
    with pytest.raises(QuickstartError) as refusal:
        check_columns([good, bad], ["a", "b"])
    assert str(refusal.value) == (
        "bad.csv has no column b. Its columns are: Time, a, c. Name the ones to use: FEATURES=a,b,c"
    )


def test_a_header_is_read_through_gzip_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(HEADER.encode("utf-8-sig")))
    check_columns([path], ["Time", "b"])


@pytest.mark.parametrize(("name", "content"), [("a.csv.gz", b"a,b\n"), ("a.csv", b"\xff\xfea,b\n")])
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(QuickstartError, match="cannot be read as CSV"):
        check_columns([path], ["a"])


@pytest.mark.parametrize(
    ("text", "names"),
    [("", []), ("a", ["a"]), ("a, b ,c", ["a", "b", "c"]), ('"a,b",c', ["a,b", "c"]), ("a,,b,", ["a", "b"])],
)
def test_feature_names_are_split_as_csv(text: str, names: list[str]) -> None:
    assert split_columns(text) == names
