"""The model in service is what a new one is compared with."""

import io
import json
import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError

from sagemaker_pca.exceptions import GateRefusedError, InputError
from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.model.card import ModelCard
from sagemaker_pca.run import tasks
from sagemaker_pca.run.locations import RunFiles
from sagemaker_pca.steps.evaluate_model import evaluate_model
from sagemaker_pca.steps.pipeline_run import PipelineRun
from sagemaker_pca.steps.served_model import find_served_model
from tests.e2e.sagemaker_local.embedded_aws import PCA, ROLE, EmbeddedAws, artifact_bytes, unique_name
from tests.e2e.sagemaker_pca.conftest import PlanFault
from tests.e2e.sagemaker_pca.operators.test_deploy import new_config
from tests.run_plans import plan_of
from tests.unit.sagemaker_pca.model.test_moments import document, scatter

pytestmark = pytest.mark.e2e

COMPONENTS = np.array([[0.0, 1.0], [1.0, 0.0]])


def run_for(aws: EmbeddedAws, hook: SageMakerPcaHook, endpoint_name: str) -> Any:
    """What the step looks at of a run."""
    files, config = RunFiles(aws.bucket, "run", endpoint_name), SimpleNamespace(endpoint_name=endpoint_name)
    plan = SimpleNamespace(bucket=aws.bucket, config=config, files=files)
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
    assert served.model is not None
    np.testing.assert_array_equal(served.model.components, COMPONENTS)
    np.testing.assert_array_equal(served.model.mean, [1.0, 2.0])
    assert served.columns is None, "nobody left a model card"


def delete(aws: EmbeddedAws, what: str) -> tuple[str, str]:
    """Serve a model and delete a part of it; the endpoint, and what is gone by kind and name."""
    key = f"{unique_name('served')}/model.tar.gz"
    config_name = new_config(aws, key)
    endpoint_name = aws.create_endpoint(config_name)
    assert aws.wait_for_endpoint(endpoint_name)["EndpointStatus"] == "InService"
    config = aws.sagemaker.describe_endpoint_config(EndpointConfigName=config_name)
    model_name = config["ProductionVariants"][0]["ModelName"]
    if what == "artifact":
        aws.s3.delete_object(Bucket=aws.bucket, Key=key)
        return endpoint_name, f"artifact s3://{aws.bucket}/{key}"
    if what == "model":
        aws.sagemaker.delete_model(ModelName=model_name)
        return endpoint_name, f"model {model_name}"
    aws.sagemaker.delete_endpoint_config(EndpointConfigName=config_name)
    return endpoint_name, f"endpoint configuration {config_name}"


class EvaluatedRun(PipelineRun):
    """A run that has trained a model of three columns for an endpoint."""

    def __init__(
        self, aws: EmbeddedAws, hook: SageMakerPcaHook, endpoint_name: str, widest: float = 4.0, **given: Any
    ) -> None:
        super().__init__({})
        settings: dict[str, Any] = {"num_components": 2, "min_rows": 10, "min_explained_variance": 0.1} | given
        plan = plan_of(
            run_name=unique_name("run"),
            endpoint_name=endpoint_name,
            bucket=aws.bucket,
            feature_columns=["Ch5", "Ch6", "Ch7"],
            **settings,
        )
        rows = np.random.default_rng(1).normal([1.0, -2.0, 3.0], [0.5, 2.0, widest], (100, 3))
        values, vectors = np.linalg.eigh(scatter(rows))
        artifact = artifact_bytes(rows.mean(axis=0), vectors[:, 1:], np.sqrt(values[1:]))
        moments_uri = aws.put(
            "stats/moments-algo-1.json", json.dumps(document(rows, null_count=[0, 0, 0], sample_rows=100))
        )
        kept = io.BytesIO()
        numbers = np.arange(1, 101)
        np.savez(
            kept,
            rows=rows,
            file_number=np.zeros(100, int),
            row=numbers,
            leading=rows[:50],
            leading_row=numbers[:50],
            leading_file_number=np.int64(0),
        )
        sample_uri = aws.put("stats/sample-algo-1.npz", kept.getvalue())
        self.__dict__ |= {"hook": hook, "plan": plan, "stats_uris": [moments_uri, sample_uri]}
        trained = {"ModelArtifacts": {"S3ModelArtifacts": aws.put("trained/model.tar.gz", artifact)}}
        self._results[tasks.WAIT_FOR_TRAINING, "return_value"] = trained


@pytest.mark.parametrize(
    ("smallest_share", "words", "default"),
    [
        (0.1, "Deploy the new model of ", "Approve"),
        (1.0, "Deploy, against the quality gate, the new model", "Reject"),
    ],
    ids=["recommended", "refused"],
)
def test_a_person_is_asked_about_a_refused_model_too_of_which_silence_approves_none(
    aws: EmbeddedAws, hook: SageMakerPcaHook, smallest_share: float, words: str, default: str
) -> None:
    asking: dict[str, Any] = {
        "deployment_approval": True,
        "approval_default": "approve",
        "min_explained_variance": smallest_share,
    }
    run = EvaluatedRun(aws, hook, unique_name("endpoint"), **asking)
    evaluate_model(run)
    question = run.deployment_question
    assert question is not None
    assert question["subject"].startswith(words)
    assert (question["default"], question["hours"]) == (default, 72)
    assert "Variance explained: " in question["body"]


