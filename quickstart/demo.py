"""`make demo`: the whole pipeline once, on sample data or the user's own, then its report."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from quickstart.airflow_database import begun_steps
from quickstart.airflow_home import STATE, airflow_environment, create_airflow_home
from quickstart.embedded_service import (
    BUCKET,
    POLL_SECONDS,
    download_report,
    s3_client,
    start_service,
    upload_raw_data,
)
from quickstart.processes import QuickstartError, last_lines, programs_end_here, start_program
from quickstart.progress import RunProgress
from quickstart.raw_data import check_columns, raw_files
from quickstart.sample_ecg import write_recordings
from sagemaker_pca.exceptions import SettingError
from sagemaker_pca.report.document import RunReport
from sagemaker_pca.report.text import render_text
from sagemaker_pca.settings.pipeline import PcaRunConfig, resolve

DAG_ID = "pca_pipeline"
LOOK_SECONDS = 0.2
# `airflow dags test` goes on after SIGTERM, and nothing of it is kept but its log.
GRACE_SECONDS = 2.0


@dataclass(frozen=True)
class DemoOptions:
    """What the user chose; nothing chosen runs the sample data with the pipeline's defaults."""

    data: Path | None = None
    feature_columns: tuple[str, ...] = ()
    num_components: int | None = None

    def run_params(self) -> dict[str, Any]:
        """Return the params of the run."""
        params: dict[str, Any] = {"poll_seconds": POLL_SECONDS}
        if self.feature_columns:
            default = int(PcaRunConfig.model_fields["num_components"].default)
            params["feature_columns"] = list(self.feature_columns)
            params["num_components"] = min(default, len(self.feature_columns))
        if self.num_components is not None:
            params["num_components"] = self.num_components
        return params


def checked_config(settings: Mapping[str, Any]) -> PcaRunConfig:
    """The settings of a run, checked as the run itself will check them.

    Raises:
        QuickstartError: when they contradict each other, or one is unknown or out of range
    """
    try:
        return resolve(settings, {}).config
    except SettingError as error:
        raise QuickstartError(str(error)) from None


def run_demo(options: DemoOptions, console: Console) -> int:
    """Run the pipeline against an embedded service of its own and return the run's outcome as an exit code."""
    params = options.run_params()
    config = checked_config(params)
    with tempfile.TemporaryDirectory(prefix="sagemaker-pca-demo-") as name, programs_end_here(GRACE_SECONDS):
        work = Path(name)
        files = raw_files(options.data) if options.data else write_recordings(work / "recordings")
        check_columns(files, config)
        kept = results_folder("demo")
        create_airflow_home(work / "airflow")
        service, address = start_service(work)
        console.print(f"The embedded SageMaker answers at {address}", highlight=False)
        uri = upload_raw_data(address, files)
        console.print(f"{len(files)} raw file(s) in {uri}", highlight=False)
        environment = airflow_environment(work / "airflow", address, settings={})
        log = kept / "airflow.log"
        exit_code = run_pipeline(params, environment, log, console, partial(check_service, service, log))
        show_report(download_report(s3_client(address), BUCKET, kept), kept, "make demo", console)
    return exit_code


def results_folder(command: str) -> Path:
    """Make a folder for what one call of a command leaves behind."""
    folder = STATE / command / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    folder.mkdir(parents=True)
    return folder


def check_service(service: subprocess.Popen[bytes], log: Path) -> None:
    """Raise when the embedded service has ended: every call of the run would wait for it."""
    if service.poll() is not None:
        raise QuickstartError(f"The embedded SageMaker ended during the run; see {shown_path(log)}.")


def run_pipeline(
    params: Mapping[str, Any],
    environment: Mapping[str, str],
    log: Path,
    console: Console,
    check: Callable[[], None],
) -> int:
    """Run the DAG in one process, show its progress, and return the exit code of Airflow.

    :param check: is called again and again meanwhile, and raises when the run cannot go on
    """
    console.print(f"Running {DAG_ID}; its full log is {shown_path(log)}", highlight=False, soft_wrap=True)
    command = ["airflow", "dags", "test", DAG_ID, "--conf", json.dumps(params)]
    home = Path(environment["AIRFLOW_HOME"])
    airflow = start_program(command, environment, log)
    with RunProgress(console) as progress:
        while airflow.poll() is None:
            progress.show(begun_steps(home, DAG_ID))
            check()
            time.sleep(LOOK_SECONDS)
        progress.show(begun_steps(home, DAG_ID))
    return airflow.returncode


def show_report(report: Path | None, folder: Path, command: str, console: Console) -> None:
    """Print the run's report, or the end of the log when the run left none.

    :param command: how to run again: nothing of this run is left that could be cleared in Airflow
    """
    if report is None:
        console.print("The run left no report. The end of its log:", style="red")
        console.print(last_lines(folder / "airflow.log", 30), markup=False, highlight=False, soft_wrap=True)
        return
    colour = console.is_terminal and not console.no_color
    document = RunReport.read(report.read_bytes(), shown_path(report))
    again = f"Repair the cause and run {command} again."
    print("", render_text(document, colour=colour, again=again), "", sep="\n", flush=True)
    console.print(f"Report with plots: {shown_path(report.with_suffix('.html'))}", highlight=False, soft_wrap=True)


def shown_path(path: Path) -> str:
    """Return the path as the user would type it: relative where that is shorter."""
    return min(os.path.relpath(path), str(path), key=len)
