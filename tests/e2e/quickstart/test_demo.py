from __future__ import annotations

import importlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from sagemaker_pca.report.document import RunReport, Verdict

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).resolve().parents[3]
RUN_SECONDS = 240


@dataclass
class Desk:
    """A user's folder, and a folder for temporary files that no one else uses."""

    folder: Path
    temporary: Path

    def start_demo(self, *options: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "quickstart", "demo", *options],
            cwd=self.folder,
            env={**os.environ, "TMPDIR": str(self.temporary), "AIRFLOW__CORE__DAGS_FOLDER": "/nowhere"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def left_behind(self) -> list[str]:
        folders = [path.name for path in self.temporary.iterdir()]
        return folders + [" ".join(process.cmdline()) for process in self.processes()]

    def processes(self) -> Iterator[psutil.Process]:
        for process in psutil.process_iter():
            try:
                if process.environ().get("TMPDIR") == str(self.temporary):
                    yield process
            except psutil.Error:
                continue


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path / "my folder", tmp_path / "temporary files")
    desk.folder.mkdir()
    desk.temporary.mkdir()
    return desk


def kept_report(folder: Path, output: str) -> RunReport:
    shown = re.search(r"^Report with plots: (.*report)\.html$", output, re.MULTILINE)
    assert shown, output
    assert (folder / f"{shown[1]}.html").read_text().startswith("<!")
    return RunReport.model_validate_json((folder / f"{shown[1]}.json").read_bytes())


def test_the_sample_data_becomes_a_verified_endpoint_and_nothing_is_left_behind(desk: Desk) -> None:
    demo = desk.start_demo()
    output, _ = demo.communicate(timeout=RUN_SECONDS)
    assert demo.returncode == 0, output
    report = kept_report(desk.folder, output)
    assert report.run.verdict == Verdict.PROMOTED
    assert report.data is not None
    assert report.data.row_count == 90_000
    for step in ("preflight", "wait_for_training", "publish_report"):
        assert re.search(rf"^  success +{re.escape(step)} +\d+\.\d s$", output, re.MULTILINE), output
    assert desk.left_behind() == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["iris", "wine"])
def test_the_small_data_of_a_new_user_is_promoted(desk: Desk, name: str) -> None:
    data = getattr(importlib.import_module("sklearn.datasets"), f"load_{name}")(as_frame=True).frame
    (desk.folder / "my data").mkdir()
    for part in (0, 1):
        data[part::2].to_csv(desk.folder / "my data" / f"{name} {part}.csv", index=False)
    columns = [column for column in data.columns if column != "target"]
    demo = desk.start_demo("--data", "my data", "--features", ",".join(columns), "--components", "2")
    output, _ = demo.communicate(timeout=RUN_SECONDS)
    assert demo.returncode == 0, output
    report = kept_report(desk.folder, output)
    assert report.run.verdict == Verdict.PROMOTED
    assert report.data is not None
    assert (report.data.row_count, [column.name for column in report.data.columns]) == (len(data), columns)


def test_a_bad_row_far_down_is_refused_by_the_job_in_words_that_the_demo_shows(desk: Desk) -> None:
    rows = "".join(f"{number};0,{number}\n" for number in range(700_000))  # beyond what the demo itself reads
    (desk.folder / "data.tsv").write_text(f"a;b\n{rows}x;1\n")
    demo = desk.start_demo("--data", "data.tsv", "--components", "1")
    output, _ = demo.communicate(timeout=RUN_SECONDS)
    assert demo.returncode == 1
    assert "data.tsv: its decimal is a comma; DECIMAL= sets another.\nFeatures are the numeric columns a, b;" in output
    assert re.search(r"^  failed +wait_for_processing +\d+\.\d s$", output, re.MULTILINE), output
    assert re.search(r"data\.tsv\.csv,\s+line\s+700002:\s+column\s+'a'\s+holds\s+'x'", output), output
    assert "clear" not in output
    assert "Repair the cause and run make demo again." in output
    assert desk.left_behind() == []


def test_an_interrupted_demo_leaves_nothing_behind(desk: Desk) -> None:
    demo = desk.start_demo()
    assert demo.stdout is not None
    assert any("Running pca_pipeline" in line for line in demo.stdout)
    while len(list(desk.processes())) < 3:
        assert demo.poll() is None
        time.sleep(0.1)
    demo.send_signal(signal.SIGINT)
    output, _ = demo.communicate(timeout=30)
    assert demo.returncode == 130
    assert output.strip().endswith("Interrupted; everything that was started has been ended.")
    assert desk.left_behind() == []
