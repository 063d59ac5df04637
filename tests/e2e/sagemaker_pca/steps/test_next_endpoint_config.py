"""The next configuration of an endpoint has what others set in the one in service."""

import logging
from typing import Any

import pytest

from sagemaker_pca.endpoints.records import StoppedEndpoint
from sagemaker_pca.exceptions import InputError
from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.operators.start import SageMakerCreateEndpointConfigOperator
from sagemaker_pca.run import service_requests
from sagemaker_pca.run.plan import RunPlan
from sagemaker_pca.steps.next_endpoint_config import next_endpoint_config
from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws, unique_name
from tests.e2e.sagemaker_pca.operators.test_deploy import Deployment, new_config
from tests.run_plans import plan_of

pytestmark = pytest.mark.e2e

KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.fixture
def plan(aws: EmbeddedAws) -> RunPlan:
    return plan_of(run_name=unique_name("run"), endpoint_name=unique_name("endpoint"), bucket=aws.bucket)


def serve(aws: EmbeddedAws, plan: RunPlan, variant: dict[str, Any] | None = None, **members: Any) -> str:
    """Put a configuration in service that a person made of the pipeline's."""
    like = aws.sagemaker.describe_endpoint_config(EndpointConfigName=new_config(aws))["ProductionVariants"][0]
    name = unique_name("config")
    variants = [{**like, "VariantName": service_requests.VARIANT_NAME, **(variant or {})}]
    aws.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants, **members)
    aws.sagemaker.create_endpoint(EndpointName=plan.config.endpoint_name, EndpointConfigName=name)
    aws.wait_for_endpoint(plan.config.endpoint_name)
    return name


def set_by_others(aws: EmbeddedAws) -> dict[str, Any]:
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 20,
        "DestinationS3Uri": f"s3://{aws.bucket}/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    }
    return {"DataCaptureConfig": capture, "KmsKeyId": KEY}


def stop(aws: EmbeddedAws, plan: RunPlan, config_name: str) -> None:
    """Delete the endpoint, and remember with what it will be started."""
    endpoint = aws.sagemaker.describe_endpoint(EndpointName=plan.config.endpoint_name)
    stopped = StoppedEndpoint(
        endpoint_name=endpoint["EndpointName"],
        endpoint_arn=endpoint["EndpointArn"],
        endpoint_config_name=config_name,
        model_name="model",
        tags={},
        created_at=endpoint["CreationTime"],
        stopped_at=endpoint["CreationTime"],
        stopped_by="run-1",
    )
    aws.sagemaker.delete_endpoint(EndpointName=plan.config.endpoint_name)
    aws.put(f"endpoints/{plan.config.endpoint_name}/stopped.json", stopped.model_dump_json())


def test_what_others_set_outlives_a_stop(aws: EmbeddedAws, hook: SageMakerPcaHook, plan: RunPlan) -> None:
    stop(aws, plan, serve(aws, plan, {"VolumeSizeInGB": 64}, **set_by_others(aws)))
    assert set_by_others(aws).items() <= next_endpoint_config(hook, plan, "model").items()


def create(config: dict[str, Any]) -> dict[str, Any]:
    return dict(SageMakerCreateEndpointConfigOperator(task_id="create", config=config).execute({}))


def test_for_a_new_endpoint_the_settings_alone_decide(aws: EmbeddedAws, hook: SageMakerPcaHook, plan: RunPlan) -> None:
    assert next_endpoint_config(hook, plan, "model") == service_requests.endpoint_config(plan, "model")


def test_data_capture_and_key_are_in_service_after_a_deployment_too(
    aws: EmbeddedAws, hook: SageMakerPcaHook, plan: RunPlan, caplog: pytest.LogCaptureFixture
) -> None:
    served, expected = serve(aws, plan, {"VolumeSizeInGB": 64}, **set_by_others(aws)), set_by_others(aws)
    model_name = aws.sagemaker.describe_endpoint_config(EndpointConfigName=served)["ProductionVariants"][0]["ModelName"]
    with caplog.at_level(logging.INFO):
        request = next_endpoint_config(hook, plan, model_name)
    assert f"Carried over from configuration {served}: DataCaptureConfig, KmsKeyId, VolumeSizeInGB" in caplog.text
    deployment = Deployment(aws, plan.config.endpoint_name)
    deployment.config_name = create(request)["name"]
    deployment.deploy()
    description = deployment.wait()
    assert description["DataCaptureConfig"]["DestinationS3Uri"] == expected["DataCaptureConfig"]["DestinationS3Uri"]
    config = aws.sagemaker.describe_endpoint_config(EndpointConfigName=deployment.config_name)
    assert {name: config[name] for name in expected} == expected
    assert config["ProductionVariants"][0]["VolumeSizeInGB"] == 64

    again = create(next_endpoint_config(hook, plan, model_name))
    assert (again["name"], again["adopted"]) == (deployment.config_name, True), "a later try adopts its own"


def test_what_serves_in_a_way_that_no_deployment_keeps_is_refused(
    aws: EmbeddedAws, hook: SageMakerPcaHook, plan: RunPlan
) -> None:
    served, name = serve(aws, plan, {"VariantName": "canary"}), plan.config.endpoint_name
    with pytest.raises(InputError, match=f"endpoint {name} serves configuration {served}, whose VariantName=canary"):
        next_endpoint_config(hook, plan, "model")


def test_of_a_configuration_that_somebody_deleted_nothing_is_carried_over(
    aws: EmbeddedAws, hook: SageMakerPcaHook, plan: RunPlan, caplog: pytest.LogCaptureFixture
) -> None:
    served = serve(aws, plan, **set_by_others(aws))
    aws.sagemaker.delete_endpoint_config(EndpointConfigName=served)
    assert next_endpoint_config(hook, plan, "model") == service_requests.endpoint_config(plan, "model")
    assert f"Configuration {served}, in service, is gone" in caplog.text
