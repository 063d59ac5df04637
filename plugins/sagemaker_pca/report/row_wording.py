"""The words of what a report says of single rows, of their limits, and of data that has moved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sagemaker_pca.model.drift import ColumnDrift, Drift
from sagemaker_pca.model.limits import StatisticLimits
from sagemaker_pca.report.document import OutlyingRow, RunReport
from sagemaker_pca.report.wording import NO_VALUE, explained_variance, number_text, percent_text, spectrum

MOST_DRIFTED_COLUMNS = 12


class LimitRow(NamedTuple):
    """Limits of one statistic and one kind; those in force are what rows are held against."""

    statistic: str
    kind: str
    at_95: str
    at_99: str
    in_force: bool


class ContributionBar(NamedTuple):
    """One column's part in a statistic, and its share of the largest one."""

    name: str
    text: str
    strength: float
    is_negative: bool


def choice_sentence(report: RunReport) -> str:
    """Why the model has as many components as it has; empty where a setting says the number."""
    asked = next((setting.value for setting in report.settings if setting.name == "explained_variance"), None)
    shares, kept = spectrum(report), len(explained_variance(report))
    if not isinstance(asked, int | float) or not shares or not kept:
        return ""
    fewer = f"; {kept - 1} would explain {percent_text(sum(shares[: kept - 1]))}" if kept > 1 else ""
    components = "1 component is" if kept == 1 else f"{kept} components are"
    return f"{components} the fewest that explain {percent_text(asked)}: {percent_text(sum(shares[:kept]))}{fewer}."


def outlying_sentence(report: RunReport) -> str:
    """How many of the sampled rows stand out; empty of a report without limits."""
    limits, sample = report.model.limits if report.model else None, report.projection_sample
    if limits is None or sample is None:
        return ""
    count = len(sample.outlying_rows)
    if not count:
        return f"None of {limits.sample_rows:,} sampled rows lies beyond the 99% limits."
    those = "The row that lies" if count == 1 else f"The {count} rows that lie"
    return f"{those} farthest beyond the 99% limits, of {limits.sample_rows:,} sampled."


def smearing_sentence(report: RunReport) -> str:
    """What to know of contributions to Q where a single component was left out; empty elsewhere."""
    model = report.model
    if model is None or len(model.served.components) - len(model.singular_values) != 1:
        return ""
    return "With a single component left out, all rows leave the plane along it: their shares of Q are the same."


def most_outlying(report: RunReport) -> str:
    """The row that stands out most and the column that makes it so, in a line; empty where none does."""
    rows = report.projection_sample.outlying_rows if report.projection_sample else ()
    if not rows:
        return ""
    row = rows[0]
    value = row.t_squared if row.statistic == "T²" else row.q
    tells = row.contributions and not (row.statistic == "Q" and smearing_sentence(report))
    # Parts of T² may be negative: those make a row look more ordinary.
    largest = max(row.contributions, key=lambda share: share.value or 0.0).name if tells else ""
    column = f", the largest part from {largest}" if largest else ""
    return f"Farthest out: row {row.row:,} of {row.file}, {row.statistic} {number_text(value)}{column}"


def limit_rows(report: RunReport) -> list[LimitRow]:
    """Both kinds of limits of both statistics."""
    limits = report.model.limits if report.model else None
    if limits is None:
        return []
    kinds: list[tuple[str, StatisticLimits]] = [("theoretical", limits.theoretical)]
    if limits.empirical is not None:
        kinds.append(("empirical", limits.empirical))
    return [
        LimitRow(name, kind, number_text(pair.at_95), number_text(pair.at_99), kind == limits.in_force)
        for name, member in (("T²", "t_squared"), ("Q", "q"))
        for kind, statistics in kinds
        for pair in (getattr(statistics, member),)
    ]


def contribution_bars(row: OutlyingRow) -> list[ContributionBar]:
    """A row's columns, the largest contribution first, in shares of its statistic."""
    whole = row.t_squared if row.statistic == "T²" else row.q
    values = [(share.name, share.value or 0.0) for share in row.contributions]
    longest = max((abs(value) for _, value in values), default=0.0) or 1.0
    return [
        ContributionBar(name, percent_text(value / whole) if whole else NO_VALUE, abs(value) / longest, value < 0)
        for name, value in values
        if value
    ]


def drift_sentences(drift: Drift) -> Iterator[str]:
    """How ordinary the new data is under the model in service."""
    for name, new, served in (
        ("T²", drift.mean_t_squared, drift.served_mean_t_squared),
        ("Q", drift.mean_q, drift.served_mean_q),
    ):
        if new is not None and served:
            yield f"Mean {name} {number_text(new)}, {_times(new / served)} that of its own training data."
    if drift.share_beyond_99 is not None:
        yield (
            f"Of {drift.sample_rows:,} sampled rows {percent_text(drift.share_beyond_95)} lie beyond its 95% limits, "
            f"{percent_text(drift.share_beyond_99)} beyond those of 99%."
        )


def drifted_columns(drift: Drift) -> list[ColumnDrift]:
    """The columns whose means moved most, each in its own deviations."""
    return sorted(drift.columns, key=lambda column: -abs(column.mean_shift or 0.0))[:MOST_DRIFTED_COLUMNS]


def _times(ratio: float) -> str:
    return f"{ratio:.2f} times" if ratio < 10 else f"{ratio:,.0f} times"
