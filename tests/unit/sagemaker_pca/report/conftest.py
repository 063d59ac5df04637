"""Run reports of every outcome, made as the pipeline makes them, of a small made-up recording."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from quickstart.sample_ecg import ecg_signal
from sagemaker_pca.console import Console
from sagemaker_pca.exceptions import Failure, GateRefusedError, JobFailedError, SmokeTestError
from sagemaker_pca.model.artifact import PcaModel
from sagemaker_pca.model.card import DataFile, ModelCard
from sagemaker_pca.model.evaluation import evaluate
from sagemaker_pca.model.moments import Moments
from sagemaker_pca.report.document import (
    Deployment,
    FailedStep,
    LinkedResource,
    ProjectionSample,
    Run,
    RunReport,
    Setting,
    SmokeTest,
    Step,
    Verdict,
)
from sagemaker_pca.resource_kinds import ENDPOINT, PROCESSING_JOB, TRAINING_JOB
from sagemaker_pca.run import tasks
from sagemaker_pca.run.jobs import job_failure
from sagemaker_pca.settings.pipeline import PcaRunConfig
from sagemaker_pca.steps.publish_report import SECTIONS_OF_CARD
from tests import plain_models
from tests.unit.sagemaker_pca.model.test_drift import card_of

START = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
RUN_NAME = "pca-pipeline-manual-2026-11-22t09-30-4f2a91c07b"
BEFORE = "pca-pipeline-scheduled-2026-11-21t09-30-77d0e3a912"
CONSOLE = Console(region="us-east-1", partition="aws")
CONFIG = PcaRunConfig(num_components=3, endpoint_name="ecg-leads")

Rows = NDArray[np.float64]
Train = Callable[[Rows, int], PcaModel]
Measure = Callable[[Rows], Moments]

SECONDS = {
    tasks.PREFLIGHT: 0.6,
    tasks.STAGE_INPUTS: 1.1,
    tasks.START_PROCESSING: 0.8,
    tasks.WAIT_FOR_PROCESSING: 14.2,
    tasks.START_TRAINING: 0.9,
    tasks.WAIT_FOR_TRAINING: 9.7,
    tasks.EVALUATE_MODEL: 1.4,
    tasks.APPROVE: 0.1,
    tasks.CREATE_MODEL: 0.5,
    tasks.CREATE_ENDPOINT_CONFIG: 0.4,
    tasks.DEPLOY_ENDPOINT: 0.9,
    tasks.WAIT_FOR_ENDPOINT: 6.3,
    tasks.SMOKE_TEST: 1.2,
    tasks.ROLL_BACK: 2.1,
    tasks.WAIT_FOR_ROLL_BACK: 5.8,
    tasks.FINISH_DEPLOYMENT: 0.7,
}
AFTER_ALL = {tasks.ROLL_BACK, tasks.WAIT_FOR_ROLL_BACK, tasks.FINISH_DEPLOYMENT}


@pytest.fixture(scope="session")
def promoted(train: Train, make_moments: Measure) -> RunReport:
    """A retrained model that went into service in place of an older one."""
    rows = recording(seed=7)
    model, served = train(rows, 3), train(recording(seed=8), 3)
    moments = replace(make_moments(rows), null_count=np.array([0, 2, 19, 0]))
    projections = model.project(rows)
    sampled = np.linspace(0, len(rows) - 1, 500).astype(int)
    return RunReport(
        **measured(model, moments, served=served),
        run=run(Verdict.PROMOTED, "", seconds=51),
        steps=steps(),
        deployment=deployment(verified=True),
        smoke_test=SmokeTest(
            rows=20,
            raw_row=rows[150],
            endpoint_projection=projections[150] + 3e-8,
            artifact_projection=projections[150],
            max_abs_difference=1.4e-7,
            latency_p50_ms=4.1,
            latency_p95_ms=7.9,
        ),
        projection_sample=ProjectionSample(row_numbers=sampled.tolist(), projections=projections[sampled][:, ::-1]),
        resources=tuple(
            LinkedResource(kind=kind.noun, name=name, console_url=CONSOLE.resource_url(kind, name))
            for kind, name in ((PROCESSING_JOB, RUN_NAME), (TRAINING_JOB, RUN_NAME), (ENDPOINT, "ecg-leads"))
        ),
    )


@pytest.fixture(scope="session")
def refused(train: Train, make_moments: Measure) -> RunReport:
    """One component of leads drowned in noise: too little variance explained."""
    rows = recording(seed=9, noise=0.4)
    sections = measured(train(rows, 1), make_moments(rows))
    messages = " ".join(check.message for check in sections["checks"] if not check.passed)
    failure = GateRefusedError(f"The model is refused, nothing was deployed. {messages}").failure
    return RunReport(
        **sections,
        run=run(Verdict.REFUSED, failure.reason, seconds=36),
        steps=steps(tasks.EVALUATE_MODEL),
        failed_step=failed_step(tasks.EVALUATE_MODEL, failure),
    )


@pytest.fixture(scope="session")
def rolled_back(promoted: RunReport) -> RunReport:
    """An endpoint that answered otherwise than its artifact."""
    failure = SmokeTestError(
        "endpoint ecg-leads, one row per call: row 3, component 3 is 0.841211804, the artifact says 0.790200114 "
        "(tolerance 1.1e-06). Another model is in service, or an old one."
    ).failure
    ended = {
        "run": run(Verdict.ROLLED_BACK, f"{tasks.SMOKE_TEST} failed: {failure.reason}", seconds=60),
        "steps": steps(tasks.SMOKE_TEST, rolls_back=True),
        "deployment": deployment(verified=False),
        "smoke_test": None,
        "projection_sample": None,
        "failed_step": failed_step(tasks.SMOKE_TEST, failure),
    }
    return promoted.model_copy(update=ended)


@pytest.fixture(scope="session")
def failed_early() -> RunReport:
    """A run whose processing job failed: nothing but run, steps, settings and the failure is known."""
    description = {
        "ProcessingJobStatus": "Failed",
        "ExitMessage": "recording-2.csv.gz, line 4711, column Ch7: 'n/a' is not a number.\n"
        "Caused by: ArrowInvalid: In CSV column #3",
        "FailureReason": "AlgorithmError: See job logs, exit code: 1",
    }
    known = job_failure(PROCESSING_JOB, RUN_NAME, description)
    assert known is not None
    failure = JobFailedError(
        known.reason,
        hint="Correct the file, or set on_bad_rows=skip.",
        link=CONSOLE.log_url(PROCESSING_JOB, RUN_NAME),
        log_tail=(
            "recording-1.csv.gz: 2,000 rows",
            *(f"#quality_metric: host=algo-1, part={part}, rows=500" for part in range(20)),
            "ERROR: recording-2.csv.gz, line 4711, column Ch7: 'n/a' is not a number.",
        ),
    ).failure
    return RunReport(
        run=run(Verdict.FAILED, f"{tasks.WAIT_FOR_PROCESSING} failed: {failure.reason}", seconds=23),
        steps=steps(tasks.WAIT_FOR_PROCESSING),
        settings=settings(),
        failed_step=failed_step(tasks.WAIT_FOR_PROCESSING, failure),
    )


def failed_step(task_id: str, failure: Failure) -> FailedStep:
    """A failed step; the one to clear is the one that started the job."""
    job = tasks.AWAITED_JOBS.get(task_id)
    return FailedStep(task_id=task_id, failure=failure, clear_task_id=job.start_task if job else task_id)


def recording(seed: int, noise: float = 0.02) -> Rows:
    """Four leads of a heartbeat over a wandering base line: (6000, 4) millivolt at 500 Hz."""
    generator = np.random.default_rng(seed)
    seconds = np.arange(6000) / 500
    phase = seconds % 0.8
    beat = np.exp(-((phase - 0.3) ** 2) / 0.0009) - 0.3 * np.exp(-((phase - 0.36) ** 2) / 0.0012)
    recovery = 0.35 * np.exp(-((phase - 0.55) ** 2) / 0.006)
    wander = 0.25 * (seconds / 12 - 0.5) + 0.05 * np.sin(2 * np.pi * 0.3 * seconds)
    leads = np.outer(beat, [0.9, 1.2, 0.5, -0.4]) + np.outer(recovery, [0.8, 0.3, 0.9, 0.2])
    leads += np.outer(wander, [0.5, 0.3, 0.9, 1.0])
    return np.asarray(leads + generator.normal(0, noise, leads.shape))


def run(verdict: Verdict, reason: str, seconds: float) -> Run:
    """The run itself."""
    return Run(
        dag_id="pca_pipeline",
        run_id="manual__2026-11-22T09:30:00+00:00",
        run_name=RUN_NAME,
        started_at=START,
        finished_at=START + timedelta(seconds=seconds),
        verdict=verdict,
        reason=reason,
    )


def steps(failed: str | None = None, *, rolls_back: bool = False) -> tuple[Step, ...]:
    """The pipeline's steps; behind a failed one nothing runs but what cleans up."""
    found, broken = [], False
    for task_id, seconds in SECONDS.items():
        if task_id in (tasks.ROLL_BACK, tasks.WAIT_FOR_ROLL_BACK) and not rolls_back:
            found.append(Step(task_id=task_id, state="skipped"))
        elif broken and task_id not in AFTER_ALL:
            found.append(Step(task_id=task_id, state="upstream_failed"))
        else:
            state = "failed" if task_id == failed else "success"
            found.append(Step(task_id=task_id, state=state, duration_seconds=seconds))
        broken = broken or task_id == failed
    return tuple(found)


