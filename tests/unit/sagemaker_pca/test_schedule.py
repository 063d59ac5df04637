from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk import DAG, Asset, AssetAny, AssetOrTimeSchedule

from sagemaker_pca.assets import drift_asset, raw_data_asset, s3_events_asset
from sagemaker_pca.exceptions import SettingError
from sagemaker_pca.schedule import (
    DEFAULT_LOOK_SCHEDULE,
    EVENTS_QUEUE_URL,
    LOOK_SCHEDULE,
    MAX_ACTIVE_RUNS,
    PIPELINE_SCHEDULE,
    SETTLE_SECONDS,
    look_schedule,
    max_active_runs,
    pipeline_schedule,
    schedule_of,
    settle_seconds,
    time_or_assets,
)

QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/raw-data"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """No variable is set, but for what a test sets."""
    for name in (PIPELINE_SCHEDULE, LOOK_SCHEDULE, EVENTS_QUEUE_URL, SETTLE_SECONDS, MAX_ACTIVE_RUNS):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def cron_of(schedule: Any) -> Any:
    """The cron expression in a schedule by time or asset."""
    assert isinstance(schedule, AssetOrTimeSchedule)
    return getattr(schedule.timetable, "expression", None)


@pytest.mark.parametrize("value", ["", " ", None])
def test_without_a_schedule_nothing_runs_by_itself(environment: pytest.MonkeyPatch, value: str | None) -> None:
    assert schedule_of("ecg", value) is None
    if value is not None:
        environment.setenv(PIPELINE_SCHEDULE, value)
    assert schedule_of("pca_pipeline", pipeline_schedule()) is None
    assert look_schedule() is None


@pytest.mark.parametrize("cron", ["@daily", "0 3,15 * * 1-5"])
def test_a_cron_expression_is_airflows_own_affair(environment: pytest.MonkeyPatch, cron: str) -> None:
    environment.setenv(PIPELINE_SCHEDULE, cron)
    assert schedule_of("pca_pipeline", pipeline_schedule()) == cron
    assert look_schedule() is None


@pytest.mark.parametrize("schedule", [timedelta(hours=1), [Asset("mine")]], ids=str)
def test_what_else_airflow_takes_it_gets(schedule: Any) -> None:
    assert schedule_of("ecg", schedule) is schedule


def test_raw_data_alone_waits_for_the_pipelines_asset_and_somebody_looks(environment: pytest.MonkeyPatch) -> None:
    assert schedule_of("ecg", "raw-data") == [raw_data_asset("ecg")]
    environment.setenv(PIPELINE_SCHEDULE, "raw-data")
    assert look_schedule() == DEFAULT_LOOK_SCHEDULE


def test_each_pipeline_has_assets_of_its_own() -> None:
    assert len({make(name).name for make in (raw_data_asset, drift_asset) for name in ("ecg", "eeg")}) == 4


def test_drift_alone_is_waited_for() -> None:
    assert schedule_of("ecg", "drift") == [drift_asset("ecg")]


@pytest.mark.parametrize("value", ["raw-data or drift", "drift or raw-data"])
def test_any_of_raw_data_and_drift_starts_a_run(value: str) -> None:
    condition = schedule_of("ecg", value)
    assert isinstance(condition, AssetAny)
    assert set(condition.objects) == {raw_data_asset("ecg"), drift_asset("ecg")}


def test_any_of_raw_data_drift_and_time_starts_a_run() -> None:
    schedule = schedule_of("ecg", "drift or @weekly or raw-data")
    assert cron_of(schedule) == "0 0 * * 0"
    assert isinstance(schedule.asset_condition, AssetAny)
    assert set(schedule.asset_condition.objects) == {raw_data_asset("ecg"), drift_asset("ecg")}


@pytest.mark.parametrize("value", ["raw-data or 0 3 * * *", "0 3 * * * or raw-data"])
def test_cron_and_raw_data_are_joined_in_any_order(value: str) -> None:
    schedule = schedule_of("ecg", value)
    assert cron_of(schedule) == "0 3 * * *"
    assert list(schedule.asset_condition.objects) == [raw_data_asset("ecg")]


def test_a_joined_cron_expression_has_the_time_zone_of_a_plain_one() -> None:
    assert schedule_of("ecg", "raw-data or @daily").timetable == DAG("plain", schedule="@daily").timetable


def test_two_cron_expressions_are_refused() -> None:
    with pytest.raises(SettingError, match=r"schedule='@daily or @weekly' of ecg has 2 cron expressions\. Give one"):
        schedule_of("ecg", "@daily or @weekly")


def test_looks_have_a_cron_expression_of_their_own(environment: pytest.MonkeyPatch) -> None:
    environment.setenv(PIPELINE_SCHEDULE, "raw-data")
    environment.setenv(LOOK_SCHEDULE, "*/10 * * * *")
    assert look_schedule() == "*/10 * * * *"


def test_a_queue_is_watched_beside_the_looks_by_time() -> None:
    asset = s3_events_asset("ecg", QUEUE_URL)
    assert time_or_assets(None, [asset]) == [asset]
    schedule = time_or_assets("@hourly", [asset])

    assert cron_of(schedule) == "0 * * * *"
    (watcher,) = asset.watchers
    assert watcher.trigger.serialize() == (
        "sagemaker_pca.triggers.s3_events.S3EventsTrigger",
        {"queue_url": QUEUE_URL, "aws_conn_id": "aws_default"},
    )


def test_data_settles_for_a_minute_unless_said_otherwise(environment: pytest.MonkeyPatch) -> None:
    assert settle_seconds() == 60
    environment.setenv(SETTLE_SECONDS, "0")
    assert settle_seconds() == 0


@pytest.mark.parametrize("value", ["soon", "-1", "inf", "nan"])
def test_what_is_no_number_of_seconds_is_refused(environment: pytest.MonkeyPatch, value: str) -> None:
    environment.setenv(SETTLE_SECONDS, value)
    with pytest.raises(SettingError, match=f"SAGEMAKER_PCA_SETTLE_SECONDS={value} is no number of seconds"):
        settle_seconds()


@pytest.mark.parametrize(("value", "runs"), [(None, 4), ("", 4), ("20", 20)])
def test_four_runs_go_on_at_once_unless_said_otherwise(
    environment: pytest.MonkeyPatch, value: str | None, runs: int
) -> None:
    if value is not None:
        environment.setenv(MAX_ACTIVE_RUNS, value)
    assert max_active_runs() == runs


@pytest.mark.parametrize("value", ["many", "0", "-1", "2.5", "²"])
def test_what_is_no_number_of_runs_is_refused(environment: pytest.MonkeyPatch, value: str) -> None:
    environment.setenv(MAX_ACTIVE_RUNS, value)
    with pytest.raises(SettingError, match=f"SAGEMAKER_PCA_MAX_ACTIVE_RUNS={re.escape(value)} is no number of runs"):
        max_active_runs()
