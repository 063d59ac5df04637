"""The folder as the container runs it: a process of its own, on a copy that stands alone."""

import ast
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import processing
from tests.processing_job import Job

FOLDER = Path(processing.__file__).parent


@pytest.fixture
def uploaded(tmp_path: Path) -> Path:
    """Where the container finds the folder, away from the project."""
    return Path(shutil.copytree(FOLDER, tmp_path / "code" / "processing"))


def test_the_folder_runs_where_it_was_uploaded_from_any_directory(job: Job, uploaded: Path) -> None:
    job.add("r.csv", "t,a,b\nx,1,2\n")
    (job.folder / "arguments.txt").write_text("--feature-columns\nb,a\n")
    others = [argument for argument in job.arguments() if not argument.startswith("--feature-columns")]
    command = [sys.executable, str(uploaded), f"@{job.folder / 'arguments.txt'}", *others]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=job.folder)
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == job.message()
    assert job.features().tolist() == [[2, 1]]


def test_a_failure_is_an_exit_code_and_a_message_on_stderr(job: Job) -> None:
    job.add("r.csv", "t,a,b\nx,1,?\n")
    done = subprocess.run([sys.executable, FOLDER, *job.arguments()], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "ERROR: r.csv, line 2: column 'b' holds '?', which is no finite number. "
        "Correct the file, or set on_bad_rows=skip.\n"
    )
    assert job.left_files() == []


def test_a_failure_leaves_before_python_clears_up_when_arrow_may_be_reading_ahead(job: Job) -> None:
    """Python's clearing up turned one failure in a hundred into an abort, exit code -6."""
    job.add("r.csv", "a,b\n1,?\n")
    code = (
        "import atexit, os, runpy, sys; atexit.register(os._exit, 66); sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code, FOLDER, *job.arguments()], capture_output=True, check=False)
    assert done.returncode == 1


def test_the_folder_needs_numpy_and_pyarrow_alone_and_fits_the_oldest_container() -> None:
    imported: set[str] = set()
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").split(".")[0])
    assert imported - sys.stdlib_module_names == {"numpy", "processing", "pyarrow"}


@pytest.mark.parametrize("options", [{}, {"on_bad_rows": "skip"}, {"on_bad_rows": "skip", "decimal": ","}], ids=str)
def test_pandas_stays_out_of_the_process(job: Job, options: dict[str, str]) -> None:
    pytest.importorskip("pandas")
    job.add("r.csv", "a,b\n1,2\n,3\n")
    pq.write_table(pa.table({"a": [1.5, None], "b": [1, 2]}), job.raw / "r.parquet")
    command = [sys.executable, "-X", "importtime", str(FOLDER), *job.arguments(**options)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert {"numpy", "pyarrow.csv"} <= imported
    assert "pandas.core" not in imported


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGKILL])
def test_a_job_killed_while_writing_leaves_nothing_that_looks_whole(job: Job, stop: signal.Signals) -> None:
    job.add("r.csv", "a,b\n" + "0.123456,0.654321\n" * 2_000_000)
    process = subprocess.Popen([sys.executable, FOLDER, *job.arguments(part_rows=100_000)])
    deadline = time.monotonic() + 60
    while not list(job.folder.glob("features/.partial-algo-1/*-00001.csv")):
        assert process.poll() is None, "the job ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(stop)
    assert process.wait(timeout=60) == {signal.SIGTERM: 143, signal.SIGKILL: -9}[stop]

    assert list(job.features_dir.glob("features-*")) == []
    assert list(job.stats_dir.iterdir()) == []
    if stop == signal.SIGTERM:
        assert job.left_files() == []
    job.add("r.csv", "a,b\n1,2\n")
    assert job.run() == 0
    assert job.left_files() == ["features-algo-1-00000.csv", "moments-algo-1.json", "scatter-algo-1.npy"]
