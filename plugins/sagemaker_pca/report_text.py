"""The run report for a terminal: aligned, at most 100 columns wide, coloured only when asked."""

import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence

from sagemaker_pca.report import RunReport, SmokeTest, Step, Verdict
from sagemaker_pca.report_wording import (
    HEADLINES,
    component_names,
    duration_text,
    explained_variance,
    next_steps,
    number_text,
    percent_text,
    reason_text,
    run_seconds,
    step_remark,
    what_changed,
)

WIDTH = 100
LABEL_WIDTH = 13
BAR_WIDTH = 40
COMPONENTS_SHOWN = 8
COMPONENTS_SIDE_BY_SIDE = 5
LOG_LINES_SHOWN = 12

GREEN, RED, YELLOW, DIM, BOLD = "32", "31", "33", "2", "1"
STATES = {"success": ("✓", GREEN), "failed": ("✗", RED)}
VERDICT_COLOURS = {Verdict.PROMOTED: GREEN, Verdict.SKIPPED: DIM, Verdict.ROLLED_BACK: YELLOW}

Paint = Callable[[str, str], str]


def render_text(report: RunReport, *, colour: bool = False) -> str:
    """The summary that a person reads when a run is over."""
    paint = _painted if colour else _plain
    blocks = (
        _verdict(report, paint),
        _labelled("Steps", _steps(report.steps, paint), paint),
        _labelled("Data", _data(report), paint),
        _labelled("Variance", _variance(report), paint),
        _labelled("Gate", _gate(report, paint), paint),
        _labelled("Endpoint", _endpoint(report), paint),
        _labelled("Log", _log(report, paint), paint),
        _labelled("Next", _wrapped(next_steps(report)), paint),
    )
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _plain(text: str, code: str) -> str:
    return text


