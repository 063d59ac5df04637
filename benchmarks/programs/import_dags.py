"""Imports the provider's SageMaker classes and makes an empty DAG, then imports the DAG files; reports what each took.

`python -m benchmarks.programs.import_dags MODULE ...`: one process imports the one, then the other, so that what the
machine does beside it moves the sum more than the difference.
"""

import gc
import importlib
import sys
import time

from benchmarks.stopwatch import report

PROVIDER_MODULES = (
    "airflow.sdk",
    "airflow.providers.amazon.aws.operators.sagemaker",
    "airflow.providers.amazon.aws.sensors.sagemaker",
)


def make_empty_dag() -> None:
    """What any DAG file does: `airflow.sdk` loads its names, and a DAG its timetables, when they are first used."""
    from airflow.sdk import DAG, task

    with DAG("empty", schedule=None):
        task(make_empty_dag)()


def main(dag_modules: list[str]) -> None:
    """Import and report."""
    moments = [(time.perf_counter(), time.process_time())]
    for modules, and_then in ((PROVIDER_MODULES, make_empty_dag), (dag_modules, None)):
        for name in modules:
            importlib.import_module(name)
        if and_then is not None:
            and_then()
        moments.append((time.perf_counter(), time.process_time()))
        gc.freeze()  # else a collection of the provider's objects counts, now and then, as the DAG files' time
    started, provider, dags = moments
    report(
        provider_seconds=provider[0] - started[0],
        provider_processor_seconds=provider[1] - started[1],
        dags_seconds=dags[0] - provider[0],
        dags_processor_seconds=dags[1] - provider[1],
    )


if __name__ == "__main__":
    main(sys.argv[1:])
