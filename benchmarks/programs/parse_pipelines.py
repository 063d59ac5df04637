"""Parses a DAG file with many pipelines as a DAG processor does: `... programs.parse_pipelines FILE COUNT`.

The provider's classes and the project's are imported before, as they are once per file whatever its length. Parsing
waits for nothing: its processor time is what it takes on a machine that does nothing else.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path

from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization

from benchmarks.stopwatch import report
from sagemaker_pca.dags import pca_pipeline

# As a team would write it, its table of pipelines made up.
DAG_FILE = """# An Airflow DAG file.
from sagemaker_pca.dags import pca_pipeline

for number in range({count}):
    settings = {{"feature_columns": ["i", "ii", "v1"], "endpoint_name": f"meter-{{number}}"}}
    pca_pipeline(f"meter_{{number}}", schedule="@weekly", settings=settings)
"""


def main(path: Path, count: int) -> None:
    """Write, parse, serialize, report."""
    pca_pipeline("first", schedule="@weekly")
    path.write_text(DAG_FILE.format(count=count), encoding="utf-8")
    started = time.process_time()
    bag = DagBag(path, collect_dags=True, load_op_links=False)
    if bag.import_errors or len(bag.dags) != count:
        raise RuntimeError(f"{len(bag.dags)} of {count} pipelines were parsed: {bag.import_errors}")
    sizes = [len(json.dumps(DagSerialization.to_dict(dag))) for dag in bag.dags.values()]
    report(
        processor_seconds=time.process_time() - started,
        serialized_bytes=sum(sizes) / len(sizes),
        tasks=len(next(iter(bag.dags.values())).tasks),
    )


if __name__ == "__main__":
    logging.disable()
    main(Path(sys.argv[1]), int(sys.argv[2]))
