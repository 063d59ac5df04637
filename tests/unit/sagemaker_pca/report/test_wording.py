"""Numbers, durations and sentences for people."""

import re

import pytest

from sagemaker_pca.model.comparison import impossible_comparison
from sagemaker_pca.report.document import RunReport, Verdict
from sagemaker_pca.report.wording import (
    NO_VALUE,
    duration_text,
    failure_evidence,
    next_steps,
    number_text,
    percent_text,
    reason_text,
    spectrum_sentences,
    unexplained_variance,
    variance_shares,
    variance_text,
    verdict_line,
    what_changed,
)

TO = "\N{EN DASH}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, NO_VALUE),
        (0, "0"),
        (6000, "6,000"),
        (1557664.0, "1,557,664"),
        (0.91, "0.91"),
        (-0.25, "-0.25"),
        (12345.6, "12,346"),
        (1.4e-7, "1.4e-07"),
        (3e20, "3.0e+20"),
    ],
)
def test_numbers_are_short_and_exact_enough(value: float | None, text: str) -> None:
    assert number_text(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (None, NO_VALUE), (0, "0%"), (1, "100%"), (0.9973, "99.7%"), (0.0003, "0.03%"), (0.0316, "3.2%"),
        (0.9999, "99.99%"), (0.99999, "over 99.99%"),
    ],
)  # fmt: skip
def test_shares_are_percentages_in_which_little_is_not_nothing_and_much_not_everything(
    share: float | None, text: str
) -> None:
    assert percent_text(share) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, NO_VALUE), (0.42, "0.4 s"), (9.96, "10 s"), (59.7, "1 min 00 s"), (75, "1 min 15 s"), (7380, "2 h 03 min")],
)
def test_durations_have_the_units_of_their_size(seconds: float | None, text: str) -> None:
    assert duration_text(seconds) == text


def test_a_promotion_says_what_serves_now_and_how_to_go_back(promoted: RunReport) -> None:
    assert promoted.deployment is not None

    assert f"serves {promoted.deployment.endpoint_config_name}" in what_changed(promoted)[0]
    assert f"update the endpoint to {promoted.deployment.previous_endpoint_config_name}" in next_steps(promoted)[-1]


def test_a_promotion_without_a_given_reason_says_why(promoted: RunReport) -> None:
    gate = f"All {len(promoted.checks)} checks passed"

    assert reason_text(promoted) == f"{gate}, and the endpoint answers 20 raw rows as the artifact does."


def test_the_line_of_a_promotion_has_the_figures_of_the_summary(promoted: RunReport) -> None:
    assert promoted.data is not None
    assert verdict_line(promoted) == f"promoted: {variance_text(promoted)}, {promoted.data.row_count:,} rows"
    assert re.fullmatch(r"\d+\.\d% explained by 3 components", variance_text(promoted))


def test_the_line_of_a_failure_is_its_task_and_its_sentence_once(
    rolled_back: RunReport, failed_early: RunReport
) -> None:
    for report, begin in (
        (rolled_back, "rolled back: smoke_test \N{EN DASH} "),
        (failed_early, "failed: wait_for_processing \N{EN DASH} "),
    ):
        assert report.failed_step is not None
        assert verdict_line(report) == begin + report.failed_step.failure.reason


def test_the_line_of_several_failures_hides_none(rolled_back: RunReport) -> None:
    steps = [step.model_copy(update={"state": "failed"}) for step in rolled_back.steps]
    reason = "smoke_test failed: It differs. roll_back failed: The configuration is gone."
    run = rolled_back.run.model_copy(update={"verdict": Verdict.FAILED, "reason": reason})

    assert verdict_line(rolled_back.model_copy(update={"steps": steps, "run": run})) == f"failed: {reason}"


def test_the_line_of_a_refused_or_skipped_run_says_why(refused: RunReport) -> None:
    skipped = refused.model_copy(update={"run": refused.run.model_copy(update={"verdict": Verdict.SKIPPED})})

    assert verdict_line(refused) == f"refused: {refused.run.reason}"
    assert verdict_line(skipped) == f"skipped: {refused.run.reason}"


def test_a_first_deployment_offers_no_way_back(promoted: RunReport) -> None:
    assert promoted.deployment is not None
    first = promoted.model_copy(
        update={"deployment": promoted.deployment.model_copy(update={"previous_endpoint_config_name": None})}
    )

    assert "It is new" in what_changed(first)[1]
    assert not any("go back" in sentence for sentence in next_steps(first))


