"""Operator that brings an endpoint to a configuration, whatever state it is in."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from sagemaker_pca.endpoints.deployment import Action, next_action, record_deployment
from sagemaker_pca.endpoints.ownership import check_own, is_managed, why_not_pipelines
from sagemaker_pca.endpoints.records import DeploymentRecord, Promotion, StoppedEndpoint
from sagemaker_pca.endpoints.stopped import refuse_stopped
from sagemaker_pca.links import Target
from sagemaker_pca.operators.base import Request
from sagemaker_pca.operators.endpoint_change import EndpointChangeOperator
from sagemaker_pca.resource_kinds import ENDPOINT
from sagemaker_pca.run.plan import DEPLOYMENT_TAG, PIPELINE_TAG
from sagemaker_pca.run.tasks import SKIP_REASON_KEY


class SageMakerDeployEndpointOperator(EndpointChangeOperator):
    """Create an endpoint, or update it to a new configuration, as its state allows.

    A Failed endpoint is replaced, one that is changing is waited out, one that serves the configuration already is
    kept. An update retains instance counts and weights that others set, unless the new configuration changes them.
    Before the request, the configuration now in service is recorded in S3 as the roll-back target; a later try keeps to
    the record unless another run deployed since. Only the holder of the endpoint's lease deploys, and only to an
    endpoint that carries the tags `deployment-id` and `dag-id` of the request, as far as the request has them.

    :param config: request of :py:meth:`SageMaker.Client.create_endpoint`, or a callable that makes it (templated)
    :param record_uri: S3 URI of the deployment record (templated)
    :param promoted_uri: S3 URI of the endpoint's promotion: a model of a later listing of raw data stays in service,
        and the task is skipped (templated)
    :param listed_at: when the raw data was listed that the model is of, as ISO text (templated)
    :param stopped_uri: S3 URI of the record of a stopped endpoint, which is then not created anew; None creates it
        (templated)
    :param lease: arguments of the endpoint's `DeploymentLease`: uri and holder, the run that deploys (templated)
    :param take_over: whether to deploy to somebody else's endpoint too, which gets the request's tags (templated)
    :param lease_wait_seconds: how long to wait for the lease before failing (templated)
    :param poll_seconds: seconds between two looks while waiting (templated)
    :return: ``{"endpoint_name", "endpoint_config_name", "previous_endpoint_config_name", "action"}``
    """

    template_fields: Sequence[str] = aws_template_fields(
        "config",
        "record_uri",
        "promoted_uri",
        "listed_at",
        "stopped_uri",
        "lease",
        "take_over",
        "lease_wait_seconds",
        "poll_seconds",
    )

    def __init__(
        self,
        *,
        config: Request,
        record_uri: Any,
        lease: Any,
        promoted_uri: Any = None,
        listed_at: Any = None,
        stopped_uri: Any = None,
        take_over: Any = False,
        lease_wait_seconds: Any = 1800,
        poll_seconds: Any = 15,
        **kwargs: Any,
    ) -> None:
        super().__init__(config=config, **kwargs)
        self.record_uri = record_uri
        self.lease = lease
        self.promoted_uri = promoted_uri
        self.listed_at = listed_at
        self.stopped_uri = stopped_uri
        self.take_over = take_over
        self.lease_wait_seconds = lease_wait_seconds
        self.poll_seconds = poll_seconds

    def execute(
        self, context: Context, event: dict[str, Any] | None = None, waiting_since: float | None = None
    ) -> dict[str, Any]:
        """Take the lease, record what is in service, and ask for the change; comes back here after each wait.

        Raises:
            AirflowSkipException: when a model of newer data was promoted meanwhile.
            DeploymentError: when the endpoint is somebody else's, or is stopped.
        """
        waiting_since = waiting_since or time.time()
        name, wanted = self.config["EndpointName"], self.config["EndpointConfigName"]
        self.acquire_lease(name, waiting_since)
        self._never_go_back(context)
        endpoint = self.pca_hook.find_endpoint(name)
        if endpoint is None and self.stopped_uri:
            refuse_stopped(self.pca_hook.find_document(self.stopped_uri, StoppedEndpoint))
        self._check_owner(endpoint)
        action = next_action(endpoint, wanted)
        if action == "wait" and endpoint is not None:
            self.wait_until_at_rest(endpoint, waiting_since)
        record = self._record(endpoint, wanted)
        # After the record, by which it is given back, and before the change: who rolls it back has to know whose it is.
        self._take_over(endpoint)
        self.log.info("Endpoint %s: %s, to serve %s", name, action, wanted)
        self._ask_for(action, endpoint)
        if action == "replace" and endpoint is not None:
            self.wait_until_at_rest(endpoint, waiting_since)
        if endpoint is not None and self.config.get("Tags"):
            # A kept endpoint too: the try that updated it may have got no further.
            self.pca_hook.conn.add_tags(ResourceArn=endpoint["EndpointArn"], Tags=self.config["Tags"])
        return record.model_dump(mode="json") | {"action": action}

    @property
    def link_target(self) -> Target:
        """The endpoint."""
        return ENDPOINT, self.config["EndpointName"]

    def _ask_for(self, action: Action, endpoint: dict[str, Any] | None) -> None:
        """Ask for the change; that of a replacement begins with a deletion, whose end is waited for."""
        with self.asked_once():
            if action == "replace":
                self.pca_hook.delete_if_there("endpoint", EndpointName=self.config["EndpointName"])
            if action == "create":
                self.pca_hook.create_endpoint(self.config, wait_for_completion=False)
            if action == "update" and endpoint is not None:
                self.pca_hook.update_and_retain(endpoint, self.config)

    def change_is_under_way(self) -> None:
        """Look whose the change is: somebody else may have been quicker to create an endpoint of this name."""
        endpoint = self.pca_hook.find_endpoint(self.config["EndpointName"])
        self._check_owner(endpoint)
        self._take_over(endpoint)

    def _never_go_back(self, context: Context) -> None:
        """Leave a model of newer data in service; under the lease, so that nobody promotes one at the same time."""
        promotion = self.pca_hook.find_document(self.promoted_uri, Promotion) if self.promoted_uri else None
        run_name, listed_at = self.lease["holder"], self._listed_at
        if promotion is not None and listed_at and promotion.is_of_newer_data(run_name, listed_at):
            reason = (
                f"Not deployed: run {promotion.run_name}, which is in service, is of raw data listed at "
                f"{promotion.listed_at:%Y-%m-%d %H:%M:%S}, this run's at {listed_at:%Y-%m-%d %H:%M:%S}."
            )
            context["ti"].xcom_push(key=SKIP_REASON_KEY, value=reason)
            raise AirflowSkipException(reason)

    @property
    def _listed_at(self) -> datetime | None:
        return datetime.fromisoformat(self.listed_at) if self.listed_at else None

    def _check_owner(self, endpoint: dict[str, Any] | None) -> None:
        """See that an endpoint is this pipeline's.

        Raises:
            DeploymentError: when it is somebody else's, and is not to be taken over.
        """
        if endpoint is not None and not self.take_over and (foreign := self._foreign_tags(endpoint)) is not None:
            check_own(endpoint["EndpointName"], foreign, self._tag(DEPLOYMENT_TAG), self._tag(PIPELINE_TAG))

    def _take_over(self, endpoint: dict[str, Any] | None) -> None:
        """Make somebody else's endpoint this pipeline's, with the configuration that it may have to return to."""
        if endpoint is None or not self.take_over or (foreign := self._foreign_tags(endpoint)) is None:
            return
        self.log.warning("Endpoint %s is taken over; its tags were %s", endpoint["EndpointName"], foreign)
        wanted = {tag["Key"]: tag["Value"] for tag in self.config.get("Tags", ())}
        self.pca_hook.add_tags(endpoint["EndpointArn"], wanted)
        self.pca_hook.take_over_config(endpoint["EndpointConfigName"], self._tag(DEPLOYMENT_TAG))

    def _foreign_tags(self, endpoint: dict[str, Any]) -> dict[str, str] | None:
        """The endpoint's tags where they say that it is somebody else's, None where it is this pipeline's."""
        tags: dict[str, str] = self.pca_hook.tags(endpoint["EndpointArn"])
        deployment_id = self._tag(DEPLOYMENT_TAG)
        if deployment_id is None and not is_managed(tags):
            return None  # a DAG without deployments of its own, on an endpoint of none
        return tags if why_not_pipelines(tags, deployment_id, self._tag(PIPELINE_TAG)) else None

    def _tag(self, key: str) -> str | None:
        """A tag of the request."""
        tags: list[dict[str, str]] = self.config.get("Tags", [])
        return next((tag["Value"] for tag in tags if tag["Key"] == key), None)

    def _record(self, endpoint: dict[str, Any] | None, wanted: str) -> DeploymentRecord:
        """The record of this deployment, written before anything changes."""
        name, run_name = self.config["EndpointName"], self.lease["holder"]
        make = partial(
            record_deployment,
            endpoint,
            endpoint_name=name,
            wanted_config=wanted,
            run_name=run_name,
            deployment_id=self._tag(DEPLOYMENT_TAG),
            listed_at=self._listed_at,
        )
        record = make(earlier=None)
        if self.pca_hook.write_json_if(self.record_uri, record.model_dump(mode="json")):
            return record
        earlier = DeploymentRecord.model_validate(self.pca_hook.read_json(self.record_uri))
        record = make(earlier=earlier)
        if record != earlier:
            self.pca_hook.write_document(self.record_uri, record)
        return record
