"""Run a DAG once in this process, as `airflow dags test` does, in two steps: `python -m quickstart.dag_run DAG_ID`.

Airflow takes longer to load than the embedded service to start and to be filled with raw data. So this loads what a run
needs, and begins it when a line on standard input says with what.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import sys
import threading
from collections.abc import Mapping
from typing import Any, TextIO

# Objects made before the collector looks for cycles among them: a process of seconds leaves few, and Airflow's import
# makes so many others that looking takes a quarter of it.
GARBAGE_THRESHOLD = 100_000


def request_line(conf: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """The line that begins the run.

    :param environment: variables that are known only now
    """
    return json.dumps({"conf": dict(conf), "environment": dict(environment)}) + "\n"


def main(dag_id: str, requests: TextIO) -> int:
    """Load the DAG, wait for the line, run, and return whether the run failed."""
    from airflow._shared.timezones import timezone
    from airflow.utils.cli import get_bagged_dag
    from airflow.utils.providers_configuration_loader import providers_configuration_loaded

    @providers_configuration_loaded
    def run() -> int:
        dag = get_bagged_dag(bundle_names=None, dag_id=dag_id)
        load_execution_api()
        line = requests.readline()
        if not line:  # who started this has ended
            return 1
        request = json.loads(line)
        os.environ.update(request["environment"])
        threading.Thread(target=import_matplotlib, daemon=True).start()
        dag_run = dag.test(logical_date=timezone.utcnow(), run_conf=request["conf"])
        return int(dag_run.state != "success")

    return int(run())


def load_execution_api() -> None:
    """Have the API that tasks talk to make its routes, which takes it seconds at its first request."""
    import httpx
    from airflow.sdk.execution_time.supervisor import in_process_api_server

    with httpx.Client(transport=in_process_api_server().transport, base_url="http://in-process.invalid") as client:
        client.get("/health").raise_for_status()


def import_matplotlib() -> None:
    """Import what the report's plots are drawn with, which takes a second, while the run waits for its jobs."""
    import matplotlib.backends.backend_svg
    import matplotlib.figure  # noqa: F401


if __name__ == "__main__":
    gc.set_threshold(GARBAGE_THRESHOLD)
    exit_code = main(sys.argv[1], sys.stdin)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)  # to take Airflow's modules apart, one by one, lasts seconds
