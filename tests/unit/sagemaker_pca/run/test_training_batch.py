import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_pca.exceptions import SettingError
from sagemaker_pca.run.training_batch import mini_batch_size, smallest_host_rows


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=12), st.integers(1, 6), st.randoms(use_true_random=False))
def test_no_host_can_get_fewer_rows_however_the_files_are_shared_out(
    part_rows: list[int], hosts: int, rng: random.Random
) -> None:
    shuffled = rng.sample(part_rows, len(part_rows))
    shares = [shuffled[host::hosts] for host in range(hosts)]
    assert smallest_host_rows(part_rows, hosts) <= min(map(sum, shares))


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=12), st.integers(1, 6))
def test_one_way_to_share_the_files_out_leaves_a_host_with_just_as_few(part_rows: list[int], hosts: int) -> None:
    # Dealt in turn, the last host is among those that get the fewest files: give it the smallest.
    ordered, count = sorted(part_rows), len(part_rows) // hosts
    smallest, others = ordered[:count], ordered[count:]
    dealt = [smallest.pop() if place % hosts == hosts - 1 else others.pop() for place in range(len(part_rows))]
    assert smallest_host_rows(part_rows, hosts) == sum(dealt[hosts - 1 :: hosts])


@pytest.mark.parametrize(
    ("part_rows", "hosts", "size"),
    [([150], 1, 150), ([178], 1, 178), ([100_000, 40], 1, 500), ([75, 75], 2, 75), ([250, 250, 1, 1], 2, 2)],
)
def test_unset_the_batch_fits_the_rows_of_the_smallest_host(part_rows: list[int], hosts: int, size: int) -> None:
    assert mini_batch_size(None, part_rows, hosts) == size


def test_set_the_batch_is_held_against_the_rows_of_the_smallest_host() -> None:
    assert mini_batch_size(75, [75, 75], 2) == 75
    with pytest.raises(SettingError, match="mini_batch_size=200 is more than the 150 rows that the training host"):
        mini_batch_size(200, [150], 1)
    with pytest.raises(SettingError, match=r"the 75 rows that one of 2 training hosts gets.*set it to 75 or less"):
        mini_batch_size(76, [75, 75], 2)


def test_a_host_that_would_get_no_rows_is_refused_before_it_is_paid_for() -> None:
    with pytest.raises(SettingError, match=r"training_instance_count=3 is more than the 2 feature file.*Lower"):
        mini_batch_size(None, [75, 75], 3)
