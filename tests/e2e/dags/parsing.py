"""Parses the project's own DAGs as a fresh process does, and prints what happened as JSON: `python -m …parsing`."""

import importlib.util
import json
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

DAGS = Path(__file__).parents[3] / "dags"
# Audit events of whoever asks a service or a database.
OUTWARD = {"socket.connect", "socket.getaddrinfo", "sqlite3.connect"}


def imported(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def noted_events() -> Iterator[list[str]]:
    """Outward events of the block; the hook itself stays, since Python offers no way to take it out."""
    events: list[str] = []
    noting = True

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if noting and event in OUTWARD:
            events.append(f"{event} {arguments!r:.200}")

    sys.addaudithook(note)
    yield events
    noting = False


def lookups_are_noted() -> bool:
    """Whether a DAG file that did look things up would be caught."""
    from airflow.sdk import Connection, Variable
    from airflow.sdk.exceptions import AirflowNotFoundException, AirflowRuntimeError

    from tests.e2e.dags.noting_secrets import asked

    Variable.get("some_variable", default=None)
    with suppress(AirflowNotFoundException, AirflowRuntimeError):
        Connection.get("some_connection")
    return {"variable some_variable", "connection some_connection"} <= set(asked)


def parse() -> dict[str, Any]:
    """Parse the DAG file after the imports that any DAG file with the provider's operators has."""
    import airflow.providers.amazon.aws.operators.sagemaker
    import airflow.providers.amazon.aws.sensors.sagemaker  # noqa: F401
    from airflow.sdk import DAG

    from tests.e2e.dags.noting_secrets import asked

    before = set(sys.modules)
    with warnings.catch_warnings(record=True) as caught, noted_events() as events:
        warnings.simplefilter("always")
        dags = [item for item in vars(imported(DAGS / "default_dags.py")).values() if isinstance(item, DAG)]
    loaded, lookups = sorted(set(sys.modules) - before), list(asked)

    from airflow.serialization.serialized_objects import DagSerialization

    return {
        "warnings": [str(warning.message) for warning in caught],
        "modules": loaded,
        "events": events,
        "lookups": lookups,
        "lookups_are_noted": lookups_are_noted(),
        "serialized": {dag.dag_id: DagSerialization.to_dict(dag) for dag in dags},
    }


if __name__ == "__main__":
    os.environ["AIRFLOW__SECRETS__BACKEND"] = "tests.e2e.dags.noting_secrets.NotingSecrets"
    json.dump(parse(), sys.stdout)
