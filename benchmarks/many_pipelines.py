"""Two hundred pipelines in one Airflow, by its parts: their DAG file, their jobs' starts and waits, the calls of a run.

Their tasks' processes and their endpoints are left out: two hundred of each do not fit on this machine. The jobs are
real ones, of the pipeline's own requests, a few at a time; every start is made twice, by two workers at once.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import httpx

from benchmarks.deferred_waits import JOB
from benchmarks.embedded_service import client
from benchmarks.fresh_process import Usage, module, run, say
from benchmarks.measurement import Group, Growth, Row
from benchmarks.pipeline_jobs import PREFIX
from benchmarks.recording import write_recording
from quickstart.airflow_home import airflow_environment, create_airflow_home
from quickstart.embedded_service import BUCKET, start_service, upload_raw_data
from quickstart.sample_ecg import write_recordings
from sagemaker_local.settings import Settings

PIPELINES = 200
PARSED = (1, 200, 1_000)
WORKERS = 4
RAW_ROWS = 500
RECORDED_SECONDS = 20.0
# Long enough for a job of these to have ended before the first look: the calls are those with one look a wait.
POLL_SECONDS = 6
KINDS = ("ProcessingJob", "TrainingJob")
HELD_BACK_SECONDS = 600  # at most
CALLS = "calls.jsonl"  # kept by moto's own recorder
MAX_PARSE_SECONDS, MAX_PARSE_RATIO, MAX_WAITS_MB = 30, 1.5, 150
PARSING, SERIALIZED = "processor time to parse and serialize a DAG file", "a pipeline's DAG, serialized"
TASKS = "a pipeline's tasks"
RUN = "one run"
PROCESSOR = f"{RUN}: processor time of all its tasks in one process"
CALLS_OF = f"{RUN}: calls of "
LOOKS = f"{RUN}: looks and log reads, of three waits"


class Step(NamedTuple):
    """What became of one kind of job over all pipelines."""

    starting_seconds: float
    seconds: float
    unended: int
    adopted: int
    completed: int
    there: int
    held: Mapping[str, float]


def measure(folder: Path, full: bool) -> Group:
    """Parse, run one pipeline as a whole, then the jobs of all."""
    recorder = {"MOTO_ENABLE_RECORDING": "1", "MOTO_RECORDER_FILEPATH": str(folder / CALLS)}
    with mock.patch.dict(os.environ, recorder):
        service, address = start_service(folder)
    try:
        parsed = {count: parse(folder, count) for count in PARSED}
        run_rows = rows_of_a_run(folder, address)
        write_raw_data(folder, address)
        steps = {kind: take_step(kind, folder, address) for kind in KINDS}
    finally:
        service.terminate()
        service.wait()
    growth = Growth(
        name=PARSING,
        sizes=PARSED,
        seconds=tuple(usage.reported["processor_seconds"] for usage in parsed.values()),
        peak_mb=tuple(usage.peak_mb for usage in parsed.values()),
    )
    rows = (*rows_of_parsing(parsed), *run_rows, *(row for name, step in steps.items() for row in rows_of(name, step)))
    return Group(rows=rows, growth=(growth,), size_label="pipelines in the file")


def parse(folder: Path, count: int) -> Usage:
    """Parse a file of so many pipelines in a fresh process."""
    environment = airflow_environment(folder, service_address="", settings={"CORE__DAGBAG_IMPORT_TIMEOUT": "600"})
    usage = run(
        module("benchmarks.programs.parse_pipelines", folder / f"pipelines_{count}.py", str(count)), environment
    )
    say(f"  {count} pipelines in a file: {usage.reported['processor_seconds']:.2f} s, {usage.peak_mb:.0f} MB")
    return usage


def rows_of_parsing(parsed: Mapping[int, Usage]) -> list[Row]:
    """The limit is Airflow's own for a file, dagbag_import_timeout."""
    seconds = {count: usage.reported["processor_seconds"] for count, usage in parsed.items()}
    *_, some, most = seconds
    largest = parsed[most].reported
    return [
        *(Row(name=parsing(count), unit="s", ours=each, max_ours=MAX_PARSE_SECONDS) for count, each in seconds.items()),
        Row(
            name=f"{PARSING}, a pipeline among {most:,}",
            unit="ms",
            ours=1000 * seconds[most] / most,
            beside=f"among {some:,}",
            theirs=1000 * seconds[some] / some,
            max_ratio=MAX_PARSE_RATIO,
        ),
        Row(name=SERIALIZED, unit="bytes", ours=largest["serialized_bytes"]),
        Row(name=TASKS, unit="tasks", ours=largest["tasks"]),
    ]


def parsing(count: int) -> str:
    """The row of a file with so many pipelines."""
    return f"{PARSING}: {count:,} {'pipelines' if count > 1 else 'pipeline'}"


def rows_of_a_run(folder: Path, address: str) -> list[Row]:
    """Run the pipeline once, its endpoint included, and count what Airflow asks of AWS."""
    upload_raw_data(address, write_recordings(folder / "recordings", seconds=RECORDED_SECONDS))
    create_airflow_home(folder / "airflow")
    environment = airflow_environment(folder / "airflow", address, settings={})
    settings = json.dumps({"poll_seconds": POLL_SECONDS})
    say("  one run of airflow dags test")
    usage = run(module("airflow", "dags", "test", "pca_pipeline", "--conf", settings), environment)
    httpx.post(f"{address}/moto-api/recorder/stop-recording").raise_for_status()
    calls = airflow_calls(folder / CALLS)
    say(f"  {usage.seconds:.0f} s, {calls.total()} calls: {calls}")
    services = Counter(service for service, _ in calls.elements())
    looks = sum(count for (_, operation), count in calls.items() if is_look(operation))
    return [
        Row(name=PROCESSOR, unit="s", ours=usage.processor_seconds),
        *(Row(name=f"{CALLS_OF}{name}", unit="calls", ours=count) for name, count in services.most_common()),
        Row(name=LOOKS, unit="calls", ours=looks),
    ]


