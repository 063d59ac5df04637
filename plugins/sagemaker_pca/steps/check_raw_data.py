"""Refuse, before a job is paid for, raw data that the job would end at."""

from __future__ import annotations

import logging

from sagemaker_pca.run.disk_space import HostDisks, refuse_small_volume
from sagemaker_pca.run.plan import StagedInputs
from sagemaker_pca.run.raw_header import CSV_SUFFIX, HEADER_BYTES, header_columns, refuse_other_columns
from sagemaker_pca.steps.pipeline_run import PipelineRun

log = logging.getLogger(__name__)


def check_raw_data(run: PipelineRun, staged: StagedInputs) -> None:
    """Hold the raw files against the disks that they are copied to, and the first plain CSV file against the columns.

    Raises:
        SettingError: when a disk is too small, or the file certainly lacks a column.
    """
    config = run.plan.config
    refuse_small_volume(HostDisks.of_processing(config), {file.key: file.size for file in staged.raw_files})
    first = next((file for file in staged.raw_files if file.key.endswith(CSV_SUFFIX)), None)
    if first is None:
        return
    uri = f"s3://{staged.raw_bucket}/{first.key}"
    # Airflow's identity needs no right to read raw data, which may be another account's: the job then tells.
    first_bytes = run.hook.find_raw_head(uri, HEADER_BYTES)
    columns = first_bytes and header_columns(first_bytes, len(first_bytes) >= first.size, config.delimiter)
    if not columns:
        log.info("The columns of %s are not known before the processing job reads them.", uri)
        return
    for setting, names in run.plan.named_columns.items():
        refuse_other_columns(uri, columns, names, config.delimiter, setting)
