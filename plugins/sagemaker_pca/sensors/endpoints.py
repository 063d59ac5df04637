"""Sensor that waits until an endpoint serves the configuration asked for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context, PokeReturnValue

from sagemaker_pca.deployment_lease import DeploymentLease
from sagemaker_pca.exceptions import DeploymentError, WaitTimeoutError
from sagemaker_pca.job_status import CHANGING_ENDPOINT_STATES, ENDPOINT, check_in_service
from sagemaker_pca.links import Target
from sagemaker_pca.sensors.wait import Description, SageMakerWaitSensor
from sagemaker_pca.triggers.endpoints import SageMakerEndpointTrigger

# Rolling and linear deployments may take eight hours (MaximumExecutionTimeoutInSeconds in the service model).
LONGEST_DEPLOYMENT_SECONDS = 28_800.0


class SageMakerEndpointDeployedSensor(SageMakerWaitSensor):
    """Wait until an endpoint is InService with the configuration asked for.

    InService with another configuration is a failure: that is how an update looks that the service rolled back.

    :param endpoint_name: name of the endpoint (templated)
    :param endpoint_config_name: configuration that must be in service (templated)
    :param lease: deployment lease to renew while waiting, as :class:`~sagemaker_pca.deployment_lease.DeploymentLease`
        arguments; None without one (templated)
    :param max_wait_seconds: when to give up waiting
    """

    template_fields: Sequence[str] = aws_template_fields(
        "endpoint_name", "endpoint_config_name", "lease", "poll_seconds"
    )

    def __init__(
        self,
        *,
        endpoint_name: Any,
        endpoint_config_name: Any,
        lease: Any = None,
        max_wait_seconds: float = LONGEST_DEPLOYMENT_SECONDS,
        **kwargs: Any,
    ) -> None:
        super().__init__(resource_type="endpoint", **kwargs)
        self.endpoint_name = endpoint_name
        self.endpoint_config_name = endpoint_config_name
        self.lease = lease
        self.max_wait_seconds = max_wait_seconds

    @property
    def link_target(self) -> Target:
        """The endpoint."""
        return ENDPOINT, self.endpoint_name

    def describe(self) -> Description:
        """Describe the endpoint; deleted by somebody while we wait, it is no success."""
        description = self.pca_hook.find_endpoint(self.endpoint_name)
        if description is None:
            raise DeploymentError(f"endpoint {self.endpoint_name} does not exist any more: somebody deleted it.")
        return description

    def poke(self, context: Context) -> PokeReturnValue:
        """Renew the lease and look once, for sensors that wait in their worker."""
        if self.lease is not None:
            DeploymentLease(**self.lease).renew(self.pca_hook)
        return super().poke(context)

    def is_changing(self, description: Description) -> bool:
        """Whether the endpoint is still on its way."""
        return description["EndpointStatus"] in CHANGING_ENDPOINT_STATES

    def trigger(self, description: Description) -> SageMakerEndpointTrigger:
        """The deferred half."""
        self.log.info("Waiting for endpoint %s, %s", self.endpoint_name, description["EndpointStatus"])
        return SageMakerEndpointTrigger(
            endpoint_name=self.endpoint_name,
            lease=self.lease,
            poll_seconds=float(self.poll_seconds),
            deadline=time.time() + self.max_wait_seconds,
            **self.connection,
        )

    def verdict(self, description: Description) -> Description:
        """The description of an endpoint that serves the configuration asked for."""
        check_in_service(description, self.endpoint_config_name)
        return description

    def give_up(self, description: Description) -> None:
        """Leave the endpoint to the service and the roll-back."""
        raise WaitTimeoutError(
            f"endpoint {self.endpoint_name} is still {description['EndpointStatus']} "
            f"after {self.max_wait_seconds:.0f} s. "
            f"Look at the log group /aws/sagemaker/Endpoints/{self.endpoint_name}."
        )
