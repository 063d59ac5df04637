"""Bad data: each kind has a clear outcome, and none leaves output that looks whole."""

import gzip
import json
import math
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.processing_job import Job

GOOD = "t,a,b\nx,1,2\n"
MANY_ROWS = "t,a,b\n" + "".join(f"x,{row},{row}\n" for row in range(20_000))


def assert_failed(job: Job, code: int, message: str) -> None:
    assert code == 1
    assert re.search(message, job.message()), job.message()
    assert len(job.message().encode()) <= 1024
    assert job.left_files() == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t,a\nx,1\n", r"bad.csv has no column 'b'. Its columns are t, a. Correct"),
        ("t;a;b\nx;1;2\n", r"bad.csv has no column 'a'. Its columns are t;a;b. Correct .*delimiter"),
        ("t,a,b\nx,1,2\nx,one,2\n", r"bad.csv, line 3: column 'a' holds 'one', which is no finite number"),
        ('t,a,b\n\nx,1,2\r\n"x,y",1,2\nx,1,1_0\n', r"bad.csv, line 5: column 'b' holds '1_0'"),
        ("t,a,b\nx,1,2\nx,,0x10\n", r"bad.csv, line 3: column 'b' holds '0x10'"),
        ("t,a,b\nx,1,2\nx,1,inf\n", r"bad.csv, line 3: column 'b' holds 'inf', which is no finite number"),
        ("t,a,b\nx,1,-Infinity\n", r"bad.csv, line 2: column 'b' holds '-Infinity'"),
        ("t,a,b\nx,1,1e39\n", r"bad.csv, line 2: column 'b' holds 1e\+39, beyond the range of float32"),
        ("t,a,b\nx,1,2\nx,1\nx,1,2\n", r"bad.csv, line 3: 2 cells instead of 3"),
        ("t,a,b\nx,1,2,3\nx,1,2\n", r"bad.csv, line 2: 4 cells instead of 3"),
        ("t,a,b,\nx,1,2,\nx,1,2\n", r"bad.csv, line 3: 3 cells instead of 4"),
        ("t,a,b,a\nx,1,2,3\n", r"bad.csv has more than one column 'a'"),
        ("", r"bad.csv is empty"),
        ("\n\n", r"bad.csv is empty"),
        ("t,a,b\n", r"No rows are left: 0 rows"),
        ("t,a,b", r"No rows are left: 0 rows"),
    ],
)
def test_a_bad_file_fails_the_job_naming_file_column_and_line(job: Job, text: str, message: str) -> None:
    job.add("bad.csv", text)
    assert_failed(job, job.run(), message)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_a_bad_row_late_in_a_large_file_is_named_by_its_line(job: Job, suffix: str) -> None:
    job.add(f"bad{suffix}", MANY_ROWS + "x,1,two\n" + "x,1,2\n" * 100)
    assert_failed(job, job.run(part_rows=1000), rf"bad{suffix}, line 20002: column 'b' holds 'two'")


def test_no_input_files_is_a_failure(job: Job) -> None:
    assert_failed(job, job.run(), r"No input files under .*raw\. Files have to end in \.csv, \.csv\.gz, \.parquet\.")
    job.raw.rmdir()
    assert_failed(job, job.run(), "No input files under")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("t,b,a", r"other.csv has another header than good.csv: column 2 is 'b' there and 'a' here"),
        ("t,a,b,c", r"column 4 is 'c' there and None here"),
        ("t,a", r"other.csv has no column 'b'"),
    ],
)
def test_files_with_different_headers_are_not_mixed(job: Job, header: str, message: str) -> None:
    job.add("good.csv", GOOD)
    job.add("other.csv", f"{header}\n" + ",".join("1" * len(header.split(","))))
    assert_failed(job, job.run(), message)


@pytest.mark.parametrize("kept", [5, 40, -8, -100])
def test_a_truncated_gzip_file_is_named(job: Job, kept: int) -> None:
    job.add("a.csv", MANY_ROWS)
    job.add("cut.csv.gz", gzip.compress(MANY_ROWS.encode())[:kept])
    assert_failed(job, job.run(part_rows=1000), r"cut.csv.gz is cut off or damaged: .*\. Upload it again")


