"""What is kept in S3 of an endpoint for later runs and for sweeps: lease, roll-back target, promotion, stop. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self

from pydantic import BaseModel, ConfigDict

from sagemaker_pca.documents import VersionedDocument

# Short enough for a dead holder; two renewals may fail before it lapses.
LEASE_SECONDS = 900
RENEWAL_SECONDS = LEASE_SECONDS / 3


# Longer than most trainings. One that takes longer still, and its like, train twice; both deploy in order.
CLAIM_SECONDS = 21_600


class Lease(VersionedDocument):
    """Who may do what only one may do at a time, and until when; whoever wrote the object may."""

    holder: str
    expires_at: datetime

    @classmethod
    def of(cls, holder: str, now: datetime, seconds: float = LEASE_SECONDS) -> Self:
        """A lease that begins now."""
        return cls(holder=holder, expires_at=now + timedelta(seconds=seconds))

    def is_held_by_another(self, holder: str, now: datetime) -> bool:
        """Whether somebody else has it now."""
        return self.holder != holder and self.expires_at > now


class NotedClaim(VersionedDocument):
    """Which training a run claimed last: written before it is claimed, so that it can be given back whatever happens.

    :param uri: where the claim is
    """

    uri: str


class DeploymentRecord(VersionedDocument):
    """What a deployment changes, written before the request that changes it: the roll-back target.

    :param deployment_id: of the Airflow that deploys; None in a record of an earlier release
    :param listed_at: when the run listed its raw data; None likewise
    :param recreates: whether a roll-back is replacing the endpoint: then that it is gone is the roll-back's doing
    """

    endpoint_name: str
    endpoint_config_name: str
    previous_endpoint_config_name: str | None
    run_name: str
    deployment_id: str | None = None
    listed_at: datetime | None = None
    recreates: bool = False

    @property
    def config_names(self) -> tuple[str, ...]:
        """Configurations that somebody may want to return to."""
        return tuple(filter(None, (self.endpoint_config_name, self.previous_endpoint_config_name)))


class Promotion(VersionedDocument):
    """The newest verified deployment of an endpoint, and what made its model.

    :param fingerprint: of the settings, script and raw files of the run
    """

    run_name: str
    deployment_id: str | None = None
    listed_at: datetime | None = None
    fingerprint: str
    endpoint_name: str
    endpoint_config_name: str
    model_name: str
    previous_endpoint_config_name: str | None = None

    def is_of_newer_data(self, run_name: str, listed_at: datetime | None) -> bool:
        """Whether another run's model is of a later listing of raw data: an older one must not take its place."""
        if self.run_name == run_name or self.listed_at is None or listed_at is None:
            return False
        return self.listed_at > listed_at

    @property
    def config_names(self) -> tuple[str, ...]:
        """Configurations that somebody may want to return to."""
        return tuple(filter(None, (self.endpoint_config_name, self.previous_endpoint_config_name)))


class StoppedEndpoint(VersionedDocument):
    """An endpoint that was deleted to be started again, written before it was deleted.

    :param endpoint_arn: of the endpoint, which has the same when it is started
    :param tags: the endpoint's, which it gets again
    :param created_at: when the endpoint that was deleted was created
    :param stopped_by: run that stopped it
    """

    endpoint_name: str
    endpoint_arn: str
    endpoint_config_name: str
    model_name: str
    tags: dict[str, str]
    created_at: datetime
    stopped_at: datetime
    stopped_by: str


class PastDeployment(BaseModel):
    """A configuration and model that a run put, or tried to put, in service.

    :param verified: whether they were seen to serve; a record of an earlier release does not tell, and counts as good
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    run_name: str
    endpoint_config_name: str
    model_name: str
    deployment_id: str | None = None
    verified: bool = True


class DeploymentHistory(VersionedDocument):
    """Deployments whose configuration and model still exist, oldest first."""

    deployments: tuple[PastDeployment, ...] = ()

    @property
    def config_names(self) -> tuple[str, ...]:
        """Configurations that somebody may want to return to."""
        return tuple(past.endpoint_config_name for past in self.deployments)

    def with_newest(self, newest: PastDeployment) -> Self:
        """The history with one more deployment; one that is known already moves to the end."""
        older = tuple(past for past in self.deployments if past.run_name != newest.run_name)
        return self.model_copy(update={"deployments": (*older, newest)})

    def superseded(self, keep: int, deployment_id: str | None = None) -> tuple[PastDeployment, ...]:
        """What the newest deployment, a verified one, makes superfluous.

        Of the verified ones before it the last `keep` stay, of the others none. Those of another
        Airflow, from before the endpoint was taken over, are not ours to delete.
        """
        before = self.deployments[:-1]
        verified = [past for past in before if past.verified]
        kept = verified[-keep:]
        return tuple(past for past in before if past not in kept and past.deployment_id in {None, deployment_id})

    def without(self, gone: tuple[PastDeployment, ...]) -> Self:
        """The history after a clean-up."""
        return self.model_copy(update={"deployments": tuple(past for past in self.deployments if past not in gone)})
