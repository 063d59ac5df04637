"""The sagemaker SDK 3.x, used as its documentation tells an ordinary user to."""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from sagemaker_local.pca_algorithm.recordio import encode_features
from tests.e2e.sagemaker_local.embedded_aws import PCA, ROLE, SCIKIT_LEARN, EmbeddedAws, unique_name

pytestmark = pytest.mark.e2e

ROWS = (np.random.default_rng(5).normal(size=(200, 4)) * [8.0, 4.0, 2.0, 1.0]).astype(np.float32)


@pytest.fixture
def sdk(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedAws]:
    """The SDK's own default session, pointed to the embedded service by the environment alone."""
    settings = {
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    from sagemaker.core.utils.utils import SageMakerClient

    SageMakerClient.reset()
    yield aws
    SageMakerClient.reset()


def test_sdk_trains_deploys_and_predicts_with_its_own_serializers(sdk: EmbeddedAws) -> None:
    from sagemaker.core import shapes
    from sagemaker.core.resources import Endpoint, EndpointConfig, Model, TrainingJob
    from sagemaker.core.serializers import CSVSerializer, JSONLinesSerializer, JSONSerializer

    # The SDK 3.x kept the name of its RecordSerializer, but not the code behind it.
    source = shapes.S3DataSource(s3_data_type="S3Prefix", s3_uri=sdk.put("rows.pbr", encode_features(ROWS)))
    job = TrainingJob.create(
        training_job_name=unique_name("sdk"),
        role_arn=ROLE,
        algorithm_specification=shapes.AlgorithmSpecification(training_image=PCA, training_input_mode="Pipe"),
        hyper_parameters={"feature_dim": "4", "num_components": "2", "mini_batch_size": "50"},
        input_data_config=[shapes.Channel(channel_name="train", data_source=shapes.DataSource(s3_data_source=source))],
        output_data_config=shapes.OutputDataConfig(s3_output_path=f"s3://{sdk.bucket}/models"),
        resource_config=shapes.ResourceConfig(instance_count=1, instance_type="ml.m5.large", volume_size_in_gb=10),
        stopping_condition=shapes.StoppingCondition(max_runtime_in_seconds=600),
    )
    job.wait(poll=1, logs=True)
    assert job.training_job_status == "Completed"

    name = unique_name("sdk")
    container = shapes.ContainerDefinition(image=PCA, model_data_url=job.model_artifacts.s3_model_artifacts)
    Model.create(model_name=name, primary_container=container, execution_role_arn=ROLE)
    variant = shapes.ProductionVariant(
        variant_name="v1", model_name=name, instance_type="ml.m5.large", initial_instance_count=1
    )
    EndpointConfig.create(endpoint_config_name=name, production_variants=[variant])
    endpoint = Endpoint.create(endpoint_name=name, endpoint_config_name=name)
    endpoint.wait_for_status("InService", poll=1)

    expected = project(ROWS[:3])
    instances = [{"features": row.tolist()} for row in ROWS[:3]]
    bodies: list[tuple[Any, Any]] = [
        (CSVSerializer(), ROWS[:3]),
        (JSONSerializer(), {"instances": instances}),
        (JSONLinesSerializer(), instances),
    ]
    for serializer, body in bodies:
        found = predict(endpoint, serializer.serialize(body), serializer.CONTENT_TYPE)
        np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-3, err_msg=type(serializer).__name__)
    assert len(predict(endpoint, CSVSerializer().serialize(np.array([1, 2, 3, 4])), "text/csv")) == 1
    endpoint.delete()


def test_sdk_runs_a_script_processor(sdk: EmbeddedAws, tmp_path: Any) -> None:
    from sagemaker.core import shapes
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.core.processing import ScriptProcessor

    script = tmp_path / "double.py"
    script.write_text("open('/opt/ml/processing/out/x', 'w').write(open('/opt/ml/processing/in/x').read() * 2)")
    sdk.put("sdk-in/x", "ab")
    processor = ScriptProcessor(
        image_uri=SCIKIT_LEARN,
        command=["python3"],
        role=ROLE,
        instance_count=1,
        instance_type="ml.m5.large",
        sagemaker_session=Session(default_bucket=sdk.bucket),
    )
    s3_input = shapes.ProcessingS3Input(
        s3_uri=f"s3://{sdk.bucket}/sdk-in/",
        local_path="/opt/ml/processing/in",
        s3_data_type="S3Prefix",
        s3_input_mode="File",
    )
    s3_output = shapes.ProcessingS3Output(
        s3_uri=f"s3://{sdk.bucket}/sdk-out", local_path="/opt/ml/processing/out", s3_upload_mode="EndOfJob"
    )
    processor.run(
        code=str(script),
        inputs=[shapes.ProcessingInput(input_name="in", s3_input=s3_input)],
        outputs=[shapes.ProcessingOutput(output_name="out", s3_output=s3_output)],
        logs=False,
    )
    assert sdk.get(f"s3://{sdk.bucket}/sdk-out/x") == b"abab"


def project(rows: Any) -> Any:
    exact = ROWS.astype(np.float64)
    directions = np.linalg.svd(exact - exact.mean(axis=0))[2]
    return (rows - exact.mean(axis=0)) @ directions[1::-1].T


def predict(endpoint: Any, body: Any, content_type: str) -> list[list[float]]:
    from sagemaker.core.deserializers import JSONDeserializer

    answer = endpoint.invoke(body=body, content_type=content_type)
    decoded = JSONDeserializer().deserialize(io.BytesIO(answer.body.read()), "application/json")
    return [item["projection"] for item in decoded["projections"]]
