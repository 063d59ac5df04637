"""Who a container is: the execution role, assumed as the service would."""

import os

from moto.sts.models import sts_backends
from moto.utilities.utils import get_partition

from sagemaker_local.state_lock import STATE_LOCK

_SESSION_SECONDS = 12 * 3600


def role_environment(role_arn: str, region_name: str) -> dict[str, str]:
    """Return credentials of the role and the address of this service, for a container's AWS clients."""
    account_id = role_arn.split(":")[4]
    with STATE_LOCK:
        session = sts_backends[account_id][get_partition(region_name)].assume_role(
            region_name=region_name,
            role_session_name="SageMaker",
            role_arn=role_arn,
            policy="",
            duration=_SESSION_SECONDS,
            external_id="",
        )
    return {
        "AWS_ACCESS_KEY_ID": session.access_key_id,
        "AWS_SECRET_ACCESS_KEY": session.secret_access_key,
        "AWS_SESSION_TOKEN": session.session_token,
        "AWS_REGION": region_name,
        "AWS_DEFAULT_REGION": region_name,
        "AWS_ENDPOINT_URL": os.environ["SAGEMAKER_LOCAL_ENDPOINT_URL"],
    }
