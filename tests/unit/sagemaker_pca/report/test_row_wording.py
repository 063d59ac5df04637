"""The sentences, tables and plots of single rows, limits and drift."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sagemaker_pca.model.card import ModelCard
from sagemaker_pca.model.drift import ColumnDrift, Drift, drift_of
from sagemaker_pca.model.sampled_rows import SampledRows
from sagemaker_pca.report.document import RunReport, Setting
from sagemaker_pca.report.page import render_html
from sagemaker_pca.report.row_plots import signals_svg, statistics_svg
from sagemaker_pca.report.row_sample import projection_sample
from sagemaker_pca.report.row_wording import (
    choice_sentence,
    contribution_bars,
    drift_sentences,
    drifted_columns,
    limit_rows,
    most_outlying,
    outlying_sentence,
)
from sagemaker_pca.report.summary import RunSummary
from sagemaker_pca.report.text import render_text
from sagemaker_pca.run.locations import RunFiles
from tests.plain_models import Rows, make_moments, train
from tests.unit.sagemaker_pca.model.test_drift import card_of
from tests.unit.sagemaker_pca.report.test_row_sample import sampled


@pytest.fixture(scope="module")
def watched(promoted: RunReport, card: ModelCard, ecg: Rows) -> RunReport:
    """A report with limits, a sample in which a row is broken, a recording, and new data that moved."""
    rows = ecg.copy()
    rows[2_777, 3] += 40 * ecg[:, 3].std()
    moved = ecg + np.array([0, 0, 2 * ecg[:, 2].std(), 0])
    return promoted.model_copy(
        update={
            "data": card.data,
            "model": card.model,
            "projection_sample": projection_sample(card, sampled(rows, files=2, leading=ecg[:200])),
            "drift": drift_of(card, make_moments(moved), moved[:1_000]),
        }
    )


@pytest.fixture(scope="module")
def page(watched: RunReport) -> str:
    return render_html(with_setting(watched, explained_variance=0.9))


def with_setting(report: RunReport, **settings: Any) -> RunReport:
    others = (setting for setting in report.settings if setting.name not in settings)
    given = (Setting(name=name, value=value, origin="run") for name, value in settings.items())
    return report.model_copy(update={"settings": (*others, *given)})


def test_why_there_are_as_many_components_is_said_where_a_share_was_asked_for(watched: RunReport, page: str) -> None:
    assert choice_sentence(watched) == ""
    sentence = choice_sentence(with_setting(watched, explained_variance=0.9))
    assert re.fullmatch(
        r"2 components are the fewest that explain 90\.0%: 9\d\.\d%; 1 would explain \d\d\.\d%\.", sentence
    )
    assert sentence in page
    assert sentence.partition(":")[0] in render_text(with_setting(watched, explained_variance=0.9))


def test_the_rows_that_stand_out_are_counted_and_the_worst_is_named(
    watched: RunReport, card: ModelCard, ecg: Rows
) -> None:
    assert outlying_sentence(watched) == "The 10 rows that lie farthest beyond the 99% limits, of 10,000 sampled."
    assert most_outlying(watched).startswith("Farthest out: row 2,778 of raw/a.csv, ")
    assert most_outlying(watched).endswith("the largest part from Ch8")
    assert "Farthest out: row 2,778" in render_text(watched)
    ordinary = projection_sample(card, sampled(ecg[:40]))
    calm = watched.model_copy(update={"projection_sample": ordinary.model_copy(update={"outlying_rows": ()})})
    assert outlying_sentence(calm) == "None of 10,000 sampled rows lies beyond the 99% limits."
    assert most_outlying(calm) == ""


def test_both_kinds_of_limits_are_shown_and_which_is_in_force(watched: RunReport, page: str) -> None:
    rows = limit_rows(watched)
    assert [(row.statistic, row.kind, row.in_force) for row in rows] == [
        ("T²", "theoretical", False),
        ("T²", "empirical", True),
        ("Q", "theoretical", False),
        ("Q", "empirical", True),
    ]
    assert "In force: the empirical ones. monitoring_limits says so." in page
    assert all(row.at_99 in page for row in rows)


def test_contributions_are_shares_of_the_statistic_and_bars_of_the_longest(watched: RunReport) -> None:
    assert watched.projection_sample is not None
    bars = contribution_bars(watched.projection_sample.outlying_rows[0])
    assert bars[0].name == "Ch8"
    assert bars[0].strength == 1
    assert all(0 < bar.strength <= 1 for bar in bars)
    shares = [float(bar.text.rstrip("%")) for bar in bars]
    assert sum(shares) == pytest.approx(100, abs=0.3)


def test_what_moved_is_told_with_the_column_that_moved_most_first(watched: RunReport, page: str) -> None:
    assert watched.drift is not None
    first, second, third = drift_sentences(watched.drift)
    assert re.fullmatch(r"Mean T² [\d.,]+, [\d.,]+ times that of its own training data\.", first)
    assert second.startswith("Mean Q ")
    assert re.fullmatch(
        r"Of 1,000 sampled rows [\d.]+% lie beyond its 95% limits, [\d.]+% beyond those of 99%\.", third
    )
    assert drifted_columns(watched.drift)[0].name == "Ch7"
    assert "New data under the model that was in service" in page
    assert "2 \N{GREEK SMALL LETTER SIGMA}" in page


def test_unknown_numbers_of_drift_are_left_out() -> None:
    drift = Drift(columns=(ColumnDrift(name="a"),))
    assert list(drift_sentences(drift)) == []


def test_a_table_of_runs_keeps_how_far_the_data_moved(watched: RunReport) -> None:
    summary = RunSummary.of(watched, RunFiles("bucket", "run", "endpoint"))
    assert watched.drift is not None
    assert summary.share_beyond_limits == watched.drift.share_beyond_99
    assert summary.q_ratio == pytest.approx((watched.drift.mean_q or 0) / (watched.drift.served_mean_q or 1))


def test_plots_show_limits_outliers_and_the_recording(watched: RunReport, page: str) -> None:
    statistics, signals = statistics_svg(watched), signals_svg(watched)
    assert statistics is not None
    assert signals is not None
    assert statistics.count("95%") == statistics.count("99%") == 2
    assert "row 2,778" in statistics
    assert "var(--warn)" in statistics
    assert all(name in signals for name in ("Ch5", "Ch6", "Ch7", "Ch8", ">row<"))
    assert page.count("<svg") == 4
    assert len(page) < 450_000


def test_where_all_components_are_kept_there_is_no_axis_of_q(promoted: RunReport, ecg: Rows) -> None:
    full = card_of(ecg, lambda rows, _: train(rows, 4), make_moments)
    report = promoted.model_copy(
        update={"data": full.data, "model": full.model, "projection_sample": projection_sample(full, sampled(ecg))}
    )
    statistics = statistics_svg(report)
    assert statistics is not None
    assert "row of the sample" in statistics
    assert "off the model" not in statistics


def test_a_biplot_has_an_arrow_for_each_column_that_weighs_something(page: str) -> None:
    assert "Arrows: the columns&#39; weights" in page
    projection = page.split('aria-label="Scatter plot')[1].split("</svg>")[0]
    assert sum(name in projection for name in ("Ch5", "Ch6", "Ch7", "Ch8")) >= 3
    assert "first file" in projection


def test_names_are_drawn_as_they_are_written(promoted: RunReport, ecg: Rows) -> None:
    names = ("cost_$", "x^$y_{", "a very long column's name", "_$_")
    card = card_of(ecg, lambda rows, _: train(rows, 2), lambda rows: replace(make_moments(rows), feature_columns=names))
    files = replace(sampled(ecg, files=2, leading=ecg[:200]), files=("$a_$.csv", "$_{^.csv"), leading_file="$a_$.csv")
    sample = projection_sample(card, files)
    report = promoted.model_copy(update={"data": card.data, "model": card.model, "projection_sample": sample})
    page = render_html(report)
    assert page.count("<svg") == 4
    assert page.count("cost_$</text>") >= 1
    assert "a very long col…</text>" in page


@pytest.mark.parametrize("member", ["limits", "projection_sample", "drift"])
def test_a_report_of_an_earlier_release_is_shown_as_it_was(watched: RunReport, member: str) -> None:
    assert watched.model is not None
    if member == "limits":
        old = watched.model_copy(update={"model": watched.model.model_copy(update={"limits": None})})
    else:
        old = watched.model_copy(update={member: None})
    page = render_html(old)
    assert ("Rows that stand out" in page) is (member == "drift")
    assert ("New data under the model" in page) is (member != "drift")


def test_an_empty_sample_shows_nothing(watched: RunReport, card: ModelCard) -> None:
    nothing = SampledRows(np.empty((0, 4)), *(np.empty(0, int),) * 2, (), np.empty((0, 4)), np.empty(0, int), "")
    sample = projection_sample(card, nothing)
    assert sample.projections == ()
    assert "Rows that stand out" in render_html(watched.model_copy(update={"projection_sample": sample}))
