"""Somebody else's DAG: one processing job, started and awaited with the project's building blocks."""

from __future__ import annotations

from airflow.sdk import DAG, Context, Param

from sagemaker_pca.operators.start import SageMakerStartProcessingJobOperator
from sagemaker_pca.sensors.jobs import SageMakerProcessingJobSensor


def job_request(context: Context, jinja_env: object) -> dict[str, object]:
    """A job that may run for a second, once it has its instance."""
    return {
        "ProcessingJobName": context["params"]["job_name"],
        "RoleArn": "arn:aws:iam::123456789012:role/sagemaker-pca-processing",
        "AppSpecification": {
            "ImageUri": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3",
            "ContainerEntrypoint": ["true"],
        },
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 1},
    }


with DAG("one_processing_job", schedule=None, catchup=False, params={"job_name": Param("job", type="string")}):
    start = SageMakerStartProcessingJobOperator(task_id="start", config=job_request)
    wait = SageMakerProcessingJobSensor(
        task_id="wait", job_name="{{ params.job_name }}", poll_seconds=1, queueing_seconds=10
    )
    start >> wait
