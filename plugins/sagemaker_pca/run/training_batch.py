"""How many rows the training algorithm reads at a time, given the feature files that its hosts share out. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from sagemaker_pca.exceptions import SettingError
from sagemaker_pca.plurals import counted

# The SageMaker SDK's own default for its PCA estimator: min(500, max(1, records / instances)).
LARGEST_DEFAULT_BATCH = 500


def smallest_host_rows(part_rows: Sequence[int], hosts: int) -> int:
    """The fewest rows that one of the hosts may get.

    With ShardedByS3Key every host gets as many files, or one more, than the others; which ones is not documented. So
    the poorest has, at worst, the smallest ones.

    :param part_rows: rows of each feature file
    """
    return sum(sorted(part_rows)[: len(part_rows) // hosts])


def mini_batch_size(asked_for: int | None, part_rows: Sequence[int], hosts: int) -> int:
    """The batch that every host can fill: training fails on a host with fewer rows than a batch.

    :param asked_for: the setting; None takes what fits

    Raises:
        SettingError: when a host would get no file, or fewer rows than were asked for.
    """
    rows = smallest_host_rows(part_rows, hosts)
    if rows == 0:
        raise SettingError(
            f"training_instance_count={hosts} is more than the {counted(len(part_rows), 'feature file')} with rows: "
            "a host would get none.",
            hint="Lower training_instance_count.",
        )
    if asked_for is not None and asked_for > rows:
        where = f"one of {hosts} training hosts gets" if hosts > 1 else "the training host gets"
        raise SettingError(
            f"mini_batch_size={asked_for} is more than the {counted(rows, 'row')} that {where}.",
            hint=f"Leave mini_batch_size unset, or set it to {rows} or less.",
        )
    return asked_for or min(LARGEST_DEFAULT_BATCH, rows)
