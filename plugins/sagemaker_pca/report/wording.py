"""The words of a run report: numbers and durations for people, what a run changed, why it ended, what to do next."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from sagemaker_pca.model.comparison import Comparison
from sagemaker_pca.model.data_warnings import DataWarning
from sagemaker_pca.plurals import counted
from sagemaker_pca.report.document import FailedStep, RunReport, Step, Verdict
from sagemaker_pca.run.tasks import failure_line

NO_VALUE = "\N{EN DASH}"
SAME = "same"
MOST_COMPONENTS_SHOWN = 50

HEADLINES = {
    Verdict.PROMOTED: "The new model is in service",
    Verdict.ROLLED_BACK: "The deployment was rolled back",
    Verdict.REFUSED: "The quality gate refused the model",
    Verdict.REJECTED: "The model was not approved",
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
    if abs(percent) < 0.095:
        return f"{percent:.2g}%"
    if 99.95 <= percent < 100:  # what is almost everything is not everything
        return f"{percent:.2f}%" if percent < 99.995 else "over 99.99%"
    return f"{percent:.1f}%"


def points_text(first: float, second: float) -> str:
    """By how many percentage points a share changed, as far as two decimals show it."""
    points = 100 * (second - first)
    return SAME if abs(points) < 0.005 else f"{points:+.2f}"


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


def value_text(value: Any) -> str:
    """A setting's value."""
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    if value is None:
        return "not set"
    return value if isinstance(value, str) else json.dumps(value)


def component_names(count: int) -> list[str]:
    """PC1 … PCk, the largest first: the reverse of the artifact's order."""
    return [f"PC{rank}" for rank in range(1, count + 1)]


def component_range(first: int, last: int) -> str:
    """The components from one rank to another as one name."""
    return f"PC{first}" if first == last else f"PC{first}\N{EN DASH}PC{last}"


def explained_variance(report: RunReport) -> list[float]:
    """Explained variance per component, the largest first; what could not be measured counts as nothing."""
    ratios = report.model.explained_variance_ratio if report.model else ()
    return [ratio or 0.0 for ratio in reversed(ratios)]


def unexplained_variance(report: RunReport) -> float:
    """The share of the variance that no component explains; rounding in training may not make it negative."""
    return max(round(1 - sum(explained_variance(report)), 6), 0.0)


def spectrum(report: RunReport) -> list[float]:
    """Share of each component there is, kept or not, the largest first; none of a model that it is not known of."""
    return [share or 0.0 for share in (report.model.spectrum if report.model else None) or ()]


def left_out_variance(report: RunReport) -> list[float]:
    """Likewise of each component that was not kept."""
    return spectrum(report)[len(explained_variance(report)) :]


def left_out_components(report: RunReport) -> str:
    """Name of the components that were not kept, empty where all are."""
    kept, all_there_are = len(explained_variance(report)), len(report.model.served.components) if report.model else 0
    return component_range(kept + 1, all_there_are) if kept < all_there_are else ""


def variance_shares(report: RunReport, alone: int) -> Iterator[tuple[str, float]]:
    """The largest kept components one by one, the others together, and what was not kept.

    :param alone: how many stand for themselves, if need be; a last one that would be alone behind them does too
    """
    ratios = explained_variance(report)
    alone = alone if len(ratios) > alone + 1 else len(ratios)
    yield from zip(component_names(alone), ratios, strict=False)
    if others := ratios[alone:]:
        yield component_range(alone + 1, len(ratios)), sum(others)
    rest = left_out_components(report)
    yield f"{rest}, not kept" if rest else "unexplained", unexplained_variance(report)


def spectrum_sentences(report: RunReport) -> Iterator[str]:
    """What the plot of the spectrum does not show, or leaves to be guessed."""
    kept, rest = explained_variance(report), left_out_components(report)
    if rest:
        yield f"Not kept: {rest}, {percent_text(unexplained_variance(report))} of the variance."
    shares = kept + left_out_variance(report)
    if hidden := shares[MOST_COMPONENTS_SHOWN:]:
        name = component_range(MOST_COMPONENTS_SHOWN + 1, len(shares))
        yield f"Not drawn: {name}, {percent_text(sum(hidden))} together."


def warning_text(warning: DataWarning) -> str:
    """A warning with what to do about it."""
    return f"{warning.message} If that is not meant, set {warning.cure}."


def variance_text(report: RunReport) -> str:
    """How much of the variance how many components explain; empty where nothing was measured."""
    ratios = explained_variance(report)
    several = "s" * (len(ratios) != 1)
    return f"{percent_text(sum(ratios))} explained by {len(ratios)} component{several}" if ratios else ""


