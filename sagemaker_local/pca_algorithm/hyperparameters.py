"""The hyperparameters of the built-in PCA: names, defaults and legal values, checked in the service's words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from sagemaker_local.pca_algorithm.errors import CustomerError

# What the real container prints as its default-conf.json.
DEFAULT_CONFIGURATION: dict[str, str] = {
    "_num_gpus": "auto",
    "_log_level": "info",
    "subtract_mean": "true",
    "force_dense": "true",
    "epochs": "1",
    "algorithm_mode": "regular",
    "extra_components": "-1",
    "_kvstore": "dist_sync",
    "_num_kv_servers": "auto",
}
_REQUIRED = ("feature_dim", "num_components", "mini_batch_size")
# `stable` is the older name of regular that early clients still send.
_MODES = ("regular", "randomized", "stable")
# The SDK and Spark send Python's spelling.
_BOOLEANS = ("true", "false", "True", "False")


@dataclass(frozen=True)
class Hyperparameters:
    """Checked hyperparameters of one training job."""

    feature_dim: int
    num_components: int
    mini_batch_size: int
    subtract_mean: bool
    is_randomized: bool
    extra_components: int

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> Self:
        """Check the strings of a request; raises CustomerError for the first that the service would refuse."""
        for name in given:
            if name not in _REQUIRED and name not in DEFAULT_CONFIGURATION:
                raise CustomerError(f"Additional hyperparameters are not allowed ('{name}' was unexpected)")
        for name in _REQUIRED:
            if name not in given:
                raise CustomerError(f"Missing required hyperparameter: {name}")
        values = DEFAULT_CONFIGURATION | dict(given)
        feature_dim = _positive_integer(values, "feature_dim")
        num_components = _positive_integer(values, "num_components")
        # The service's own message for this case is not public.
        if num_components > feature_dim:
            raise CustomerError(
                f"Hyperparameter num_components: {num_components} is not in (0, feature_dim={feature_dim}]"
            )
        _positive_integer(values, "epochs")
        extra_components = _integer(values, "extra_components", -1, "[-1, +inf)")
        return cls(
            feature_dim=feature_dim,
            num_components=num_components,
            mini_batch_size=_positive_integer(values, "mini_batch_size"),
            subtract_mean=_choice(values, "subtract_mean", _BOOLEANS).lower() == "true",
            is_randomized=_choice(values, "algorithm_mode", _MODES) == "randomized",
            extra_components=max(10, num_components) if extra_components == -1 else extra_components,
        )


def _positive_integer(values: Mapping[str, str], name: str) -> int:
    return _integer(values, name, 1, "(0, +inf)")


def _integer(values: Mapping[str, str], name: str, minimum: int, legal: str) -> int:
    try:
        value = int(values[name])
    except ValueError as error:
        raise CustomerError(f"Hyperparameter {name}: could not parse value") from error
    if value < minimum:
        raise CustomerError(f"Hyperparameter {name}: {value} is not in {legal}")
    return value


def _choice(values: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    if values[name] not in choices:
        raise CustomerError(f"Hyperparameter {name}: {values[name]} is not in {list(choices)}")
    return values[name]
