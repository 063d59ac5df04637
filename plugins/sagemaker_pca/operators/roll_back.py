"""Operator that puts back what was in service before a deployment that did not end verified."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from sagemaker_pca.endpoints.deployment import next_action, serves_another_deployment
from sagemaker_pca.endpoints.ownership import is_another_deployments
from sagemaker_pca.endpoints.records import DeploymentRecord
from sagemaker_pca.exceptions import DeploymentError
from sagemaker_pca.hooks.deployment_lease import DeploymentLease
from sagemaker_pca.links import Target
from sagemaker_pca.operators.endpoint_change import EndpointChangeOperator
from sagemaker_pca.resource_kinds import ENDPOINT, ENDPOINT_CONFIG, MODEL
from sagemaker_pca.run.attempts import tag_list


class SageMakerRollBackEndpointOperator(EndpointChangeOperator):
    """Ask for the configuration that a deployment's record names as the one before; delete an endpoint that was new.

    An endpoint that is changing is waited out. What another run has deployed since is left alone. That the endpoint
    serves the configuration again is
    :class:`~sagemaker_pca.sensors.endpoints.SageMakerEndpointDeployedSensor`'s business.

    :param record_uri: S3 URI of the deployment record (templated)
    :param lease: arguments of the endpoint's `DeploymentLease` (templated)
    :param skip_reason: why there is nothing to roll back, which skips the task; None rolls back (templated). The
        pipeline gives `PipelineRun.why_no_roll_back` of steps/pipeline_run.py, which decides when a roll-back happens
    :param poll_seconds: seconds between two looks while waiting (templated)
    :return: the deployment record, ``previous_endpoint_config_name`` being what was asked for
    """

    template_fields: Sequence[str] = aws_template_fields("record_uri", "lease", "skip_reason", "poll_seconds")

    def __init__(
        self, *, record_uri: Any, lease: Any, skip_reason: Any = None, poll_seconds: Any = 15, **kwargs: Any
    ) -> None:
        super().__init__(config={}, **kwargs)
        self.record_uri = record_uri
        self.lease = lease
        self.skip_reason = skip_reason
        self.poll_seconds = poll_seconds
        self._endpoint_name: str | None = None

    def execute(
        self, context: Context, event: dict[str, Any] | None = None, waiting_since: float | None = None
    ) -> dict[str, Any]:
        """Ask for the roll-back; comes back here after each wait.

        Raises:
            AirflowSkipException: when there is nothing to roll back, or another run has deployed since.
            LeaseHeldError: when another run deploys to the endpoint by now: its deployment is not undone.
            DeploymentError: when the endpoint is gone, or the configuration to put back, or its model.
        """
        if self.skip_reason:
            raise AirflowSkipException(self.skip_reason)
        record = self.pca_hook.find_document(self.record_uri, DeploymentRecord)
        if record is None:
            raise AirflowSkipException("This run changed no endpoint.")
        self._endpoint_name = record.endpoint_name
        DeploymentLease(**self.lease).take(self.pca_hook, record.endpoint_name)
        waiting_since = waiting_since or time.time()
        endpoint = self.pca_hook.find_endpoint(record.endpoint_name)
        if endpoint is not None and self._is_another_deployments(endpoint, record):
            raise AirflowSkipException(f"Endpoint {record.endpoint_name} is another Airflow's.")
        if endpoint is not None and serves_another_deployment(endpoint, record):
            serving = endpoint["EndpointConfigName"]
            raise AirflowSkipException(f"Endpoint {record.endpoint_name} serves {serving}, deployed since.")
        if record.previous_endpoint_config_name is None:
            self._delete_new(endpoint, waiting_since)
        else:
            self._put_back(endpoint, record, record.previous_endpoint_config_name, waiting_since)
        return record.model_dump(mode="json")

    @property
    def link_target(self) -> Target | None:
        """The endpoint."""
        return (ENDPOINT, self._endpoint_name) if self._endpoint_name else None

    def _is_another_deployments(self, endpoint: Mapping[str, Any], record: DeploymentRecord) -> bool:
        # Of two that create an endpoint of one name at once, one has recorded what the other one made.
        return is_another_deployments(self.pca_hook.tags(endpoint["EndpointArn"]), record.deployment_id)

    def _delete_new(self, endpoint: Mapping[str, Any] | None, waiting_since: float) -> None:
        if endpoint is None or endpoint["EndpointStatus"] == "Deleting":
            return
        if next_action(endpoint, "") == "wait":
            self.wait_until_at_rest(endpoint, waiting_since)
        self.log.info("Endpoint %s is new and not verified: deleting it", endpoint["EndpointName"])
        self.pca_hook.delete_if_there("endpoint", EndpointName=endpoint["EndpointName"])

    def _put_back(
        self, endpoint: Mapping[str, Any] | None, record: DeploymentRecord, previous: str, waiting_since: float
    ) -> None:
        name, action = record.endpoint_name, next_action(endpoint, previous)
        self.log.info("Endpoint %s: %s, to serve %s again", name, action, previous)
        if endpoint is None and not record.recreates:
            raise DeploymentError(
                f"endpoint {name} is gone: somebody deleted it.",
                hint=f"To have it back, create it with the configuration {previous}.",
            )
        if action in {"create", "update", "replace"}:
            self._require_there(name, previous)
        if endpoint is None:
            # Both got the same tags when the configuration was deployed.
            tags = tag_list(self.pca_hook.tags_of_config(previous))
            with self.asked_once():
                self.pca_hook.conn.create_endpoint(EndpointName=name, EndpointConfigName=previous, Tags=tags)
        elif action == "wait":
            self.wait_until_at_rest(endpoint, waiting_since)
        elif action == "update":
            with self.asked_once():
                self.pca_hook.update_and_retain(endpoint, {"EndpointName": name, "EndpointConfigName": previous})
        elif action == "replace":
            # Written first: whoever comes back to an endpoint that is gone has to know why.
            self.pca_hook.write_document(self.record_uri, record.model_copy(update={"recreates": True}))
            self.pca_hook.delete_if_there("endpoint", EndpointName=name)
            self.wait_until_at_rest(endpoint, waiting_since)

    def _require_there(self, name: str, previous: str) -> None:
        """Refuse to go back to what somebody deleted, before anything is asked for."""
        config = self.pca_hook.find(ENDPOINT_CONFIG, previous)
        models = () if config is None else (variant["ModelName"] for variant in config["ProductionVariants"])
        missing = (f"model {model} of configuration {previous}" for model in models if not self._has_model(model))
        if gone := f"configuration {previous}" if config is None else next(missing, None):
            raise DeploymentError(
                f"endpoint {name} cannot go back to what it served before: {gone} is gone. Nothing was asked for, so "
                "what the endpoint serves is not verified.",
                hint=f"Create the {gone} again and clear this task, or deploy a new model with another run.",
            )

    def _has_model(self, name: str) -> bool:
        return self.pca_hook.find(MODEL, name) is not None
