from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from quickstart.processes import QuickstartError
from quickstart.raw_data import check_columns, raw_files, split_columns
from sagemaker_pca.settings.pipeline import PcaRunConfig

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


def wanting(*columns: str) -> PcaRunConfig:
    return PcaRunConfig(feature_columns=columns, num_components=1)


def test_an_unknown_column_is_named_with_the_file_and_the_columns_it_has(tmp_path: Path) -> None:
    good = csv_file(tmp_path / "good.csv", HEADER + "1,2,3\n")
    bad = csv_file(tmp_path / "bad.csv", "Time,a,c,\n1,2,3,\n")
    with pytest.raises(
        QuickstartError, match=r"^bad\.csv has no column 'b'\. Its columns are Time, a, c.*FEATURES=a,b,c"
    ):
        check_columns([good, bad], wanting("a", "b"))


def test_a_header_is_read_as_the_job_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(' Time,"a\nb",c \r\n1,2,3\r\n'.encode("utf-8-sig")))
    with pytest.raises(QuickstartError, match="header spans lines 1 to 2"):
        check_columns([path], wanting("c"))
    path.write_bytes(gzip.compress(' Time,"a",c \r\n1,2,3\r\n'.encode("utf-8-sig")))
    check_columns([path], wanting("Time", "c"))


@pytest.mark.parametrize(("name", "content"), [("a.csv.gz", b"a,b\n"), ("a.csv", "a,b\n".encode("utf-16"))])
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(QuickstartError, match=r"is cut off or damaged|is no UTF-8 text"):
        check_columns([path], wanting("a"))


@pytest.mark.parametrize(
    ("text", "names"),
    [("", []), ("a", ["a"]), ("a, b ,c", ["a", "b", "c"]), ('"a,b",c', ["a,b", "c"]), ("a,,b,", ["a", "b"])],
)
def test_feature_names_are_split_as_csv(text: str, names: list[str]) -> None:
    assert split_columns(text) == names
