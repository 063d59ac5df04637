"""What endpoints cost, from the deployment's own prices. Pure; None is unknown, and unknown stays unknown in sums."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sagemaker_pca.endpoints.inventory import ConfigDetails, Details, EndpointDetails

# The month that AWS's price pages count with.
HOURS_PER_MONTH = 730


def hours_alive(created_at: datetime, now: datetime) -> float:
    """Hours since a resource was created."""
    return (now - created_at).total_seconds() / 3600


def hourly_cost(
    endpoint: Details | None, configs: Mapping[str, Details | None], prices: Mapping[str, float]
) -> float | None:
    """Cost of all the endpoint's instances per hour.

    Serverless variants, instance types without a price and configurations that are gone make it unknown.
    """
    if not isinstance(endpoint, EndpointDetails):
        return None
    if endpoint.is_stopped:
        return 0.0
    types: dict[str, str | None] = {}
    for name in endpoint.needs:
        config = configs.get(name)
        types |= config.instance_types if isinstance(config, ConfigDetails) else {}
    total = 0.0
    for variant, count in endpoint.instance_counts.items():
        price = prices.get(types.get(variant) or "")
        if price is None or count is None:
            return None
        total += price * count
    return total if endpoint.instance_counts else None
