"""What preflight and staging decide for a run, made without an account."""

from datetime import UTC, datetime
from typing import Any

from sagemaker_pca.run.locations import run_name as name_of_run
from sagemaker_pca.run.plan import RunPlan, StagedInputs
from sagemaker_pca.settings.pipeline import resolve

DAG_ID = "pca_pipeline"
DEPLOYMENT_ID = "tests"
# For an Airflow whose runs' names a test has to know; without it the first run makes one.
DEPLOYMENT_VARIABLE = {"AIRFLOW_VAR_SAGEMAKER_PCA_DEPLOYMENT": DEPLOYMENT_ID}
RUN_ID = "manual__2024-01-02T03:04:05.678901+00:00"
OWNER_TAGS = [{"Key": "managed-by", "Value": "sagemaker-pca"}, {"Key": "deployment-id", "Value": DEPLOYMENT_ID}]
# Where the pipeline of such an Airflow keeps its records, and its id: for whoever plans a sweep.
PLACE = {"bucket": "sagemaker-pca-us-east-1-123456789012", "deployment_id": DEPLOYMENT_ID}
INPUTS = StagedInputs(
    code_uri="s3://bucket/runs/x/inputs/code-ab/",
    code_digest="ab",
    manifest_uri="s3://bucket/runs/x/inputs/raw-cd.manifest",
    raw_bucket="bucket",
    raw_files=(),
    listed_at=datetime(2024, 1, 2, 3, 4, 6, tzinfo=UTC),
)


def plan_of(dag_id: str = DAG_ID, run_id: str = RUN_ID, run_name: str | None = None, **settings: Any) -> RunPlan:
    config, origins = resolve(settings, {})
    return RunPlan(
        config=config,
        origins=origins,
        deployment_id=DEPLOYMENT_ID,
        dag_id=dag_id,
        run_id=run_id,
        run_name=run_name or name_of_run(DEPLOYMENT_ID, dag_id, run_id),
        started_at=datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC),
        partition="aws",
        region="us-east-1",
        account="123456789012",
        bucket=config.bucket or "sagemaker-pca-us-east-1-123456789012",
        processing_image="683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3",
        pca_image="382416733822.dkr.ecr.us-east-1.amazonaws.com/pca:1",
    )