def test_where_nobody_is_asked_a_refused_model_ends_the_run(aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
    run = EvaluatedRun(aws, hook, unique_name("endpoint"), min_explained_variance=1.0)
    with pytest.raises(GateRefusedError, match="min_explained_variance=1"):
        evaluate_model(run)
    assert run.deployment_question is None


DELETED = pytest.mark.parametrize("what", ["endpoint configuration", "model", "artifact"])


@DELETED
def test_what_somebody_deleted_of_a_served_model_is_told_and_blocks_no_new_one(
    aws: EmbeddedAws, hook: SageMakerPcaHook, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint_name, gone = delete(aws, what)
    run = EvaluatedRun(aws, hook, endpoint_name)
    assert evaluate_model(run)["served_artifact_uri"] == run.trained_artifact_uri
    card = hook.find_document(run.plan.files.model_card_uri, ModelCard)
    assert card is not None
    assert card.passed
    assert card.comparison is not None
    assert card.comparison.note == f"No comparison possible: {gone} is gone."
    assert card.checks[-1].message == card.comparison.note
    assert f"No comparison possible: {gone} is gone" in caplog.text


def test_a_column_that_outweighs_all_others_is_told_in_the_log_and_kept_for_the_report(
    aws: EmbeddedAws, hook: SageMakerPcaHook, caplog: pytest.LogCaptureFixture
) -> None:
    run = EvaluatedRun(aws, hook, unique_name("endpoint"), widest=400.0)
    evaluate_model(run)
    card = hook.find_document(run.plan.files.model_card_uri, ModelCard)
    assert card is not None
    (warning,) = card.warnings
    assert warning.message.startswith("Column Ch7 varies ")
    assert f"{warning.message} If that is not meant, set scaling=standardize." in caplog.text


@DELETED
@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "InternalFailure"])
def test_what_cannot_be_read_for_another_reason_is_not_taken_for_gone(
    aws: EmbeddedAws, hook: SageMakerPcaHook, monkeypatch: pytest.MonkeyPatch, what: str, code: str
) -> None:
    name = aws.serve(artifact_bytes(np.zeros(2), COMPONENTS, np.ones(2)))
    operation = {"endpoint configuration": "DescribeEndpointConfig", "model": "DescribeModel", "artifact": "GetObject"}

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": code, "Message": "Not now."}}, operation[what])

    client = hook.s3 if what == "artifact" else hook.conn
    monkeypatch.setattr(client, re.sub(r"(?<!^)(?=[A-Z])", "_", operation[what]).lower(), refuse)
    with pytest.raises(ClientError, match="Not now"):
        find_served_model(run_for(aws, hook, name))


def test_of_a_deleted_model_the_columns_are_known_by_the_run_that_made_its_configuration(
    aws: EmbeddedAws, hook: SageMakerPcaHook
) -> None:
    name, _ = delete(aws, "model")
    config_name = aws.sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]
    config = aws.sagemaker.describe_endpoint_config(EndpointConfigName=config_name)
    run = EvaluatedRun(aws, hook, name)
    evaluate_model(run)
    tags = [{"Key": "run-name", "Value": run.plan.run_name}]
    aws.sagemaker.add_tags(ResourceArn=config["EndpointConfigArn"], Tags=tags)
    served = find_served_model(run)
    assert served is not None
    assert (served.model, served.columns) == (None, ("Ch5", "Ch6", "Ch7"))


def test_the_card_of_another_release_still_names_the_columns(aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
    name = aws.serve(artifact_bytes(np.array([1.0, 2.0]), COMPONENTS, np.ones(2)))
    endpoint = aws.sagemaker.describe_endpoint(EndpointName=name)
    config = aws.sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    model = aws.sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    run_name = unique_name("run")
    aws.sagemaker.add_tags(ResourceArn=model["ModelArn"], Tags=[{"Key": "run-name", "Value": run_name}])
    projector = {"mean": [1, 2], "components": COMPONENTS.tolist()}
    card = {
        "settings": {"renamed_since": 7, "feature_columns": ["a", "b"]},
        "data": {"row_count": 9, "columns": [{"name": "a"}, {"name": "b"}]},
        "model": {
            "artifact_uri": "s3://gone/model.tar.gz",
            "singular_values": [1, 1],
            "explained_variance_ratio": [0.5, 0.5],
            "served": projector,
        },
        "fill_values": [0, 0],
        "passed": True,
        "reason": "",
        "checks": [],
        "comparison": None,
    }
    hook.write_json(RunFiles(aws.bucket, run_name, name).model_card_uri, card)
    served = find_served_model(run_for(aws, hook, name))
    assert served is not None
    assert served.columns == ("a", "b")


def test_an_endpoint_of_somebody_else_is_refused_with_the_cure(aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
    artifact_uri = aws.put("m/model.tar.gz", artifact_bytes(np.zeros(2), COMPONENTS, np.ones(2)))
    model_name = unique_name("model")
    container = {"Image": PCA, "ModelDataUrl": artifact_uri}
    aws.sagemaker.create_model(ModelName=model_name, ExecutionRoleArn=ROLE, Containers=[container])
    name = aws.create_endpoint(aws.create_endpoint_config(model_name))
    aws.wait_for_endpoint(name)
    with pytest.raises(InputError, match=rf"endpoint {name} serves .* Choose another endpoint_name\."):
        find_served_model(run_for(aws, hook, name))
