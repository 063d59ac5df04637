"""How a reader of thousands of resources takes throttling: AWS publishes no rate for SageMaker's descriptions.

Botocore's standard mode tries nothing again once about a third of a client's requests were throttled, which they are
where an account allows few a second: neither those, nor one whose connection is lost. Its adaptive mode, as of single
requests, slows all readers down at each throttle and takes seconds to recover.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from sagemaker_pca.hooks.errors import LOST_CONNECTIONS, THROTTLING_CODES

READ_RETRIES = {"mode": "standard", "total_max_attempts": 11}
LONGEST_PAUSE_SECONDS = 2.0
# Some five minutes of pauses.
MAX_TRIES = 300
# Of one request, for other reasons than throttling; each would be tried again if throttling had not used that up.
MAX_FAILURES = 10


def wait_out_throttling(client: Any) -> None:
    """Let the client pause for a moment and ask again, where botocore has given up and throttling is to blame."""
    # Handlers of one service, as botocore's own, are asked first.
    client.meta.events.register("needs-retry", _pause)


def _pause(
    response: tuple[Any, Mapping[str, Any]] | None,
    attempts: int,
    caught_exception: Exception | None,
    request_dict: dict[str, Any],
    **_: Any,
) -> float | None:
    """Seconds until the request is sent once more; None where that is of no use, or was done too often."""
    code = response[1].get("Error", {}).get("Code") if response else None
    if code not in THROTTLING_CODES:
        is_broken = response[0].status_code >= 500 if response else isinstance(caught_exception, LOST_CONNECTIONS)
        if not is_broken:
            return None
        failures = request_dict["context"].get("failures", 0) + 1
        request_dict["context"]["failures"] = failures
        if failures > MAX_FAILURES:
            return None
    return None if attempts >= MAX_TRIES else random.uniform(0, LONGEST_PAUSE_SECONDS)  # noqa: S311 - no secret
