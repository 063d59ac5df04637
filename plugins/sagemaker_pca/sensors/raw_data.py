"""Notices that other raw files lie where the pipeline reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.amazon.aws.sensors.base_aws import AwsBaseSensor
from airflow.sdk import Context, PokeReturnValue
from airflow.sdk.exceptions import AirflowSkipException

from sagemaker_pca.assets import RAW_DATA_ASSET
from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.run.locations import RunFiles
from sagemaker_pca.run.raw_listing import RawListing
from sagemaker_pca.settings.pipeline import VARIABLE_NAME, resolve
from sagemaker_pca.variables import settings_variable

# Data that never rests is taken as it is after a while.
LONGEST_SETTLING = timedelta(hours=1)
EVENTS_TO_SEARCH = 20


class RawDataChangedSensor(AwsBaseSensor[SageMakerPcaHook]):
    """Update the raw data asset when the location lists other files than at its last event, and they have settled.

    Skipped where nothing has changed. The last event is the only memory: nothing is written anywhere else.

    :param settle_seconds: for how long nothing must have been written
    """

    aws_hook_class = SageMakerPcaHook

    def __init__(self, *, settle_seconds: float, **kwargs: Any) -> None:
        super().__init__(
            mode="reschedule", poke_interval=settle_seconds, inlets=[RAW_DATA_ASSET], outlets=[RAW_DATA_ASSET], **kwargs
        )
        self.settle_seconds = settle_seconds

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once.

        Raises:
            AirflowSkipException: when there is nothing, or nothing new.
        """
        location = raw_data_location(self.hook)
        listing = RawListing.of(location, self.hook.list_raw_objects(location))
        if listing.newest_change is None:
            raise AirflowSkipException(f"There is no raw data under {location}.")
        if listing.fingerprint == last_fingerprint(context):
            raise AirflowSkipException(f"{location} lists the same {listing.files} file(s) as at the last event.")
        rested = datetime.now(UTC) - listing.newest_change
        if rested < timedelta(seconds=self.settle_seconds) and not self._has_waited_enough(context):
            self.log.info("%s changed %d s ago, looking again later", location, rested.total_seconds())
            return PokeReturnValue(is_done=False)
        event = listing.as_event()
        context["outlet_events"][RAW_DATA_ASSET].extra = event
        return PokeReturnValue(is_done=True, xcom_value=event)

    @staticmethod
    def _has_waited_enough(context: Context) -> bool:
        started_at = context["dag_run"].start_date
        return started_at is not None and datetime.now(UTC) - started_at > LONGEST_SETTLING


def raw_data_location(hook: SageMakerPcaHook) -> str:
    """Where a run of the pipeline with the deployment's defaults would read raw data."""
    config, _ = resolve({}, settings_variable(VARIABLE_NAME))
    if config.raw_data_uri:
        return config.raw_data_uri
    bucket = config.bucket or hook.caller_identity().default_bucket
    return RunFiles(bucket, run_name="", endpoint_name=config.endpoint_name).default_raw_data_uri


def last_fingerprint(context: Context) -> Any:
    """The newest fingerprint that an event of the asset holds; those that people make hold none."""
    newest = context["inlet_events"][RAW_DATA_ASSET].ascending(False).limit(EVENTS_TO_SEARCH)
    found = (event.extra["fingerprint"] for event in newest if event.extra and "fingerprint" in event.extra)
    return next(found, None)
