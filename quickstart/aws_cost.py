"""The most that a check on AWS can cost: instances, times the longest it may take, times prices that are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sagemaker_pca.run_config import PcaRunConfig

PRICE_PAGE = "https://aws.amazon.com/sagemaker/pricing/"
# Dollars per instance hour, on demand, as public sources quoted them in November 2026; the price page decides.
QUOTED_IN = "November 2026"
QUOTED_PRICES = {"us-east-1": {"ml.m5.large": 0.115, "ml.m5.xlarge": 0.23}}


@dataclass(frozen=True)
class Instances:
    """What one part of a run may have running.

    :param disk_gb: disk of each instance that the request asks for; endpoints ask for none
    """

    part: str
    instance_type: str
    count: int
    disk_gb: int = 0


@dataclass(frozen=True)
class CostCeiling:
    """All parts of a run, each as if it ran from the first second to the last.

    :param prices: dollars per instance hour, by instance type
    :param quoted: instance types whose price is this project's and not the user's
    """

    parts: tuple[Instances, ...]
    hours: float
    prices: Mapping[str, float]
    quoted: frozenset[str]

    @property
    def instance_hours(self) -> float:
        """Instance hours of all parts."""
        return self.hours * sum(part.count for part in self.parts)

    @property
    def dollars(self) -> float | None:
        """Cost of the instances; None where the price of any is unknown."""
        if any(part.instance_type not in self.prices for part in self.parts):
            return None
        return self.hours * sum(part.count * self.prices[part.instance_type] for part in self.parts)

    def lines(self) -> Iterator[str]:
        """The ceiling for a person to decide on."""
        for part in self.parts:
            disk = f", {part.disk_gb} GB disk each" if part.disk_gb else ""
            yield f"{part.part}: {part.count} x {part.instance_type}{disk}, {self.hours:g} h at most"
        if self.dollars is None:
            unknown = sorted({part.instance_type for part in self.parts} - self.prices.keys())
            yield f"ceiling: {self.instance_hours:g} instance hours; no price is known here for {', '.join(unknown)}"
            yield f"prices: {PRICE_PAGE}, then HOURLY_PRICES='{{\"{unknown[0]}\": dollars}}'"
        else:
            yield f"ceiling: ${self.dollars:.2f} for {self.instance_hours:g} instance hours ({self._sources()})"
        disks = self.hours * sum(part.count * part.disk_gb for part in self.parts)
        yield f"on top: {disks:g} GB hours of those disks, a few hundred requests, a few MB of storage until removed"

    def _sources(self) -> str:
        used = {part.instance_type for part in self.parts}
        priced = ", ".join(f"{name} at ${self.prices[name]:g} an hour" for name in sorted(used))
        quoted = f", as quoted publicly in {QUOTED_IN}; compare {PRICE_PAGE}" if used & self.quoted else ""
        return priced + quoted


def cost_ceiling(config: PcaRunConfig, hours: float, region: str, given_prices: Mapping[str, float]) -> CostCeiling:
    """The ceiling of one run with these settings; prices that the user gives win over quoted ones."""
    quoted = QUOTED_PRICES.get(region, {})
    return CostCeiling(
        parts=tuple(run_instances(config)),
        hours=hours,
        prices={**quoted, **given_prices},
        quoted=frozenset(quoted.keys() - given_prices.keys()),
    )


def run_instances(config: PcaRunConfig) -> Sequence[Instances]:
    """The instances of a run's jobs and endpoint."""
    return (
        Instances(
            "processing jobs",
            config.processing_instance_type,
            config.processing_instance_count,
            config.processing_volume_gb,
        ),
        Instances(
            "training job", config.training_instance_type, config.training_instance_count, config.training_volume_gb
        ),
        Instances("endpoint", config.serving_instance_type, config.serving_instance_count),
    )