def _painted(text: str, code: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m"


def _labelled(label: str, lines: Iterable[str], paint: Paint) -> list[str]:
    """Lines with a label before the first one; nothing where there are no lines."""
    margins = [paint(label.ljust(LABEL_WIDTH), BOLD)]
    block = []
    for line in lines:
        margin = margins.pop() if margins else " " * LABEL_WIDTH
        block.append((margin + line).rstrip())
    return block


def _wrapped(sentences: Iterable[str]) -> Iterator[str]:
    for sentence in sentences:
        yield from textwrap.wrap(_printable(sentence), WIDTH - LABEL_WIDTH)


def _verdict(report: RunReport, paint: Paint) -> list[str]:
    run = report.run
    code = VERDICT_COLOURS.get(run.verdict, RED)
    took = f" after {duration_text(run_seconds(report))}" if run_seconds(report) is not None else ""
    headline = f"{run.verdict.upper().ljust(LABEL_WIDTH)}{HEADLINES[run.verdict]}{took}."
    return [
        paint(headline, f"{BOLD};{code}"),
        *_labelled("", _wrapped([f"{run.dag_id} {run.run_id}", *filter(None, [reason_text(report)])]), _plain),
    ]


def _steps(steps: Sequence[Step], paint: Paint) -> Iterator[str]:
    name_width = min(max((len(step.task_id) for step in steps), default=0), 44)
    for step in steps:
        sign, code = STATES.get(step.state or "", ("-", DIM))
        duration = duration_text(step.duration_seconds)
        text = f"{_shortened(step.task_id, name_width).ljust(name_width)}  {duration:>11}"
        remark = " · ".join(part for part in (step_remark(step), step.note) if part)
        room = WIDTH - LABEL_WIDTH - len(text) - 4
        yield f"{paint(sign, code)} {text}" + (f"  {paint(_shortened(remark, room), DIM)}" if remark else "")


def _data(report: RunReport) -> Iterator[str]:
    data = report.data
    if data is None:
        return
    files = f" from {len(data.files)} file{'s' * (len(data.files) != 1)}" if data.files else ""
    skipped = f", {data.skipped_rows:,} skipped" if data.skipped_rows else ""
    yield f"{data.row_count:,} rows{files}{skipped}"
    worst = max(data.columns, key=lambda column: column.null_fraction or 0.0, default=None)
    missing = f"; at most {percent_text(worst.null_fraction)} missing (column {worst.name})" if worst else ""
    yield _shortened(f"{len(data.columns):,} feature columns{missing}", WIDTH - LABEL_WIDTH)


def _variance(report: RunReport) -> Iterator[str]:
    ratios = explained_variance(report)
    if not ratios:
        return
    yield f"{percent_text(sum(ratios))} explained by {len(ratios)} component{'s' * (len(ratios) != 1)}"
    shown = list(zip(component_names(len(ratios)), ratios, strict=True))[:COMPONENTS_SHOWN]
    for name, ratio in shown:
        yield f"{name:<5} {percent_text(ratio):>6}  {_bar(ratio)}"
    if len(ratios) > len(shown):
        rest = ratios[len(shown) :]
        yield f"{'rest':<5} {percent_text(sum(rest)):>6}  {_bar(sum(rest))}"


def _bar(share: float) -> str:
    """A bar to an eighth of a character; what is there but too small to draw is a thin line."""
    eighths = round(min(max(share, 0.0), 1.0) * BAR_WIDTH * 8)
    full, part = divmod(max(eighths, 1 if share > 0 else 0), 8)
    return "█" * full + (" ▏▎▍▌▋▊▉"[part] if part else "")


def _gate(report: RunReport, paint: Paint) -> Iterator[str]:
    passed = sum(check.passed for check in report.checks)
    if report.checks:
        yield f"{passed} of {len(report.checks)} checks passed"
    for check in report.checks:
        if not check.passed:
            first, *others = textwrap.wrap(_printable(check.message), WIDTH - LABEL_WIDTH - 2)
            yield f"{paint('✗', RED)} {first}"
            yield from (f"  {line}" for line in others)


def _endpoint(report: RunReport) -> Iterator[str]:
    if report.deployment:
        yield from _wrapped(what_changed(report))
    if report.smoke_test:
        yield from _smoke_test(report.smoke_test)


def _smoke_test(test: SmokeTest) -> Iterator[str]:
    """One row's projection from the endpoint above the artifact's own, component by component."""
    raw = ", ".join(number_text(value, 5) for value in test.raw_row)
    yield _shortened(f"One raw row: {raw}", WIDTH - LABEL_WIDTH)
    endpoint, artifact = test.endpoint_projection[::-1], test.artifact_projection[::-1]
    shown = min(len(artifact), COMPONENTS_SIDE_BY_SIDE)
    yield _row("projection", component_names(shown))
    yield _row("  endpoint", [number_text(value, 7) for value in endpoint[:shown]])
    yield _row("  artifact", [number_text(value, 7) for value in artifact[:shown]])
    facts = [f"largest difference {number_text(test.max_abs_difference, 2)} over {test.rows} rows"]
    if test.latency_p50_ms is not None:
        facts.append(f"latency p50 {number_text(test.latency_p50_ms, 3)} ms")
    if test.latency_p95_ms is not None:
        facts.append(f"p95 {number_text(test.latency_p95_ms, 3)} ms")
    yield ", ".join(facts)


def _row(label: str, cells: Iterable[str]) -> str:
    return label.ljust(12) + "".join(cell.rjust(14) for cell in cells)


def _log(report: RunReport, paint: Paint) -> Iterator[str]:
    failed = report.failed_step
    if failed is None:
        return
    yield from _wrapped([f"{failed.task_id}: {failed.error}" if failed.error else failed.task_id])
    for line in failed.log_tail[-LOG_LINES_SHOWN:]:
        yield paint(_shortened(f"| {line}", WIDTH - LABEL_WIDTH), DIM)


def _printable(text: str) -> str:
    """Text on one line: a log's escape sequences must not reach the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def _shortened(text: str, width: int) -> str:
    line = _printable(text)
    return line if len(line) <= width else line[: max(width - 1, 0)] + "…"
