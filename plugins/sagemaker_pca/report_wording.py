"""The words of a run report: numbers and durations for people, what a run changed, what to do next."""

from datetime import datetime, timedelta

from sagemaker_pca.report import RunReport, Step, Verdict

NO_VALUE = "\N{EN DASH}"

HEADLINES = {
    Verdict.PROMOTED: "The new model is in service",
    Verdict.ROLLED_BACK: "The deployment was rolled back",
    Verdict.REFUSED: "The quality gate refused the model",
    Verdict.FAILED: "The run failed",
    Verdict.SKIPPED: "The run was skipped",
}


def number_text(value: float | None, digits: int = 4) -> str:
    """A number for reading: significant digits, thousands separated."""
    if value is None:
        return NO_VALUE
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e9):
        return f"{int(value):,}"
    if 1e-4 <= abs(value) < 10**digits:
        return f"{value:.{digits}g}"
    if 1e-4 <= abs(value) < 1e9:
        return f"{value:,.0f}"
    return f"{value:.{max(digits - 3, 1)}e}"


def percent_text(share: float | None) -> str:
    """A share of one as a percentage."""
    if share is None:
        return NO_VALUE
    if share in (0, 1):
        return f"{share:.0%}"
    percent = 100 * share
    return f"{percent:.2g}%" if abs(percent) < 0.095 else f"{percent:.1f}%"


def duration_text(seconds: float | None) -> str:
    """A duration in the two units that matter at its size."""
    if seconds is None:
        return NO_VALUE
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def component_names(count: int) -> list[str]:
    """PC1 … PCk, the largest first: the reverse of the artifact's order."""
    return [f"PC{rank}" for rank in range(1, count + 1)]


def explained_variance(report: RunReport) -> list[float]:
    """Explained variance per component, the largest first; what could not be measured counts as nothing."""
    ratios = report.model.explained_variance_ratio if report.model else ()
    return [ratio or 0.0 for ratio in reversed(ratios)]


def run_seconds(report: RunReport) -> float | None:
    """Wall time from the run's start to its end, or to the last thing known of it."""
    ends = [end for step in report.steps if (end := step_end(step))]
    end = report.run.finished_at or max(ends, default=None)
    return (end - report.run.started_at).total_seconds() if end else None


def step_end(step: Step) -> datetime | None:
    """When a step ended, where that is known."""
    if step.started_at is None or step.duration_seconds is None:
        return None
    return step.started_at + timedelta(seconds=step.duration_seconds)


def timeline(report: RunReport) -> tuple[list[float | None], float]:
    """Where each step's bar begins, in seconds, None for a step that did not run; and how long the whole axis is.

    Without known starts the bars still compare durations: all of them begin at zero.
    """
    ran = [step.duration_seconds is not None for step in report.steps]
    if has_starts(report):
        begun = report.run.started_at
        starts = [(step.started_at - begun).total_seconds() if step.started_at else None for step in report.steps]
        return [start if known else None for start, known in zip(starts, ran, strict=True)], run_seconds(report) or 0.0
    longest = max((step.duration_seconds or 0.0 for step in report.steps), default=0.0)
    return [0.0 if known else None for known in ran], longest


def has_starts(report: RunReport) -> bool:
    """Whether the timeline shows when steps ran, not just for how long."""
    return any(step_end(step) for step in report.steps)


def reason_text(report: RunReport) -> str:
    """Why the run ended as it did."""
    if report.run.reason or report.run.verdict is not Verdict.PROMOTED:
        return report.run.reason
    gate = f"All {len(report.checks)} checks passed" if report.checks else "No check failed"
    test = report.smoke_test
    return f"{gate}, and the endpoint answers {test.rows} raw rows as the artifact does." if test else f"{gate}."


def step_remark(step: Step) -> str:
    """What to say of a step that did not simply succeed."""
    if step.state == "success":
        return ""
    return "did not run" if step.state in (None, "upstream_failed") else step.state.replace("_", " ")


def what_changed(report: RunReport) -> list[str]:
    """What is different in the world after this run, one sentence each."""
    deployment = report.deployment
    if deployment is None:
        return ["Nothing was deployed. The endpoint, if there was one, goes on serving what it served before."]
    endpoint, before = deployment.endpoint_name, deployment.previous_endpoint_config_name
    if report.run.verdict is Verdict.ROLLED_BACK:
        state = f"is back on {before}" if before else "was new and has been deleted"
        return [f"Endpoint {endpoint} {state}.", f"Configuration {deployment.endpoint_config_name} is out of service."]
    if not deployment.verified:
        return [
            f"Endpoint {endpoint} was asked to serve {deployment.endpoint_config_name}; nobody verified that it does.",
            f"Before the run it served {before}." if before else "Before the run it did not exist.",
        ]
    origin = f"Before, it served {before}." if before else "It is new: there was no such endpoint before."
    return [f"Endpoint {endpoint} serves {deployment.endpoint_config_name}.", origin, *_model_change(report)]


def next_steps(report: RunReport) -> list[str]:
    """What a person should do now, in order."""
    dag_id, verdict = report.run.dag_id, report.run.verdict
    if verdict is Verdict.PROMOTED:
        return _steps_after_promotion(report)
    if verdict is Verdict.REFUSED:
        failed = ", ".join(check.name for check in report.checks if not check.passed) or "the failed check"
        return [
            f"Read what the quality gate says about {failed}.",
            f"Repair the data or change the settings, then trigger {dag_id} again.",
        ]
    if verdict is Verdict.ROLLED_BACK:
        return [
            "Compare the endpoint's answer with the artifact's own under Smoke test, and read the endpoint's log.",
            f"Trigger {dag_id} again when the cause is gone.",
        ]
    if verdict is Verdict.SKIPPED:
        return [f"Nothing, unless the run should have happened: then trigger {dag_id} again."]
    return _steps_after_failure(report)


def _steps_after_promotion(report: RunReport) -> list[str]:
    deployment = report.deployment
    if deployment is None:
        return []
    steps = [f"Send rows in raw units, one per line, as text/csv to {deployment.endpoint_name}."]
    if report.model:
        steps.append("Read its answer from the end: the last number is PC1, the largest component.")
    if before := deployment.previous_endpoint_config_name:
        steps.append(f"To go back, update the endpoint to {before}.")
    return steps


def _steps_after_failure(report: RunReport) -> list[str]:
    failed = report.failed_step
    if failed is None:
        return [f"Look at the failed task of {report.run.dag_id} in Airflow, and clear it when the cause is gone."]
    return [
        f"Read the last log lines of {failed.task_id}.",
        f"When the cause is gone, clear {failed.task_id} in Airflow: jobs that completed are adopted, not run again.",
    ]


def _model_change(report: RunReport) -> list[str]:
    comparison = report.comparison
    if comparison is None:
        return []
    old, new = percent_text(comparison.served_explained_variance), percent_text(comparison.explained_variance)
    angle = comparison.largest_principal_angle_degrees
    turned = f" Its directions turned by up to {angle:.1f}°." if angle is not None else ""
    return [f"Of the new data's variance the old model explains {old}, the new one {new}.{turned}"]
