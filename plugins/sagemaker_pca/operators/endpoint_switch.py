"""Operators that stop an endpoint, which then costs nothing, and start it again as it was."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NoReturn, cast

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from sagemaker_pca.endpoints.deployment import is_changing
from sagemaker_pca.endpoints.ownership import why_not_own
from sagemaker_pca.endpoints.records import StoppedEndpoint
from sagemaker_pca.exceptions import DeletionRefusedError, DeploymentError, Failure, InputError, SmokeTestError
from sagemaker_pca.hooks.deployment_lease import DeploymentLease
from sagemaker_pca.hooks.errors import Outlook, outlook
from sagemaker_pca.hooks.stopped_endpoints import StoppedEndpointFiles, stop_now
from sagemaker_pca.links import Target
from sagemaker_pca.operators.endpoint_change import EndpointChangeOperator
from sagemaker_pca.resource_kinds import ENDPOINT, ENDPOINT_CONFIG, MODEL
from sagemaker_pca.run.attempts import tag_list
from sagemaker_pca.run.locations import RunFiles, run_name
from sagemaker_pca.run.tasks import SKIP_REASON_KEY
from sagemaker_pca.variables import deployment_id

SMOKE_TEST_ROWS = 10

Switch = Mapping[str, Any] | Callable[..., Mapping[str, Any] | None]
"""``{"endpoint_name", "bucket", "poll_seconds"}``, or a callable that makes it when the task runs."""


class EndpointSwitchOperator(EndpointChangeOperator):
    """Changes an endpoint under its lease, once no deployment, and no other stop or start, holds that.

    :param switch: ``{"endpoint_name", "bucket", "poll_seconds"}``, the bucket being that of the pipeline's leases and
        records; None skips the task (templated)
    :param lease_wait_seconds: how long to wait for the lease before failing
    """

    template_fields: Sequence[str] = aws_template_fields("switch")

    def __init__(self, *, switch: Switch | None, lease_wait_seconds: float = 3600, **kwargs: Any) -> None:
        super().__init__(config={}, **kwargs)
        self.switch = cast("Mapping[str, Any] | None", switch)
        self.lease_wait_seconds = lease_wait_seconds

    def execute(
        self,
        context: Context,
        event: dict[str, Any] | None = None,
        waiting_since: float | None = None,
        failure: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Take the lease and change the endpoint; comes back here after each wait.

        :param failure: why the change is being undone, where it is
        """
        if self.switch is None:
            raise AirflowSkipException("The run does something else.")
        self.poll_seconds = self.switch["poll_seconds"]
        self.lease = DeploymentLease(self._files.lease_uri, self._holder(context)).as_document()
        lease = self.acquire_lease(self.endpoint_name, waiting_since or time.time())
        try:
            # A wait is no Exception: the lease is kept and renewed.
            done = self.change(context, waiting_since or time.time(), failure)
        except Exception:
            lease.release(self.pca_hook)
            raise
        lease.release(self.pca_hook)
        return done

    @abstractmethod
    def change(self, context: Context, waiting_since: float, failure: Mapping[str, Any] | None) -> dict[str, Any]:
        """Change the endpoint, which nobody else does meanwhile."""

    @property
    def link_target(self) -> Target | None:
        """The endpoint."""
        return (ENDPOINT, self.endpoint_name) if self.switch else None

    @property
    def endpoint_name(self) -> str:
        """Which endpoint."""
        return str(self.switch["endpoint_name"]) if self.switch else ""

    @property
    def _files(self) -> RunFiles:
        return RunFiles(self.switch["bucket"] if self.switch else "", "", self.endpoint_name)

    @cached_property
    def _records(self) -> StoppedEndpointFiles:
        return StoppedEndpointFiles(self.pca_hook, self._files.bucket)

    def _holder(self, context: Context) -> str:
        ti = context["ti"]
        return run_name(deployment_id() or "", ti.dag_id, ti.run_id)

    def _nothing_to_do(self, context: Context, reason: str) -> NoReturn:
        context["ti"].xcom_push(key=SKIP_REASON_KEY, value=reason)
        raise AirflowSkipException(reason)


