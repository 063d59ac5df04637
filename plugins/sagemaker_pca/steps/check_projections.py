"""Hold the projections of a batch transform against the features they were made of, file by file."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from sagemaker_pca.exceptions import InputError, SmokeTestError
from sagemaker_pca.hooks.endpoint_client import check_agreement
from sagemaker_pca.model.artifact import PcaModel
from sagemaker_pca.plurals import counted
from sagemaker_pca.run.tasks import RUN_NOTE_KEY
from sagemaker_pca.steps.transform_run import TransformRun

SAMPLED_ROWS = 100
# Longer than a hundred lines of features or projections of a few thousand columns.
SAMPLED_BYTES = 4 * 1024 * 1024


def check_projections(run: TransformRun) -> dict[str, Any]:
    """Count every output's rows, compare the first of each with the artifact, and write what came of it.

    Raises:
        InputError: when an output is missing or has another number of rows than its features.
        SmokeTestError: when a projection differs from the artifact's own beyond float32 rounding.
    """
    model = PcaModel.from_artifact(run.hook.read_bytes(run.plan.artifact_uri))
    documents = run.moments_documents
    parts = {part["name"]: int(part["rows"]) for document in documents for part in document["parts"]}
    for name, rows in parts.items():
        check_file(run, model, name, rows)
    result: dict[str, Any] = {
        "model_name": run.plan.model_name,
        "projections_uri": run.projections_uri,
        "rows": sum(parts.values()),
        "raw_files": [file for document in documents for file in document["files"]],
        "outputs": [{"name": f"{name}.out", "rows": rows} for name, rows in parts.items()],
    }
    run.hook.write_json(run.plan.files.uri("report/batch_transform.json"), result)
    run.hook.log.info(
        "Projected %s of %s to %s; a sample of each file's projections agrees with the artifact.",
        counted(result["rows"], "row"),
        counted(len(result["raw_files"]), "raw file"),
        run.projections_uri,
    )
    note = f"projected: {sum(parts.values()):,} rows by model {run.plan.model_name}"
    run.context["ti"].xcom_push(key=RUN_NOTE_KEY, value=note)
    return result


def check_file(run: TransformRun, model: PcaModel, name: str, rows: int) -> None:
    """Check one feature file's projections."""
    output_uri = f"{run.projections_uri}{name}.out"
    found = run.hook.count_lines(output_uri)
    if found != rows:
        raise InputError(
            f"{output_uri} holds {counted(found, 'projection')} for {counted(rows, 'row')}.",
            hint="Clear start_transform to run it again.",
        )
    features = [list(map(float, line.split(","))) for line in first_lines(run, f"{run.features_uri}{name}")]
    answers = [json.loads(line)["projection"] for line in first_lines(run, output_uri)]
    sampled = min(len(features), len(answers))
    if not sampled:
        raise SmokeTestError(f"{output_uri} begins with a line longer than {SAMPLED_BYTES} bytes: nothing to compare.")
    values, projections = np.array(features[:sampled]), np.array(answers[:sampled])
    tolerance = model.float32_tolerance(values)
    check_agreement(run.plan.model_name, output_uri, projections, model.project(values), tolerance)


def first_lines(run: TransformRun, uri: str) -> list[str]:
    """The first complete lines of an object."""
    complete, _, rest = run.hook.read_bytes(uri, first_bytes=SAMPLED_BYTES).rpartition(b"\n")
    lines = (complete or rest).decode().splitlines()
    return lines[:SAMPLED_ROWS]
