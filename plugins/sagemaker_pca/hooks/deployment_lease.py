"""What only one run may do at a time: a lease object in S3, written with conditional requests.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from sagemaker_pca.endpoints.records import LEASE_SECONDS, Lease
from sagemaker_pca.exceptions import LeaseHeldError
from sagemaker_pca.hooks.objects import S3ObjectsHook


class DeploymentLease(NamedTuple):
    """The right to deploy to one endpoint, or to train one model for it.

    :param uri: S3 URI of the lease object
    :param holder: run that asks for the lease
    :param seconds: how long it lasts unless it is renewed
    """

    uri: str
    holder: str
    seconds: float = LEASE_SECONDS

    def acquire(self, hook: S3ObjectsHook) -> str | None:
        """Take, renew or take over the lease; None when it is ours now, else who holds it and until when."""
        if hook.write_json_if(self.uri, self._document()):
            return None
        current = hook.find_object(self.uri)
        if current is None:
            return self.acquire(hook)
        lease, etag = Lease.model_validate(current[0]), current[1]
        if lease.is_held_by_another(self.holder, datetime.now(UTC)):
            return f"{lease.holder} until {lease.expires_at.isoformat(timespec='seconds')}"
        # Ours, or of a holder that no longer renews it; whoever replaces this very version first has it.
        return None if hook.write_json_if(self.uri, self._document(), etag=etag) else self.acquire(hook)

    def take(self, hook: S3ObjectsHook, endpoint_name: str) -> None:
        """Take or renew the lease.

        Raises:
            LeaseHeldError: when another run deploys to the endpoint by now.
        """
        if holder := self.acquire(hook):
            raise LeaseHeldError(
                f"endpoint {endpoint_name} is being changed by {holder}; this run left it as it is.",
                hint="What that run verifies will be in service. Trigger this run again if it is to be this one's.",
            )

    def renew(self, hook: S3ObjectsHook) -> None:
        """Push the expiry out; a lease that is no longer ours is left alone."""
        current = hook.find_object(self.uri)
        if current is not None and current[0]["holder"] == self.holder:
            hook.write_json_if(self.uri, self._document(), etag=current[1])

    def release(self, hook: S3ObjectsHook) -> None:
        """Give the lease up; harmless when it is not ours."""
        current = hook.find_object(self.uri)
        if current is not None and current[0]["holder"] == self.holder:
            hook.delete_object(self.uri, etag=current[1])

    def as_document(self) -> dict[str, Any]:
        """The lease as a trigger carries it."""
        return self._asdict()

    def _document(self) -> dict[str, Any]:
        return Lease.of(self.holder, datetime.now(UTC), self.seconds).model_dump(mode="json")