def airflow_calls(recording: Path) -> Counter[tuple[str, str]]:
    """Calls by service and operation, those of Airflow's own clients; of what has no operation's name, by method."""
    found: Counter[tuple[str, str]] = Counter()
    with recording.open(encoding="utf-8") as lines:
        for entry in map(json.loads, lines):
            headers = entry["headers"]
            if "Airflow" in headers.get("User-Agent", ""):
                service = headers["Authorization"].partition("Credential=")[2].split("/")[3]
                operation = headers.get("X-Amz-Target", entry["method"]).rpartition(".")[2]
                found[service, operation] += 1
    return found


def is_look(operation: str) -> bool:
    """Whether a wait asks so: these calls grow with the time that a job or endpoint takes."""
    return operation == "FilterLogEvents" or (
        operation.startswith("Describe") and operation.endswith(("Job", "Endpoint"))
    )


def write_raw_data(folder: Path, address: str) -> None:
    """Put a recording under each pipeline's prefix."""
    content = write_recording(folder / "recording.csv", RAW_ROWS).read_bytes()
    s3 = client(address, "s3")
    for number in range(PIPELINES):
        s3.put_object(Bucket=BUCKET, Key=f"raw/{PREFIX}{number}/recording.csv", Body=content)


def take_step(kind: str, folder: Path, address: str) -> Step:
    """Start a job of every pipeline, by several workers, then hold all waits in one triggerer while the jobs run."""
    environment, step = airflow_environment(folder, address, settings={}), kind.removesuffix("Job").lower()
    sagemaker = client(address, "sagemaker")
    say(f"  {PIPELINES} {step} jobs, each started by two of {WORKERS} workers at once")
    started = time.perf_counter()
    with jobs_held_back(kind, address), ThreadPoolExecutor(WORKERS) as workers:
        commands = (
            module("benchmarks.programs.pipeline_tasks", step, str(worker), str(WORKERS), str(PIPELINES))
            for worker in range(WORKERS)
        )
        starts = [usage.reported for usage in workers.map(lambda command: run(command, environment), commands)]
        starting_seconds = time.perf_counter() - started
        unended = job_statuses(sagemaker, kind)["InProgress"]
    held = run(module("benchmarks.programs.hold_pipelines", f"{step}_job", str(PIPELINES)), environment).reported
    statuses = job_statuses(sagemaker, kind)
    found = Step(
        starting_seconds=starting_seconds,
        seconds=time.perf_counter() - started,
        unended=unended,
        adopted=sum(start["adopted"] for start in starts),
        completed=statuses["Completed"],
        there=statuses.total(),
        held=held,
    )
    say(f"  {found}")
    return found


@contextmanager
def jobs_held_back(kind: str, address: str) -> Iterator[None]:
    """Occupy the service with other jobs, as many as it runs at a time, so that no pipeline's job begins meanwhile."""
    names = [f"in-the-way-of-{kind}-{number}" for number in range(Settings().max_concurrent_jobs)]
    fault = {"fault": "delay_job", "target": "ProcessingJob", "times": len(names), "seconds": HELD_BACK_SECONDS}
    httpx.post(f"{address}/sagemaker-local/faults", json=fault).raise_for_status()
    sagemaker = client(address, "sagemaker")
    for name in names:
        sagemaker.create_processing_job(ProcessingJobName=name, **JOB)
    yield
    for name in names:
        sagemaker.stop_processing_job(ProcessingJobName=name)


def job_statuses(sagemaker: Any, kind: str) -> Counter[str]:
    """How many jobs of the pipelines are in each state."""
    operation = f"list_{kind.removesuffix('Job').lower()}_jobs"
    pages: Iterable[Mapping[str, Any]] = sagemaker.get_paginator(operation).paginate(NameContains=PREFIX)
    return Counter(job[f"{kind}Status"] for page in pages for job in page[f"{kind}Summaries"])


def rows_of(kind: str, step: Step) -> tuple[Row, ...]:
    """The rows of one kind of job."""
    name = kind.removesuffix("Job").lower()
    jobs, held = f"{PIPELINES} {name} jobs", waits(name)
    return (
        Row(name=f"{jobs}: not completed", unit="jobs", ours=PIPELINES - step.completed, max_ours=0),
        Row(name=f"{jobs}: more than one a pipeline", unit="jobs", ours=step.there - PIPELINES, max_ours=0),
        Row(name=f"{jobs}: starts that found the job there", unit="starts", ours=step.adopted),
        Row(name=f"{jobs}: until all are started", unit="s", ours=step.starting_seconds),
        Row(name=f"{jobs}: until all have ended", unit="s", ours=step.seconds),
        Row(name=f"{jobs}: waiting for their turn once all are started", unit="jobs", ours=step.unended),
        Row(name=f"{held}: lost", unit="waits", ours=step.held["lost"], max_ours=0),
        Row(name=f"{held}: memory", unit="MB", ours=step.held["grown_mb"], max_ours=MAX_WAITS_MB),
        Row(name=f"{held}: longest block of the event loop", unit="s", ours=step.held["longest_block_seconds"]),
    )


def waits(name: str) -> str:
    """What the rows of the waits for one kind of job begin with."""
    return f"{PIPELINES} waits for {name}"
