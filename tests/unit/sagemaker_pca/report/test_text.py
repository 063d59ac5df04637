"""The terminal summary."""

import re

import pytest

from sagemaker_pca.exceptions import Failure
from sagemaker_pca.model.data_warnings import DataWarning
from sagemaker_pca.report.document import FailedStep, RunReport, Step
from sagemaker_pca.report.text import render_text

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
    uncoloured = re.sub(r"\x1b\[[\d;]*m|\x1b\]8;[^\x1b]*\x1b\\", "", coloured)
    assert [line.rstrip() for line in uncoloured.splitlines()] == plain.splitlines()
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

    assert f"{len(refused.checks) - 1} of {len(refused.checks)} checks passed" in text
    assert "✗ explained_variance=0.3638 is below min_explained_variance=0.5 by 0.1362." in text


def test_a_failed_run_shows_reason_then_log_then_what_to_do(failed_early: RunReport) -> None:
    text = render_text(failed_early)

    reason, log = text.index("Caused by: ArrowInvalid"), text.index("Last lines of its log:")
    assert reason < log < text.index("| ERROR: recording-2.csv.gz, line 4711") < text.index("Correct the file")
    assert text.index("#quality_metric") > log
    assert "clear start_processing in Airflow" in " ".join(text.split())
    assert "Variance" not in text


def test_the_caller_says_how_to_run_again(failed_early: RunReport) -> None:
    text = render_text(failed_early, again="Run make demo again.")

    assert text.endswith("Run make demo again.\n")
    assert "Airflow" not in text


def test_more_components_than_fit_are_summed_under_their_names(promoted: RunReport) -> None:
    assert promoted.model is not None
    model = promoted.model.model_copy(update={"explained_variance_ratio": tuple(0.02 for _ in range(40))})

    text = render_text(promoted.model_copy(update={"model": model}))

    assert "80.0% explained by 40 components" in text
    assert re.search(r"PC8 +2\.0%.*\n +PC9.PC40 +64\.0%.*\n +unexplained +20\.0%", text)


@pytest.mark.parametrize("colour", [False, True])
def test_escape_sequences_of_a_log_do_not_reach_the_terminal(failed_early: RunReport, colour: bool) -> None:
    log_tail = ("\x1b]0;title\x07line", "[red]tab\there", "\x9b2J")
    failure = Failure(reason="gone", link="https://a.example/\x1b]8;;\x07", log_tail=log_tail)
    failed = FailedStep(task_id="\x1b[2Ja", failure=failure)

    text = render_text(failed_early.model_copy(update={"failed_step": failed}), colour=colour)

    ours = r"\x1b\[[\d;]*m|\x1b\]8;[^\x1b]*\x1b\\"
    assert all(character.isprintable() for character in re.sub(ours, "", text).replace("\n", ""))
    assert "[red]tab" in text


def test_long_names_and_log_lines_are_shortened_and_long_notes_wrapped(failed_early: RunReport) -> None:
    steps = (Step(task_id="group." * 20, state="success", duration_seconds=3, note="note " * 40 + "end"),)
    failed = FailedStep(task_id="a", failure=Failure(reason="a", log_tail=("x" * 200,)))

    lines = render_text(failed_early.model_copy(update={"steps": steps, "failed_step": failed})).splitlines()

    assert max(map(len, lines)) <= 100
    assert any("group.…" in line or "…  " in line for line in lines)
    assert any(line.endswith("x…") for line in lines)
    assert any(line.endswith("end") for line in lines)


def test_a_warning_stands_below_the_data_with_its_cure(promoted: RunReport) -> None:
    warning = DataWarning("Column a varies 200 times as much as a typical other one.", "scaling=standardize")

    text = render_text(promoted.model_copy(update={"warnings": (warning,)}))

    assert re.search(r"\n\nWarning +Column a varies .*\n? *If that is not meant, set\s+scaling=standardize\.\n", text)
    assert text.index("\nData") < text.index("\nWarning") < text.index("\nVariance")
    assert "Warning" not in render_text(promoted)
