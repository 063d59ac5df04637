"""The run report as one self-contained HTML page: no script, nothing fetched, light and dark, screen, phone and paper.

It prepares what the template shows; words come from `wording`, plots from `plots`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from sagemaker_pca.model.card import AffineMap, Column
from sagemaker_pca.report.document import RunReport, Setting, SmokeTest, Step, Verdict
from sagemaker_pca.report.plots import explained_variance_svg, projection_svg
from sagemaker_pca.report.row_plots import signals_svg, statistics_svg
from sagemaker_pca.report.row_wording import (
    choice_sentence,
    contribution_bars,
    drift_sentences,
    drifted_columns,
    limit_rows,
    outlying_sentence,
    smearing_sentence,
)
from sagemaker_pca.report.wording import (
    HEADLINES,
    MOST_COMPONENTS_SHOWN,
    component_names,
    component_range,
    duration_text,
    explained_variance,
    failure_evidence,
    is_web_address,
    next_steps,
    number_text,
    percent_text,
    reason_text,
    run_seconds,
    spectrum_sentences,
    step_remark,
    unexplained_variance,
    value_text,
    variance_shares,
    warning_text,
    what_changed,
)

TEMPLATES = Path(__file__).parent / "templates"

MAX_COLUMN_ROWS = 40
MAX_LOADING_ROWS = 24
MAX_LOADING_COMPONENTS = 10
MAX_FILE_ROWS = 20
MAX_SHARES_READ_OUT = 12
NARROWEST_BAR_PERCENT = 0.4
TICK_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 86_400)
MOST_TICKS = 6

# Per verdict the tone, a class of the style sheet in templates/run_report.css, and the sign beside the headline.
BADGES = {
    Verdict.PROMOTED: ("good", "✓"),
    Verdict.ROLLED_BACK: ("warn", "↺"),
    Verdict.REFUSED: ("bad", "✕"),
    Verdict.REJECTED: ("bad", "✕"),
    Verdict.FAILED: ("bad", "✕"),
    Verdict.SKIPPED: ("muted", "-"),
}
STEP_TONES = {"success": "good", "failed": "bad"}
STEP_SIGNS = {"success": "✓", "failed": "✕"}


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step and its bar, whose width is percent of the longest step; None where the step did not run."""

    step: Step
    tone: str
    sign: str
    outcome: str
    width: float | None


@dataclass(frozen=True, slots=True)
class Loading:
    """One cell of the heat map: the signed weight and its share of the largest one."""

    text: str
    strength: float
    is_negative: bool


def render_html(report: RunReport, *, embedded: bool = False) -> str:
    """The page as text; every value from the report is escaped.

    :param embedded: for a frame out of which no link leads: addresses are there to be copied
    """
    return templates().get_template("run_report.html").render(_page(report), embedded=embedded)


@cache
def templates(*folders: Path) -> Environment:
    """The report's templates, escaping by default and with its words at hand.

    :param folders: further ones, which may include the report's
    """
    environment = Environment(
        loader=FileSystemLoader([*folders, TEMPLATES]), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "number": number_text,
        "percent": percent_text,
        "duration": duration_text,
        "breakable": _breakable,
        "moment": _moment_text,
        "value": value_text,
    }
    environment.globals["badges"] = BADGES
    environment.tests["web_address"] = is_web_address
    return environment


def _page(report: RunReport) -> dict[str, Any]:
    verdict, ratios = report.run.verdict, explained_variance(report)
    tone, sign = BADGES[verdict]
    plots = {
        "explained_variance": explained_variance_svg(report),
        "projection": projection_svg(report),
        "statistics": statistics_svg(report),
        "signals": signals_svg(report),
    }
    sample = report.projection_sample
    return {
        "report": report,
        "run": report.run,
        "tone": tone,
        "sign": sign,
        "headline": HEADLINES[verdict],
        "reason": reason_text(report),
        "evidence": failure_evidence(report),
        "facts": list(_facts(report)),
        "changes": what_changed(report),
        "next_steps": next_steps(report),
        "steps": [_step_row(step, _longest(report)) for step in report.steps],
        "ticks": list(_ticks(_longest(report))),
        "warnings": [warning_text(warning) for warning in report.warnings],
        "plots": {name: svg and Markup(svg) for name, svg in plots.items()},  # noqa: S704  made by matplotlib, not input
        "spectrum": list(spectrum_sentences(report)),
        "shares": list(variance_shares(report, MAX_SHARES_READ_OUT)),
        "component_names": component_names(len(ratios)),
        "loadings": _loadings(report),
        "columns": _shown_columns(report),
        "smoke_rows": _smoke_rows(report.smoke_test),
        "most_components": MOST_COMPONENTS_SHOWN,
        "hidden_components": component_range(MOST_COMPONENTS_SHOWN + 1, len(ratios)),
        "settings": _settings(report.settings),
        "limits": {check.name: check.limit for check in report.checks},
        "choice": choice_sentence(report),
        "outlying": outlying_sentence(report),
        "outlying_rows": [(row, contribution_bars(row)) for row in sample.outlying_rows] if sample else [],
        "smearing": smearing_sentence(report),
        "limit_rows": limit_rows(report),
        "drift_sentences": list(drift_sentences(report.drift)) if report.drift else [],
        "drifted_columns": drifted_columns(report.drift) if report.drift else [],
        "max_file_rows": MAX_FILE_ROWS,
    }


