"""What would have to run and does not is refused in a sentence; nobody is told that it ran."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.sagemaker_local.embedded_aws import PCA, ROLE, EmbeddedAws, unique_name

pytestmark = pytest.mark.e2e

DEFINITION = json.dumps({"Version": "2020-12-01", "Steps": []})
S3_INPUT = {"S3Uri": "s3://b/m.tar.gz", "DataInputConfig": "{}", "Framework": "PYTORCH"}
LIMITS = {"ResourceLimits": {"MaxParallelTrainingJobs": 1}, "Strategy": "Random"}
AUTO_ML: dict[str, Any] = {
    "AutoMLJobInputDataConfig": [
        {"ChannelType": "training", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/"}}}
    ],
    "OutputDataConfig": {"S3OutputPath": "s3://b/"},
    "AutoMLProblemTypeConfig": {"TextClassificationJobConfig": {"ContentColumn": "a", "TargetLabelColumn": "b"}},
}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "tuning": ("create_hyper_parameter_tuning_job", {"HyperParameterTuningJobConfig": LIMITS}),
    "compilation": (
        "create_compilation_job",
        {
            "RoleArn": ROLE,
            "InputConfig": {"S3Uri": "s3://b/m.tar.gz", "Framework": "PYTORCH"},
            "OutputConfig": {"S3OutputLocation": "s3://b/"},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        },
    ),
    "AutoML": ("create_auto_ml_job_v2", {"RoleArn": ROLE, **AUTO_ML}),
    "notebook": ("create_notebook_instance", {"RoleArn": ROLE, "InstanceType": "ml.t3.medium"}),
}
NAMES = {
    "tuning": "HyperParameterTuningJobName",
    "compilation": "CompilationJobName",
    "AutoML": "AutoMLJobName",
    "notebook": "NotebookInstanceName",
}


@pytest.mark.parametrize("case", CASES)
def test_what_would_have_to_run_is_refused(aws: EmbeddedAws, case: str) -> None:
    operation, request = CASES[case]
    with pytest.raises(ClientError, match="sagemaker_local does not carry out Create") as refused:
        getattr(aws.sagemaker, operation)(**{NAMES[case]: unique_name("x")[:30]}, **request)
    assert refused.value.response["Error"]["Code"] == "UnsupportedOperationException"


def test_a_pipeline_is_kept_and_does_not_succeed_without_having_run(aws: EmbeddedAws) -> None:
    name = unique_name("pipeline")
    aws.sagemaker.create_pipeline(
        PipelineName=name, PipelineDefinition=DEFINITION, RoleArn=ROLE, ClientRequestToken="t" * 32
    )
    assert aws.sagemaker.describe_pipeline(PipelineName=name)["PipelineStatus"] == "Active"
    with pytest.raises(ClientError, match="does not carry out StartPipelineExecution"):
        aws.sagemaker.start_pipeline_execution(PipelineName=name, ClientRequestToken="t" * 32)
    assert aws.sagemaker.list_pipeline_executions(PipelineName=name)["PipelineExecutionSummaries"] == []


def test_a_state_machine_does_not_run_for_ever_without_running(aws: EmbeddedAws) -> None:
    machines = aws.client("stepfunctions")
    definition = json.dumps({"StartAt": "a", "States": {"a": {"Type": "Pass", "End": True}}})
    arn = machines.create_state_machine(name=unique_name("m"), definition=definition, roleArn=ROLE)["stateMachineArn"]
    with pytest.raises(ClientError, match="runs no state machines"):
        machines.start_execution(stateMachineArn=arn)
    assert machines.list_executions(stateMachineArn=arn)["executions"] == []


def test_definitions_and_records_that_run_nothing_are_kept(aws: EmbeddedAws) -> None:
    group = unique_name("group")
    aws.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    created = aws.sagemaker.create_model_package(
        ModelPackageGroupName=group,
        InferenceSpecification={
            "Containers": [{"Image": PCA, "ModelDataUrl": "s3://b/model.tar.gz"}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )
    described = aws.sagemaker.describe_model_package(ModelPackageName=created["ModelPackageArn"])
    assert described["ModelPackageGroupName"] == group


def test_nothing_watches_endpoints_and_whoever_asks_is_told_so(aws: EmbeddedAws) -> None:
    assert aws.sagemaker.list_monitoring_schedules(EndpointName="any")["MonitoringScheduleSummaries"] == []