def verdict_line(report: RunReport) -> str:
    """How the run ended, and the figures or the sentence that say why, in one line."""
    verdict, failed = report.run.verdict, report.failed_step
    if verdict is Verdict.PROMOTED:
        rows = f"{report.data.row_count:,} rows" if report.data else ""
        return f"{verdict}: {', '.join(filter(None, (variance_text(report), rows)))}"
    alone = sum(step.state == "failed" for step in report.steps) == 1
    if failed and alone and verdict in (Verdict.FAILED, Verdict.ROLLED_BACK):
        return failure_line(failed.task_id, failed.failure.reason, verdict)
    # Where several steps failed, a roll-back may be among them: it tells of each.
    return f"{verdict}: {report.run.reason}"


def run_seconds(report: RunReport) -> float:
    """Wall time of the run."""
    return (report.run.finished_at - report.run.started_at).total_seconds()


def reason_text(report: RunReport) -> str:
    """Why the run ended as it did, whole, however many lines the one who knew it took."""
    if report.run.reason or report.run.verdict is not Verdict.PROMOTED:
        return report.run.reason
    missed = sum(not check.passed for check in report.checks)
    gate = f"All {len(report.checks)} checks passed" if report.checks else "No check failed"
    if missed:
        gate = f"{counted(missed, 'check')} of {len(report.checks)} failed, a person approved the model all the same"
    test = report.smoke_test
    return f"{gate}, and the endpoint answers {test.rows} raw rows as the artifact does." if test else f"{gate}."


class Evidence(NamedTuple):
    """What there is to see of a failure: the page that tells more, and the end of the log."""

    title: str
    link: str
    log_title: str
    log_lines: tuple[str, ...]


def is_web_address(address: str | None) -> bool:
    """Whether an address may be clicked; of any other scheme it is text."""
    return address is not None and address.startswith(("https://", "http://"))


def failure_evidence(report: RunReport) -> Evidence | None:
    """What stands below the reason of a failed step; its hint is the first of the next steps."""
    failed = report.failed_step
    if failed is None or not (failed.failure.link or failed.failure.log_tail):
        return None
    log_title = "Last lines of its log" if failed.failure.log_tail else ""
    return Evidence(f"Why {failed.task_id} failed", failed.failure.link, log_title, failed.failure.log_tail)


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
    return [f"Endpoint {endpoint} serves {deployment.endpoint_config_name}.", origin, *model_change(report.comparison)]


def next_steps(report: RunReport, again: str = "") -> list[str]:
    """What a person should do now, in order; the hint of a failure comes first.

    :param again: how to run again where that is not Airflow's affair
    """
    dag_id, verdict, failed = report.run.dag_id, report.run.verdict, report.failed_step
    hints = [failed.failure.hint] if failed and failed.failure.hint else []
    match verdict:
        case Verdict.PROMOTED:
            return _steps_after_promotion(report)
        case Verdict.SKIPPED:
            return [f"Nothing, unless the run should have happened: then trigger {dag_id} again."]
        case Verdict.REFUSED:
            refused_by = ", ".join(check.name for check in report.checks if not check.passed) or "the failed check"
            again = again or f"Repair the data or change the settings, then trigger {dag_id} again."
            return [*hints, f"Read what the quality gate says about {refused_by}.", again]
        case Verdict.REJECTED:
            return [*hints, again or f"To try again, trigger {dag_id}."]
        case Verdict.ROLLED_BACK:
            return [
                *(hints or ["Read the endpoint's log."]),
                again or f"Trigger {dag_id} again when the cause is gone.",
            ]
        case Verdict.FAILED:
            return [*hints, again or _clearing(failed)]


def _clearing(failed: FailedStep | None) -> str:
    """How a failed run goes on in Airflow."""
    task = (failed.clear_task_id or failed.task_id) if failed else "the first unfinished task"
    return (
        f"When the cause is gone, clear {task} in Airflow, with what is downstream: jobs that completed are adopted, "
        "not run again."
    )


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


def model_change(comparison: Comparison | None) -> list[str]:
    """What a new model explains beside the one before it, in a sentence; nothing where there was none."""
    if comparison is None:
        return []
    if comparison.served_explained_variance is None:
        return [comparison.note]
    old, new = percent_text(comparison.served_explained_variance), percent_text(comparison.explained_variance)
    angle = comparison.largest_principal_angle_degrees
    turned = f" Its directions turned by up to {angle:.1f}°." if angle is not None else ""
    return [f"Of the new data's variance the old model explains {old}, the new one {new}.{turned}"]
