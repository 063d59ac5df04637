"""Notices that other raw files lie where the pipeline reads them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from airflow.providers.amazon.aws.sensors.base_aws import AwsBaseSensor
from airflow.sdk import Asset, Context, PokeReturnValue
from airflow.sdk.exceptions import AirflowSkipException

from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.plurals import counted
from sagemaker_pca.run.locations import RunFiles
from sagemaker_pca.run.raw_listing import RawListing
from sagemaker_pca.run.tasks import RUN_NOTE_KEY
from sagemaker_pca.settings.pipeline import resolve
from sagemaker_pca.variables import deployment_settings

# Data that never rests is taken as it is after a while.
LONGEST_SETTLING = timedelta(hours=1)
EVENTS_TO_SEARCH = 20


class RawDataChangedSensor(AwsBaseSensor[SageMakerPcaHook]):
    """Update the raw data asset when the location lists other files than at its last event, and they have settled.

    Skipped where nothing has changed. The last event is the only memory: nothing is written anywhere else.

    :param asset: what to update
    :param settings: of the pipeline that is watched for, as its DAG file has them
    :param settle_seconds: for how long nothing must have been written
    """

    aws_hook_class = SageMakerPcaHook

    def __init__(self, *, asset: Asset, settings: Mapping[str, Any], settle_seconds: float, **kwargs: Any) -> None:
        super().__init__(mode="reschedule", poke_interval=settle_seconds, inlets=[asset], outlets=[asset], **kwargs)
        self.asset = asset
        self.settings = settings
        self.settle_seconds = settle_seconds

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once.

        Raises:
            AirflowSkipException: when there is nothing, or nothing new.
        """
        location = raw_data_location(self.hook, self.settings)
        listing = RawListing.of(location, self.hook.list_raw_objects(location))
        if listing.newest_change is None:
            self._skip(context, f"There is no raw data under {location}.")
        if listing.fingerprint == last_fingerprint(context, self.asset):
            self._skip(context, f"{location} lists the same {counted(listing.files, 'file')} as at the last event.")
        rested = datetime.now(UTC) - listing.newest_change
        if rested < timedelta(seconds=self.settle_seconds) and not self._has_waited_enough(context):
            self.log.info("%s changed %d s ago, looking again later", location, rested.total_seconds())
            return PokeReturnValue(is_done=False)
        event = listing.as_event()
        context["outlet_events"][self.asset].extra = event
        note = f"changed: {location} lists {counted(listing.files, 'file')}"
        context["ti"].xcom_push(key=RUN_NOTE_KEY, value=note)
        return PokeReturnValue(is_done=True, xcom_value=event)

    @staticmethod
    def _skip(context: Context, reason: str) -> NoReturn:
        context["ti"].xcom_push(key=RUN_NOTE_KEY, value=f"skipped: {reason}")
        raise AirflowSkipException(reason)

    @staticmethod
    def _has_waited_enough(context: Context) -> bool:
        started_at = context["dag_run"].start_date
        return started_at is not None and datetime.now(UTC) - started_at > LONGEST_SETTLING


def raw_data_location(hook: SageMakerPcaHook, settings: Mapping[str, Any]) -> str:
    """Where a run of the pipeline reads raw data, unless it is told otherwise."""
    config, _ = resolve({}, settings, deployment_settings())
    if config.raw_data_uri:
        return config.raw_data_uri
    bucket = config.bucket or hook.caller_identity().default_bucket
    return RunFiles(bucket, run_name="", endpoint_name=config.endpoint_name).default_raw_data_uri


def last_fingerprint(context: Context, asset: Asset) -> Any:
    """The newest fingerprint that an event of the asset holds; those that people make hold none."""
    newest = context["inlet_events"][asset].ascending(False).limit(EVENTS_TO_SEARCH)
    found = (event.extra["fingerprint"] for event in newest if event.extra and "fingerprint" in event.extra)
    return next(found, None)
