"""How much importing the DAG files adds to importing what they stand on: the provider's SageMaker classes.

`python -m benchmarks.dag_import_time` prints medians over fresh processes. Each process imports the one, then the
other, so that what the machine does beside it moves the sum more than the difference; the processor time shows how much
of it that was. Bytecode is cached, as on an installed Airflow; a first, unmeasured process writes it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).parent.parent
DAG_FILES = sorted((PROJECT / "dags").glob("*.py"))
PROCESSES = 9
LIMIT_MS = 100

PROGRAM = f"""
import time
def now():
    return time.perf_counter() * 1000, time.process_time() * 1000
started = now()
import airflow.sdk
import airflow.providers.amazon.aws.operators.sagemaker
import airflow.providers.amazon.aws.sensors.sagemaker
provider_imported = now()
import {", ".join(path.stem for path in DAG_FILES)}
dags_imported = now()
print(provider_imported[0] - started[0], *(after - before for before, after in zip(provider_imported, dags_imported)))
"""


class Milliseconds(NamedTuple):
    """Time to import the provider's classes, then the DAG files, and the processor time in the latter."""

    provider: float
    dags: float
    dags_processor: float


def import_ms(environment: dict[str, str]) -> Milliseconds:
    """What the imports of a fresh process take."""
    command = [sys.executable, "-c", PROGRAM]
    output = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    return Milliseconds(*map(float, output.splitlines()[-1].split()))


def measure(folder: str) -> Milliseconds:
    """Medians, with Airflow's home and the bytecode in a folder."""
    environment = {
        **os.environ,
        "AIRFLOW_HOME": folder,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(Path(folder, "bytecode")),
        "PYTHONPATH": os.pathsep.join(str(PROJECT / part) for part in ("dags", "plugins", "")),
    }
    import_ms(environment)
    processes = [import_ms(environment) for _ in range(PROCESSES)]
    return Milliseconds(*map(statistics.median, zip(*processes, strict=True)))


def main() -> None:
    """Print the medians."""
    with tempfile.TemporaryDirectory(prefix="dag-import-time-") as folder:
        median = measure(folder)
    sys.stdout.write(
        f"airflow.sdk and the provider's SageMaker classes: {median.provider:.0f} ms\n"
        f"{len(DAG_FILES)} DAG files on top: {median.dags:.0f} ms (at most {LIMIT_MS} ms), "
        f"{median.dags_processor:.0f} ms of it processor time\n"
        f"medians of {PROCESSES} fresh processes\n"
    )


if __name__ == "__main__":
    main()