class SageMakerStopEndpointOperator(EndpointSwitchOperator):
    """Delete an endpoint whose configuration and model stay, and remember it for a start.

    Only one that this Airflow's pipelines made, that nothing protects, and that serves what was promoted. What is
    remembered is written before it is deleted. One that is stopped already skips the task.

    :return: what is remembered: the endpoint's configuration, model and tags
    """

    def change(self, context: Context, waiting_since: float, failure: Mapping[str, Any] | None) -> dict[str, Any]:
        """Stop.

        Raises:
            DeletionRefusedError: when the endpoint must not be stopped.
            InputError: when there is no such endpoint.
        """
        name = self.endpoint_name
        endpoint, stopped = self.pca_hook.find_endpoint(name), self._records.find(name)
        if endpoint is None and stopped is None:
            raise InputError(
                f"stop-endpoint {name}: there is no such endpoint.",
                hint="command=list-endpoints shows those there are.",
            )
        holder = self.lease["holder"]
        if endpoint is None and stopped is not None:
            if stopped.stopped_by != holder:
                self._nothing_to_do(context, f"Endpoint {name} is stopped since {stopped.stopped_at:%Y-%m-%d %H:%M}.")
            self.log.info("Endpoint %s is stopped. A start brings back %s.", name, stopped.endpoint_config_name)
            return stopped.model_dump(mode="json")
        if endpoint is not None and not is_changing(endpoint):
            now = datetime.now(UTC)
            stopped = stop_now(self.pca_hook, self._records, endpoint, deployment_id(), stopped_by=holder, now=now)
            self.log.info("Stopping endpoint %s, which serves %s", name, stopped.endpoint_config_name)
            self._records.write(stopped)
            self.pca_hook.delete_if_there("endpoint", EndpointName=name)
            endpoint = self.pca_hook.find_endpoint(name)
        if endpoint is not None:
            self.wait_until_at_rest(endpoint, waiting_since)
        return self.change(context, waiting_since, failure)


