"""What a report shows of single rows: a sample of them under the model, those that stand out, and why. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sagemaker_pca.model.artifact import FloatArray
from sagemaker_pca.model.card import ModelCard
from sagemaker_pca.model.limits import StatisticLimits
from sagemaker_pca.model.monitoring import MonitoredModel, Scores
from sagemaker_pca.model.sampled_rows import IntArray, SampledRows, evenly
from sagemaker_pca.report.document import ColumnShare, OutlyingRow, ProjectionSample, Signals

PLOTTED_ROWS = 500
PLOTTED_COMPONENTS = 3
MOST_OUTLYING = 10
MOST_CONTRIBUTIONS = 8
MOST_SIGNALS = 6
# Rows of a recording resemble the one before; of a table of cases in no order they do not.
SMALLEST_AUTOCORRELATION = 0.5
SHORTEST_RECORDING = 50


def projection_sample(card: ModelCard, sample: SampledRows) -> ProjectionSample:
    """The part of a sample that a report shows."""
    monitored = card.monitored
    scores = monitored.score(sample.rows)
    ratios = (
        exceedance_ratios(scores, card.model.limits.current) if card.model.limits else np.zeros((len(sample.rows), 2))
    )
    worst = np.argsort(-ratios.max(axis=1), kind="stable")[:MOST_OUTLYING]
    worst = worst[ratios[worst].max(axis=1) > 1]
    shown = np.union1d(evenly(len(sample.rows), PLOTTED_ROWS - len(worst)), worst)
    places, numbers = np.unique(sample.file[shown], return_inverse=True)
    return ProjectionSample.model_validate(
        {
            "row_numbers": tuple(sample.row[shown].tolist()),
            "projections": scores.projections[shown][:, ::-1][:, :PLOTTED_COMPONENTS],
            "files": tuple(sample.files[place] for place in places),
            "file_numbers": tuple(numbers.tolist()),
            "t_squared": scores.t_squared[shown],
            "q": scores.q[shown],
            "outlying_rows": tuple(_outlying(monitored, card.feature_columns, sample, worst, scores, ratios)),
            "signals": signals_of(monitored, card.feature_columns, sample),
        }
    )


def exceedance_ratios(scores: Scores, limits: StatisticLimits) -> FloatArray:
    """(n, 2) how many times over T² and Q reach their 99% limits; 0 where there is none."""
    columns = []
    for statistic, limit in ((scores.t_squared, limits.t_squared.at_99), (scores.q, limits.q.at_99)):
        ratio = statistic / limit if limit else np.zeros(len(statistic))
        columns.append(np.where(np.isfinite(ratio), ratio, 0.0))
    return np.column_stack(columns)


def _outlying(
    monitored: MonitoredModel,
    columns: tuple[str, ...],
    sample: SampledRows,
    worst: IntArray,
    scores: Scores,
    ratios: FloatArray,
) -> Iterator[OutlyingRow]:
    contributions = monitored.contributions(sample.rows[worst])
    for place, row in enumerate(worst):
        is_t_squared = ratios[row, 0] >= ratios[row, 1]
        parts = (contributions.t_squared if is_t_squared else contributions.q)[place]
        largest = np.argsort(-np.abs(parts), kind="stable")[:MOST_CONTRIBUTIONS]
        yield OutlyingRow(
            file=sample.files[sample.file[row]],
            row=int(sample.row[row]),
            t_squared=scores.t_squared[row],
            q=scores.q[row],
            statistic="T²" if is_t_squared else "Q",
            contributions=tuple(ColumnShare(name=columns[column], value=parts[column]) for column in largest),
        )


def signals_of(monitored: MonitoredModel, columns: tuple[str, ...], sample: SampledRows) -> Signals | None:
    """The leading rows of a recording beside what the components keep of them; None where rows are in no order."""
    rows = sample.leading
    if len(rows) < SHORTEST_RECORDING or not is_recording(rows):
        return None
    shown = np.flatnonzero(rows.std(axis=0) > 0)[:MOST_SIGNALS]
    reconstruction = monitored.reconstruct(rows)
    return Signals.model_validate(
        {
            "file": sample.leading_file,
            "first_row": int(sample.leading_row[0]),
            "columns": tuple(columns[place] for place in shown),
            "original": rows[:, shown].T,
            "reconstruction": reconstruction[:, shown].T,
        }
    )


def is_recording(rows: FloatArray) -> bool:
    """Whether each row resembles the one before, in at least half of the columns that vary at all."""
    centred = rows - rows.mean(axis=0)
    energy = np.einsum("ij,ij->j", centred, centred)
    products = np.einsum("ij,ij->j", centred[1:], centred[:-1])
    varies = energy > 0
    return bool(varies.any()) and float(np.mean(products[varies] >= SMALLEST_AUTOCORRELATION * energy[varies])) >= 0.5
