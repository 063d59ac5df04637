"""When the DAGs run by themselves and how many runs at once, from the environment of Airflow's processes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

from airflow.sdk import DAG, Asset

from sagemaker_pca.assets import RAW_DATA_ASSET, s3_events_asset
from sagemaker_pca.exceptions import SettingError

if TYPE_CHECKING:
    from airflow.sdk.bases.timetable import BaseTimetable

PIPELINE_SCHEDULE = "SAGEMAKER_PCA_SCHEDULE"
LOOK_SCHEDULE = "SAGEMAKER_PCA_RAW_DATA_SCHEDULE"
EVENTS_QUEUE_URL = "SAGEMAKER_PCA_EVENTS_QUEUE_URL"
SETTLE_SECONDS = "SAGEMAKER_PCA_SETTLE_SECONDS"
MAX_ACTIVE_RUNS = "SAGEMAKER_PCA_MAX_ACTIVE_RUNS"

RAW_DATA = "raw-data"
DEFAULT_LOOK_SCHEDULE = "@hourly"
DEFAULT_SETTLE_SECONDS = 60.0
DEFAULT_MAX_ACTIVE_RUNS = 4


def pipeline_schedule() -> Any:
    """When `pca_pipeline` runs: by a cron expression, when the raw data changes, by both, or never."""
    cron, on_raw_data = _pipeline_schedule()
    return time_or_asset(cron, RAW_DATA_ASSET if on_raw_data else None)


def look_schedule() -> Any:
    """When `pca_raw_data` looks: by a cron expression, and when S3 reports something to the queue, if there is one.

    Where the pipeline waits for raw data, looks are hourly unless said otherwise: somebody has to look, and that is
    also the longest that a lost message delays a run.
    """
    _, on_raw_data = _pipeline_schedule()
    cron = os.environ.get(LOOK_SCHEDULE) or (DEFAULT_LOOK_SCHEDULE if on_raw_data else None)
    queue_url = os.environ.get(EVENTS_QUEUE_URL)
    return time_or_asset(cron, s3_events_asset(queue_url) if queue_url else None)


def _pipeline_schedule() -> tuple[str | None, bool]:
    """The pipeline's cron expression, if any, and whether it runs when raw data changes.

    Raises:
        SettingError: on two cron expressions. The DAG file then shows as an import error.
    """
    value = os.environ.get(PIPELINE_SCHEDULE, "")
    parts = [part.strip() for part in value.split(" or ")]
    crons = [part for part in parts if part not in {RAW_DATA, ""}]
    if len(crons) > 1:
        raise SettingError(
            f"{PIPELINE_SCHEDULE}={value} has {len(crons)} cron expressions. "
            f"Give one, {RAW_DATA}, or both joined by ' or '."
        )
    return (crons[0] if crons else None), RAW_DATA in parts


def settle_seconds() -> float:
    """For how long nothing must have been written before changed raw data counts as complete.

    Raises:
        SettingError: when the variable is no number of seconds.
    """
    value = os.environ.get(SETTLE_SECONDS) or DEFAULT_SETTLE_SECONDS
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise SettingError(f"{SETTLE_SECONDS}={value} is no number of seconds. Give 0 or more, such as 60.")
    return seconds


def max_active_runs() -> int:
    """How many runs of `pca_pipeline` go on at once; further ones wait.

    Raises:
        SettingError: when the variable is no whole number above 0.
    """
    value = os.environ.get(MAX_ACTIVE_RUNS) or str(DEFAULT_MAX_ACTIVE_RUNS)
    if not (value.isascii() and value.isdigit() and int(value) > 0):
        raise SettingError(f"{MAX_ACTIVE_RUNS}={value} is no number of runs. Give 1 or more, such as 4.")
    return int(value)


def time_or_asset(cron: str | None, asset: Asset | None) -> Any:
    """A DAG's schedule by a cron expression, an asset, either of them, or neither."""
    if cron is None or asset is None:
        return cron if asset is None else [asset]
    # Imported only where it is asked for: it takes a fifth of the time that all DAG files may take.
    from airflow.sdk import AssetOrTimeSchedule

    # Read by Airflow as the schedule of any DAG: presets, time zone and kind of timetable are those of a plain cron.
    timetable = cast("BaseTimetable", DAG("cron", schedule=cron).timetable)
    return AssetOrTimeSchedule(timetable=timetable, assets=[asset])
