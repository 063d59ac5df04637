"""SageMaker's resources of CloudFormation templates: moto's templates ask for them here, and the service makes them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_SageMaker.html
"""

from collections.abc import Callable, Mapping
from typing import Any

from moto.core.utils import get_service_model
from moto.sagemaker.models import FakeEndpoint, FakeEndpointConfig, Model, SageMakerModelBackend

from sagemaker_local.hosting import ENDPOINT, ENDPOINT_CONFIG
from sagemaker_local.request_validation import validate
from sagemaker_local.resources import Kind
from sagemaker_local.served_models import MODEL

_Make = Callable[[Mapping[str, Any]], Any]


class TemplateResources(SageMakerModelBackend):
    """What moto's CloudFormation calls, with properties by name.

    What is returned moto keeps for its own books: name, ARN and attributes. It looks at no variants of ours, since it
    knows neither serverless ones nor instance types that came since.
    """

    keep_model: _Make
    keep_endpoint_config: _Make
    deploy_endpoint: _Make
    remove_endpoint: _Make
    delete: Callable[[Kind, Mapping[str, Any]], None]

    def create_model(self, **properties: Any) -> Model:  # type: ignore[override]
        """Make an AWS::SageMaker::Model."""
        self.keep_model(_request(MODEL, properties))
        return Model(self.account_id, self.region_name, **properties)  # type: ignore[abstract]

    def create_endpoint_config(self, **properties: Any) -> FakeEndpointConfig:  # type: ignore[override]
        """Make an AWS::SageMaker::EndpointConfig."""
        self.keep_endpoint_config(_request(ENDPOINT_CONFIG, properties))
        kept = properties | {"production_variants": []}
        return FakeEndpointConfig(self.account_id, self.region_name, **kept)  # type: ignore[abstract]

    def create_endpoint(self, **properties: Any) -> FakeEndpoint:  # type: ignore[override]
        """Begin to bring up an AWS::SageMaker::Endpoint."""
        self.deploy_endpoint(_request(ENDPOINT, properties))
        kept: dict[str, Any] = properties | {"production_variants": [], "data_capture_config": {}}
        return FakeEndpoint(self.account_id, self.region_name, **kept)  # type: ignore[abstract]

    def delete_model(self, model_name: str) -> None:
        """Forget the model of a template that is gone."""
        self.delete(MODEL, {"ModelName": model_name})

    def delete_endpoint_config(self, endpoint_config_name: str) -> None:
        """Forget the configuration of a template that is gone."""
        self.delete(ENDPOINT_CONFIG, {"EndpointConfigName": endpoint_config_name})

    def delete_endpoint(self, endpoint_name: str) -> None:
        """Remove the endpoint of a template that is gone."""
        self.remove_endpoint({"EndpointName": endpoint_name})


def _request(kind: Kind, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return a Create request of a template's properties, which moto spells as Python does; checked as any other."""
    request = {"".join(map(str.title, name.split("_"))): value for name, value in properties.items() if value}
    validate(request, get_service_model("sagemaker").operation_model(f"Create{kind.noun}").input_shape)
    return request
