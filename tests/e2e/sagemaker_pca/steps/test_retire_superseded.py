"""Clean-up after verified deployments, against the embedded service."""

from __future__ import annotations

import uuid
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from quickstart.airflow_home import aws_connection
from sagemaker_pca.deployment_history import PastDeployment
from sagemaker_pca.pca_model import PcaModel
from sagemaker_pca.run_config import PcaRunConfig
from sagemaker_pca.run_files import RunFiles
from sagemaker_pca.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.steps.retire_superseded import retire_superseded
from tests.pipeline_process import BUCKET, IMAGES

ARTIFACT_URI = f"s3://{BUCKET}/retire-superseded/model.tar.gz"

pytestmark = pytest.mark.e2e


@pytest.fixture
def run(sagemaker_local_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the step reads of a run: hook, settings and files."""
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", aws_connection(sagemaker_local_url))
    hook = SageMakerPcaHook(aws_conn_id="aws_default")
    hook.s3.create_bucket(Bucket=BUCKET)
    artifact = PcaModel(mean=np.zeros(2), singular_values=np.ones(1), components=np.array([[1.0], [0.0]])).to_artifact()
    hook.write_bytes(ARTIFACT_URI, artifact)
    name = uuid.uuid4().hex[:8]
    plan = SimpleNamespace(config=PcaRunConfig(keep_superseded=1), files=RunFiles(BUCKET, name, f"endpoint-{name}"))
    return SimpleNamespace(hook=hook, plan=plan, name=name)


def create(run: Any, number: int) -> PastDeployment:
    name = f"{run.name}-{number}"
    run.hook.conn.create_model(
        ModelName=name,
        ExecutionRoleArn="arn:aws:iam::123456789012:role/serving",
        PrimaryContainer={"Image": IMAGES["training_image_uri"], "ModelDataUrl": ARTIFACT_URI},
    )
    variant = {"VariantName": "v", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    run.hook.conn.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    return PastDeployment(run_name=name, endpoint_config_name=name, model_name=name)


def left(run: Any) -> tuple[set[str], set[str]]:
    configs = run.hook.conn.list_endpoint_configs(NameContains=run.name, MaxResults=100)["EndpointConfigs"]
    models = run.hook.conn.list_models(NameContains=run.name, MaxResults=100)["Models"]
    return {item["EndpointConfigName"] for item in configs}, {item["ModelName"] for item in models}


def test_all_but_the_newest_and_the_kept_ones_go_with_their_models(run: Any) -> None:
    for number in range(4):
        retire_superseded(run, create(run, number), verified=True)

    expected = {f"{run.name}-2", f"{run.name}-3"}
    assert left(run) == (expected, expected)


def test_unverified_deployment_removes_nothing(run: Any) -> None:
    for number in range(4):
        retire_superseded(run, create(run, number), verified=False)

    assert len(left(run)[0]) == 4


def test_configuration_that_another_endpoint_serves_stays(run: Any) -> None:
    first = create(run, 0)
    run.hook.conn.create_endpoint(EndpointName=f"other-{run.name}", EndpointConfigName=first.endpoint_config_name)
    retire_superseded(run, first, verified=True)
    for number in range(1, 4):
        retire_superseded(run, create(run, number), verified=True)

    assert first.endpoint_config_name in left(run)[0]
    assert f"{run.name}-1" not in left(run)[0]


def test_what_somebody_deleted_already_is_no_error(run: Any) -> None:
    first = create(run, 0)
    retire_superseded(run, first, verified=True)
    run.hook.conn.delete_endpoint_config(EndpointConfigName=first.endpoint_config_name)
    for number in range(1, 4):
        retire_superseded(run, create(run, number), verified=True)

    assert first.model_name not in left(run)[1]
