import os

import pytest

from sagemaker_local.pca_algorithm.accumulation import Parallelism

CORES = os.cpu_count() or 1


def test_few_columns_are_summed_in_a_lane_per_core_with_one_blas_thread_each() -> None:
    assert Parallelism.of(feature_dim=34, host_count=1) == (CORES, 1)


def test_many_columns_leave_the_cores_to_blas() -> None:
    assert Parallelism.of(feature_dim=2000, host_count=1) == (1, CORES)


@pytest.mark.parametrize("feature_dim", [4, 2000])
def test_hosts_share_the_cores_and_each_keeps_one(feature_dim: int) -> None:
    assert Parallelism.of(feature_dim, host_count=10 * CORES) == (1, 1)
