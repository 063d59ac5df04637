"""What the list and describe commands show, as plain JSON. Decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sagemaker_pca.job_status import ENDPOINT, ResourceKind
from sagemaker_pca.sweep import selection
from sagemaker_pca.sweep.command_config import EndpointCommand
from sagemaker_pca.sweep.cost import HOURS_PER_MONTH, hourly_cost, hours_alive
from sagemaker_pca.sweep.estate import ConfigDetails, EndpointDetails, Estate, Resource, Unreadable


def list_matching(estate: Estate, kind: ResourceKind, command: EndpointCommand, now: datetime) -> list[Resource]:
    """Resources of a kind whose name, state and age are asked for."""
    listed = estate.list_resources(kind)
    return [resource for resource in listed if selection.kept_by_list(resource, command, now) is None]


def resource_document(resource: Resource, now: datetime) -> dict[str, Any]:
    """A listed resource as XCom carries it."""
    status = {"status": resource.status} if resource.kind is ENDPOINT else {}
    return {
        "name": resource.name,
        **status,
        "arn": resource.arn,
        "created_at": resource.created_at.isoformat(),
        "hours_alive": round(hours_alive(resource.created_at, now), 1),
    }


def cost_document(estate: Estate, resource: Resource, prices: Mapping[str, float], now: datetime) -> dict[str, Any]:
    """What an endpoint serves, how long it has been alive and what it costs; None is unknown."""
    details = estate.describe_endpoints([resource.name]).get(resource.name)
    if not isinstance(details, EndpointDetails):
        details = EndpointDetails((), {})
    found = estate.describe_configs(details.config_names)
    configs = {name: item for name, item in found.items() if isinstance(item, ConfigDetails)}
    hourly = hourly_cost(details, configs, prices)
    tags = estate.read_current_tags(resource.arn)
    return {
        "models": sorted({name for config in configs.values() for name in config.model_names}),
        "tags": f"unreadable: {tags.reason}" if isinstance(tags, Unreadable) else tags,
        "hours_alive": round(hours_alive(resource.created_at, now), 1),
        "hourly_cost": hourly,
        "monthly_cost": None if hourly is None else round(hourly * HOURS_PER_MONTH, 2),
    }
