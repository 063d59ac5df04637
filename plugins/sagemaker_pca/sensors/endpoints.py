"""Sensor that waits until an endpoint serves the configuration asked for, or is gone."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context, PokeReturnValue
from airflow.sdk.exceptions import AirflowSkipException

from sagemaker_pca.endpoints.deployment import LONGEST_CHANGE_SECONDS, check_in_service, is_changing
from sagemaker_pca.exceptions import WaitTimeoutError
from sagemaker_pca.hooks.deployment_lease import DeploymentLease
from sagemaker_pca.links import EndpointLink, Target
from sagemaker_pca.resource_kinds import ENDPOINT
from sagemaker_pca.sensors.base import Description, SageMakerWaitSensor
from sagemaker_pca.triggers.base import connection_of
from sagemaker_pca.triggers.endpoints import SageMakerEndpointTrigger


class SageMakerEndpointDeployedSensor(SageMakerWaitSensor):
    """Wait until an endpoint is InService with the configuration asked for.

    InService with another configuration is a failure: that is how an update looks that the service rolled back.

    :param endpoint_name: name of the endpoint (templated)
    :param endpoint_config_name: configuration that must be in service; None where the endpoint must go (templated)
    :param lease: deployment lease to renew while waiting, as `DeploymentLease` arguments; None without one (templated)
    :param skip_reason: why there is nothing to wait for, which skips the task; None waits (templated)
    :param max_wait_seconds: when to give up waiting
    :return: the endpoint's description, empty where it is gone
    """

    operator_extra_links = (*SageMakerWaitSensor.operator_extra_links, EndpointLink())
    template_fields: Sequence[str] = aws_template_fields(
        "endpoint_name", "endpoint_config_name", "lease", "skip_reason", "poll_seconds"
    )

    def __init__(
        self,
        *,
        endpoint_name: Any,
        endpoint_config_name: Any,
        lease: Any = None,
        skip_reason: Any = None,
        max_wait_seconds: float = LONGEST_CHANGE_SECONDS,
        **kwargs: Any,
    ) -> None:
        super().__init__(resource_type="endpoint", **kwargs)
        self.endpoint_name = endpoint_name
        self.endpoint_config_name = endpoint_config_name
        self.lease = lease
        self.skip_reason = skip_reason
        self.max_wait_seconds = max_wait_seconds

    @property
    def link_target(self) -> Target:
        """The endpoint."""
        return ENDPOINT, self.endpoint_name

    def execute(self, context: Context) -> Any:
        """Wait, unless there is a reason not to."""
        if self.skip_reason:
            raise AirflowSkipException(self.skip_reason)
        return super().execute(context)

    def describe(self) -> Description:
        """Describe the endpoint; nothing is to be said of one that is gone."""
        return self.pca_hook.find_endpoint(self.endpoint_name) or {}

    def poke(self, context: Context) -> PokeReturnValue:
        """Renew the lease and look once, for sensors that wait in their worker."""
        if self.lease is not None:
            DeploymentLease(**self.lease).renew(self.pca_hook)
        return super().poke(context)

    def is_changing(self, description: Description) -> bool:
        """Whether the endpoint is still on its way."""
        return bool(description) and is_changing(description)

    def trigger(self, description: Description) -> SageMakerEndpointTrigger:
        """The deferred half."""
        self.log.info("Waiting for endpoint %s, %s", self.endpoint_name, description["EndpointStatus"])
        return SageMakerEndpointTrigger(
            endpoint_name=self.endpoint_name,
            lease=self.lease,
            poll_seconds=float(self.poll_seconds),
            deadline=time.time() + self.max_wait_seconds,
            **connection_of(self),
        )

    def verdict(self, description: Description) -> Description:
        """The description of an endpoint that is as it was asked to be."""
        check_in_service(description or None, self.endpoint_name, self.endpoint_config_name)
        return description

    def give_up(self, description: Description) -> None:
        """Leave the endpoint to the service and the roll-back."""
        raise WaitTimeoutError(
            f"endpoint {self.endpoint_name} is still {description['EndpointStatus']} after "
            f"{self.max_wait_seconds:.0f} s.",
            hint=f"Read the log group /aws/sagemaker/Endpoints/{self.endpoint_name}.",
        )
