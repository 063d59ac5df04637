from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest

from sagemaker_pca.report import RunReport, Verdict

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
    for step in ("preflight", "training.wait_for_training", "publish_results"):
        assert re.search(rf"^  success +{re.escape(step)} +\d+\.\d s$", output, re.MULTILINE), output
    assert desk.left_behind() == []


def test_the_users_own_data_fails_the_command_when_the_run_fails(desk: Desk) -> None:
    columns = ["lead a", "b", "c", "d"]
    noise = np.random.default_rng(7).standard_normal((2, 300, len(columns)))
    (desk.folder / "my recordings").mkdir()
    for name, rows in zip(["one.csv", "two.csv"], noise, strict=True):
        path = desk.folder / "my recordings" / name
        np.savetxt(path, rows, delimiter=",", header=",".join(columns), comments="", fmt="%.6f")
    demo = desk.start_demo("--data", "my recordings", "--features", ",".join(columns), "--components", "1")
    output, _ = demo.communicate(timeout=RUN_SECONDS)
    assert demo.returncode == 1, output
    report = kept_report(desk.folder, output)
    assert report.data is not None
    assert (report.data.row_count, [column.name for column in report.data.columns]) == (600, columns)
    assert "min_explained_variance" in output
    assert desk.left_behind() == []


def test_an_interrupted_demo_leaves_nothing_behind(desk: Desk) -> None:
    demo = desk.start_demo()
    assert demo.stdout is not None
    assert any("Running pca_pipeline" in line for line in demo.stdout)
    time.sleep(3)
    assert len(list(desk.processes())) >= 3
    demo.send_signal(signal.SIGINT)
    output, _ = demo.communicate(timeout=30)
    assert demo.returncode == 130
    assert output.strip().endswith("Interrupted; everything that was started has been ended.")
    assert desk.left_behind() == []
