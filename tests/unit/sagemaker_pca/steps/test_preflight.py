from typing import Any, get_args

import pytest

from sagemaker_pca.exceptions import SettingError
from sagemaker_pca.run.images import SKLEARN_VERSIONS
from sagemaker_pca.settings.layers import service_documents
from sagemaker_pca.settings.pipeline import PcaRunConfig, resolve
from sagemaker_pca.steps.pipeline_run import PipelineRun
from sagemaker_pca.steps.preflight import preflight, processing_image, refuse_malformed_documents

CANARY: dict[str, dict[str, Any]] = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {
            "Type": "CANARY",
            "WaitIntervalInSeconds": 300,
            "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1},
        },
        "TerminationWaitInSeconds": 600,
    },
    "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]},
}


class OfflineRun(PipelineRun):
    """A run that knows its params, and whose hook nobody may ask for."""

    @property
    def hook(self) -> Any:
        raise AssertionError("AWS was about to be asked")


@pytest.mark.parametrize(
    ("params", "refusal"),
    [
        (
            {"num_component": 2},
            r"num_component in params is no setting .* Did you mean num_components\?",
        ),
        ({"vpc_config": {"Subnets": ["subnet 1"]}}, r"vpc_config\.Subnets\[0\]='subnet 1' does not match"),
    ],
    ids=["unknown", "malformed"],
)
def test_a_run_whose_settings_cannot_work_is_refused_before_aws_is_asked_for_anything(
    monkeypatch: pytest.MonkeyPatch, params: dict[str, Any], refusal: str
) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_SAGEMAKER_PCA", "{}")
    context: Any = {"params": params}
    with pytest.raises(SettingError, match=refusal):
        preflight(OfflineRun(context), {})
    with pytest.raises(AssertionError, match="was about to be asked"):
        preflight(OfflineRun(context | {"params": {}}), {})


def test_every_setting_that_is_handed_on_is_held_against_the_services_shape() -> None:
    handed_on = {
        name
        for name, field in PcaRunConfig.model_fields.items()
        if any("dict" in str(kind) for kind in (field.annotation, *get_args(field.annotation)))
    }
    assert handed_on == service_documents(PcaRunConfig).keys()


@pytest.mark.parametrize("document", [None, {}, CANARY])
def test_what_the_service_takes_passes(document: dict[str, Any] | None) -> None:
    refuse_malformed_documents(*resolve({"deployment_config": document}, {}))


def test_a_refusal_names_setting_layer_place_value_and_what_is_allowed() -> None:
    policy = CANARY["BlueGreenUpdatePolicy"] | {"TerminationWaitInSeconds": 3601}
    variable = {"deployment_config": CANARY | {"BlueGreenUpdatePolicy": policy}}
    with pytest.raises(SettingError) as error:
        refuse_malformed_documents(*resolve({}, variable))
    assert str(error.value) == (
        "deployment_config (pipeline): deployment_config.BlueGreenUpdatePolicy.TerminationWaitInSeconds=3601 is not "
        "at least 0 and at most 3600. "
        "See https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeploymentConfig.html."
    )


def test_all_documents_are_named_at_once() -> None:
    vpc = {"Subnets": ["subnet 1"], "SecurityGroupIds": ["sg-1"] * 6}
    with pytest.raises(SettingError) as error:
        refuse_malformed_documents(*resolve({"deployment_config": {"Policy": {}}, "vpc_config": vpc}, {}))
    first, *others = str(error.value).splitlines()
    assert first.startswith("deployment_config (run): deployment_config.Policy is no member. Allowed: Blue")
    assert others[0] == "vpc_config (run): vpc_config.Subnets[0]='subnet 1' does not match [-0-9a-zA-Z]+."
    assert others[1].startswith(
        "vpc_config (run): The length of vpc_config.SecurityGroupIds, 6, is not at least 1 and at most 5."
    )
    assert "API_DeploymentConfig.html and https://" in others[-1]


@pytest.mark.parametrize("version", SKLEARN_VERSIONS)
def test_every_version_of_the_table_has_an_image_or_is_refused_for_its_python(version: str) -> None:
    if version in {"0.20.0", "0.23-1", "1.0-1"}:
        with pytest.raises(SettingError, match=f"sklearn_version={version} is an image whose Python is older than"):
            resolve({"sklearn_version": version}, {})
    else:
        config, _ = resolve({"sklearn_version": version}, {})
        assert processing_image(config, "us-east-1").endswith(f"/sagemaker-scikit-learn:{version}-cpu-py3")


def test_an_old_version_does_not_matter_beside_an_image_of_the_users_own() -> None:
    config, _ = resolve({"sklearn_version": "1.0-1", "processing_image_uri": "mine:1"}, {})
    assert config.processing_image_uri == "mine:1"


def test_a_vpc_needs_both_of_its_members() -> None:
    for missing in ("Subnets", "SecurityGroupIds"):
        vpc = {name: ["x-1"] for name in ("Subnets", "SecurityGroupIds") if name != missing}
        with pytest.raises(SettingError, match=missing):
            refuse_malformed_documents(*resolve({"vpc_config": vpc}, {}))
        with pytest.raises(SettingError, match=missing):
            refuse_malformed_documents(*resolve({"vpc_config": vpc | {missing: []}}, {}))
