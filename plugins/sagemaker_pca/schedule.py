"""When DAGs run by themselves: what a DAG file may say, and what the environment says for the DAGs that come along."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from airflow.sdk import DAG, Asset, AssetAny

from sagemaker_pca.assets import drift_asset, raw_data_asset
from sagemaker_pca.exceptions import SettingError

if TYPE_CHECKING:
    from airflow.sdk.bases.timetable import BaseTimetable

PIPELINE_SCHEDULE = "SAGEMAKER_PCA_SCHEDULE"
LOOK_SCHEDULE = "SAGEMAKER_PCA_RAW_DATA_SCHEDULE"
EVENTS_QUEUE_URL = "SAGEMAKER_PCA_EVENTS_QUEUE_URL"
SETTLE_SECONDS = "SAGEMAKER_PCA_SETTLE_SECONDS"
MAX_ACTIVE_RUNS = "SAGEMAKER_PCA_MAX_ACTIVE_RUNS"
ENDPOINTS_SCHEDULE = "SAGEMAKER_ENDPOINTS_SCHEDULE"

RAW_DATA = "raw-data"
DRIFT = "drift"
WATCHED = {RAW_DATA: raw_data_asset, DRIFT: drift_asset}
# Somebody has to look, and that is also the longest that a lost message of S3's delays a run.
DEFAULT_LOOK_SCHEDULE = "@hourly"
DEFAULT_SETTLE_SECONDS = 60.0
DEFAULT_MAX_ACTIVE_RUNS = 4


def schedule_of(pipeline: str, schedule: Any) -> Any:
    """When a pipeline runs: by a cron expression, when its raw data changes or drifts, or as Airflow itself takes it.

    :param pipeline: its DAG id
    :param schedule: such as ``@weekly``, ``raw-data`` or ``raw-data or drift or @weekly``; None for never
    Raises:
        SettingError: on two cron expressions. The DAG file then shows as an import error.
    """
    if not isinstance(schedule, str):
        return schedule
    parts = _parts(schedule)
    crons = [part for part in parts if part not in WATCHED]
    if len(crons) > 1:
        raise SettingError(
            f"schedule={schedule!r} of {pipeline} has {len(crons)} cron expressions. "
            f"Give one, {RAW_DATA}, {DRIFT}, or several of them joined by ' or '."
        )
    assets = [asset_of(pipeline) for word, asset_of in WATCHED.items() if word in parts]
    return time_or_assets(crons[0] if crons else None, assets)


def _parts(schedule: str) -> list[str]:
    return [part.strip() for part in schedule.split(" or ") if part.strip()]


def pipeline_schedule() -> str | None:
    """When `pca_pipeline` runs."""
    return os.environ.get(PIPELINE_SCHEDULE) or None


def look_schedule() -> str | None:
    """When `pca_raw_data` looks: hourly unless said otherwise, where the pipeline waits for raw data."""
    waits = RAW_DATA in _parts(pipeline_schedule() or "")
    return os.environ.get(LOOK_SCHEDULE) or (DEFAULT_LOOK_SCHEDULE if waits else None)


def events_queue_url() -> str | None:
    """The queue to which S3 reports changed raw files of `pca_pipeline`."""
    return os.environ.get(EVENTS_QUEUE_URL) or None


def endpoints_schedule() -> str | None:
    """When `sagemaker_endpoints` runs."""
    return os.environ.get(ENDPOINTS_SCHEDULE) or None


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


def time_or_assets(cron: str | None, assets: Sequence[Asset]) -> Any:
    """A DAG's schedule by a cron expression, or by any one of some assets, or whichever comes first."""
    if not assets:
        return cron
    any_asset = assets[0] if len(assets) == 1 else AssetAny(*assets)
    if cron is None:
        return [any_asset] if len(assets) == 1 else any_asset
    # Imported only where it is asked for: it takes a fifth of the time that all DAG files may take.
    from airflow.sdk import AssetOrTimeSchedule

    # Read by Airflow as the schedule of any DAG: presets, time zone and kind of timetable are those of a plain cron.
    timetable = cast("BaseTimetable", DAG("cron", schedule=cron).timetable)
    return AssetOrTimeSchedule(timetable=timetable, assets=any_asset if len(assets) > 1 else list(assets))
