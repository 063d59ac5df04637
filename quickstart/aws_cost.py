"""The most that a check on AWS can cost: instances, times the longest it may take, times prices that are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sagemaker_pca.settings.pipeline import PcaRunConfig

PRICE_PAGE = "https://aws.amazon.com/sagemaker/pricing/"
# Dollars per instance hour, on demand, as public sources quoted them in November 2026; the price page decides.
QUOTED_IN = "November 2026"
QUOTED_PRICES = {"us-east-1": {"ml.m5.large": 0.115, "ml.m5.xlarge": 0.23}}


class Part(NamedTuple):
    """The instances that one part of a run may have running.

    :param disk_gb: disk of each instance that the request asks for; endpoints ask for none
    """

    name: str
    instance_type: str
    instances: int
    disk_gb: int = 0


def cost_ceiling(run: PcaRunConfig, hours: float, region: str, given: Mapping[str, float]) -> Iterator[str]:
    """The ceiling for a person to decide on: every part as if it ran from the first second to the last.

    :param run: settings of the run
    :param given: dollars per instance hour, by instance type; they win over quoted ones
    """
    parts = (
        Part("processing jobs", run.processing_instance_type, run.processing_instance_count, run.processing_volume_gb),
        Part("training job", run.training_instance_type, run.training_instance_count, run.training_volume_gb),
        *(() if run.is_serverless else (Part("endpoint", run.serving_instance_type, run.serving_instance_count),)),
    )
    for part in parts:
        disk = f", {part.disk_gb} GB disk each" if part.disk_gb else ""
        yield f"{part.name}: {part.instances} x {part.instance_type}{disk}, {hours:g} h at most"
    if run.is_serverless:
        yield f"endpoint: serverless, {run.serverless_memory_gb} GB, paid for the seconds of a few hundred calls"
    prices = {**QUOTED_PRICES.get(region, {}), **given}
    types = sorted({part.instance_type for part in parts})
    instance_hours = f"{hours * sum(part.instances for part in parts):g} instance hours"
    if unknown := [name for name in types if name not in prices]:
        yield f"ceiling: {instance_hours}; no price is known here for {', '.join(unknown)}"
        yield f"prices: {PRICE_PAGE}, then HOURLY_PRICES='{{\"{unknown[0]}\": dollars}}'"
    else:
        dollars = hours * sum(part.instances * prices[part.instance_type] for part in parts)
        sources = ", ".join(f"{name} at ${prices[name]:g} an hour" for name in types)
        if not given.keys() >= set(types):
            sources += f", as quoted publicly in {QUOTED_IN}; compare {PRICE_PAGE}"
        yield f"ceiling: ${dollars:.2f} for {instance_hours} ({sources})"
    disks = hours * sum(part.instances * part.disk_gb for part in parts)
    yield f"on top: {disks:g} GB hours of those disks, a few hundred requests, a few MB of storage until removed"
