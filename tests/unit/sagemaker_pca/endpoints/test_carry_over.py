"""What others set on an endpoint outlives its next deployment, or is named before anything costs money."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_pca.endpoints.carry_over import (
    CARRIED_MEMBERS,
    CARRIED_VARIANT_MEMBERS,
    INSTANCE_TYPE_MEMBERS,
    OWN_MEMBERS,
    OWN_VARIANT_MEMBERS,
    PROPERTIES,
    REFUSED_MEMBERS,
    REFUSED_VARIANT_MEMBERS,
    retained_properties,
    with_carried_members,
)
from sagemaker_pca.exceptions import InputError
from sagemaker_pca.hooks.service_shapes import document_problems, service_model
from sagemaker_pca.run import service_requests
from sagemaker_pca.run.attempts import fingerprint
from tests.run_plans import plan_of

REQUEST = service_requests.endpoint_config(plan_of(), "new-model")
VARIANT = REQUEST["ProductionVariants"][0]
CAPTURE = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 20,
    "DestinationS3Uri": "s3://bucket/captured",
    "CaptureOptions": [{"CaptureMode": "Input"}],
}
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SET_BY_OTHERS: dict[str, Any] = {
    "DataCaptureConfig": CAPTURE,
    "KmsKeyId": KEY,
    "MetricsConfig": {"EnableEnhancedMetrics": True},
}
VARIANT_SET_BY_OTHERS: dict[str, Any] = {
    "ContainerStartupHealthCheckTimeoutInSeconds": 600,
    "ModelDataDownloadTimeoutInSeconds": 900,
    "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
    "VolumeSizeInGB": 64,
}


def serving(variant: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    """Description of a configuration in service."""
    variants = [{**VARIANT, "ModelName": "old-model", **(variant or {})}]
    return {
        "EndpointConfigName": "old",
        "EndpointConfigArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint-config/old",
        "CreationTime": "2024-01-02T03:04:05+00:00",
        "EnableNetworkIsolation": False,
        "ProductionVariants": variants,
        **members,
    }


def test_every_member_of_the_service_model_is_the_settings_carried_or_refused() -> None:
    config = service_model().operation_model("CreateEndpointConfig").input_shape.members
    variant = service_model().shape_for("ProductionVariant").members
    assert sorted(config) == sorted([*OWN_MEMBERS, *CARRIED_MEMBERS, *REFUSED_MEMBERS])
    assert sorted(variant) == sorted(
        [*OWN_VARIANT_MEMBERS, *CARRIED_VARIANT_MEMBERS, *INSTANCE_TYPE_MEMBERS, *REFUSED_VARIANT_MEMBERS]
    )


def test_what_is_carried_is_described_under_the_name_under_which_it_is_asked_for() -> None:
    described = service_model().operation_model("DescribeEndpointConfig").output_shape.members
    assert described.keys() >= CARRIED_MEMBERS | REFUSED_MEMBERS
    assert set(PROPERTIES.values()) < set(service_model().shape_for("VariantPropertyType").enum)


@pytest.mark.parametrize("before", [None, serving(), serving({"EnableSSMAccess": False}, DataCaptureConfig={})])
def test_where_nobody_set_anything_the_request_stays_as_it_is(before: dict[str, Any] | None) -> None:
    assert with_carried_members(REQUEST, before, "e") == REQUEST


def test_what_others_set_is_carried_over_and_the_settings_decide_the_rest() -> None:
    before = serving({**VARIANT_SET_BY_OTHERS, "InitialInstanceCount": 7}, **SET_BY_OTHERS)
    carried = with_carried_members(REQUEST, before, "e")
    assert carried == {
        **REQUEST,
        **SET_BY_OTHERS,
        "ProductionVariants": [{**VARIANT, **VARIANT_SET_BY_OTHERS}],
    }
    assert document_problems("CreateEndpointConfigInput", carried, "request") == []


members = st.dictionaries(st.sampled_from(sorted(SET_BY_OTHERS)), st.just(1)).map(
    lambda chosen: {name: SET_BY_OTHERS[name] for name in chosen}
)
variant_members = st.dictionaries(st.sampled_from(sorted(VARIANT_SET_BY_OTHERS)), st.just(1)).map(
    lambda chosen: {name: VARIANT_SET_BY_OTHERS[name] for name in chosen}
)


@given(members, variant_members)
def test_a_later_try_that_finds_its_own_configuration_in_service_makes_the_same_request(
    given_members: dict[str, Any], given_variant: dict[str, Any]
) -> None:
    first = with_carried_members(REQUEST, serving(given_variant, **given_members), "e")
    again = with_carried_members(REQUEST, {**first, "CreationTime": "now"}, "e")
    assert fingerprint(again) == fingerprint(first)


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (serving(AsyncInferenceConfig={"OutputConfig": {}}), "AsyncInferenceConfig={'OutputConfig': {}} no deployment"),
        (serving(ShadowProductionVariants=[VARIANT]), "whose ShadowProductionVariants="),
        (serving(EnableNetworkIsolation=True), "whose EnableNetworkIsolation=True no deployment of this pipeline"),
        (serving({"VariantName": "v1"}), "whose VariantName=v1 clients may name; it would be AllTraffic."),
        (
            serving({"InstanceType": "ml.g5.xlarge", "VolumeSizeInGB": 64}),
            "VolumeSizeInGB=64 was chosen for InstanceType=ml.g5.xlarge and may not suit serving_instance_type=ml.",
        ),
        (
            serving(ProductionVariants=[VARIANT, {**VARIANT, "VariantName": "canary"}]),
            "whose ProductionVariants are AllTraffic, canary: this pipeline deploys one.",
        ),
    ],
)
def test_what_cannot_be_carried_is_refused_with_member_value_and_cure(before: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as error:
        with_carried_members(REQUEST, before, "pca-endpoint")
    failure = error.value.failure
    assert failure.reason.startswith("endpoint pca-endpoint serves configuration old, ")
    assert words in failure.reason
    assert failure.hint.startswith("Choose another endpoint_name, or first update the endpoint to a configuration with")


SERVERLESS = service_requests.endpoint_config(plan_of(serving="serverless"), "new-model")


def serverless(**config: int) -> dict[str, Any]:
    """Description of a serverless configuration in service."""
    size = {"MemorySizeInMB": 2048, "MaxConcurrency": 5, **config}
    variant = {name: VARIANT[name] for name in ("VariantName", "ModelName", "InitialVariantWeight")}
    return serving(ProductionVariants=[{**variant, "ServerlessConfig": size}])


@pytest.mark.parametrize(
    ("request_", "before", "reason", "way"),
    [
        (
            REQUEST,
            serverless(),
            "is of serving=serverless: SageMaker makes no endpoint of serving=i",
            "serverless",
        ),
        (
            SERVERLESS,
            serving(),
            "is of serving=instance: SageMaker makes no endpoint of serving=s",
            "instance",
        ),
    ],
    ids=["to instances", "to serverless"],
)
def test_an_endpoint_stays_of_its_kind(request_: dict[str, Any], before: dict[str, Any], reason: str, way: str) -> None:
    with pytest.raises(InputError) as error:
        with_carried_members(request_, before, "e")
    assert reason in error.value.failure.reason
    assert error.value.failure.hint == f"Choose another endpoint_name, or set serving={way}."


def test_containers_that_somebody_keeps_warm_stay_warm() -> None:
    carried = with_carried_members(SERVERLESS, serverless(ProvisionedConcurrency=5), "e")
    (variant,) = carried["ProductionVariants"]
    assert variant["ServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 5, "ProvisionedConcurrency": 5}
    assert with_carried_members(SERVERLESS, serverless(), "e") == SERVERLESS
    with pytest.raises(
        InputError, match=r"ProvisionedConcurrency=6 is more than serverless_max_concurrency=5"
    ) as error:
        with_carried_members(SERVERLESS, serverless(MaxConcurrency=9, ProvisionedConcurrency=6), "e")
    assert error.value.failure.hint == "Choose another endpoint_name, or raise serverless_max_concurrency."


def test_an_update_of_a_serverless_endpoint_has_no_counts_to_retain() -> None:
    assert retained_properties(serverless(), SERVERLESS) == {}


def test_a_value_without_end_is_cut_in_a_refusal() -> None:
    with pytest.raises(InputError) as error:
        with_carried_members(REQUEST, serving(ExplainerConfig={"x": "y" * 10_000}), "e")
    assert len(error.value.failure.reason) < 400


def variants(**counts_and_weights: tuple[int, float]) -> dict[str, Any]:
    return {
        "ProductionVariants": [
            {"VariantName": name, "InitialInstanceCount": count, "InitialVariantWeight": weight}
            for name, (count, weight) in counts_and_weights.items()
        ]
    }


COUNT, WEIGHT = {"VariantPropertyType": "DesiredInstanceCount"}, {"VariantPropertyType": "DesiredWeight"}
RETAIN = {"RetainAllVariantProperties": True}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (variants(a=(1, 1)), variants(a=(1, 1)), RETAIN),
        (variants(a=(1, 1)), variants(a=(2, 1)), {**RETAIN, "ExcludeRetainedVariantProperties": [COUNT]}),
        (variants(a=(1, 1)), variants(a=(1, 2)), {**RETAIN, "ExcludeRetainedVariantProperties": [WEIGHT]}),
        (variants(a=(2, 2)), variants(a=(1, 1)), {**RETAIN, "ExcludeRetainedVariantProperties": [COUNT, WEIGHT]}),
        (variants(a=(1, 1), b=(1, 1)), variants(b=(1, 1), a=(1, 1)), RETAIN),
        (variants(a=(1, 1)), variants(b=(1, 1)), {}),
        (variants(a=(1, 1)), variants(a=(1, 1), b=(1, 1)), {}),
        ({"ProductionVariants": [{"VariantName": "a", "DesiredInstanceCount": 10}]}, variants(a=(1, 1)), RETAIN),
        ({}, variants(a=(1, 1)), {}),
        (variants(a=(1, 1)), {}, {}),
    ],
    ids=[
        "same",
        "count changed",
        "weight changed",
        "both changed",
        "in another order",
        "other name",
        "one more",
        "configuration deleted",
        "endpoint without variants",
        "next not visible yet",
    ],
)
def test_counts_and_weights_are_retained_unless_the_configurations_differ_in_them(
    before: dict[str, Any], after: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert retained_properties(before, after) == expected
    request = {"EndpointName": "e", "EndpointConfigName": "c", **expected}
    assert document_problems("UpdateEndpointInput", request, "request") == []
