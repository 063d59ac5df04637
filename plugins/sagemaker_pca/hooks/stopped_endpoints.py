"""What is remembered of stopped endpoints, in S3 beside their leases and promotions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from sagemaker_pca.endpoints.inventory import Inventory
from sagemaker_pca.endpoints.records import Promotion, StoppedEndpoint
from sagemaker_pca.endpoints.stopped import InventoryWithStopped, stop_of
from sagemaker_pca.hooks.errors import is_transient
from sagemaker_pca.hooks.inventory_hook import SageMakerInventoryHook
from sagemaker_pca.hooks.objects import S3ObjectsHook
from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.resource_kinds import ENDPOINT_CONFIG
from sagemaker_pca.run.locations import RunFiles


class StoppedEndpointFiles(NamedTuple):
    """The records of a bucket: a `StopRecords`."""

    hook: S3ObjectsHook
    bucket: str

    def read(self) -> list[StoppedEndpoint]:
        """All of them; none where the bucket is not there, or may not be read.

        Deletions then are kept for want of the deployments' records, which lie in the same place.
        """
        try:
            keys = [item["Key"] for item in self.hook.list_objects(RunFiles(self.bucket, "", "").endpoints_uri)]
        except ClientError as error:
            if is_transient(error):
                raise
            self.hook.log.warning("Stopped endpoints are not known: %s", error)
            return []
        names = [parts[1] for key in keys if (parts := key.split("/"))[2:] == ["stopped.json"]]
        return [stopped for name in names if (stopped := self.find(name)) is not None]

    def find(self, endpoint_name: str) -> StoppedEndpoint | None:
        """One of them; None where the endpoint is not stopped."""
        return self.hook.find_document(self._uri(endpoint_name), StoppedEndpoint)

    def write(self, stopped: StoppedEndpoint) -> None:
        """Remember one."""
        self.hook.write_document(self._uri(stopped.endpoint_name), stopped)

    def forget(self, endpoint_name: str) -> None:
        """Remember one no longer; forgotten already is fine."""
        self.hook.delete_object(self._uri(endpoint_name))

    def _uri(self, endpoint_name: str) -> str:
        return RunFiles(self.bucket, "", endpoint_name).stopped_uri


def inventory_of(hook: SageMakerInventoryHook, bucket: str) -> Inventory:
    """The account's inventory, stopped endpoints included.

    :param bucket: where the pipeline keeps leases and records
    """
    return InventoryWithStopped(hook, StoppedEndpointFiles(hook, bucket))


def stop_now(
    hook: SageMakerPcaHook,
    records: StoppedEndpointFiles,
    endpoint: Mapping[str, Any],
    deployment_id: str | None,
    *,
    stopped_by: str,
    now: datetime,
) -> StoppedEndpoint:
    """What is to be remembered of an endpoint that is stopped now: the facts, and `stop_of` of them.

    Raises:
        DeletionRefusedError: when it must not be stopped.
    """
    files = RunFiles(records.bucket, "", endpoint["EndpointName"])
    return stop_of(
        endpoint,
        hook.find(ENDPOINT_CONFIG, endpoint["EndpointConfigName"]),
        hook.tags(endpoint["EndpointArn"]),
        hook.find_document(files.promoted_uri, Promotion),
        deployment_id=deployment_id,
        bucket=records.bucket,
        stopped_by=stopped_by,
        now=now,
    )
