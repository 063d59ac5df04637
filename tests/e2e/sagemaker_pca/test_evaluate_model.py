"""The model in service is what a new one is compared with."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sagemaker_pca.exceptions import InputError
from sagemaker_pca.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.steps.evaluate_model import find_served_model
from tests.e2e.sagemaker_local.embedded_aws import PCA, ROLE, EmbeddedAws, artifact_bytes, unique_name
from tests.e2e.sagemaker_pca.conftest import PlanFault
from tests.e2e.sagemaker_pca.test_deploy_endpoint import new_config

pytestmark = pytest.mark.e2e

COMPONENTS = np.array([[0.0, 1.0], [1.0, 0.0]])


def run_for(aws: EmbeddedAws, hook: SageMakerPcaHook, endpoint_name: str) -> Any:
    """What the step looks at of a run."""
    plan = SimpleNamespace(bucket=aws.bucket, config=SimpleNamespace(endpoint_name=endpoint_name))
    return SimpleNamespace(hook=hook, plan=plan)


def test_on_a_first_run_nothing_is_in_service(aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
    assert find_served_model(run_for(aws, hook, unique_name("endpoint"))) is None


def test_a_failed_endpoint_serves_nothing(aws: EmbeddedAws, hook: SageMakerPcaHook, plan_fault: PlanFault) -> None:
    plan_fault(fault="fail_endpoint")
    name = aws.create_endpoint(new_config(aws))
    assert aws.wait_for_endpoint(name)["EndpointStatus"] == "Failed"
    assert find_served_model(run_for(aws, hook, name)) is None


def test_the_artifact_behind_the_endpoint_is_read(aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
    name = aws.serve(artifact_bytes(np.array([1.0, 2.0]), COMPONENTS, np.ones(2)))
    served = find_served_model(run_for(aws, hook, name))
    assert served is not None
    np.testing.assert_array_equal(served.model.components, COMPONENTS)
    np.testing.assert_array_equal(served.model.mean, [1.0, 2.0])
    assert served.columns is None, "nobody left a model card"


def test_an_endpoint_of_somebody_else_is_refused_with_the_cure(aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
    artifact_uri = aws.put("m/model.tar.gz", artifact_bytes(np.zeros(2), COMPONENTS, np.ones(2)))
    model_name = unique_name("model")
    container = {"Image": PCA, "ModelDataUrl": artifact_uri}
    aws.sagemaker.create_model(ModelName=model_name, ExecutionRoleArn=ROLE, Containers=[container])
    name = aws.create_endpoint(aws.create_endpoint_config(model_name))
    aws.wait_for_endpoint(name)
    with pytest.raises(InputError, match=rf"endpoint {name} serves .* Choose another endpoint_name\."):
        find_served_model(run_for(aws, hook, name))
