"""What operators share that change an endpoint: while it changes anyway, they wait for it to rest, deferred."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NoReturn

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from botocore.exceptions import ClientError

from sagemaker_pca.endpoints.deployment import LONGEST_CHANGE_SECONDS
from sagemaker_pca.exceptions import LeaseHeldError, WaitTimeoutError
from sagemaker_pca.hooks.deployment_lease import DeploymentLease
from sagemaker_pca.hooks.errors import is_already_there, is_in_progress
from sagemaker_pca.links import EndpointLink, SageMakerResourceLink
from sagemaker_pca.operators.base import SageMakerPcaOperator
from sagemaker_pca.triggers.base import SHORTEST_DEFERRAL_SECONDS, connection_of
from sagemaker_pca.triggers.endpoints import SageMakerEndpointTrigger


class EndpointChangeOperator(SageMakerPcaOperator):
    """Asks for a change of an endpoint; `execute` begins anew, with the endpoint as it then is, after each wait."""

    operator_extra_links = (SageMakerResourceLink(), EndpointLink())

    poll_seconds: Any
    lease: Any
    lease_wait_seconds: Any = 1800

    def acquire_lease(self, endpoint_name: str, waiting_since: float) -> DeploymentLease:
        """Take or renew the endpoint's lease; while another run has it, defer, then come back to `execute`.

        Raises:
            LeaseHeldError: when another run has it for longer than `lease_wait_seconds`.
        """
        lease = DeploymentLease(**self.lease)
        if holder := lease.acquire(self.pca_hook):
            self._wait_for_lease(endpoint_name, holder, waiting_since)
        return lease

    def _wait_for_lease(self, endpoint_name: str, holder: str, waiting_since: float) -> NoReturn:
        waited = time.time() - waiting_since
        if waited >= float(self.lease_wait_seconds):
            raise LeaseHeldError(
                f"endpoint {endpoint_name} is being changed by {holder}; waited {waited:.0f} s.",
                hint="Trigger this run again later, or raise lease_wait_seconds.",
            )
        self.log.info("Waiting: the deployment lease is held by %s", holder)
        pause = timedelta(seconds=max(float(self.poll_seconds), SHORTEST_DEFERRAL_SECONDS))
        self.defer(trigger=TimeDeltaTrigger(pause), method_name="execute", kwargs={"waiting_since": waiting_since})

    @contextmanager
    def asked_once(self) -> Iterator[None]:
        """Take the refusal of a change that is under way for an answer.

        botocore repeats a request whose answer was lost, and the service refuses the repetition. Whoever waits for the
        endpoint checks what it serves in the end.
        """
        try:
            yield
        except ClientError as error:
            if not (is_already_there(error) or is_in_progress(error)):
                raise
            self.log.info("The change is under way already: %s", error)
            self.change_is_under_way()

    def change_is_under_way(self) -> None:
        """What an operator has to make sure of where the service says that the change was asked for before."""

    def wait_until_at_rest(self, endpoint: Mapping[str, Any], waiting_since: float, **kwargs: Any) -> NoReturn:
        """Defer until the endpoint rests, then come back to `execute`.

        :param kwargs: what `execute` gets beside `waiting_since`

        Raises:
            WaitTimeoutError: when it has been changing for longer than any deployment may take.
        """
        name, status = endpoint["EndpointName"], endpoint["EndpointStatus"]
        deadline = waiting_since + LONGEST_CHANGE_SECONDS
        if time.time() >= deadline:
            raise WaitTimeoutError(
                f"endpoint {name} is still {status} after {LONGEST_CHANGE_SECONDS:.0f} s.",
                hint=f"Read the log group /aws/sagemaker/Endpoints/{name}.",
            )
        self.log.info("Waiting: endpoint %s is %s", name, status)
        trigger = SageMakerEndpointTrigger(
            endpoint_name=name,
            lease=self.lease,
            poll_seconds=float(self.poll_seconds),
            deadline=deadline,
            **connection_of(self),
        )
        self.defer(trigger=trigger, method_name="execute", kwargs={"waiting_since": waiting_since, **kwargs})
