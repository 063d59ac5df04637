"""The setting `roll_back_alarms`, from the run's plan to the service that takes the update back."""

import pytest

from sagemaker_pca.exceptions import DeploymentError
from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.run import service_requests
from tests.cloudwatch_alarms import put_alarm
from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws, unique_name
from tests.e2e.sagemaker_pca.operators.test_deploy import Deployment, in_service, serving
from tests.e2e.sagemaker_pca.operators.test_roll_back import restore
from tests.run_plans import plan_of

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("deferrable", [True, False], ids=["in the triggerer", "in the worker"])
def test_an_update_that_an_alarm_takes_back_fails_in_the_services_words_and_leaves_what_served_before(
    aws: EmbeddedAws, hook: SageMakerPcaHook, deferrable: bool
) -> None:
    deployment, alarm = Deployment(aws, in_service(aws)), unique_name("alarm")
    put_alarm(aws.client("cloudwatch"), alarm, "ALARM")
    before = serving(aws, deployment.endpoint_name)
    plan = plan_of(endpoint_name=deployment.endpoint_name, roll_back_alarms=[alarm])
    request = service_requests.endpoint(plan, deployment.config_name)
    deployment.deploy(DeploymentConfig=request["DeploymentConfig"])
    with pytest.raises(DeploymentError) as error:
        deployment.wait(deferrable=deferrable)
    assert error.value.failure.reason == (
        f"endpoint {deployment.endpoint_name} is InService with {before}, not with {deployment.config_name}: "
        f"the service rolled the update back: The following CloudWatch alarms are in ALARM state: {alarm}"
    )
    restore(hook, aws, deployment.record())
    assert serving(aws, deployment.endpoint_name) == before
    assert aws.wait_for_endpoint(deployment.endpoint_name)["EndpointStatus"] == "InService"
