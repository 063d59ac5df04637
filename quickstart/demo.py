"""`make demo`: the whole pipeline once, on sample data or the user's own, then its report."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
import webbrowser
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from quickstart.airflow_database import begun_steps
from quickstart.airflow_home import STATE, airflow_environment, aws_connection, create_airflow_home
from quickstart.checked_settings import checked_config, refuse_own, with_components
from quickstart.dag_run import request_line
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
from quickstart.raw_data import read_raw_data
from quickstart.sample_ecg import write_recordings
from sagemaker_pca.plurals import counted
from sagemaker_pca.report.document import RunReport
from sagemaker_pca.report.text import render_text

DAG_ID = "pca_pipeline"
LOOK_SECONDS = 0.2
# `airflow dags test` goes on after SIGTERM, and nothing of it is kept but its log.
GRACE_SECONDS = 2.0


@dataclass(frozen=True)
class DemoOptions:
    """What the user chose; nothing chosen runs the sample data with the pipeline's defaults."""

    data: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


def run_demo(options: DemoOptions, console: Console) -> int:
    """Run the pipeline against an embedded service of its own and return the run's outcome as an exit code."""
    refuse_own(options.settings)
    own = read_raw_data(options.data, options.settings) if options.data else None
    params = {"poll_seconds": POLL_SECONDS, **(own.settings if own else with_components(options.settings))}
    checked_config(params)
    for note in own.notes if own else ():
        console.print(note, markup=False, highlight=False, soft_wrap=True)
    with tempfile.TemporaryDirectory(prefix="sagemaker-pca-demo-") as name, programs_end_here(GRACE_SECONDS):
        work = Path(name)
        files = own.files if own else write_recordings(work / "recordings")
        kept = results_folder("demo")
        create_airflow_home(work / "airflow")
        log = kept / "airflow.log"
        pipeline = LoadedPipeline(airflow_environment(work / "airflow", service_address="", settings={}), log)
        service, address = start_service(work)
        console.print(f"The embedded SageMaker answers at {address}", highlight=False)
        uri = upload_raw_data(address, files)
        console.print(f"{counted(len(files), 'raw file')} in {uri}", highlight=False)
        late = {"AIRFLOW_CONN_AWS_DEFAULT": aws_connection(address)}
        exit_code = pipeline.run(params, late, console, partial(check_service, service, log))
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


class LoadedPipeline:
    """An Airflow in a process of its own, which loads the pipeline while other things are made ready, then runs it."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._home, self._log = Path(environment["AIRFLOW_HOME"]), log
        self._airflow = start_program(["quickstart.dag_run", DAG_ID], environment, log, is_told=True)

    def run(
        self, params: Mapping[str, Any], late: Mapping[str, str], console: Console, check: Callable[[], None]
    ) -> int:
        """Run it once, show its progress, and return the exit code of Airflow.

        :param late: further environment variables
        :param check: is called again and again meanwhile, and raises when the run cannot go on
        """
        log = shown_path(self._log)
        console.print(f"Running {DAG_ID}; its full log is {log}", highlight=False, soft_wrap=True)
        with contextlib.suppress(BrokenPipeError):  # it has ended already, and its log says why
            self._tell(request_line(params, late))
        with RunProgress(console) as progress:
            while self._airflow.poll() is None:
                progress.show(begun_steps(self._home, DAG_ID))
                check()
                time.sleep(LOOK_SECONDS)
            progress.show(begun_steps(self._home, DAG_ID))
        return self._airflow.returncode

    def _tell(self, line: str) -> None:
        if self._airflow.stdin is not None:
            with self._airflow.stdin as requests:
                requests.write(line.encode())


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
    page = report.with_suffix(".html")
    console.print(f"Report with plots: {shown_path(page)}", highlight=False, soft_wrap=True)
    if console.is_terminal and page.exists() and has_browser():
        webbrowser.open(page.resolve().as_uri())


def has_browser(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> bool:
    """Whether a page would open in a window of its own: a browser in the terminal would cover what was printed."""
    named = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
    return platform == "darwin" or any(environment.get(name) for name in named)


def shown_path(path: Path) -> str:
    """Return the path as the user would type it: relative where that is shorter."""
    return min(os.path.relpath(path), str(path), key=len)
