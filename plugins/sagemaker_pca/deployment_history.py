"""Which deployments an endpoint has seen, and which of their configurations and models may go. Pure."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict


class PastDeployment(BaseModel):
    """A configuration and model that a run put, or tried to put, in service."""

    model_config = ConfigDict(frozen=True)

    run_name: str
    endpoint_config_name: str
    model_name: str


class DeploymentHistory(BaseModel):
    """Deployments whose configuration and model still exist, oldest first."""

    model_config = ConfigDict(frozen=True)

    deployments: tuple[PastDeployment, ...] = ()

    def with_newest(self, newest: PastDeployment) -> Self:
        """The history with one more deployment; one that is known already moves to the end."""
        older = tuple(past for past in self.deployments if past != newest)
        return self.model_copy(update={"deployments": (*older, newest)})

    def superseded(self, keep: int) -> tuple[PastDeployment, ...]:
        """Deployments before the last `keep` that the newest one superseded."""
        return self.deployments[: max(0, len(self.deployments) - 1 - keep)]

    def without(self, gone: tuple[PastDeployment, ...]) -> Self:
        """The history after a clean-up."""
        return self.model_copy(update={"deployments": tuple(past for past in self.deployments if past not in gone)})