def test_a_refused_run_says_that_nothing_changed_and_which_check_failed(refused: RunReport) -> None:
    assert what_changed(refused)[0].startswith("Nothing was deployed.")
    assert "explained_variance" in next_steps(refused)[0]


def test_where_the_old_model_is_gone_no_numbers_of_it_are_told(promoted: RunReport) -> None:
    report = promoted.model_copy(update={"comparison": impossible_comparison("model m")})
    assert "No comparison possible: model m is gone." in what_changed(report)
    assert "the old model explains" not in " ".join(what_changed(report))


def test_a_rolled_back_run_names_what_serves_again(rolled_back: RunReport) -> None:
    assert rolled_back.deployment is not None
    assert f"is back on {rolled_back.deployment.previous_endpoint_config_name}" in what_changed(rolled_back)[0]


def test_a_rolled_back_first_deployment_was_deleted(rolled_back: RunReport) -> None:
    assert rolled_back.deployment is not None
    deployment = rolled_back.deployment.model_copy(update={"previous_endpoint_config_name": None})

    assert "has been deleted" in what_changed(rolled_back.model_copy(update={"deployment": deployment}))[0]


def test_a_deployment_that_nobody_verified_is_not_called_served(rolled_back: RunReport) -> None:
    failed = rolled_back.model_copy(update={"run": rolled_back.run.model_copy(update={"verdict": Verdict.FAILED})})

    assert "nobody verified" in what_changed(failed)[0]


def test_a_failed_wait_is_told_by_the_task_to_clear(failed_early: RunReport) -> None:
    assert next_steps(failed_early) == [
        "Correct the file, or set on_bad_rows=skip.",
        "When the cause is gone, clear start_processing in Airflow, with what is downstream: "
        "jobs that completed are adopted, not run again.",
    ]


@pytest.mark.parametrize("outcome", ["refused", "rolled_back", "failed_early"])
def test_where_there_is_no_airflow_to_go_on_in_nobody_is_sent_there(
    outcome: str, request: pytest.FixtureRequest
) -> None:
    steps = next_steps(request.getfixturevalue(outcome), again="Repair the cause and run it again.")

    assert steps[-1] == "Repair the cause and run it again."
    assert not re.search("Airflow|clear|[Tt]rigger", " ".join(steps))


@pytest.mark.parametrize("outcome", ["promoted", "refused", "rolled_back"])
def test_a_failure_without_link_and_log_has_nothing_more_to_see(outcome: str, request: pytest.FixtureRequest) -> None:
    assert failure_evidence(request.getfixturevalue(outcome)) is None


def test_rounding_in_training_leaves_no_negative_share_unexplained(promoted: RunReport) -> None:
    assert promoted.model is not None
    model = promoted.model.model_copy(update={"explained_variance_ratio": (0.2, 0.8004)})

    assert unexplained_variance(promoted.model_copy(update={"model": model})) == 0


def with_spectrum(report: RunReport, kept: int, all_there_are: int) -> RunReport:
    assert report.model is not None
    served = report.model.served.model_copy(update={"components": ((1.0,) * kept,) * all_there_are})
    model = {"served": served, "explained_variance_ratio": (0.01,) * kept, "spectrum": (0.01,) * all_there_are}
    return report.model_copy(update={"model": report.model.model_copy(update=model)})


@pytest.mark.parametrize(
    ("kept", "all_there_are", "sentences"),
    [
        (4, 4, []),
        (3, 4, ["Not kept: PC4, 97.0% of the variance."]),
        (3, 12, [f"Not kept: PC4{TO}PC12, 97.0% of the variance."]),
        (3, 60, [f"Not kept: PC4{TO}PC60, 97.0% of the variance.", f"Not drawn: PC51{TO}PC60, 10.0% together."]),
        (55, 55, [f"Not drawn: PC51{TO}PC55, 5.0% together."]),
    ],
)
def test_components_that_are_not_kept_or_not_drawn_are_named(
    promoted: RunReport, kept: int, all_there_are: int, sentences: list[str]
) -> None:
    assert list(spectrum_sentences(with_spectrum(promoted, kept, all_there_are))) == sentences


def test_shares_name_whom_they_sum_up(promoted: RunReport) -> None:
    shares = variance_shares(with_spectrum(promoted, 10, 12), alone=8)
    assert [name for name, _ in shares][-3:] == ["PC8", f"PC9{TO}PC10", f"PC11{TO}PC12, not kept"]
    assert [name for name, _ in variance_shares(promoted, alone=2)] == ["PC1", "PC2", "PC3", "PC4, not kept"]
