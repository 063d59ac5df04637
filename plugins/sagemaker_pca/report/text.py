"""The run report for a terminal: aligned, at most 100 columns wide, coloured only when asked."""

import io
from collections.abc import Iterator, Sequence

from rich.bar import Bar
from rich.color import ColorSystem
from rich.console import Console, Group, RenderableType
from rich.style import Style
from rich.table import Column, Table
from rich.text import Text

from sagemaker_pca.report.document import RunReport, SmokeTest, Step, Verdict
from sagemaker_pca.report.row_wording import choice_sentence, most_outlying
from sagemaker_pca.report.wording import (
    HEADLINES,
    component_names,
    duration_text,
    explained_variance,
    failure_evidence,
    is_web_address,
    next_steps,
    number_text,
    percent_text,
    reason_text,
    run_seconds,
    step_remark,
    variance_shares,
    variance_text,
    warning_text,
    what_changed,
)

WIDTH = 100
LABEL_WIDTH = 13
NAME_WIDTH = 44
BAR_WIDTH = 40
COMPONENTS_SHOWN = 8
COMPONENTS_SIDE_BY_SIDE = 5
LOG_LINES_SHOWN = 12

SIGNS = {"success": ("✓", "green"), "failed": ("✗", "red")}
VERDICT_COLOURS = {Verdict.PROMOTED: "green", Verdict.SKIPPED: "bright_black", Verdict.ROLLED_BACK: "yellow"}


def render_text(report: RunReport, *, colour: bool = False, again: str = "") -> str:
    """The summary that a person reads when a run is over.

    :param again: how to run again where that is not Airflow's affair
    """
    style = f"bold {VERDICT_COLOURS.get(report.run.verdict, 'red')}"
    page = Table.grid(Column(width=LABEL_WIDTH, style="bold"), Column(overflow="fold"))
    page.add_row(Text(report.run.verdict.upper(), style), Group(*_verdict(report, style)))
    blocks = {
        "Data": _data(report),
        "Warning": map(warning_text, report.warnings),
        "Variance": _variance(report),
        "Rows": filter(None, (most_outlying(report),)),
        "Gate": _gate(report),
        "Endpoint": _endpoint(report),
        "Steps": _steps(report.steps),
        "Failure": _failure(report),
        "Next": iter(next_steps(report, again)),
    }
    for label, block in blocks.items():
        if lines := list(block):
            page.add_row()
            page.add_row(label, Group(*lines))
    return "\n".join(_drawn(page, ColorSystem.STANDARD if colour else None)).rstrip() + "\n"


def _drawn(page: Table, colours: ColorSystem | None) -> Iterator[str]:
    """The page line by line; escape sequences in a log do not reach the terminal, only ours do."""
    console = Console(file=io.StringIO(), markup=False, emoji=False, highlight=False)
    for line in console.render_lines(page, console.options.update_width(WIDTH)):
        parts = [(style or Style.null(), _printable(text)) for text, style, _ in line]
        yield "".join(style.render(text, color_system=colours) for style, text in parts).rstrip()


def _verdict(report: RunReport, style: str) -> Iterator[RenderableType]:
    yield Text(f"{HEADLINES[report.run.verdict]} after {duration_text(run_seconds(report))}.", style)
    yield f"{report.run.dag_id} {report.run.run_id}"
    if reason := reason_text(report):
        yield reason


def _data(report: RunReport) -> Iterator[RenderableType]:
    data = report.data
    if data is None:
        return
    files = f" from {len(data.files)} file{'s' * (len(data.files) != 1)}" if data.files else ""
    skipped = f", {data.skipped_rows:,} skipped" if data.skipped_rows else ""
    yield f"{data.row_count:,} rows{files}{skipped}"
    missing, emptiest = "", data.emptiest_column
    if emptiest and emptiest.null_fraction:
        missing = f"; at most {percent_text(emptiest.null_fraction)} missing (column {emptiest.name})"
    yield f"{len(data.columns):,} feature columns{missing}"


def _variance(report: RunReport) -> Iterator[RenderableType]:
    ratios = explained_variance(report)
    if not ratios:
        return
    yield variance_text(report)
    if choice := choice_sentence(report):
        yield choice
    bars = _grid(Column(), Column(justify="right"), Column())
    for name, share in variance_shares(report, COMPONENTS_SHOWN):
        # What is there but too small to draw is a thin line, an eighth of a character.
        eighths = max(round(share * BAR_WIDTH * 8), int(share > 0))
        bars.add_row(name, percent_text(share), Bar(BAR_WIDTH * 8, 0, eighths, width=BAR_WIDTH))
    yield bars


def _gate(report: RunReport) -> Iterator[RenderableType]:
    if not report.checks:
        return
    yield f"{sum(check.passed for check in report.checks)} of {len(report.checks)} checks passed"
    for check in report.checks:
        if not check.passed:
            refusal = _grid(padding=1)
            refusal.add_row(Text("✗", "red"), check.message)
            yield refusal


def _endpoint(report: RunReport) -> Iterator[RenderableType]:
    if report.deployment:
        yield from what_changed(report)
    if report.smoke_test:
        yield from _smoke_test(report.smoke_test)


def _smoke_test(test: SmokeTest) -> Iterator[RenderableType]:
    """One row's projection from the endpoint above the artifact's own, component by component."""
    yield _one_line(f"One raw row: {', '.join(number_text(value, 5) for value in test.raw_row)}")
    shown = min(len(test.artifact_projection), COMPONENTS_SIDE_BY_SIDE)
    table = _grid(Column(), *[Column(justify="right", width=12) for _ in range(shown)])
    table.add_row("projection", *component_names(shown))
    for name, projection in (("endpoint", test.endpoint_projection), ("artifact", test.artifact_projection)):
        table.add_row(f"  {name}", *[number_text(value, 7) for value in projection[::-1][:shown]])
    yield table
    latencies = {"latency p50": test.latency_p50_ms, "p95": test.latency_p95_ms}
    facts = [f"largest difference {number_text(test.max_abs_difference, 2)} over {test.rows} rows"]
    facts += [f"{name} {number_text(ms, 3)} ms" for name, ms in latencies.items() if ms is not None]
    yield ", ".join(facts)


def _steps(steps: Sequence[Step]) -> Iterator[RenderableType]:
    table = _grid(Column(), Column(max_width=NAME_WIDTH, no_wrap=True), Column(justify="right"), Column(style="dim"))
    for step in steps:
        remark = " · ".join(filter(None, [step_remark(step), step.note]))
        table.add_row(
            Text(*SIGNS.get(step.state or "", ("-", "dim"))), step.task_id, duration_text(step.duration_seconds), remark
        )
    yield table


def _failure(report: RunReport) -> Iterator[RenderableType]:
    evidence = failure_evidence(report)
    if evidence is None:
        return
    yield evidence.title
    if evidence.link:
        # Folded like any text, but clicked as one where the terminal knows of links.
        address = _printable(evidence.link)
        yield Text(address, Style(link=address) if is_web_address(address) else "")
    if evidence.log_lines:
        yield f"{evidence.log_title}:"
        yield from (_one_line(f"| {line}", "dim") for line in evidence.log_lines[-LOG_LINES_SHOWN:])


def _grid(*columns: Column, padding: int = 2) -> Table:
    return Table.grid(*columns, padding=(0, padding, 0, 0))


def _printable(text: str) -> str:
    return "".join(filter(str.isprintable, text))


def _one_line(text: str, style: str = "") -> Text:
    """Text that is cut where it does not fit."""
    return Text(text, style, no_wrap=True, overflow="ellipsis")
