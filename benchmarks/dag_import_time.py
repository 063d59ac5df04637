"""How much importing the project's own five DAGs adds to what they stand on: an empty DAG and the provider's classes.

Bytecode is cached, as on an installed Airflow; a first, unmeasured process writes it.
"""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.fresh_process import medians, module, run, say
from benchmarks.measurement import Group, Row

PROJECT = Path(__file__).parents[1]
PROCESSES = 9
MAX_MS = 60


def measure(folder: Path, full: bool) -> Group:
    """Return medians over fresh processes, with Airflow's home and the bytecode in the folder."""
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
        "PYTHONPATH": os.pathsep.join(str(PROJECT / part) for part in ("dags", "plugins", "")),
    }
    command = module("benchmarks.programs.import_dags", "default_dags")
    run(command, environment)
    usages = []
    for number in range(1, PROCESSES + 1):
        usages.append(run(command, environment))
        say(f"  {number}/{PROCESSES}: {1000 * usages[-1].reported['dags_seconds']:.0f} ms")
    taken = medians(usages).reported
    row = Row(
        name="import five DAGs, on top",
        unit="ms",
        ours=1000 * taken["dags_seconds"],
        beside="an empty DAG and the provider's SageMaker classes",
        theirs=1000 * taken["provider_seconds"],
        max_ours=MAX_MS,
        processor_ratio=taken["dags_processor_seconds"] / taken["provider_processor_seconds"],
    )
    return Group(rows=(row,))
