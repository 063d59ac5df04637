"""Operator that brings an endpoint to a configuration, whatever state it is in."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NoReturn

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import Context
from botocore.exceptions import ClientError

from sagemaker_pca.deployment import Action, DeploymentRecord, next_action, record_deployment
from sagemaker_pca.deployment_lease import DeploymentLease
from sagemaker_pca.exceptions import LeaseHeldError, WaitTimeoutError
from sagemaker_pca.job_status import ENDPOINT
from sagemaker_pca.links import Target
from sagemaker_pca.operators.hooked import Request, SageMakerPcaOperator
from sagemaker_pca.sagemaker_hook import is_already_there, is_in_progress
from sagemaker_pca.triggers.wait import SHORTEST_DEFERRAL_SECONDS

# An endpoint that is changing when we come is waited out this long: a rolling deployment may take eight hours.
CHANGING_WAIT_SECONDS = 28_800


class SageMakerDeployEndpointOperator(SageMakerPcaOperator):
    """Create an endpoint, or update it to a new configuration, as its state allows.

    A Failed endpoint is replaced, one that is changing is waited out, one that serves the configuration already is
    kept. Before the request, the configuration now in service is recorded in S3 as the roll-back target; a later try
    keeps to the record unless another run deployed since. Only the holder of the endpoint's lease deploys.

    :param config: request of :py:meth:`SageMaker.Client.create_endpoint`, or a callable that makes it (templated)
    :param record_uri: S3 URI of the deployment record (templated)
    :param lease_uri: S3 URI of the endpoint's lease (templated)
    :param holder: run that deploys; named to whoever finds the lease taken (templated)
    :param lease_wait_seconds: how long to wait for the lease before failing (templated)
    :param poll_seconds: seconds between two looks while waiting (templated)
    :return: ``{"endpoint_name", "endpoint_config_name", "previous_endpoint_config_name", "action"}``
    """

    template_fields: Sequence[str] = aws_template_fields(
        "config", "record_uri", "lease_uri", "holder", "lease_wait_seconds", "poll_seconds"
    )

    def __init__(
        self,
        *,
        config: Request,
        record_uri: Any,
        lease_uri: Any,
        holder: Any,
        lease_wait_seconds: Any = 1800,
        poll_seconds: Any = 15,
        **kwargs: Any,
    ) -> None:
        super().__init__(config=config, **kwargs)
        self.record_uri = record_uri
        self.lease_uri = lease_uri
        self.holder = holder
        self.lease_wait_seconds = lease_wait_seconds
        self.poll_seconds = poll_seconds

    def execute(
        self, context: Context, event: dict[str, Any] | None = None, waiting_since: float | None = None
    ) -> dict[str, Any]:
        """Take the lease, record what is in service, and ask for the change; comes back here after each pause."""
        waiting_since = waiting_since or time.time()
        waited = time.time() - waiting_since
        if holder := DeploymentLease(self.lease_uri, self.holder).acquire(self.pca_hook):
            if waited >= float(self.lease_wait_seconds):
                raise LeaseHeldError(
                    f"endpoint {self.config['EndpointName']} is being deployed by {holder}; waited {waited:.0f} s. "
                    "Trigger this run again later, or raise lease_wait_seconds."
                )
            self._pause(waiting_since, f"the deployment lease is held by {holder}")

        name, wanted = self.config["EndpointName"], self.config["EndpointConfigName"]
        endpoint = self.pca_hook.find_endpoint(name)
        action = next_action(endpoint, wanted)
        if action == "wait" and endpoint is not None:
            if waited >= CHANGING_WAIT_SECONDS:
                raise WaitTimeoutError(f"endpoint {name} is still {endpoint['EndpointStatus']} after {waited:.0f} s.")
            self._pause(waiting_since, f"endpoint {name} is {endpoint['EndpointStatus']}")

        record = self._record(endpoint, wanted)
        self.log.info("Endpoint %s: %s, to serve %s", name, action, wanted)
        self._ask_for(action)
        if endpoint is not None and action in {"update", "keep"} and self.config.get("Tags"):
            # A kept endpoint too: the try that updated it may have got no further.
            self.pca_hook.conn.add_tags(ResourceArn=endpoint["EndpointArn"], Tags=self.config["Tags"])
        return record.model_dump() | {"action": action}

    @property
    def link_target(self) -> Target:
        """The endpoint."""
        return ENDPOINT, self.config["EndpointName"]

    def _ask_for(self, action: Action) -> None:
        try:
            if action == "replace":
                self.pca_hook.delete_endpoint_and_wait(self.config["EndpointName"], float(self.poll_seconds))
            if action in {"create", "replace"}:
                self.pca_hook.create_endpoint(self.config, wait_for_completion=False)
            if action == "update":
                self.pca_hook.update_endpoint_without_tags(self.config)
        except ClientError as error:
            # botocore repeats a request whose answer was lost, and the service refuses the repetition.
            if not (is_already_there(error) or is_in_progress(error)):
                raise
            self.log.info("The change is under way already: %s", error)

    def _record(self, endpoint: dict[str, Any] | None, wanted: str) -> DeploymentRecord:
        """The record of this deployment, written before anything changes."""
        deployment = {"endpoint_name": self.config["EndpointName"], "wanted_config": wanted, "run_name": self.holder}
        record = record_deployment(endpoint, None, **deployment)
        if self.pca_hook.write_json_if(self.record_uri, record.model_dump()):
            return record
        earlier = DeploymentRecord.model_validate(self.pca_hook.read_json(self.record_uri))
        record = record_deployment(endpoint, earlier, **deployment)
        if record != earlier:
            self.pca_hook.write_json(self.record_uri, record.model_dump())
        return record

    def _pause(self, waiting_since: float, reason: str) -> NoReturn:
        self.log.info("Waiting: %s", reason)
        self.defer(
            trigger=TimeDeltaTrigger(timedelta(seconds=max(float(self.poll_seconds), SHORTEST_DEFERRAL_SECONDS))),
            method_name="execute",
            kwargs={"waiting_since": waiting_since},
        )
