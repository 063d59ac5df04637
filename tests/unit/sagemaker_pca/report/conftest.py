"""Run reports of every outcome, their numbers measured on a small made-up recording."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sagemaker_pca.evaluation import Evaluation, GateLimits, evaluate
from sagemaker_pca.moments import Moments
from sagemaker_pca.pca_model import PcaModel
from sagemaker_pca.report import (
    BadRow,
    Column,
    Data,
    Deployment,
    FailedStep,
    Model,
    ProjectionSample,
    Projector,
    RawFile,
    Resource,
    Run,
    RunReport,
    Setting,
    SmokeTest,
    Step,
    Verdict,
)
from sagemaker_pca.run_config import PcaRunConfig

START = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
RUN_NAME = "pca-pipeline-manual-2026-11-22t09-30-4f2a91c07b"
BEFORE = "pca-pipeline-scheduled-2026-11-21t09-30-77d0e3a912"
CONSOLE = "https://us-east-1.console.aws.amazon.com/sagemaker/home"

Rows = NDArray[np.float64]
Train = Callable[[Rows, int], PcaModel]
Measure = Callable[[Rows], Moments]

STEPS = {
    "preflight": 0.6,
    "stage_inputs": 1.1,
    "features.start_processing": 0.8,
    "features.wait_for_processing": 14.2,
    "training.start_training": 0.9,
    "training.wait_for_training": 9.7,
    "evaluate_model": 1.4,
    "deployment.create_model": 0.5,
    "deployment.create_endpoint_config": 0.4,
    "deployment.deploy_endpoint": 0.9,
    "deployment.wait_for_endpoint": 6.3,
    "deployment.smoke_test": 1.2,
    "deployment.roll_back": 2.1,
}


@pytest.fixture(scope="session")
def promoted(train: Train, make_moments: Measure) -> RunReport:
    """A retrained model that went into service in place of an older one."""
    rows = recording(seed=7)
    model, served = train(rows, 3), train(recording(seed=8), 3)
    moments = replace(make_moments(rows), null_count=np.array([0, 2, 19, 0]))
    evaluation = evaluate(model, moments, GateLimits(), served=served, served_columns=moments.feature_columns)
    projections = model.project(rows)
    sampled = np.linspace(0, len(rows) - 1, 500).astype(int)
    return RunReport(
        **measured(Verdict.PROMOTED, "", moments, model, evaluation),
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
        resources=(
            Resource(kind="processing job", name=RUN_NAME, console_url=f"{CONSOLE}#/processing-jobs/{RUN_NAME}"),
            Resource(kind="training job", name=RUN_NAME, console_url=f"{CONSOLE}#/jobs/{RUN_NAME}"),
            Resource(kind="endpoint", name="ecg-leads", console_url=f"{CONSOLE}#/endpoints/ecg-leads"),
        ),
    )


@pytest.fixture(scope="session")
def refused(train: Train, make_moments: Measure) -> RunReport:
    """One component of leads drowned in noise: too little variance explained."""
    rows = recording(seed=9, noise=0.4)
    model, moments = train(rows, 1), make_moments(rows)
    evaluation = evaluate(model, moments, GateLimits())
    return RunReport(
        **measured(Verdict.REFUSED, evaluation.reason, moments, model, evaluation), steps=steps("evaluate_model")
    )


@pytest.fixture(scope="session")
def rolled_back(promoted: RunReport) -> RunReport:
    """An endpoint that answered otherwise than its artifact."""
    reason = "deployment.smoke_test failed: PC1 of row 3 is 0.8412 from the endpoint and 0.7902 from the artifact."
    failed = FailedStep(task_id="deployment.smoke_test", error=reason, log_tail=("Sending 20 rows", reason))
    return promoted.model_copy(
        update={
            "run": promoted.run.model_copy(update={"verdict": Verdict.ROLLED_BACK, "reason": reason}),
            "steps": steps("deployment.smoke_test", rolls_back=True),
            "deployment": deployment(verified=False),
            "failed_step": failed,
        }
    )


@pytest.fixture(scope="session")
def failed_early() -> RunReport:
    """A run whose processing job failed: nothing but run, steps, settings and the log is known."""
    reason = "The job ended Failed: recording-2.csv.gz, line 4711, column Ch7: 'n/a' is not a number."
    log_tail = (
        "algo-1: reading recording-1.csv.gz (2,000 rows)",
        "algo-1: reading recording-2.csv.gz",
        "algo-1: recording-2.csv.gz, line 4711, column Ch7: 'n/a' is not a number. Correct the file, or set "
        "on_bad_rows=skip.",
        "The job ended Failed: AlgorithmError: See job logs for more information",
    )
    return RunReport(
        run=run(Verdict.FAILED, reason, seconds=23),
        steps=steps("features.wait_for_processing"),
        settings=settings(),
        failed_step=FailedStep(task_id="features.wait_for_processing", error=reason, log_tail=log_tail),
    )


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
    """The pipeline's steps, one after the other; behind a failed one nothing runs but the roll-back."""
    found, moment, broken = [], START + timedelta(seconds=1), False
    for task_id, seconds in STEPS.items():
        if task_id == "deployment.roll_back" and not rolls_back:
            found.append(Step(task_id=task_id, state="skipped"))
        elif broken and task_id != "deployment.roll_back":
            found.append(Step(task_id=task_id, state="upstream_failed"))
        else:
            state = "failed" if task_id == failed else "success"
            found.append(Step(task_id=task_id, state=state, started_at=moment, duration_seconds=seconds))
            moment += timedelta(seconds=seconds + 0.7)
        broken = broken or task_id == failed
    return tuple(found)