def test_text_in_utf_16_is_named(job: Job) -> None:
    job.add("r.csv", "t,a,b\nx,1,2\n".encode("utf-16"))
    assert_failed(job, job.run(), r"r.csv is no UTF-8 text. Save it as UTF-8.")


def test_a_file_that_is_no_gzip_is_named(job: Job) -> None:
    job.add("plain.csv.gz", GOOD.encode())
    assert_failed(job, job.run(), r"plain.csv.gz is cut off or damaged")


def test_a_truncated_parquet_file_is_named(job: Job) -> None:
    path = job.raw / "cut.parquet"
    pq.write_table(pa.table({"a": list(range(1000)), "b": list(range(1000))}), path)
    path.write_bytes(path.read_bytes()[:-100])
    assert_failed(job, job.run(), r"cut.parquet is cut off or damaged")


def test_a_parquet_column_of_text_is_named_with_its_type(job: Job) -> None:
    pq.write_table(pa.table({"a": [1, 2], "b": ["1", "2"]}), job.raw / "r.parquet")
    assert_failed(job, job.run(), r"r.parquet: column 'b' has type string. Store it as numbers.")


@pytest.mark.parametrize(("value", "problem"), [(math.inf, "holds inf"), (-1e300, r"holds -1e\+300, beyond")])
def test_an_infinite_parquet_value_is_named_by_its_row(job: Job, value: float, problem: str) -> None:
    pq.write_table(pa.table({"a": [1.0, 2.0, 3.0], "b": [1.0, value, 2.0]}), job.raw / "r.parquet")
    assert_failed(job, job.run(), f"r.parquet, row 2: column 'b' {problem}")
    assert job.run(on_bad_rows="skip", max_bad_fraction=0.5) == 0
    assert job.features().tolist() == [[1, 1], [3, 2]]
    assert [(row["file"], row["line"]) for row in job.moments()["bad_rows"]] == [("r.parquet", 2)]


@pytest.mark.parametrize("on_bad_rows", ["fail", "skip"])
def test_a_gap_fails_the_job_where_gaps_are_forbidden(job: Job, on_bad_rows: str) -> None:
    job.add("r.csv", "t,a,b\nx,1,2\n,3,4\nx,1,NA\nx,,2\n")
    code = job.run(missing_values="fail", on_bad_rows=on_bad_rows)
    assert_failed(job, code, r"r.csv, line 4: column 'b' has no value")


def test_a_gap_in_parquet_fails_the_job_where_gaps_are_forbidden(job: Job) -> None:
    pq.write_table(pa.table({"a": [1.0, 2.0, math.nan], "b": [1, 2, None]}), job.raw / "r.parquet")
    assert_failed(job, job.run(missing_values="fail"), r"r.parquet, row 3: column 'a' has no value")


def test_a_mean_of_nothing_is_a_failure(job: Job) -> None:
    job.add("r.csv", "t,a,b\nx,1,\nx,2,\n")
    assert_failed(job, job.run(missing_values="mean"), r"column 'b' has no value in any row")


def test_dropping_every_row_is_a_failure(job: Job) -> None:
    job.add("r.csv", "t,a,b\nx,1,\nx,,2\n")
    assert_failed(job, job.run(missing_values="drop"), r"No rows are left: 0 rows, .* 2 rows with gaps dropped")


