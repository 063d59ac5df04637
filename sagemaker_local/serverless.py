"""Serverless variants: containers that start with a call, a limit on calls at once, and nothing while nobody calls.

Members: botocore's service model. What the service refuses: "Serverless Inference" in the SageMaker developer guide;
the wording of its refusals is not public, nor how long a container is kept for the next call.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sagemaker_local.exceptions import ValidationError

PAYLOAD_BYTES = 4 * 1024 * 1024
_MEMORY_STEP_MB = 1024


class ConcurrencyExceededError(Exception):
    """As many calls are being answered as the variant allows."""


def is_serverless(variant: Mapping[str, Any]) -> bool:
    """Whether a configuration's variant, or an endpoint's, is served without instances."""
    return "ServerlessConfig" in variant or "CurrentServerlessConfig" in variant


def check_serverless(variant: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Raise ValidationError for what a serverless variant, or the configuration that it is of, may not have."""
    name, serverless = variant["VariantName"], variant["ServerlessConfig"]
    instances = [member for member in ("InstanceType", "InitialInstanceCount") if member in variant]
    if instances:
        raise ValidationError(f"{' and '.join(instances)} cannot be given for serverless variant {name}.")
    if len(config["ProductionVariants"]) > 1:
        raise ValidationError("A serverless endpoint has exactly one production variant.")
    if config.get("DataCaptureConfig"):
        raise ValidationError("DataCaptureConfig is not supported for serverless endpoints.")
    if serverless["MemorySizeInMB"] % _MEMORY_STEP_MB:
        raise ValidationError(
            f"MemorySizeInMB {serverless['MemorySizeInMB']} of variant {name} is none of 1024, 2048, 3072, 4096, 5120, "
            "6144."
        )
    if serverless.get("ProvisionedConcurrency", 0) > serverless["MaxConcurrency"]:
        raise ValidationError(f"ProvisionedConcurrency of variant {name} must not exceed its MaxConcurrency.")


def check_served_model(variant: Mapping[str, Any], model: Mapping[str, Any]) -> None:
    """Raise ValidationError for a serverless variant of a model that only instances can serve."""
    if is_serverless(variant) and model.get("VpcConfig"):
        raise ValidationError(f'VpcConfig of model "{model["ModelArn"]}" is not supported for serverless endpoints.')


def check_serverless_change(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]], policy: Mapping[str, Any]
) -> None:
    """Raise ValidationError for an update from one kind of endpoint to the other, or in a way that is not for these."""
    kinds = [any(map(is_serverless, variants)) for variants in (before, after)]
    if kinds[0] is not kinds[1]:
        raise ValidationError(
            "An endpoint cannot be updated from serverless to instances, nor from instances to serverless."
        )
    routing = (policy.get("BlueGreenUpdatePolicy") or {}).get("TrafficRoutingConfiguration") or {}
    if kinds[1] and (policy.get("RollingUpdatePolicy") or routing.get("Type") == "CANARY"):
        raise ValidationError("Rolling and canary deployments are not supported for serverless endpoints.")


class Containers:
    """The containers of one serverless variant: those that are warm, and how many are answering.

    :param config: ServerlessConfig
    :param idle_seconds: how long a container waits for another call; provisioned ones wait for ever
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        cold_start_seconds: float,
        idle_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self.config = dict(config)
        self._cold_start_seconds, self._idle_seconds = cold_start_seconds, idle_seconds
        self._clock, self._wait = clock, wait
        self._lock = threading.Lock()
        self._busy = 0
        self._idle_since = [clock()] * config.get("ProvisionedConcurrency", 0)

    @property
    def warm(self) -> int:
        """How many containers wait for a call."""
        with self._lock:
            self._let_go()
            return len(self._idle_since)

    @contextlib.contextmanager
    def container(self) -> Iterator[float]:
        """Hold a container for one call; yields the seconds that it took to start it, 0 of a warm one.

        Raises ConcurrencyExceededError when as many are held as may be.
        """
        with self._lock:
            if self._busy >= self.config["MaxConcurrency"]:
                raise ConcurrencyExceededError
            self._busy += 1
            self._let_go()
            is_cold = not self._idle_since
            if not is_cold:
                self._idle_since.pop()
        try:
            if is_cold:
                self._wait(self._cold_start_seconds)
            yield self._cold_start_seconds if is_cold else 0.0
        finally:
            with self._lock:
                self._busy -= 1
                self._idle_since.append(self._clock())

    def _let_go(self) -> None:
        """Forget containers that nobody called for long; the oldest stand first."""
        kept = max(0, self.config.get("ProvisionedConcurrency", 0) - self._busy)
        oldest = self._clock() - self._idle_seconds
        while len(self._idle_since) > kept and self._idle_since[0] < oldest:
            del self._idle_since[0]
