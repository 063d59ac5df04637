"""What to do with an endpoint, given its state. Pure.

States and what they allow: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from sagemaker_pca.endpoints.records import DeploymentRecord
from sagemaker_pca.exceptions import DeploymentError

Action = Literal["create", "update", "replace", "wait", "keep"]

CHANGING_ENDPOINT_STATES = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
# Rolling and linear deployments may take eight hours (MaximumExecutionTimeoutInSeconds in the service model).
LONGEST_CHANGE_SECONDS = 28_800.0


def is_changing(endpoint: Mapping[str, Any]) -> bool:
    """Whether an endpoint is on its way to another state; until it rests, it refuses every request."""
    return endpoint["EndpointStatus"] in CHANGING_ENDPOINT_STATES


def next_action(endpoint: Mapping[str, Any] | None, wanted_config: str) -> Action:
    """The request that brings an endpoint to the wanted configuration.

    A Failed endpoint accepts only DeleteEndpoint; one that is changing refuses everything; an update to the
    configuration it already serves is refused or, worse, replaces instances for nothing.
    """
    if endpoint is None:
        return "create"
    if is_changing(endpoint):
        return "wait"
    status = endpoint["EndpointStatus"]
    if status == "Failed":
        return "replace"
    if status == "InService" and endpoint.get("EndpointConfigName") == wanted_config:
        return "keep"
    return "update"


def record_deployment(
    endpoint: Mapping[str, Any] | None,
    *,
    earlier: DeploymentRecord | None,
    endpoint_name: str,
    wanted_config: str,
    run_name: str,
    deployment_id: str | None,
    listed_at: datetime | None = None,
) -> DeploymentRecord:
    """The record of a deployment that is about to be asked for.

    The target in the record of an earlier try stands, for the endpoint may serve that try's configuration by now. It
    gives way only where a configuration is in service that this run knows nothing of: another run deployed since.
    """
    target = roll_back_target(endpoint)
    if earlier is not None and target in {None, earlier.endpoint_config_name, earlier.previous_endpoint_config_name}:
        target = earlier.previous_endpoint_config_name
    return DeploymentRecord(
        endpoint_name=endpoint_name,
        endpoint_config_name=wanted_config,
        previous_endpoint_config_name=target,
        run_name=run_name,
        deployment_id=deployment_id,
        listed_at=listed_at,
    )


def serves_another_deployment(endpoint: Mapping[str, Any], record: DeploymentRecord) -> bool:
    """Whether the endpoint is in service with something that neither the recorded run nor its predecessor put there."""
    known = {record.endpoint_config_name, record.previous_endpoint_config_name}
    return endpoint["EndpointStatus"] == "InService" and endpoint.get("EndpointConfigName") not in known


def roll_back_target(endpoint: Mapping[str, Any] | None) -> str | None:
    """Configuration to return to; None when nothing was in service before."""
    if endpoint is None or endpoint["EndpointStatus"] == "Failed":
        return None
    target: str | None = endpoint.get("EndpointConfigName")
    return target


def check_in_service(endpoint: Mapping[str, Any] | None, name: str, wanted_config: str | None) -> None:
    """Refuse an endpoint that rests anywhere but InService with the configuration asked for.

    :param wanted_config: the configuration; None where the endpoint was asked to go

    Raises:
        DeploymentError: InService on another configuration is how the service reports an update it rolled back.
    """
    if endpoint is None:
        if wanted_config is None:
            return
        raise DeploymentError(
            f"endpoint {name} does not exist any more: somebody deleted it.",
            hint=f"To have it back, create it with the configuration {wanted_config}.",
        )
    status, serving = endpoint["EndpointStatus"], endpoint.get("EndpointConfigName")
    if wanted_config is None:
        raise DeploymentError(
            f"endpoint {name} was asked to go and is {status} with {serving}.",
            hint="Look for whoever creates it again.",
        )
    if status == "InService" and serving == wanted_config:
        return
    where = f"{status} with {serving}"
    if status == "InService":
        where = f"InService with {serving}, not with {wanted_config}: the service rolled the update back"
    raise DeploymentError(
        f"endpoint {name} is {where}: {endpoint.get('FailureReason') or 'the service gives no reason.'}",
        hint=f"Read the log group /aws/sagemaker/Endpoints/{name}.",
    )
