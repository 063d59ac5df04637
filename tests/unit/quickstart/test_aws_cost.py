from __future__ import annotations

import pytest

from quickstart.aws_cost import CostCeiling, cost_ceiling
from sagemaker_pca.run_config import PcaRunConfig


def ceiling(region: str = "us-east-1", prices: dict[str, float] | None = None, **settings: str | int) -> CostCeiling:
    return cost_ceiling(PcaRunConfig.model_validate(settings), 2.0, region, prices or {})


def test_every_instance_counts_from_the_first_second_to_the_last() -> None:
    found = ceiling(processing_instance_count=3, serving_instance_count=2)

    assert found.instance_hours == 2 * (3 + 1 + 2)
    assert found.dollars == pytest.approx(2 * (3 + 1 + 2) * 0.115)


def test_each_instance_type_has_its_price() -> None:
    found = ceiling(training_instance_type="ml.c5.xlarge", prices={"ml.c5.xlarge": 0.5})

    assert found.dollars == pytest.approx(2 * (2 * 0.115 + 0.5))
    assert any("ml.c5.xlarge at $0.5 an hour" in line for line in found.lines())


@pytest.mark.parametrize(("region", "instance_type"), [("eu-central-1", "ml.m5.large"), ("us-east-1", "ml.g5.xlarge")])
def test_a_price_that_is_not_known_is_not_guessed(region: str, instance_type: str) -> None:
    found = ceiling(region, serving_instance_type=instance_type)
    text = "\n".join(found.lines())

    assert found.dollars is None
    assert "ceiling: 6 instance hours; no price is known here for ml." in text
    assert "$" not in text


def test_given_prices_win_and_are_not_called_quoted() -> None:
    found = ceiling(prices={"ml.m5.large": 1.0})

    assert found.dollars == 6.0
    assert not any("quoted" in line for line in found.lines())


def test_quoted_prices_are_dated_and_say_where_to_look() -> None:
    (line,) = (line for line in ceiling().lines() if line.startswith("ceiling"))

    assert line.startswith("ceiling: $0.69 for 6 instance hours")
    assert "2026" in line
    assert "https://aws.amazon.com/sagemaker/pricing/" in line


def test_disks_are_told_in_gigabyte_hours() -> None:
    assert any("on top: 240 GB hours" in line for line in ceiling(training_volume_gb=90).lines())
