"""Of which model a batch transform is, by the records and the model card that the pipeline left."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sagemaker_pca.endpoints.records import Promotion
from sagemaker_pca.exceptions import InputError, SettingError
from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.resource_kinds import MODEL
from sagemaker_pca.run.locations import RunFiles
from sagemaker_pca.settings.transform import TransformConfig
from sagemaker_pca.steps.choose_model import find_card_uri, find_model_name
from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws, artifact_bytes, unique_name

pytestmark = pytest.mark.e2e


def new_model(aws: EmbeddedAws) -> str:
    artifact = artifact_bytes(np.zeros(2), np.eye(2), np.ones(2))
    return aws.create_model(aws.put(f"{unique_name('m')}/model.tar.gz", artifact))


def chosen(aws: EmbeddedAws, hook: SageMakerPcaHook, **settings: Any) -> str:
    return find_model_name(hook, TransformConfig(**settings), aws.bucket)


def test_the_model_in_service_the_promoted_and_the_named_one_are_told_apart(
    aws: EmbeddedAws, hook: SageMakerPcaHook
) -> None:
    in_service, promoted, named = (new_model(aws) for _ in range(3))
    name = aws.create_endpoint(aws.create_endpoint_config(in_service))
    aws.wait_for_endpoint(name)
    promotion = Promotion(
        run_name="run-1", fingerprint="f", endpoint_name=name, endpoint_config_name="c", model_name=promoted
    )
    hook.write_document(RunFiles(aws.bucket, "", name).promoted_uri, promotion)
    assert chosen(aws, hook, endpoint_name=name) == in_service
    assert chosen(aws, hook, endpoint_name=name, model="promoted") == promoted
    assert chosen(aws, hook, endpoint_name=name, model="named", model_name=named) == named


@pytest.mark.parametrize(
    ("settings", "refusal"),
    [
        ({}, r"Endpoint .* is not in service\. Deploy it"),
        ({"model": "promoted"}, r"Nothing was promoted to endpoint .* yet\. Let its pipeline run first\."),
        ({"model": "named"}, "model=named needs model_name"),
    ],
    ids=["in service", "promoted", "named"],
)
def test_a_model_that_is_not_there_is_refused_with_what_to_do(
    aws: EmbeddedAws, hook: SageMakerPcaHook, settings: dict[str, Any], refusal: str
) -> None:
    with pytest.raises(SettingError, match=refusal):
        chosen(aws, hook, endpoint_name=unique_name("endpoint"), **settings)


def test_a_model_without_a_card_is_refused(aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
    model = hook.find(MODEL, new_model(aws))
    assert model is not None
    with pytest.raises(InputError, match=rf"model {model['ModelName']} left no model card in {aws.bucket}, so its col"):
        find_card_uri(hook, model, aws.bucket)
