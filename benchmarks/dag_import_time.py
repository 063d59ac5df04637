"""How much importing the DAG files adds to importing what they stand on: the provider's SageMaker classes.

`python -m benchmarks.dag_import_time` prints medians over fresh processes. Each process imports the one, then the
other, so that what the machine does beside it moves the sum more than the difference. Bytecode is cached, as on an
installed Airflow; a first, unmeasured process writes it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).parent.parent
DAG_FILES = sorted((PROJECT / "dags").glob("*.py"))
PROCESSES = 9
LIMIT_MS = 100

PROGRAM = f"""
import time
started = time.perf_counter()
import airflow.sdk
import airflow.providers.amazon.aws.operators.sagemaker
import airflow.providers.amazon.aws.sensors.sagemaker
provider_imported = time.perf_counter()
import {", ".join(path.stem for path in DAG_FILES)}
dags_imported = time.perf_counter()
print((provider_imported - started) * 1000, (dags_imported - provider_imported) * 1000)
"""


def import_ms(environment: dict[str, str]) -> tuple[float, float]:
    """Milliseconds that a fresh process takes to import the provider's classes, and then the DAG files."""
    command = [sys.executable, "-c", PROGRAM]
    output = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    provider, dags = output.splitlines()[-1].split()
    return float(provider), float(dags)


def measure(folder: str) -> tuple[float, float]:
    """Median milliseconds of both, with Airflow's home and the bytecode in a folder."""
    environment = {
        **os.environ,
        "AIRFLOW_HOME": folder,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(Path(folder, "bytecode")),
        "PYTHONPATH": os.pathsep.join(str(PROJECT / part) for part in ("dags", "plugins", "")),
    }
    import_ms(environment)
    provider, dags = zip(*(import_ms(environment) for _ in range(PROCESSES)), strict=True)
    return statistics.median(provider), statistics.median(dags)


def main() -> None:
    """Print both medians."""
    with tempfile.TemporaryDirectory(prefix="dag-import-time-") as folder:
        provider, dags = measure(folder)
    sys.stdout.write(
        f"airflow.sdk and the provider's SageMaker classes: {provider:.0f} ms\n"
        f"{len(DAG_FILES)} DAG files on top: {dags:.0f} ms (at most {LIMIT_MS} ms)\n"
        f"medians of {PROCESSES} fresh processes\n"
    )


if __name__ == "__main__":
    main()
