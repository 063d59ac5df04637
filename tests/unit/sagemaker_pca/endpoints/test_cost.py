from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sagemaker_pca.endpoints.cost import hourly_cost, hours_alive
from sagemaker_pca.endpoints.inventory import ConfigDetails, EndpointDetails

PRICES = {"ml.m5.large": 0.115, "ml.c5.xlarge": 0.204}
CONFIG = ConfigDetails(("m",), {"v1": "ml.m5.large", "v2": "ml.c5.xlarge", "serverless": None})


def cost(instance_counts: dict[str, int | None], config_names: tuple[str, ...] = ("c",)) -> float | None:
    return hourly_cost(EndpointDetails(config_names, instance_counts), {"c": CONFIG}, PRICES)


def test_every_instance_of_every_variant_counts() -> None:
    assert cost({"v1": 2, "v2": 1}) == pytest.approx(2 * 0.115 + 0.204)


@pytest.mark.parametrize(
    "instance_counts", [{}, {"v1": None}, {"v1": 1, "serverless": 1}, {"v1": 1, "of another configuration": 1}]
)
def test_one_unknown_makes_the_whole_unknown(instance_counts: dict[str, int | None]) -> None:
    assert cost(instance_counts) is None


def test_a_configuration_that_is_gone_leaves_the_cost_unknown() -> None:
    assert cost({"v1": 1}, ("gone",)) is None


def test_a_type_without_a_price_is_no_guess() -> None:
    endpoint = EndpointDetails(("c",), {"v1": 1})
    assert hourly_cost(endpoint, {"c": CONFIG}, {"ml.m5.xlarge": 0.23}) is None


def test_hours_alive_count_from_creation() -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    assert hours_alive(now - timedelta(minutes=90), now) == pytest.approx(1.5)
