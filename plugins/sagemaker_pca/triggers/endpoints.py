"""Waits for an endpoint in the triggerer: the one way to wait for an endpoint."""

from __future__ import annotations

import time
from typing import Any

from sagemaker_pca.endpoints.deployment import is_changing
from sagemaker_pca.endpoints.records import RENEWAL_SECONDS
from sagemaker_pca.hooks.deployment_lease import DeploymentLease
from sagemaker_pca.triggers.base import SageMakerWaitTrigger


class SageMakerEndpointTrigger(SageMakerWaitTrigger):
    """Fire when an endpoint no longer changes its state, or at the deadline.

    :param endpoint_name: name of the endpoint
    :param lease: the deployment lease to renew while waiting, as a document; None without one
    """

    def __init__(self, *, endpoint_name: str, lease: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.endpoint_name = endpoint_name
        self.lease = lease
        self._renew_at = time.monotonic() + RENEWAL_SECONDS

    def arguments(self) -> dict[str, Any]:
        """Arguments to make this trigger again."""
        return {**super().arguments(), "endpoint_name": self.endpoint_name, "lease": self.lease}

    def still_changing(self) -> bool:
        """Describe the endpoint and renew the lease in good time; a missing endpoint rests too."""
        if self.lease is not None and time.monotonic() >= self._renew_at:
            DeploymentLease(**self.lease).renew(self.hook)
            self._renew_at = time.monotonic() + RENEWAL_SECONDS
        endpoint = self.hook.find_endpoint(self.endpoint_name)
        return endpoint is not None and is_changing(endpoint)
