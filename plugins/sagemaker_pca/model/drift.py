"""How far new data has moved from what the model in service was trained on. Pure."""

from __future__ import annotations

from sagemaker_pca.model.sections import Number, Section


class ColumnDrift(Section):
    """One column of the new data beside the served model's training data.

    :param mean_shift: difference of the means, in standard deviations of the served model's training data
    :param deviation_ratio: standard deviation of the new data over that of the served model's training data
    :param null_fraction: share of missing values in the new data
    :param served_null_fraction: likewise in the served model's training data
    """

    name: str
    mean_shift: Number = None
    deviation_ratio: Number = None
    null_fraction: Number = None
    served_null_fraction: Number = None


class Drift(Section):
    """The new data under the model in service.

    :param mean_t_squared: over all rows of the new data, by the closed form
    :param served_mean_t_squared: likewise of the data that the served model was trained on
    :param sample_rows: how many sampled rows the shares are of
    :param share_beyond_95: share of sampled rows whose T² or Q exceeds the served model's 95 % limit in force
    :param share_beyond_99: likewise its 99 % limit
    """

    mean_t_squared: Number = None
    served_mean_t_squared: Number = None
    mean_q: Number = None
    served_mean_q: Number = None
    sample_rows: int = 0
    share_beyond_95: Number = None
    share_beyond_99: Number = None
    columns: tuple[ColumnDrift, ...] = ()

    @property
    def most_shifted_column(self) -> ColumnDrift | None:
        """The column whose mean moved most, in its own deviations; the first of equals."""
        known = [column for column in self.columns if column.mean_shift is not None]
        return max(known, key=lambda column: abs(column.mean_shift or 0.0), default=None)
