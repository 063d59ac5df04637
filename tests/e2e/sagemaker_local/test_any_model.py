"""What needs no execution is kept, of whatever image; what cannot run here is refused when it would have to."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.sagemaker_local.embedded_aws import PCA, ROLE, SCIKIT_LEARN, EmbeddedAws, unique_name, wait_until
from tests.e2e.sagemaker_local.test_training_to_endpoint import identity_artifact, projection_of

pytestmark = pytest.mark.e2e

OTHERS: dict[str, dict[str, Any]] = {
    "another image": {"PrimaryContainer": {"Image": SCIKIT_LEARN}},
    "several containers": {"Containers": [{"Image": PCA}, {"Image": SCIKIT_LEARN}]},
    "multi-model": {"PrimaryContainer": {"Image": PCA, "Mode": "MultiModel", "ModelDataUrl": "s3://b/models/"}},
}


def kept(aws: EmbeddedAws, **request: Any) -> str:
    name = unique_name("model")
    aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, **request)
    return name


@pytest.mark.parametrize("what", OTHERS)
def test_a_model_of_any_kind_is_kept_described_listed_and_refused_when_it_would_be_served(
    aws: EmbeddedAws, what: str
) -> None:
    name = kept(aws, **OTHERS[what], Tags=[{"Key": "team", "Value": "a"}])
    described = aws.sagemaker.describe_model(ModelName=name)
    assert OTHERS[what].keys() <= described.keys()
    assert aws.sagemaker.list_tags(ResourceArn=described["ModelArn"])["Tags"] == [{"Key": "team", "Value": "a"}]
    assert [item["ModelName"] for item in aws.sagemaker.list_models(NameContains=name)["Models"]] == [name]
    config = aws.create_endpoint_config(name)
    with pytest.raises(ClientError, match=r"sagemaker_local (serves|cannot run)") as refused:
        aws.create_endpoint(config)
    assert refused.value.response["Error"]["Code"] == "UnsupportedOperationException"
    with pytest.raises(ClientError, match=r"sagemaker_local (serves|cannot run)"):
        aws.sagemaker.create_transform_job(
            TransformJobName=unique_name("transform"),
            ModelName=name,
            TransformInput={"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in"}}},
            TransformOutput={"S3OutputPath": "s3://b/out"},
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        )


def test_a_registered_package_is_served_as_what_it_holds(aws: EmbeddedAws) -> None:
    group = unique_name("group")
    aws.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    package = aws.sagemaker.create_model_package(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [{"Image": PCA, "ModelDataUrl": aws.put("p/model.tar.gz", identity_artifact(3.0))}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )["ModelPackageArn"]
    model = kept(aws, PrimaryContainer={"ModelPackageName": package})
    endpoint = aws.create_endpoint(aws.create_endpoint_config(model))
    assert aws.wait_for_endpoint(endpoint)["EndpointStatus"] == "InService"
    assert projection_of(aws, endpoint, "1,2") == [[3, 6]]


def test_a_package_that_holds_no_container_is_refused_with_what_to_do(aws: EmbeddedAws) -> None:
    group = unique_name("group")
    aws.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    package = aws.sagemaker.create_model_package(ModelPackageGroupName=group)["ModelPackageArn"]
    config = aws.create_endpoint_config(kept(aws, PrimaryContainer={"ModelPackageName": package}))
    with pytest.raises(ClientError, match=r"has 0\. Register the model with an InferenceSpecification of one"):
        aws.create_endpoint(config)


CAPACITIES: dict[str, dict[str, Any]] = {
    "an instance type that moto does not know": {"InstanceType": "ml.m7i.large", "InitialInstanceCount": 1},
    "serverless": {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}},
}


@pytest.mark.parametrize("capacity", CAPACITIES)
def test_a_template_makes_the_services_own_resources_and_takes_them_away(aws: EmbeddedAws, capacity: str) -> None:
    artifact = aws.put("t/model.tar.gz", identity_artifact(2.0))
    variant = {
        "VariantName": "v1",
        "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
        "InitialVariantWeight": 1,
        **CAPACITIES[capacity],
    }
    template = {
        "Resources": {
            "Model": {
                "Type": "AWS::SageMaker::Model",
                "Properties": {
                    "ExecutionRoleArn": ROLE,
                    "PrimaryContainer": {"Image": PCA, "ModelDataUrl": artifact},
                },
            },
            "Config": {
                "Type": "AWS::SageMaker::EndpointConfig",
                "Properties": {"ProductionVariants": [variant]},
            },
            "Endpoint": {
                "Type": "AWS::SageMaker::Endpoint",
                "Properties": {"EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]}},
            },
        },
        "Outputs": {"Endpoint": {"Value": {"Fn::GetAtt": ["Endpoint", "EndpointName"]}}},
    }
    stacks, stack = aws.client("cloudformation"), unique_name("stack")
    stacks.create_stack(StackName=stack, TemplateBody=json.dumps(template))
    (output,) = stacks.describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
    endpoint = output["OutputValue"]
    assert aws.wait_for_endpoint(endpoint)["EndpointStatus"] == "InService"
    assert projection_of(aws, endpoint, "1,2") == [[2, 4]]
    stacks.delete_stack(StackName=stack)
    names = wait_until(
        lambda: [item["EndpointName"] for item in aws.sagemaker.list_endpoints(NameContains=endpoint)["Endpoints"]],
        lambda found: not found,
        20,
    )
    assert names == []
