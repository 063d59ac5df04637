"""What preflight says of a header against what the job says of the same file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.arguments import parse_arguments
from processing.csv_files import CsvFile
from processing.messages import InputError
from sagemaker_pca.exceptions import SettingError
from sagemaker_pca.run.raw_header import header_columns, refuse_other_columns
from sagemaker_pca.run.service_requests import script_arguments
from sagemaker_pca.settings.pipeline import PcaRunConfig

URI = "s3://b/raw/a.csv"


def problem(content: bytes, config: PcaRunConfig, first_bytes: int | None = None) -> str | None:
    """Why preflight refuses a file, seen through its first bytes; None where it does not."""
    head = content[:first_bytes]
    columns = header_columns(head, len(head) == len(content), config.delimiter)
    try:
        refuse_other_columns(URI, columns or config.feature_columns, config.feature_columns, config.delimiter)
    except SettingError as error:
        return str(error)
    return None


def problem_of_the_job(content: bytes, config: PcaRunConfig, folder: Path) -> str | None:
    """Why the job ends at a file before it reads a row; None where it goes on."""
    path = folder / "a.csv"
    path.write_bytes(content)
    fixed = [f"--input-dir={folder}", f"--stats-dir={folder}", f"--features-dir={folder}"]
    try:
        CsvFile(path, path.name, parse_arguments([*fixed, *script_arguments(config)]))
    except InputError as error:
        return str(error)
    return None


def config_of(*columns: str, delimiter: str = ",", newlines_in_cells: bool = False) -> PcaRunConfig:
    given = {"delimiter": delimiter, "newlines_in_cells": newlines_in_cells, "num_components": 1}
    return PcaRunConfig.model_validate({"feature_columns": columns, **given})


PIECES = st.sampled_from(
    [
        *(b"a", b"b", b"A", b"a b", "ä".encode(), b" ", b"\xa0", b"\x1c", "\u2028".encode(), b"\t"),
        *(b",", b";", b",", b'"', b'""', b'"a"', b'"a,b"', b"\n", b"\r\n", b"\r", b"\n\n"),
        *(b"\xef\xbb\xbf", b"\x00", b"\xff", b"\xc3", b"\x1f\x8b", b"1,2\n"),
    ]
)
NAMES = st.sampled_from(["a", "b", "ä", "a b", "a,b", "A", '"a"'])


@settings(max_examples=300, deadline=None)
@given(
    pieces=st.lists(PIECES, max_size=12),
    names=st.lists(NAMES, min_size=1, max_size=2, unique=True),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    newlines_in_cells=st.booleans(),
    first_bytes=st.none() | st.integers(1, 12),
)
def test_no_file_is_refused_that_the_job_would_take(
    tmp_path_factory: pytest.TempPathFactory,
    pieces: list[bytes],
    names: list[str],
    delimiter: str,
    newlines_in_cells: bool,
    first_bytes: int | None,
) -> None:
    content, config = b"".join(pieces), config_of(*names, delimiter=delimiter, newlines_in_cells=newlines_in_cells)
    folder = tmp_path_factory.getbasetemp()
    if problem(content, config, first_bytes):
        assert problem_of_the_job(content, config, folder), content


CELLS = st.text(st.characters(exclude_characters=',;|\t\r\n"\0', exclude_categories=["Cs"]), max_size=4)


@settings(max_examples=300, deadline=None)
@given(
    header=st.lists(CELLS, min_size=2, max_size=5),
    wanted=CELLS.map(str.strip).filter(lambda name: bool(name) and name.isprintable()),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
    quoted=st.booleans(),
    mark=st.sampled_from(["", "\ufeff"]),
)
def test_of_a_plain_header_both_say_the_same(
    tmp_path_factory: pytest.TempPathFactory, header: list[str], wanted: str, ending: str, quoted: bool, mark: str
) -> None:
    cells = [f'"{cell}"' for cell in header] if quoted else header
    content = f"{mark}{','.join(cells)}{ending}{','.join('1' for _ in header)}{ending}".encode()
    config = config_of(wanted)
    refused_by_job = problem_of_the_job(content, config, tmp_path_factory.getbasetemp())
    assert (problem(content, config) is None) == (refused_by_job is None)


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        (b"a, b ,c\n1,2,3\n", ["a", "b", "c"]),
        (b"\xef\xbb\xbfa,b\r\n", ["a", "b"]),
        (b"\n\r\n a ,b\n", ["a", "b"]),
        (b'"a,b",c\n', ["a,b", "c"]),
        (b"a,b,\n", ["a", "b", ""]),
        (b"a,b", ["a", "b"]),
        (b'"a\nb",c\n', None),
        (b'"a"b,c\n', None),
        (b"\x1f\x8b\x08,a\n", None),
        (b"a\0,b\n", None),
        (b"", None),
        (b"\n\n", None),
    ],
)
def test_columns_are_known_where_the_first_line_settles_them(content: bytes, columns: list[str] | None) -> None:
    assert header_columns(content, True, ",") == columns


@pytest.mark.parametrize(("first_bytes", "columns"), [(b"a,b", None), (b"a,b\n", ["a", "b"]), (b"a,b\r", ["a", "b"])])
def test_a_line_that_goes_on_beyond_what_was_read_settles_nothing(
    first_bytes: bytes, columns: list[str] | None
) -> None:
    assert header_columns(first_bytes, False, ",") == columns


def test_a_misspelt_column_is_refused_with_the_nearest_names() -> None:
    assert problem(b"time,Ch5,Ch6,ch7\n", config_of("Ch5", "CH7", "Ch66")) == (
        "feature_columns names 'CH7', 'Ch66', which s3://b/raw/a.csv does not have. Its columns are 'time', 'Ch5', "
        "'Ch6', 'ch7'. Did you mean 'ch7' or 'Ch6'? Correct feature_columns, the delimiter (',') or the file."
    )


def test_of_many_columns_the_first_are_named() -> None:
    header = ",".join(f"column {number}" for number in range(30)).encode()
    wanted = [f"w{number}" for number in range(8)]
    message = str(problem(header, config_of(*wanted)))
    assert "'w4' and 3 more, which" in message
    assert "'column 19' and 10 more. Correct" in message


def test_a_column_that_is_there_twice_is_refused() -> None:
    assert "has more than one column 'a'" in str(problem(b"a,b,a\n", config_of("a", "b")))
