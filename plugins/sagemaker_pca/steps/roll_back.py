"""Put back what was in service before, when a deployment was begun and did not end verified."""

from __future__ import annotations

from typing import Any

from airflow.sdk.exceptions import AirflowSkipException

from sagemaker_pca.api_requests import tag_list
from sagemaker_pca.deployment import DeploymentRecord, next_action, serves_another_deployment
from sagemaker_pca.exceptions import DeploymentError, LeaseHeldError
from sagemaker_pca.job_attempts import FINGERPRINT_TAG
from sagemaker_pca.job_status import ENDPOINT_CONFIG, check_in_service
from sagemaker_pca.pipeline_run import PipelineRun
from sagemaker_pca.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.sensors.endpoints import LONGEST_DEPLOYMENT_SECONDS
from sagemaker_pca.task_states import task_states

VERIFYING_TASK = "deployment.smoke_test"


def roll_back(run: PipelineRun) -> dict[str, Any]:
    """Return the endpoint to the recorded configuration and verify it, or delete a new endpoint.

    Raises:
        AirflowSkipException: when there is nothing to roll back.
        LeaseHeldError: when another run deploys to the endpoint by now: its deployment is not undone.
        DeploymentError: when the previous configuration is not back in service.
    """
    if run.result("preflight") is None:
        raise AirflowSkipException("The run ended before it planned anything.")
    if run.result("stage_inputs") is None:
        raise AirflowSkipException("The run ended before it changed anything.")
    document = run.hook.find_json(run.plan.files.deployment_record_uri)
    if document is None:
        raise AirflowSkipException("This run changed no endpoint.")
    if task_states(run.context).get(VERIFYING_TASK) == "success":
        raise AirflowSkipException("The deployment is verified.")

    record = DeploymentRecord.model_validate(document)
    if holder := run.lease.acquire(run.hook):
        raise LeaseHeldError(f"endpoint {record.endpoint_name} is being deployed by {holder}; it was left as it is.")
    restore(run.hook, record, run.plan.config.poll_seconds)
    return record.model_dump()


def restore(hook: SageMakerPcaHook, record: DeploymentRecord, poll_seconds: float) -> None:
    """Bring the endpoint back to what the record says was in service.

    Raises:
        AirflowSkipException: when another run has deployed since; nothing is changed then.
        DeploymentError: when the previous configuration is not back in service.
    """
    name, previous = record.endpoint_name, record.previous_endpoint_config_name
    endpoint = hook.wait_for_endpoint(name, poll_seconds, LONGEST_DEPLOYMENT_SECONDS)
    if endpoint is not None and serves_another_deployment(endpoint, record):
        raise AirflowSkipException(f"Endpoint {name} serves {endpoint['EndpointConfigName']}, deployed since.")
    if previous is None:
        if endpoint is not None:
            hook.log.info("Endpoint %s is new and not verified: deleting it", name)
            hook.delete_endpoint_and_wait(name, poll_seconds)
        return
    if endpoint is None:
        raise DeploymentError(f"endpoint {name} is gone; create it with the configuration {previous}.")
    put_back(hook, endpoint, previous, poll_seconds)
    endpoint = hook.wait_for_endpoint(name, poll_seconds, LONGEST_DEPLOYMENT_SECONDS)
    if endpoint is None:
        raise DeploymentError(f"endpoint {name} vanished during the roll-back; create it with {previous}.")
    check_in_service(endpoint, previous)
    put_tags_back(hook, endpoint)


def put_back(hook: SageMakerPcaHook, endpoint: dict[str, Any], config_name: str, poll_seconds: float) -> None:
    """Ask for a configuration again, as the state of the resting endpoint allows."""
    name, action = endpoint["EndpointName"], next_action(endpoint, config_name)
    hook.log.info("Endpoint %s: %s, to serve %s again", name, action, config_name)
    if action == "update":
        hook.conn.update_endpoint(EndpointName=name, EndpointConfigName=config_name)
    if action == "replace":
        tags = tag_list(hook.tags(endpoint["EndpointArn"]))
        hook.delete_endpoint_and_wait(name, poll_seconds)
        hook.conn.create_endpoint(EndpointName=name, EndpointConfigName=config_name, Tags=tags)


def put_tags_back(hook: SageMakerPcaHook, endpoint: dict[str, Any]) -> None:
    """Give an endpoint the tags of its configuration: both got the same ones when that was deployed."""
    config = hook.describe(ENDPOINT_CONFIG, endpoint["EndpointConfigName"])
    tags = {key: value for key, value in hook.tags(config["EndpointConfigArn"]).items() if key != FINGERPRINT_TAG}
    if tags:
        hook.conn.add_tags(ResourceArn=endpoint["EndpointArn"], Tags=tag_list(tags))
