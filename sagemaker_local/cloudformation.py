"""SageMaker's resources of CloudFormation templates: moto's templates ask for them here, and the service makes them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_SageMaker.html
"""

from collections.abc import Mapping
from typing import Any

from moto.core.utils import get_service_model
from moto.sagemaker.models import FakeEndpoint, FakeEndpointConfig, Model, SageMakerModelBackend

from sagemaker_local.hosting import ENDPOINT, ENDPOINT_CONFIG
from sagemaker_local.request_validation import validate
from sagemaker_local.resources import Kind
from sagemaker_local.served_models import MODEL


class TemplateResources(SageMakerModelBackend):
    """What moto's CloudFormation calls. It keeps what is returned for its own books: name, ARN and attributes."""

    def keep_model(self, request: Mapping[str, Any]) -> dict[str, str]:
        """Keep a model."""
        raise NotImplementedError

    def keep_endpoint_config(self, request: Mapping[str, Any]) -> dict[str, str]:
        """Keep an endpoint configuration."""
        raise NotImplementedError

    def deploy_endpoint(self, request: Mapping[str, Any]) -> dict[str, str]:
        """Begin to bring up an endpoint."""
        raise NotImplementedError

    def remove_endpoint(self, request: Mapping[str, Any]) -> None:
        """Remove an endpoint."""
        raise NotImplementedError

    def delete(self, kind: Kind, request: Mapping[str, Any]) -> None:
        """Forget a model or a configuration."""
        raise NotImplementedError

    def create_model(
        self,
        model_name: str,
        execution_role_arn: str,
        primary_container: dict[str, Any] | None,
        vpc_config: dict[str, Any] | None,
        containers: list[dict[str, Any]] | None,
        tags: list[dict[str, str]] | None,
    ) -> Model:
        """Make an AWS::SageMaker::Model."""
        self.keep_model(
            _request(
                MODEL,
                ModelName=model_name,
                ExecutionRoleArn=execution_role_arn,
                PrimaryContainer=primary_container,
                VpcConfig=vpc_config,
                Containers=containers,
                Tags=tags,
            )
        )
        return Model(  # type: ignore[abstract]
            self.account_id,
            self.region_name,
            model_name,
            execution_role_arn,
            primary_container or {},
            vpc_config or {},
            containers,
            tags,
        )

    def create_endpoint_config(
        self,
        endpoint_config_name: str,
        production_variants: list[dict[str, Any]],
        data_capture_config: dict[str, Any],
        async_inference_config: dict[str, Any],
        tags: list[dict[str, str]],
        kms_key_id: str,
    ) -> FakeEndpointConfig:
        """Make an AWS::SageMaker::EndpointConfig."""
        self.keep_endpoint_config(
            _request(
                ENDPOINT_CONFIG,
                EndpointConfigName=endpoint_config_name,
                ProductionVariants=production_variants,
                DataCaptureConfig=data_capture_config,
                AsyncInferenceConfig=async_inference_config,
                KmsKeyId=kms_key_id,
                Tags=tags,
            )
        )
        return FakeEndpointConfig(  # type: ignore[abstract]
            account_id=self.account_id,
            region_name=self.region_name,
            endpoint_config_name=endpoint_config_name,
            production_variants=production_variants,
            data_capture_config=data_capture_config,
            async_inference_config=async_inference_config,
            tags=tags,
            kms_key_id=kms_key_id,
        )

    def create_endpoint(
        self, endpoint_name: str, endpoint_config_name: str, tags: list[dict[str, str]]
    ) -> FakeEndpoint:
        """Begin to bring up an AWS::SageMaker::Endpoint."""
        self.deploy_endpoint(
            _request(ENDPOINT, EndpointName=endpoint_name, EndpointConfigName=endpoint_config_name, Tags=tags)
        )
        return FakeEndpoint(  # type: ignore[abstract]
            account_id=self.account_id,
            region_name=self.region_name,
            endpoint_name=endpoint_name,
            endpoint_config_name=endpoint_config_name,
            production_variants=[],
            data_capture_config={},
            tags=tags,
        )

    def delete_model(self, model_name: str) -> None:
        """Forget the model of a template that is gone."""
        self.delete(MODEL, {"ModelName": model_name})

    def delete_endpoint_config(self, endpoint_config_name: str) -> None:
        """Forget the configuration of a template that is gone."""
        self.delete(ENDPOINT_CONFIG, {"EndpointConfigName": endpoint_config_name})

    def delete_endpoint(self, endpoint_name: str) -> None:
        """Remove the endpoint of a template that is gone."""
        self.remove_endpoint({"EndpointName": endpoint_name})


def _request(kind: Kind, **members: Any) -> dict[str, Any]:
    """Return a Create request of a template's properties, checked as one that comes by itself."""
    request = {name: value for name, value in members.items() if value}
    validate(request, get_service_model("sagemaker").operation_model(f"Create{kind.noun}").input_shape)
    return request
