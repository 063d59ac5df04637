"""Runs a pipeline's own jobs on so many hosts: `... programs.divided_jobs HOSTS SERVICE_PROCESS_ID RESULTS_FILE`.

Keeps the features of every raw file and the model, and reports seconds of the jobs, processor seconds of all their
hosts together, and the rows of the host that had the most.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.pipeline_jobs import host_documents, plan_of, stage, training_request
from benchmarks.recording import FEATURES
from benchmarks.stopwatch import report
from sagemaker_local.pca_algorithm.recordio import decode_features
from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.model.artifact import PcaModel
from sagemaker_pca.resource_kinds import PROCESSING_JOB, TRAINING_JOB, ResourceKind
from sagemaker_pca.run import service_requests
from sagemaker_pca.run.plan import RunPlan

POLL_SECONDS = 0.1
# Both need means of all rows of all hosts: what is the hardest to divide.
SETTINGS = {"feature_columns": FEATURES, "scaling": "standardize", "missing_values": "mean"}


def main(hosts: int, service: psutil.Process, results: Path) -> None:
    """Process, train, keep, report."""
    counts = {"processing_instance_count": hosts, "training_instance_count": hosts, "feature_format": "recordio"}
    plan = plan_of("divided", f"{hosts}-{time.time_ns()}", SETTINGS | counts)
    hook = SageMakerPcaHook(aws_conn_id="aws_default")
    inputs = stage(plan, hook)
    taken: dict[str, float] = {}

    with counted("processing", service, taken):
        profile_uri = None
        if plan.config.why_no_profile is None:
            profile = complete(hook, PROCESSING_JOB, service_requests.profile_job(plan, inputs))
            profile_uri = plan.files.stats_uri(profile["ProcessingJobName"])
        job = complete(hook, PROCESSING_JOB, service_requests.processing_job(plan, inputs, profile_uri))
    documents = host_documents(plan, hook, job["ProcessingJobName"])
    with counted("training", service, taken):
        request = training_request(plan, job["ProcessingJobName"], documents)
        training = complete(hook, TRAINING_JOB, request)

    model = PcaModel.from_artifact(hook.read_bytes(training["ModelArtifacts"]["S3ModelArtifacts"]))
    made: dict[str, Any] = {**features_of_files(plan, hook, job["ProcessingJobName"], documents)}
    made |= {"mean": model.mean, "singular_values": model.singular_values, "components": model.components}
    np.savez(results, **made)
    report(**taken, most_rows=max(int(document["row_count"]) for document in documents))


@contextmanager
def counted(name: str, service: psutil.Process, taken: dict[str, float]) -> Iterator[None]:
    """Note what a block takes: seconds, and processor seconds of the jobs' processes that ended meanwhile."""
    started, before = time.perf_counter(), service.cpu_times()
    yield
    after = service.cpu_times()
    taken[f"{name}_seconds"] = time.perf_counter() - started
    taken[f"{name}_processor_seconds"] = (
        after.children_user + after.children_system - before.children_user - before.children_system
    )


def complete(hook: SageMakerPcaHook, kind: ResourceKind, request: dict[str, Any]) -> dict[str, Any]:
    """Run a job to its end and return its description.

    Raises:
        RuntimeError: when it did not complete
    """
    started = hook.start_or_adopt(kind, request)
    while True:
        job = hook.describe(kind, started.name)
        if kind.status(job) == "Completed":
            return job
        if kind.status(job) in ("Failed", "Stopped"):
            raise RuntimeError(f"{started.name} is {kind.status(job)}: {job.get('FailureReason')}")
        time.sleep(POLL_SECONDS)


def features_of_files(
    plan: RunPlan, hook: SageMakerPcaHook, job_name: str, documents: Sequence[Mapping[str, Any]]
) -> Mapping[str, NDArray[np.float32]]:
    """The features (n, d) of every raw file, in the order of its rows."""
    uri = plan.files.features_uri(job_name)
    found: dict[str, NDArray[np.float32]] = {}
    for document in documents:
        parts = [decode_features(hook.read_bytes(f"{uri}{part['name']}")) for part in document["parts"]]
        if parts:
            rows = in_order(parts, plan.config.training_instance_count)
            ends = np.cumsum([file["rows"] for file in document["files"]])[:-1]
            found.update(zip((file["name"] for file in document["files"]), np.split(rows, ends), strict=True))
    return found


def in_order(parts: list[NDArray[np.float32]], group_size: int) -> NDArray[np.float32]:
    """A host's rows as it read them, which it dealt out in turn to groups of as many parts as there are training hosts.

    :param parts: (n, d) each
    """
    rows = []
    for start in range(0, len(parts), group_size):
        group = parts[start : start + group_size]
        dealt = np.empty((sum(map(len, group)), group[0].shape[1]), np.float32)
        for number, part in enumerate(group):
            dealt[number :: len(group)] = part
        rows.append(dealt)
    return np.concatenate(rows)


if __name__ == "__main__":
    main(int(sys.argv[1]), psutil.Process(int(sys.argv[2])), Path(sys.argv[3]))
