from __future__ import annotations

from sagemaker_pca.resource_kinds import PROCESSING_JOB, TRAINING_JOB, TRANSFORM_JOB
from sagemaker_pca.run import service_requests
from sagemaker_pca.run.lineage import job_lineage
from tests.run_plans import INPUTS, plan_of


def test_a_processing_job_reads_code_and_raw_data_and_writes_features_and_moments() -> None:
    plan = plan_of()
    lineage = job_lineage(PROCESSING_JOB, service_requests.processing_job(plan, INPUTS), plan.run_name)
    assert set(lineage.inputs) == {INPUTS.code_uri, INPUTS.manifest_uri}
    assert all(uri.startswith(f"s3://{plan.bucket}/runs/{plan.run_name}/") for uri in lineage.outputs)
    assert len(lineage.outputs) == 2


def test_a_training_job_reads_features_and_writes_the_artifact_of_its_attempt() -> None:
    request = service_requests.training_job(plan_of(), "s3://b/features/", 3, 500)
    lineage = job_lineage(TRAINING_JOB, request, "job-2")
    assert lineage.inputs == ("s3://b/features/",)
    (artifact,) = lineage.outputs
    assert artifact.startswith(request["OutputDataConfig"]["S3OutputPath"])
    assert artifact.endswith("/job-2/output/model.tar.gz")


def test_a_transform_job_reads_features_and_writes_projections() -> None:
    request = {
        "TransformJobName": "job",
        "TransformInput": {"DataSource": {"S3DataSource": {"S3Uri": "s3://b/features/job/"}}},
        "TransformOutput": {"S3OutputPath": "s3://b/projections/job/"},
    }
    first, second = (job_lineage(TRANSFORM_JOB, request, name) for name in ("job", "job-2"))
    assert first == (("s3://b/features/job/",), ("s3://b/projections/job/",))
    assert second == (("s3://b/features/job/",), ("s3://b/projections/job-2/",)), "attempts write apart"
