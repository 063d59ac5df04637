"""Whether the disks of a job's hosts hold what SageMaker copies to them before the job begins. Pure.

Every job of a run reads its input in mode File, which copies it as it is, compressed files compressed. Several hosts
share the files out among themselves, whole files each (S3DataDistributionType ShardedByS3Key); one host copies all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import ceil
from typing import Literal, NamedTuple

from sagemaker_pca.exceptions import SettingError
from sagemaker_pca.plurals import counted
from sagemaker_pca.settings.patterns import LARGEST_VOLUME_GB
from sagemaker_pca.settings.pipeline import PcaRunConfig

# EBS counts in GiB, SageMaker's pages say GB: the larger of the two, so that only what certainly fails is refused.
BYTES_PER_VOLUME_GB = 2**30
# Instances with a disk of their own use that in place of the volume, whatever size was asked for: families with a `d`
# behind the generation, and those for storage and accelerators.
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingClusterConfig.html
WITHOUT_DISK = re.compile(r"ml\.[cmrt]\d+[a-ce-z]*\.")
# How much more than their own size plain and compressed raw files need on a disk, with the features made of them: text
# as long as the cells, and what numbers as text can be packed to.
ROOM = {".csv": 2, ".gz": 11, ".parquet": 11}
# An artifact, and what the algorithm writes beside it, is small against its features.
TRAINING_ROOM = 1.1


class HostDisks(NamedTuple):
    """The disks of a job's hosts, as the settings give them."""

    job: Literal["processing", "training"]
    instance_type: str
    hosts: int
    volume_gb: int

    @classmethod
    def of_processing(cls, config: PcaRunConfig) -> HostDisks:
        """Those of the processing job, and of the profile job before it."""
        return cls(
            "processing",
            config.processing_instance_type,
            config.processing_instance_count,
            config.processing_volume_gb,
        )

    @classmethod
    def of_training(cls, config: PcaRunConfig) -> HostDisks:
        """Those of the training job."""
        return cls("training", config.training_instance_type, config.training_instance_count, config.training_volume_gb)


def refuse_small_volume(disks: HostDisks, sizes: Mapping[str, int]) -> None:
    """Refuse a volume that cannot hold a host's input, whichever files the host gets.

    :param sizes: bytes of each input file by key

    Raises:
        SettingError: with the bytes, the setting, and a number that fits.
    """
    room = disks.volume_gb * BYTES_PER_VOLUME_GB
    if not WITHOUT_DISK.match(disks.instance_type) or not sizes:
        return
    total, largest = sum(sizes.values()), max(sizes.values())
    # Some host gets the largest file, and some host no less than the mean.
    needed = max(largest, ceil(total / disks.hosts))
    if needed <= room:
        return
    who = f"one of its {disks.hosts} hosts copies" if disks.hosts > 1 else "its host copies"
    raise SettingError(
        f"The {disks.job} job's input is {total:,} bytes in {counted(len(sizes), 'file')}, and {who} {needed:,} "
        f"bytes of them, at the least, to a disk of {disks.job}_volume_gb={disks.volume_gb} ({room:,} bytes).",
        hint=_remedy(disks, sizes, largest),
    )


def fitting_volume_gb(disks: HostDisks, sizes: Mapping[str, int]) -> int:
    """A volume for the host that gets the largest files, with what the job makes of them."""
    needs = [size * _room(disks, key) for key, size in sizes.items()]
    # Each host gets as many files as the others, or one more.
    return max(1, ceil(sum(sorted(needs)[-ceil(len(needs) / disks.hosts) :]) / 10**9))


def _room(disks: HostDisks, key: str) -> float:
    if disks.job == "training":
        return TRAINING_ROOM
    return next(factor for suffix, factor in ROOM.items() if key.endswith(suffix))


def _remedy(disks: HostDisks, sizes: Mapping[str, int], largest: int) -> str:
    fitting = fitting_volume_gb(disks, sizes)
    if fitting <= LARGEST_VOLUME_GB:
        return f"Set {disks.job}_volume_gb={fitting}, which holds them and what is made of them."
    if fitting_volume_gb(disks._replace(hosts=len(sizes)), sizes) <= LARGEST_VOLUME_GB:
        return (
            f"Raise {disks.job}_instance_count: hosts share the files, and a disk has {LARGEST_VOLUME_GB:,} GB at most."
        )
    return f"Split the largest file, of {largest:,} bytes: a disk has {LARGEST_VOLUME_GB:,} GB at most."
