"""What an operator of the embedded service may set, each through SAGEMAKER_LOCAL_<NAME> in the environment."""

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PREFIX = "SAGEMAKER_LOCAL_"
_MIB = 1024 * 1024


@dataclass(frozen=True)
class Settings:
    """Delays and limits; the defaults suit one developer's machine."""

    job_starting_seconds: float = 0.0
    endpoint_creating_seconds: float = 0.0
    endpoint_baking_seconds: float = 0.0  # at most, of the waits that a DeploymentConfig asks for
    processing_stop_grace_seconds: float = 30.0
    training_stop_grace_seconds: float = 120.0
    max_concurrent_jobs: int = 4
    max_instances_per_job: int = 20
    max_instances_per_endpoint: int = 20
    job_memory_bytes: int = 0  # per container; 0 is no limit
    job_runtime_seconds: int = 86_400  # no job runs longer, whatever its StoppingCondition says
    invocation_payload_bytes: int = 25 * _MIB  # of serverless endpoints 4 MiB at most
    serverless_cold_start_seconds: float = 0.5
    serverless_idle_seconds: float = 300.0  # without a call, after which a container is gone
    unpacked_archive_bytes: int = 4096 * _MIB
    private_mounts: bool = True  # False: rewrite /opt/ml even where namespaces are available

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings that the environment gives; raises ValueError naming a variable that is not a number."""
        given: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            variable = _PREFIX + field.name.upper()
            if variable in environment:
                given[field.name] = _parse(variable, environment[variable], type(field.default))
        return cls(**given)


def _parse(variable: str, text: str, kind: type) -> float | int | bool:
    try:
        return bool(int(text)) if kind is bool else kind(text)
    except ValueError:
        raise ValueError(
            f"{variable}={text} is not a number. Give {'0 or 1' if kind is bool else 'a number'}."
        ) from None
