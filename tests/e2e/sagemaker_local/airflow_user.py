"""What a DAG of an ordinary Airflow user does with the provider's own operators and sensors; run as a program.

`python airflow_user.py <bucket> <prefix>` prints one JSON object with what the operators answered.
"""

import json
import logging
import sys
import time
from typing import Any

from airflow.providers.amazon.aws.operators.sagemaker import (
    SageMakerDeleteModelOperator,
    SageMakerEndpointConfigOperator,
    SageMakerEndpointOperator,
    SageMakerModelOperator,
    SageMakerProcessingOperator,
    SageMakerTrainingOperator,
    SageMakerTransformOperator,
)
from airflow.providers.amazon.aws.sensors.sagemaker import (
    SageMakerEndpointSensor,
    SageMakerProcessingSensor,
    SageMakerTrainingSensor,
)

from tests.e2e.sagemaker_local.embedded_aws import PCA, ROLE, SCIKIT_LEARN, channel, s3_input, s3_output

WAIT: dict[str, Any] = {"wait_for_completion": True, "check_interval": 1}


def main(bucket: str, prefix: str) -> dict[str, Any]:
    """Process, train, deploy twice, transform; return what the operators answered."""
    resources = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}
    run(
        SageMakerProcessingOperator(
            task_id="process",
            config={
                "ProcessingJobName": f"{prefix}-processing",
                "RoleArn": ROLE,
                "AppSpecification": {
                    "ImageUri": SCIKIT_LEARN,
                    "ContainerEntrypoint": ["python3", "/opt/ml/processing/code/copy.py"],
                },
                "ProcessingResources": {"ClusterConfig": resources},
                "ProcessingInputs": [
                    s3_input("code", f"s3://{bucket}/code/", "/opt/ml/processing/code"),
                    s3_input("raw", f"s3://{bucket}/raw/", "/opt/ml/processing/in"),
                ],
                "ProcessingOutputConfig": {
                    "Outputs": [s3_output("features", f"s3://{bucket}/features", "/opt/ml/processing/out")]
                },
            },
            **WAIT,
        )
    )
    sense(SageMakerProcessingSensor(task_id="processed", job_name=f"{prefix}-processing"))
    trained = run(
        SageMakerTrainingOperator(
            task_id="train",
            config={
                "TrainingJobName": f"{prefix}-training",
                "RoleArn": ROLE,
                "AlgorithmSpecification": {"TrainingImage": PCA, "TrainingInputMode": "File"},
                "HyperParameters": {"feature_dim": "2", "num_components": "1", "mini_batch_size": "2"},
                "InputDataConfig": [channel("train", f"s3://{bucket}/features/")],
                "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/models"},
                "ResourceConfig": resources,
                "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            },
            print_log=True,
            **WAIT,
        )
    )["Training"]
    sense(SageMakerTrainingSensor(task_id="trained", job_name=f"{prefix}-training", print_log=True))
    artifact = trained["ModelArtifacts"]["S3ModelArtifacts"]
    model = {
        "ModelName": f"{prefix}-model",
        "ExecutionRoleArn": ROLE,
        "PrimaryContainer": {"Image": PCA, "ModelDataUrl": artifact},
    }
    run(SageMakerModelOperator(task_id="model", config=model))
    for number in (1, 2):
        variant = {
            "VariantName": "v1",
            "ModelName": f"{prefix}-model",
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
        }
        config = {"EndpointConfigName": f"{prefix}-config-{number}", "ProductionVariants": [variant]}
        run(SageMakerEndpointConfigOperator(task_id=f"config_{number}", config=config))
        endpoint = {"EndpointName": f"{prefix}-endpoint", "EndpointConfigName": f"{prefix}-config-{number}"}
        deployed = run(
            # The second time the endpoint exists: the operator falls back to an update, by AWS's error message.
            SageMakerEndpointOperator(
                task_id=f"endpoint_{number}", operation="create", config={"Endpoint": endpoint}, **WAIT
            )
        )
        sense(SageMakerEndpointSensor(task_id=f"in_service_{number}", endpoint_name=f"{prefix}-endpoint"))
    transform = {
        "TransformJobName": f"{prefix}-transform",
        "ModelName": f"{prefix}-model",
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/features/"}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        "TransformOutput": {"S3OutputPath": f"s3://{bucket}/projections"},
        "TransformResources": {"InstanceCount": 1, "InstanceType": "ml.m5.large"},
    }
    transformed = run(SageMakerTransformOperator(task_id="transform", config=transform, **WAIT))
    run(SageMakerDeleteModelOperator(task_id="delete", config={"ModelName": f"{prefix}-model"}))
    return {
        "training": trained["TrainingJobStatus"],
        "endpoint": deployed["Endpoint"]["EndpointStatus"],
        "configuration": deployed["Endpoint"]["EndpointConfigName"],
        "transform": transformed["Transform"]["TransformJobStatus"],
    }


def run(operator: Any) -> Any:
    """Execute an operator as a worker would."""
    return operator.execute(context={})


def sense(sensor: Any) -> None:
    """Poke a sensor until it is satisfied."""
    while not sensor.poke(context={}):
        time.sleep(0.2)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    print(json.dumps(main(*sys.argv[1:])))  # noqa: T201