def test_bad_rows_are_skipped_counted_and_the_first_ten_named(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    bad = ["x,1", "x,one,2", "x,1,inf", "x,1,2,3", "x,1,1e39", *["x,?,2"] * 7]
    job.add("a.csv", "t,a,b\n" + "".join(f"{row}\nx,{number}, 5 \n" for number, row in enumerate(bad)))
    job.add("b.csv.gz", MANY_ROWS + "x,,\nx,!,1\n")
    assert job.run(on_bad_rows="skip") == 0

    moments, features = job.moments(), job.features()
    assert features[:12].tolist() == [[number, 5] for number in range(12)]
    assert len(features) == moments["row_count"] == 20_013
    assert moments["skipped_rows"] == 13
    assert [file["rows"] for file in moments["files"]] == [12, 20_001]
    named = [(row["file"], row["line"], row["reason"]) for row in moments["bad_rows"]]
    assert named[:5] == [
        ("a.csv", 2, "2 cells instead of 3"),
        ("a.csv", 4, "column 'a' holds 'one', which is no finite number"),
        ("a.csv", 6, "column 'b' holds 'inf', which is no finite number"),
        ("a.csv", 8, "4 cells instead of 3"),
        ("a.csv", 10, "column 'b' holds 1e+39, beyond the range of float32"),
    ]
    assert [line for _, line, _ in named] == list(range(2, 22, 2))
    assert (
        "skipped 13 of 20,026 rows, the first being\n  a.csv, line 2: 2 cells instead of 3" in capsys.readouterr().out
    )


def test_too_many_bad_rows_fail_the_job(job: Job) -> None:
    job.add("r.csv", "t,a,b\n" + "x,1,2\n" * 98 + "x,,?\n" * 2)
    message = r"2 of 100 rows are bad, more than max_bad_fraction=0.01. The first is r.csv, line 100: column 'b'"
    assert_failed(job, job.run(on_bad_rows="skip"), message)
    assert job.run(on_bad_rows="skip", max_bad_fraction=0.02) == 0


@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize(
    ("cell", "good"),
    [
        *(
            (cell, True)
            for cell in ("1", "-1.5", "+2", ".5", "5.", "1e5", "1E-5", " 7 ", "\t7", "", "NA", " null", "nan")
        ),
        *(
            (cell, False)
            for cell in ("one", "1_0", "0x1", "inf", "-INF", "1e", "1.2.3", "--1", "  ", "1 2", "NaNs", "\u0661")
        ),
    ],
)
def test_both_readers_agree_on_what_a_number_is(job: Job, cell: str, good: bool, decimal: str) -> None:
    text = cell.replace(".", decimal)
    job.add("r.csv", f"t;a;b\nx;?;1\nx;{text};1\nx;2;2\n")
    assert job.run(delimiter=";", decimal=decimal, on_bad_rows="skip", max_bad_fraction=1) == 0
    assert job.moments()["skipped_rows"] == (1 if good else 2)
    assert len(job.moments()["bad_rows"]) == (1 if good else 2)
    job.add("r.csv", f"t;a;b\nx;{text};1\nx;2;2\n")
    assert job.run(delimiter=";", decimal=decimal) == (0 if good else 1)


def test_the_other_decimal_mark_makes_no_number(job: Job) -> None:
    job.add("r.csv", "t;a;b\nx;1.5;2\n")
    for policy in ("fail", "skip"):
        assert_failed(job, job.run(delimiter=";", decimal=",", on_bad_rows=policy), "line 2: column 'a' holds '1.5'")


@pytest.mark.parametrize("policy", ["fail", "skip"])
def test_a_decimal_comma_without_quotes_makes_too_many_cells(job: Job, policy: str) -> None:
    job.add("r.csv", 't,a,b\nx,"1,5",2\nx,1,5,2\n')
    message = r"r.csv, line 3: 4 cells instead of 3; a decimal comma needs quotes\. Correct"
    assert_failed(job, job.run(decimal=",", on_bad_rows=policy), message)


def test_a_failure_removes_what_an_earlier_run_left(job: Job) -> None:
    job.add("r.csv", GOOD)
    assert job.run() == 0
    job.add("r.csv", "t,a,b\nx,1,?\n")
    assert_failed(job, job.run(), "line 2")


def test_the_message_is_cut_between_characters(job: Job) -> None:
    job.add("r.csv", ",".join(f"Spännung {number:080d}" for number in range(30)) + "\n")
    assert_failed(job, job.run(), r"r.csv has no column 'a'. Its columns are Spännung")
    assert len(job.message().encode()) in {1023, 1024}


@pytest.mark.parametrize("columns", ["a,a", "a,,b", ""])
def test_feature_columns_are_named_once_each(job: Job, columns: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        job.run(columns)
    assert "a column is empty or named twice" in capsys.readouterr().err


def test_an_unforeseen_error_still_leaves_a_message(job: Job) -> None:
    job.add("r.csv", GOOD)
    job.resource_config.write_text("{")
    with pytest.raises(json.JSONDecodeError):
        job.run()
    assert job.message().startswith("JSONDecodeError: ")