class SageMakerStartEndpointOperator(EndpointSwitchOperator):
    """Create a stopped endpoint anew with its configuration and tags; it counts as started once it answers right.

    Rows about the model's mean are sent, and their projections compared with the artifact's. An endpoint that answers
    otherwise, or does not come into service, is deleted again: it stays stopped. One that is in service skips the task.

    :return: ``{"endpoint_name", "endpoint_config_name", "model_name", "rows", "max_abs_difference"}``
    """

    def change(self, context: Context, waiting_since: float, failure: Mapping[str, Any] | None) -> dict[str, Any]:
        """Start.

        Raises:
            SmokeTestError: when the endpoint does not serve, or not what its artifact says; it is gone again then.
            DeletionRefusedError: when it is somebody else's.
            DeploymentError: when an endpoint of the name is there with another configuration.
            InputError: when nothing is remembered of such an endpoint, or its configuration or model is gone.
        """
        name, endpoint = self.endpoint_name, self.pca_hook.find_endpoint(self.endpoint_name)
        if failure is not None:
            self._end_failed(endpoint, waiting_since, Failure.model_validate(failure))
        stopped = self._records.find(name)
        if stopped is None:
            if endpoint is None:
                raise InputError(
                    f"start-endpoint {name}: it is not stopped, and there is none.",
                    hint="Trigger its pipeline: that deploys one.",
                )
            self._nothing_to_do(context, f"Endpoint {name} is not stopped: it is {endpoint['EndpointStatus']}.")
        self._check_owner(stopped, endpoint)
        if endpoint is None:
            endpoint = self._create(stopped)
            self._check_owner(stopped, endpoint)  # somebody may have been quicker
        if is_changing(endpoint):
            self.wait_until_at_rest(endpoint, waiting_since)
        if endpoint["EndpointStatus"] != "InService":
            why = endpoint.get("FailureReason") or "the service gives no reason."
            self._undo(
                endpoint, waiting_since, Failure(reason=f"endpoint {name} is {endpoint['EndpointStatus']}: {why}")
            )
        return self._verified(context, stopped, endpoint, waiting_since)

    def _check_owner(self, stopped: StoppedEndpoint, endpoint: Mapping[str, Any] | None) -> None:
        name = stopped.endpoint_name
        tags = stopped.tags if endpoint is None else self.pca_hook.tags(endpoint["EndpointArn"])
        if reason := why_not_own(tags, deployment_id()):
            raise DeletionRefusedError(f"start-endpoint {name}: somebody else's, for it is {reason}.")
        if endpoint is not None and endpoint["EndpointConfigName"] != stopped.endpoint_config_name:
            raise DeploymentError(
                f"start-endpoint {name}: it is there, with {endpoint['EndpointConfigName']}, and was stopped with "
                f"{stopped.endpoint_config_name}.",
                hint="A run of its pipeline did not end; let one end, or delete the endpoint.",
            )

    def _create(self, stopped: StoppedEndpoint) -> dict[str, Any]:
        """The endpoint, which AWS has begun to create."""
        name = stopped.endpoint_name
        for kind, needed in ((ENDPOINT_CONFIG, stopped.endpoint_config_name), (MODEL, stopped.model_name)):
            if self.pca_hook.find(kind, needed) is None:
                raise InputError(
                    f"start-endpoint {name}: {kind.noun} {needed} is gone.",
                    hint="Trigger its pipeline with stopped_endpoint=deploy and force: it makes the endpoint anew.",
                )
        self.log.info("Starting endpoint %s with %s", name, stopped.endpoint_config_name)
        request = {"EndpointName": name, "EndpointConfigName": stopped.endpoint_config_name}
        with self.asked_once():
            self.pca_hook.create_endpoint({**request, "Tags": tag_list(stopped.tags)}, wait_for_completion=False)
        return self.pca_hook.describe(ENDPOINT, name)

    def _verified(
        self, context: Context, stopped: StoppedEndpoint, endpoint: Mapping[str, Any], waiting_since: float
    ) -> dict[str, Any]:
        """What the endpoint answered right; one that answers otherwise is undone, unless another try may help."""
        from sagemaker_pca.hooks.endpoint_client import EndpointClient
        from sagemaker_pca.model.artifact import PcaModel

        ti = context["ti"]
        try:
            model = self.pca_hook.describe(MODEL, stopped.model_name)
            artifact = self.pca_hook.read_bytes(model["PrimaryContainer"]["ModelDataUrl"])
            served = PcaModel.from_artifact(artifact)
            client = EndpointClient(self.pca_hook.runtime, stopped.endpoint_name)
            answers = client.check_against(served, served.rows_about_mean(SMOKE_TEST_ROWS))
        except Exception as error:
            if outlook(error) is not Outlook.STAYS and ti.try_number <= ti.max_tries:
                raise
            self._undo(endpoint, waiting_since, Failure.of(error))
        self._records.forget(stopped.endpoint_name)
        self.log.info("Endpoint %s answers as its artifact does.", stopped.endpoint_name)
        return {
            "endpoint_name": stopped.endpoint_name,
            "endpoint_config_name": stopped.endpoint_config_name,
            "model_name": stopped.model_name,
            "rows": SMOKE_TEST_ROWS,
            "max_abs_difference": answers.max_abs_difference,
        }

    def _undo(self, endpoint: Mapping[str, Any], waiting_since: float, failure: Failure) -> NoReturn:
        """Delete the endpoint again, and fail once it is gone."""
        name = endpoint["EndpointName"]
        self.log.error("Endpoint %s is not started, and is deleted again: %s", name, failure)
        self.pca_hook.delete_if_there("endpoint", EndpointName=name)
        self._end_failed(self.pca_hook.find_endpoint(name), waiting_since, failure)

    def _end_failed(self, endpoint: Mapping[str, Any] | None, waiting_since: float, failure: Failure) -> NoReturn:
        if endpoint is not None:
            self.wait_until_at_rest(endpoint, waiting_since, failure=failure.model_dump(mode="json"))
        raise SmokeTestError(
            f"start-endpoint {self.endpoint_name}: {failure.reason.rstrip('. ')}. It was deleted again, and "
            "stays stopped.",
            hint=failure.hint or f"Read the log group /aws/sagemaker/Endpoints/{self.endpoint_name}.",
        )