def settings() -> tuple[Setting, ...]:
    """Every setting with its built-in value, but for two."""
    given: dict[str, Any] = {"num_components": "run", "endpoint_name": "pipeline"}
    return tuple(
        Setting(name=name, value=value, origin=given.get(name, "built-in"), help="What it does.")
        for name, value in CONFIG.model_dump(mode="json").items()
    )


def measured(model: PcaModel, moments: Moments, served: PcaModel | None = None) -> dict[str, Any]:
    """The sections of a run that got as far as the quality gate."""
    bad_row = {"file": "recording-2.csv.gz", "line": 17, "reason": "column 'Ch5' holds 'n.v.'"}
    moments = replace(moments, skipped_rows=4, bad_rows=(bad_row,))
    card = ModelCard.of(
        settings=CONFIG.model_dump(mode="json"),
        trained=model,
        served=model,
        artifact_uri=f"s3://sagemaker-pca-us-east-1-123456789012/runs/{RUN_NAME}/training/model.tar.gz",
        moments=moments,
        data_files=tuple(DataFile(name=f"recording-{number}.csv.gz", rows=2000) for number in (1, 2, 3)),
        evaluation=evaluate(model, moments, CONFIG, served=served, served_columns=moments.feature_columns),
    )
    sections = {name: getattr(card, name) for name in SECTIONS_OF_CARD}
    return sections | {"settings": settings()}


def deployment(*, verified: bool) -> Deployment:
    """The update of an endpoint that was there before."""
    return Deployment(
        endpoint_name="ecg-leads",
        endpoint_config_name=RUN_NAME,
        model_name=RUN_NAME,
        previous_endpoint_config_name=BEFORE,
        verified=verified,
    )


@pytest.fixture(scope="package")
def ecg() -> Rows:
    """4,800 rows of four leads of a synthetic electrocardiogram."""
    return ecg_signal(20, np.random.default_rng(3))


@pytest.fixture(scope="package")
def card(ecg: Rows) -> ModelCard:
    """Of a model that keeps two of the four components."""
    return card_of(ecg, lambda rows, _: plain_models.train(rows, 2), plain_models.make_moments)
