"""What planning a sweep of 5,000 endpoints, configurations and models takes: calls, seconds, memory.

The embedded service holds such an inventory in a process of its own. Idle endpoints with all that depends on them, and
orphans, are planned for, and both again while 5 % of all requests are throttled: the verdicts have to be the same. AWS
publishes no rate for SageMaker's lists and descriptions: a smaller sweep is planned where few a second are let through.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.fresh_process import Usage, module, run, say
from benchmarks.measurement import Group, Growth, Row
from quickstart.airflow_home import airflow_environment
from quickstart.embedded_service import READY_LINE

RESOURCES_PER_KIND = 5_000
SIZES = (RESOURCES_PER_KIND // 100, RESOURCES_PER_KIND // 10, RESOURCES_PER_KIND)
MAX_SECONDS, MAX_THROTTLED_SECONDS, MAX_MB = 40, 120, 400
# Endpoints and configurations are described once, and nothing else is asked one by one but the pipeline's own records.
MAX_CALLS_A_RESOURCE = 0.75
# So few that botocore's own retries give up.
REQUESTS_A_SECOND = 10
MAX_OF_ALLOWED_TIME = 1.5
SWEEPS = {"idle": "idle endpoints with dependents", "orphaned": "orphans"}


def measure(folder: Path, full: bool) -> Group:
    """Plan every sweep, and over inventories of 10 and 100 times the size."""
    usages = {size: plan_sweeps(size, folder) for size in SIZES}
    rows = [row for sweep, name in SWEEPS.items() for row in comparisons(name, usages[RESOURCES_PER_KIND][sweep])]
    rows.append(at_rate(SIZES[1], folder))
    growth = [growth_of(name, [usages[size][sweep] for size in SIZES]) for sweep, name in SWEEPS.items()]
    return Group(rows=tuple(rows), growth=tuple(growth), size_label="endpoints, configurations and models each")


def plan_sweeps(size: int, folder: Path) -> dict[str, Usage]:
    """Plan every sweep of an inventory of this size."""
    say(f"  {size:,} endpoints, configurations and models")
    with inventory(size, folder / "service.log") as address:
        environment = airflow_environment(folder, address, {})
        taken = {sweep: run(module("benchmarks.programs.plan_sweep", sweep), environment) for sweep in SWEEPS}
    for sweep, usage in taken.items():
        say(f"  {sweep}: {usage.reported['seconds']:.1f} s, {usage.reported['calls']:.0f} calls")
    return taken


def at_rate(size: int, folder: Path) -> Row:
    """Plan a sweep where few requests a second are let through; beside it stands what they take at least."""
    say(f"  {size:,} endpoints, configurations and models, {REQUESTS_A_SECOND} requests a second")
    with inventory(size, folder / "service.log") as address:
        command = module("benchmarks.programs.plan_sweep", "idle", str(REQUESTS_A_SECOND))
        taken: dict[str, Any] = run(command, airflow_environment(folder, address, {})).reported
    return Row(
        name=f"plan {SWEEPS['idle']} among {3 * size:,} resources, {REQUESTS_A_SECOND} requests a second allowed",
        unit="s",
        ours=taken["seconds"],
        beside=f"{taken['let_through']:,.0f} requests at that rate",
        theirs=taken["let_through"] / REQUESTS_A_SECOND,
        max_ratio=MAX_OF_ALLOWED_TIME,
    )


@contextmanager
def inventory(size: int, log: Path) -> Iterator[str]:
    """Run a service with so many resources of each kind and give its address."""
    command = [sys.executable, "-m", "benchmarks.programs.sweep_inventory", str(size)]
    with (
        log.open("ab") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as service,
    ):
        try:
            ready = READY_LINE.search(service.stdout.readline() if service.stdout else "")
            if ready is None:
                raise RuntimeError(f"The service did not start:\n{log.read_text(encoding='utf-8')}")
            yield ready[1]
        finally:
            service.terminate()


def comparisons(name: str, usage: Usage) -> list[Row]:
    """Return the rows of one sweep; what stands beside a throttled plan is the same plan undisturbed."""
    taken: dict[str, Any] = usage.reported
    resources = 3 * RESOURCES_PER_KIND
    return [
        Row(name=f"plan {name}", unit="s", ours=taken["seconds"], max_ours=MAX_SECONDS),
        Row(
            name=f"plan {name}, 5 % of requests throttled",
            unit="s",
            ours=taken["throttled_seconds"],
            beside="none throttled",
            theirs=taken["seconds"],
            max_ours=MAX_THROTTLED_SECONDS,
        ),
        Row(
            name=f"plan {name}: verdicts that throttling changed",
            unit="resources",
            ours=taken["other_verdicts"],
            max_ours=0,
        ),
        Row(
            name=f"plan {name}: calls",
            unit="calls",
            ours=taken["calls"],
            beside=f"{resources:,} resources",
            theirs=resources,
            max_ratio=MAX_CALLS_A_RESOURCE,
        ),
        Row(name=f"plan {name}: peak memory", unit="MB", ours=taken["peak_mb"], max_ours=MAX_MB),
    ]


def growth_of(name: str, usages: list[Usage]) -> Growth:
    """Return how a plan's cost grows with the inventory."""
    return Growth(
        name=f"plan {name}",
        sizes=SIZES,
        seconds=tuple(usage.reported["seconds"] for usage in usages),
        peak_mb=tuple(usage.reported["peak_mb"] for usage in usages),
    )
