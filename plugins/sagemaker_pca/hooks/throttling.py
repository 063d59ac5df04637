"""How a reader of thousands of resources takes throttling: AWS publishes no rate for SageMaker's descriptions.

Botocore's standard mode tries nothing again once about a third of a client's requests were throttled, which they are
where an account allows few a second. Its adaptive mode, as of single requests, slows all readers down at each throttle
and takes seconds to recover.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from sagemaker_pca.hooks.errors import THROTTLING_CODES

READ_RETRIES = {"mode": "standard", "max_attempts": 10}
LONGEST_PAUSE_SECONDS = 2.0
# Some five minutes of pauses.
MAX_TRIES = 300


def wait_out_throttling(client: Any) -> None:
    """Let the client pause for a moment and ask again, wherever botocore itself gives a throttled request up."""
    # Handlers of one service, as botocore's own, are asked first.
    client.meta.events.register("needs-retry", _pause_when_throttled)


def _pause_when_throttled(response: tuple[Any, Mapping[str, Any]] | None, attempts: int, **_: Any) -> float | None:
    """Seconds until the request is sent once more; None where it was not throttled, or too often."""
    code = response[1].get("Error", {}).get("Code") if response else None
    if code not in THROTTLING_CODES or attempts >= MAX_TRIES:
        return None
    return random.uniform(0, LONGEST_PAUSE_SECONDS)  # noqa: S311 - so that not all ask at once, no secret