def _facts(report: RunReport) -> Iterator[tuple[str, str]]:
    """The few numbers a reader looks for first."""
    if report.data:
        yield "Rows", number_text(report.data.row_count)
    if ratios := explained_variance(report):
        yield f"Explained by {len(ratios)} component{'s' * (len(ratios) != 1)}", percent_text(sum(ratios))
        yield "Unexplained", percent_text(unexplained_variance(report))
    if report.checks:
        yield "Checks passed", f"{sum(check.passed for check in report.checks)} of {len(report.checks)}"
    if report.smoke_test and report.smoke_test.latency_p50_ms is not None:
        yield "Latency, median", f"{number_text(report.smoke_test.latency_p50_ms, 3)} ms"
    yield "Duration", duration_text(run_seconds(report))


def _longest(report: RunReport) -> float:
    return max((step.duration_seconds or 0.0 for step in report.steps), default=0.0)


def _step_row(step: Step, longest: float) -> StepRow:
    tone, sign = STEP_TONES.get(step.state or "", "muted"), STEP_SIGNS.get(step.state or "", "-")
    took, width = "", None
    if step.duration_seconds is not None:
        took = duration_text(step.duration_seconds)
        width = round(max(100 * step.duration_seconds / (longest or 1.0), NARROWEST_BAR_PERCENT), 3)
    return StepRow(step, tone, sign, " · ".join(filter(None, [took, step_remark(step)])), width)


def _ticks(whole: float) -> Iterator[tuple[float, str]]:
    """Round durations along the longest step: percent of it, and the words for it."""
    if whole <= 0:
        return
    stride = next((seconds for seconds in TICK_SECONDS if whole / seconds <= MOST_TICKS), TICK_SECONDS[-1])
    for count in range(int(whole // stride) + 1):
        seconds = count * stride
        yield round(100 * seconds / whole, 3), _tick_text(seconds, stride)


def _tick_text(seconds: int, stride: int) -> str:
    if seconds == 0:
        return "0"
    if stride < 60:
        return f"{seconds} s"
    return f"{seconds // 60} min" if stride < 3600 else f"{seconds // 3600} h"


def _loadings(report: RunReport) -> list[tuple[str, list[Loading]]]:
    """Weights of the columns in the largest components, as trained; of many columns those that weigh most."""
    model = report.model
    if model is None:
        return []
    projector = model.as_trained or model.served
    weights = [[weight or 0.0 for weight in reversed(row)][:MAX_LOADING_COMPONENTS] for row in projector.components]
    strongest = max((abs(weight) for row in weights for weight in row), default=0.0) or 1.0
    named = list(zip(_column_names(report, projector), weights, strict=True))
    if len(named) > MAX_LOADING_ROWS:
        ratios = explained_variance(report)
        named.sort(key=lambda item: -sum(r * w * w for r, w in zip(ratios, item[1], strict=False)))
    return [(name, [_loading(weight, strongest) for weight in row]) for name, row in named[:MAX_LOADING_ROWS]]


def _column_names(report: RunReport, projector: AffineMap) -> Sequence[str]:
    if report.data and len(report.data.columns) == len(projector.components):
        return [column.name for column in report.data.columns]
    return [f"column {place}" for place in range(1, len(projector.components) + 1)]


def _loading(weight: float, strongest: float) -> Loading:
    text = f"{abs(weight):.2f}"
    is_negative = weight < 0 and float(text) != 0
    return Loading(f"-{text}" if is_negative else text, round(abs(weight) / strongest, 3), is_negative)


def _shown_columns(report: RunReport) -> Sequence[Column]:
    """All columns in the order of the features, or of very many those with most values missing."""
    columns = report.data.columns if report.data else ()
    if len(columns) <= MAX_COLUMN_ROWS:
        return columns
    return sorted(columns, key=lambda column: -(column.null_fraction or 0.0))[:MAX_COLUMN_ROWS]


def _smoke_rows(test: SmokeTest | None) -> list[tuple[str, float | None, float | None, float | None]]:
    """Per component, the largest first: the endpoint's number, the artifact's own, their difference."""
    if test is None:
        return []
    pairs = list(zip(reversed(test.endpoint_projection), reversed(test.artifact_projection), strict=False))
    return [
        (name, endpoint, artifact, None if endpoint is None or artifact is None else endpoint - artifact)
        for name, (endpoint, artifact) in zip(component_names(len(pairs)), pairs, strict=True)
    ]


def _settings(settings: Sequence[Setting]) -> tuple[list[Setting], list[Setting]]:
    """What somebody set, and what is built in."""
    given = [setting for setting in settings if setting.origin != "built-in"]
    return given, [setting for setting in settings if setting.origin == "built-in"]


def _breakable(name: str) -> Markup:
    """A name that may wrap behind its underscores and dots."""
    return Markup(re.sub("([_.])", r"\1<wbr>", str(escape(name))))  # noqa: S704  escaped first


def _moment_text(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}" if moment else ""
