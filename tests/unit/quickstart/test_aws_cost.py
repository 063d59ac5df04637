from __future__ import annotations

import pytest

from quickstart.aws_cost import cost_ceiling
from sagemaker_pca.settings.pipeline import PcaRunConfig


def ceiling(region: str = "us-east-1", prices: dict[str, float] | None = None, **settings: str | int) -> str:
    return "\n".join(cost_ceiling(PcaRunConfig.model_validate(settings), 2.0, region, prices or {}))


def test_every_instance_counts_from_the_first_second_to_the_last() -> None:
    text = ceiling(processing_instance_count=3, serving_instance_count=2)

    assert f"ceiling: ${2 * (3 + 1 + 2) * 0.115:.2f} for 12 instance hours" in text
    assert "endpoint: 2 x ml.m5.large, 2 h at most" in text


def test_each_instance_type_has_its_price() -> None:
    text = ceiling(training_instance_type="ml.c5.xlarge", prices={"ml.c5.xlarge": 0.5})

    assert f"ceiling: ${2 * (2 * 0.115 + 0.5):.2f} for 6" in text
    assert "ml.c5.xlarge at $0.5 an hour" in text


def test_a_serverless_endpoint_has_no_hours() -> None:
    text = ceiling(serving="serverless", serverless_memory_gb=3)
    assert f"ceiling: ${2 * 2 * 0.115:.2f} for 4 instance hours" in text
    assert "endpoint: serverless, 3 GB, paid for the seconds of a few hundred calls" in text


@pytest.mark.parametrize(("region", "instance_type"), [("eu-central-1", "ml.m5.large"), ("us-east-1", "ml.g5.xlarge")])
def test_a_price_that_is_not_known_is_not_guessed(region: str, instance_type: str) -> None:
    text = ceiling(region, serving_instance_type=instance_type)

    assert "ceiling: 6 instance hours; no price is known here for ml." in text
    assert "$" not in text


def test_given_prices_win_and_are_not_called_quoted() -> None:
    text = ceiling(prices={"ml.m5.large": 1.0})

    assert "ceiling: $6.00 " in text
    assert "quoted" not in text


def test_quoted_prices_are_dated_and_say_where_to_look() -> None:
    (line,) = (line for line in ceiling().splitlines() if line.startswith("ceiling"))

    assert "as quoted publicly in November 2026; compare https://aws.amazon.com/sagemaker/pricing/" in line


def test_disks_are_told_in_gigabyte_hours() -> None:
    assert "on top: 240 GB hours" in ceiling(training_volume_gb=90)
