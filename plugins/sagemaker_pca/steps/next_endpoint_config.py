"""The request of the endpoint's next configuration: the run's settings, and what others set in the one in service."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from sagemaker_pca.endpoints.carry_over import with_carried_members
from sagemaker_pca.endpoints.deployment import roll_back_target
from sagemaker_pca.endpoints.records import StoppedEndpoint
from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.resource_kinds import ENDPOINT_CONFIG
from sagemaker_pca.run import service_requests
from sagemaker_pca.run.plan import RunPlan

log = logging.getLogger(__name__)


def next_endpoint_config(hook: SageMakerPcaHook, plan: RunPlan, model_name: str) -> dict[str, Any]:
    """The request of `CreateEndpointConfig`, as long as the service says the same of what serves.

    Raises:
        InputError: when the configuration in service has what cannot be carried over.
    """
    return config_after(hook, plan, model_name, hook.find_endpoint(plan.config.endpoint_name))


def config_before(hook: SageMakerPcaHook, plan: RunPlan, endpoint: Mapping[str, Any] | None) -> str | None:
    """The configuration that the next one follows: that in service, or that a stopped endpoint was stopped with."""
    if endpoint is not None:
        return roll_back_target(endpoint)
    stopped = hook.find_document(plan.files.stopped_uri, StoppedEndpoint)
    return stopped.endpoint_config_name if stopped else None


def config_after(
    hook: SageMakerPcaHook, plan: RunPlan, model_name: str, endpoint: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Likewise, for an endpoint that has been described.

    Raises:
        InputError: likewise.
    """
    request, serving = service_requests.endpoint_config(plan, model_name), config_before(hook, plan, endpoint)
    description = hook.find(ENDPOINT_CONFIG, serving) if serving else None
    if serving and description is None:
        log.warning("Configuration %s, in service, is gone: what others set in it is not carried over", serving)
    carried = with_carried_members(request, description, plan.config.endpoint_name)
    (variant,), (asked,) = carried["ProductionVariants"], request["ProductionVariants"]
    if added := sorted((carried.keys() - request.keys()) | (variant.keys() - asked.keys())):
        log.info("Carried over from configuration %s: %s", serving, ", ".join(added))
    return carried
