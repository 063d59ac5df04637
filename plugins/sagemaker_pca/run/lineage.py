"""Which S3 locations a job reads and writes, as its request says. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sagemaker_pca.resource_kinds import PROCESSING_JOB, TRAINING_JOB, ResourceKind
from sagemaker_pca.run.attempts import for_attempt


class Lineage(NamedTuple):
    """S3 URIs."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def job_lineage(kind: ResourceKind, request: Mapping[str, Any], job_name: str) -> Lineage:
    """What a processing, training or transform job reads and writes.

    :param request: that it was asked for with
    :param job_name: the name it runs under: later attempts write elsewhere
    """
    request = for_attempt(request, kind.name_key, job_name)
    if kind is PROCESSING_JOB:
        outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", ())
        return Lineage(
            tuple(item["S3Input"]["S3Uri"] for item in request.get("ProcessingInputs", ()) if "S3Input" in item),
            tuple(item["S3Output"]["S3Uri"] for item in outputs if "S3Output" in item),
        )
    if kind is TRAINING_JOB:
        sources = [channel["DataSource"] for channel in request.get("InputDataConfig", ())]
        # Where SageMaker puts the artifact: it is not there yet when the job has only been started.
        artifact = f"{request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{job_name}/output/model.tar.gz"
        return Lineage(
            tuple(source["S3DataSource"]["S3Uri"] for source in sources if "S3DataSource" in source), (artifact,)
        )
    read, written = request["TransformInput"]["DataSource"], request["TransformOutput"]
    return Lineage((read["S3DataSource"]["S3Uri"],), (written["S3OutputPath"],))
