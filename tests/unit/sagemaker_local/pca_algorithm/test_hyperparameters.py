from collections.abc import Mapping

import pytest

from sagemaker_local.pca_algorithm.errors import CustomerError
from sagemaker_local.pca_algorithm.hyperparameters import Hyperparameters

REQUIRED = {"feature_dim": "8", "num_components": "3", "mini_batch_size": "200"}


def test_defaults_are_those_of_the_real_container() -> None:
    assert Hyperparameters.parse(REQUIRED) == Hyperparameters(
        feature_dim=8,
        num_components=3,
        mini_batch_size=200,
        subtract_mean=True,
        is_randomized=False,
        extra_components=10,
    )


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [
        ({"subtract_mean": "False"}, "subtract_mean", False),
        ({"subtract_mean": "true"}, "subtract_mean", True),
        ({"algorithm_mode": "randomized"}, "is_randomized", True),
        ({"algorithm_mode": "stable"}, "is_randomized", False),
        ({"extra_components": "0"}, "extra_components", 0),
        ({"feature_dim": "50", "num_components": "20"}, "extra_components", 20),
        ({"num_components": "8"}, "num_components", 8),
    ],
)
def test_given_values_are_read_as_strings(given: Mapping[str, str], name: str, value: object) -> None:
    assert getattr(Hyperparameters.parse(REQUIRED | dict(given)), name) == value


@pytest.mark.parametrize("name", ["force_dense", "epochs", "_log_level", "_kvstore", "_num_gpus", "_num_kv_servers"])
def test_hidden_hyperparameters_of_the_container_are_accepted(name: str) -> None:
    Hyperparameters.parse(REQUIRED | {name: "1"})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"components": "3"}, "Additional hyperparameters are not allowed ('components' was unexpected)"),
        ({"feature_dim": None}, "Missing required hyperparameter: feature_dim"),
        ({"num_components": None}, "Missing required hyperparameter: num_components"),
        ({"mini_batch_size": None}, "Missing required hyperparameter: mini_batch_size"),
        ({"feature_dim": "many"}, "Hyperparameter feature_dim: could not parse value"),
        ({"feature_dim": "4.0"}, "Hyperparameter feature_dim: could not parse value"),
        ({"feature_dim": "0"}, "Hyperparameter feature_dim: 0 is not in (0, +inf)"),
        ({"num_components": "-1"}, "Hyperparameter num_components: -1 is not in (0, +inf)"),
        ({"num_components": "9"}, "Hyperparameter num_components: 9 is not in (0, feature_dim=8]"),
        ({"mini_batch_size": "0"}, "Hyperparameter mini_batch_size: 0 is not in (0, +inf)"),
        ({"epochs": "0"}, "Hyperparameter epochs: 0 is not in (0, +inf)"),
        ({"extra_components": "-2"}, "Hyperparameter extra_components: -2 is not in [-1, +inf)"),
        ({"subtract_mean": "yes"}, "Hyperparameter subtract_mean: yes is not in ['true', 'false', 'True', 'False']"),
        (
            {"algorithm_mode": "fast"},
            "Hyperparameter algorithm_mode: fast is not in ['regular', 'randomized', 'stable']",
        ),
    ],
)
def test_what_the_service_refuses_is_refused_in_its_words(given: Mapping[str, str | None], message: str) -> None:
    merged = REQUIRED | dict(given)
    with pytest.raises(CustomerError) as refusal:
        Hyperparameters.parse({name: value for name, value in merged.items() if value is not None})

    assert str(refusal.value) == message
