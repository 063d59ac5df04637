"""A deployment and a roll-back leave an endpoint as large as others made it."""

from typing import Any

import pytest

from sagemaker_pca.endpoints.records import DeploymentRecord
from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws, unique_name
from tests.e2e.sagemaker_pca.operators.test_deploy import Deployment, in_service, new_config, serving
from tests.e2e.sagemaker_pca.operators.test_roll_back import record, restore

pytestmark = pytest.mark.e2e


def grow(aws: EmbeddedAws, endpoint_name: str, **change: float) -> None:
    """What autoscaling, or a person, asks for."""
    changes = [{"VariantName": "v1", **(change or {"DesiredInstanceCount": 10})}]
    aws.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=endpoint_name, DesiredWeightsAndCapacities=changes
    )
    aws.wait_for_endpoint(endpoint_name)


def variant(aws: EmbeddedAws, endpoint_name: str) -> dict[str, Any]:
    description = aws.wait_for_endpoint(endpoint_name)
    (found,) = description["ProductionVariants"]
    return dict(found)


def count(aws: EmbeddedAws, endpoint_name: str) -> int:
    return int(variant(aws, endpoint_name)["DesiredInstanceCount"])


def like(aws: EmbeddedAws, config_name: str, **change: Any) -> str:
    """A configuration like another one, with another variant."""
    (found,) = aws.sagemaker.describe_endpoint_config(EndpointConfigName=config_name)["ProductionVariants"]
    name = unique_name("config")
    aws.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[{**found, **change}])
    return name


@pytest.fixture
def grown(aws: EmbeddedAws) -> Deployment:
    """A deployment to an endpoint that was configured with one instance and has ten."""
    name = in_service(aws)
    grow(aws, name)
    return Deployment(aws, name)


def test_an_endpoint_that_grew_is_as_large_after_a_deployment(grown: Deployment) -> None:
    assert grown.deploy()["action"] == "update"
    assert grown.wait()["EndpointConfigName"] == grown.config_name
    assert count(grown.aws, grown.endpoint_name) == 10


def test_a_weight_that_somebody_set_stays_too(grown: Deployment) -> None:
    grow(grown.aws, grown.endpoint_name, DesiredWeight=3.0)
    grown.deploy()
    grown.wait()
    assert variant(grown.aws, grown.endpoint_name)["CurrentWeight"] == 3.0


def test_an_instance_count_that_the_settings_change_wins(grown: Deployment) -> None:
    grow(grown.aws, grown.endpoint_name, DesiredWeight=3.0)
    grown.config_name = like(grown.aws, grown.config_name, InitialInstanceCount=2)
    grown.deploy()
    grown.wait()
    found = variant(grown.aws, grown.endpoint_name)
    assert (found["DesiredInstanceCount"], found["DesiredWeight"]) == (2, 3.0)


def test_a_variant_of_another_name_begins_as_configured(grown: Deployment) -> None:
    grown.config_name = like(grown.aws, grown.config_name, VariantName="AllTraffic")
    grown.deploy()
    grown.wait()
    assert count(grown.aws, grown.endpoint_name) == 1


def test_where_the_configuration_in_service_was_deleted_the_endpoint_keeps_its_size(grown: Deployment) -> None:
    served = serving(grown.aws, grown.endpoint_name)
    grown.aws.sagemaker.delete_endpoint_config(EndpointConfigName=served)
    grown.deploy()
    grown.wait()
    assert count(grown.aws, grown.endpoint_name) == 10


def rolled_back(grown: Deployment, hook: SageMakerPcaHook) -> DeploymentRecord:
    """Deploy, and roll the deployment back."""
    previous = serving(grown.aws, grown.endpoint_name)
    grown.deploy()
    grown.wait()
    made = record(grown.endpoint_name, grown.config_name, previous)
    restore(hook, grown.aws, made)
    assert serving(grown.aws, grown.endpoint_name) == previous
    return made


def test_an_endpoint_that_grew_is_as_large_after_a_roll_back(grown: Deployment, hook: SageMakerPcaHook) -> None:
    rolled_back(grown, hook)
    assert count(grown.aws, grown.endpoint_name) == 10


def test_a_roll_back_undoes_an_instance_count_that_the_settings_changed(
    grown: Deployment, hook: SageMakerPcaHook
) -> None:
    grown.config_name = like(grown.aws, new_config(grown.aws), InitialInstanceCount=2)
    rolled_back(grown, hook)
    assert count(grown.aws, grown.endpoint_name) == 1
