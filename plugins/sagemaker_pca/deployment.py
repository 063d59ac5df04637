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

    model_config = ConfigDict(frozen=True)

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


def roll_back_target(endpoint: Mapping[str, Any] | None) -> str | None:
    """Configuration to return to; None when nothing was in service before."""
    if endpoint is None or endpoint["EndpointStatus"] == "Failed":
        return None
    target: str | None = endpoint.get("EndpointConfigName")
    return target
