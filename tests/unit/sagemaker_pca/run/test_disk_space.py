from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_pca.exceptions import SettingError
from sagemaker_pca.run import service_requests
from sagemaker_pca.run.disk_space import BYTES_PER_VOLUME_GB, HostDisks, fitting_volume_gb, refuse_small_volume
from sagemaker_pca.settings.pipeline import PcaRunConfig
from tests.run_plans import INPUTS, plan_of

GIB = BYTES_PER_VOLUME_GB


def disks(**settings: Any) -> HostDisks:
    return HostDisks.of_processing(PcaRunConfig(processing_volume_gb=2).model_copy(update=settings))


def refusal(some: HostDisks, sizes: dict[str, int]) -> str:
    with pytest.raises(SettingError) as error:
        refuse_small_volume(some, sizes)
    return str(error.value)


def test_a_refusal_gives_the_bytes_the_setting_and_a_number_that_fits() -> None:
    assert refusal(disks(), {"raw/a.csv": 2 * GIB, "raw/b.csv": 1}) == (
        "The processing job's input is 2,147,483,649 bytes in 2 files, and its host copies 2,147,483,649 bytes of "
        "them, at the least, to a disk of processing_volume_gb=2 (2,147,483,648 bytes). "
        "Set processing_volume_gb=5, which holds them and what is made of them."
    )


def test_what_may_just_fit_is_left_to_the_job() -> None:
    refuse_small_volume(disks(), {"raw/a.csv": 2 * GIB})
    refuse_small_volume(disks(), {})


def test_hosts_share_the_files_out_among_themselves() -> None:
    sizes = {"a.csv": 2 * GIB, "b.csv": 2 * GIB}
    refuse_small_volume(disks(processing_instance_count=2), sizes)
    message = refusal(disks(processing_instance_count=2), sizes | {"c.csv": GIB})
    assert "one of its 2 hosts copies 2,684,354,560 bytes" in message


def test_a_file_is_never_shared() -> None:
    assert "one of its 9 hosts copies 2,147,483,649 bytes" in refusal(
        disks(processing_instance_count=9), {"a.csv": 2 * GIB + 1, "b.csv": 1}
    )


def test_compressed_files_are_copied_as_they_are_and_make_features_larger_than_themselves() -> None:
    refuse_small_volume(disks(), {"a.csv.gz": 2 * GIB})
    assert "Set processing_volume_gb=24," in refusal(disks(), {"a.csv.gz": 2 * GIB + 1})


def test_training_is_held_against_its_own_settings() -> None:
    config = PcaRunConfig(training_volume_gb=1, training_instance_count=2)
    message = refusal(HostDisks.of_training(config), {"features-1": 2 * GIB, "features-2": GIB})
    assert message.startswith("The training job's input is 3,221,225,472 bytes")
    assert message.endswith("Set training_volume_gb=3, which holds them and what is made of them.")


@pytest.mark.parametrize(("hosts", "distribution"), [(1, "FullyReplicated"), (2, "ShardedByS3Key")])
def test_the_requests_ask_for_copies_that_several_hosts_share(hosts: int, distribution: str) -> None:
    plan = plan_of(processing_instance_count=hosts, training_instance_count=hosts)
    (raw,) = (
        item["S3Input"]
        for item in service_requests.processing_job(plan, INPUTS)["ProcessingInputs"]
        if item["InputName"] == "raw"
    )
    training = service_requests.training_job(plan, "s3://bucket/features/", 3, 200)
    (features,) = (channel["DataSource"]["S3DataSource"] for channel in training["InputDataConfig"])
    assert raw["S3InputMode"] == training["AlgorithmSpecification"]["TrainingInputMode"] == "File"
    assert raw["S3DataDistributionType"] == features["S3DataDistributionType"] == distribution


@pytest.mark.parametrize("instance_type", ["ml.m5d.large", "ml.c6id.large", "ml.g4dn.xlarge", "ml.p5.48xlarge"])
def test_an_instance_with_a_disk_of_its_own_is_not_judged(instance_type: str) -> None:
    refuse_small_volume(disks(processing_instance_type=instance_type), {"a.csv": 500 * GIB})


@pytest.mark.parametrize("instance_type", ["ml.m5.large", "ml.c5n.xlarge", "ml.t3.medium", "ml.r6i.large"])
def test_an_instance_without_one_is(instance_type: str) -> None:
    assert refusal(disks(processing_instance_type=instance_type), {"a.csv": 500 * GIB})


def test_more_than_any_disk_holds_asks_for_hosts_or_smaller_files() -> None:
    half = 5 * 10**12
    assert "Raise processing_instance_count" in refusal(disks(), {f"{number}.csv": half for number in range(8)})
    assert "Split the largest file, of 10,000,000,000,000 bytes" in refusal(disks(), {"a.csv": 2 * half})


@given(
    sizes=st.lists(st.integers(1, 3 * GIB), min_size=1, max_size=9),
    hosts=st.integers(1, 5),
    suffix=st.sampled_from([".csv", ".csv.gz", ".parquet"]),
)
def test_the_number_that_is_named_is_not_refused(sizes: list[int], hosts: int, suffix: str) -> None:
    files = {f"{number}{suffix}": size for number, size in enumerate(sizes)}
    some = disks(processing_instance_count=hosts)
    fitting = fitting_volume_gb(some, files)
    refuse_small_volume(disks(processing_instance_count=hosts, processing_volume_gb=fitting), files)
