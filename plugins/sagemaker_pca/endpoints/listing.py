"""What the list and describe commands show, as plain JSON. Decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sagemaker_pca.endpoints import selection
from sagemaker_pca.endpoints.cost import HOURS_PER_MONTH, hourly_cost, hours_alive
from sagemaker_pca.endpoints.inventory import EndpointDetails, Inventory, ListedResource, Unreadable
from sagemaker_pca.resource_kinds import ENDPOINT, ENDPOINT_CONFIG, ResourceKind
from sagemaker_pca.settings.endpoint_command import EndpointCommand


def list_matching(
    inventory: Inventory, kind: ResourceKind, command: EndpointCommand, now: datetime
) -> list[ListedResource]:
    """Resources of a kind whose name, state and age are asked for."""
    listed = inventory.list_resources(kind)
    return [resource for resource in listed if selection.kept_by_list(resource, command, now) is None]


def resource_document(resource: ListedResource, now: datetime) -> dict[str, Any]:
    """A listed resource as XCom carries it."""
    status = {"status": resource.status} if resource.kind is ENDPOINT else {}
    return {
        "name": resource.name,
        **status,
        "arn": resource.arn,
        "created_at": resource.created_at.isoformat(),
        "hours_alive": round(hours_alive(resource.created_at, now), 1),
    }


def cost_document(
    inventory: Inventory, endpoint: ListedResource, prices: Mapping[str, float], now: datetime
) -> dict[str, Any]:
    """What an endpoint serves, how long it has been alive and what it costs; None is unknown."""
    details = inventory.describe_all(ENDPOINT, [endpoint.name]).get(endpoint.name)
    config_names = details.needs if isinstance(details, EndpointDetails) else ()
    configs = inventory.describe_all(ENDPOINT_CONFIG, config_names)
    models = {name for config in configs.values() if not isinstance(config, Unreadable) for name in config.needs}
    hourly = hourly_cost(details, configs, prices)
    tags = inventory.read_current_tags(endpoint.arn)
    return {
        "models": sorted(models),
        "tags": f"unreadable: {tags.reason}" if isinstance(tags, Unreadable) else tags,
        "hours_alive": round(hours_alive(endpoint.created_at, now), 1),
        "hourly_cost": hourly,
        "monthly_cost": None if hourly is None else round(hourly * HOURS_PER_MONTH, 2),
    }
