"""What to do with an endpoint, given its state. Pure.

States and what they allow: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from sagemaker_pca.job_status import CHANGING_ENDPOINT_STATES

Action = Literal["create", "update", "replace", "wait", "keep"]


class DeploymentRecord(BaseModel):
    """What a deployment changes, written before the request that changes it: the roll-back target."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    endpoint_name: str
    endpoint_config_name: str
    previous_endpoint_config_name: str | None
    run_name: str


def next_action(endpoint: Mapping[str, Any] | None, wanted_config: str) -> Action:
    """The request that brings an endpoint to the wanted configuration.

    A Failed endpoint accepts only DeleteEndpoint; one that is changing refuses everything; an update to the
    configuration it already serves is refused or, worse, replaces instances for nothing.
    """
    if endpoint is None:
        return "create"
    status = endpoint["EndpointStatus"]
    if status in CHANGING_ENDPOINT_STATES:
        return "wait"
    if status == "Failed":
        return "replace"
    if status == "InService" and endpoint.get("EndpointConfigName") == wanted_config:
        return "keep"
    return "update"


def record_deployment(
    endpoint: Mapping[str, Any] | None,
    earlier: DeploymentRecord | None,
    *,
    endpoint_name: str,
    wanted_config: str,
    run_name: str,
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
