"""One deployment per endpoint at a time: a lease object in S3, written with conditional requests.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sagemaker_pca.sagemaker_hook import SageMakerPcaHook

# Short enough for a dead holder; two renewals may fail before it lapses.
LEASE_SECONDS = 900
RENEWAL_SECONDS = LEASE_SECONDS / 3


@dataclass(frozen=True)
class DeploymentLease:
    """The right to deploy to one endpoint.

    :param uri: S3 URI of the lease object
    :param holder: run that asks for the lease
    """

    uri: str
    holder: str

    def acquire(self, hook: SageMakerPcaHook) -> str | None:
        """Take, renew or take over the lease; None when it is ours now, else who holds it and until when."""
        if hook.write_json_if(self.uri, self._document()):
            return None
        current = hook.find_object(self.uri)
        if current is None:
            return self.acquire(hook)
        lease, etag = current
        if lease["holder"] != self.holder and datetime.fromisoformat(lease["expires_at"]) > datetime.now(UTC):
            return f"{lease['holder']} until {lease['expires_at']}"
        # Ours, or of a holder that no longer renews it; whoever replaces this very version first has it.
        return None if hook.write_json_if(self.uri, self._document(), etag=etag) else self.acquire(hook)

    def renew(self, hook: SageMakerPcaHook) -> None:
        """Push the expiry out; a lease that is no longer ours is left alone."""
        current = hook.find_object(self.uri)
        if current is not None and current[0]["holder"] == self.holder:
            hook.write_json_if(self.uri, self._document(), etag=current[1])

    def release(self, hook: SageMakerPcaHook) -> None:
        """Give the lease up; harmless when it is not ours."""
        current = hook.find_object(self.uri)
        if current is not None and current[0]["holder"] == self.holder:
            hook.delete_object(self.uri, etag=current[1])

    def as_document(self) -> dict[str, Any]:
        """The lease as a trigger carries it."""
        return asdict(self)

    def _document(self) -> dict[str, str]:
        expires_at = datetime.now(UTC) + timedelta(seconds=LEASE_SECONDS)
        return {"holder": self.holder, "expires_at": expires_at.isoformat(timespec="seconds")}