def settings() -> tuple[Setting, ...]:
    """Every setting with its built-in value, but for two."""
    given: dict[str, tuple[Any, Any]] = {"num_components": (3, "param"), "endpoint_name": ("ecg-leads", "variable")}
    return tuple(
        Setting(
            name=name,
            value=given[name][0] if name in given else field.default,
            origin=given[name][1] if name in given else "built-in",
            help=field.description or "",
        )
        for name, field in PcaRunConfig.model_fields.items()
    )


def measured(
    verdict: Verdict, reason: str, moments: Moments, model: PcaModel, evaluation: Evaluation
) -> dict[str, Any]:
    """The sections of a run that got as far as the quality gate."""
    names = ("mean", "std", "minimum", "maximum", "null_fraction")
    numbers = np.stack(
        [moments.mean, moments.standard_deviations, moments.minimum, moments.maximum, moments.null_fraction], axis=1
    )
    return {
        "run": run(verdict, reason, seconds=51 if verdict is Verdict.PROMOTED else 36),
        "settings": settings(),
        "data": Data(
            row_count=moments.row_count,
            columns=tuple(
                Column(name=name, **dict(zip(names, row, strict=True)))
                for name, row in zip(moments.feature_columns, numbers.tolist(), strict=True)
            ),
            files=tuple(RawFile(name=f"recording-{number}.csv.gz", rows=2000) for number in (1, 2, 3)),
            skipped_rows=4,
            bad_rows=(BadRow(file="recording-2.csv.gz", line=17, reason="column 'Ch5' holds 'n.v.'"),),
        ),
        "model": Model(
            artifact_uri=f"s3://sagemaker-pca-us-east-1-123456789012/runs/{RUN_NAME}/training/model.tar.gz",
            singular_values=tuple(model.singular_values),
            explained_variance_ratio=evaluation.metrics.explained_variance_ratio,
            served=Projector.model_validate({"mean": model.mean, "components": model.components}),
        ),
        "checks": evaluation.checks,
        "comparison": evaluation.comparison,
    }


def deployment(*, verified: bool) -> Deployment:
    """The update of an endpoint that was there before."""
    return Deployment(
        endpoint_name="ecg-leads",
        endpoint_config_name=RUN_NAME,
        model_name=RUN_NAME,
        previous_endpoint_config_name=BEFORE,
        verified=verified,
    )
