"""The terminal summary."""

import re

import pytest

from sagemaker_pca.report import FailedStep, RunReport, Step
from sagemaker_pca.report_text import render_text

OUTCOMES = ["promoted", "refused", "rolled_back", "failed_early"]


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_no_line_is_wider_than_100_columns(outcome: str, request: pytest.FixtureRequest) -> None:
    text = render_text(request.getfixturevalue(outcome))

    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_colours_come_only_when_asked_and_change_nothing_else(outcome: str, request: pytest.FixtureRequest) -> None:
    report = request.getfixturevalue(outcome)
    plain, coloured = render_text(report), render_text(report, colour=True)

    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == "\n".join(line for line in plain.splitlines()) + "\n"
    assert coloured != plain


def test_a_promoted_run_shows_everything_the_demo_promises(promoted: RunReport) -> None:
    text = render_text(promoted)

    assert text.startswith("PROMOTED")
    assert all(step.task_id in text for step in promoted.steps)
    assert "6,000 rows from 3 files" in text
    assert re.search(r"PC1 +85\.1% +█{34}", text)
    assert "ecg-leads" in text
    assert re.search(r"endpoint +-1\.398432 ", text)
    assert re.search(r"artifact +-1\.398432 ", text)


def test_projections_start_with_the_largest_component(promoted: RunReport) -> None:
    assert promoted.smoke_test is not None
    endpoint = promoted.smoke_test.endpoint_projection
    line = next(line for line in render_text(promoted).splitlines() if line.strip().startswith("endpoint "))

    shown = [float(cell) for cell in line.split()[1:]]
    assert shown == pytest.approx([value or 0.0 for value in reversed(endpoint)], rel=1e-6)


def test_a_refused_run_says_which_check_failed_and_by_how_much(refused: RunReport) -> None:
    text = " ".join(render_text(refused).split())

    assert "3 of 4 checks passed" in text
    assert "✗ explained_variance=0.3638 is below min_explained_variance=0.5 by 0.1362." in text


def test_a_failed_run_shows_the_log_of_the_failed_step(failed_early: RunReport) -> None:
    text = render_text(failed_early)

    assert "| algo-1: reading recording-2.csv.gz" in text
    assert "Variance" not in text


def test_more_components_than_fit_are_summed(promoted: RunReport) -> None:
    assert promoted.model is not None
    model = promoted.model.model_copy(update={"explained_variance_ratio": tuple(0.02 for _ in range(40))})

    text = render_text(promoted.model_copy(update={"model": model}))

    assert "80.0% explained by 40 components" in text
    assert re.search(r"rest +64\.0%", text)


def test_escape_sequences_of_a_log_do_not_reach_the_terminal(failed_early: RunReport) -> None:
    failed = FailedStep(task_id="a", error="\x1b[2Jgone", log_tail=("\x1b]0;title\x07line", "tab\there"))

    assert "\x1b" not in render_text(failed_early.model_copy(update={"failed_step": failed}))


def test_long_names_and_notes_are_shortened(promoted: RunReport) -> None:
    steps = (Step(task_id="group." * 20, state="success", duration_seconds=3, note="note " * 40),)

    lines = render_text(promoted.model_copy(update={"steps": steps})).splitlines()

    assert max(map(len, lines)) <= 100
    assert any(line.endswith("…") for line in lines)
