"""What an update leaves as others set it: the next configuration's members, the endpoint's weights and counts. Pure.

Members: botocore's service model (`CreateEndpointConfig`, `ProductionVariant`, `VariantProperty`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sagemaker_pca.exceptions import InputError

# What the settings decide, and what says of which configuration a description is.
OWN_MEMBERS = frozenset({"EndpointConfigName", "ProductionVariants", "Tags"})
OWN_VARIANT_MEMBERS = frozenset(
    {"VariantName", "ModelName", "InstanceType", "InitialInstanceCount", "InitialVariantWeight", "ServerlessConfig"}
)
CARRIED_MEMBERS = frozenset({"DataCaptureConfig", "KmsKeyId", "MetricsConfig", "CrossRegionTrafficConfig"})
CARRIED_VARIANT_MEMBERS = frozenset(
    {
        "ContainerStartupHealthCheckTimeoutInSeconds",
        "CoreDumpConfig",
        "EnableSSMAccess",
        "ModelDataDownloadTimeoutInSeconds",
        "RoutingConfig",
        "VariantInstanceProvisionTimeoutInSeconds",
    }
)
# Chosen for instances of one type: carried while the type stays.
INSTANCE_TYPE_MEMBERS = frozenset({"CapacityReservationConfig", "InferenceAmiVersion", "VolumeSizeInGB"})
# Other ways of serving than one model that answers at once, on instances of one type or on none; roles and networks
# of inference components: a smoke test would not see them work, and leaving them out would end what others rely on.
REFUSED_MEMBERS = frozenset(
    {
        "AsyncInferenceConfig",
        "EnableNetworkIsolation",
        "ExecutionRoleArn",
        "ExplainerConfig",
        "ShadowProductionVariants",
        "VpcConfig",
    }
)
REFUSED_VARIANT_MEMBERS = frozenset(
    {
        "AcceleratorPartitionLayouts",
        "AcceleratorType",
        "InstancePools",
        "ManagedInstanceScaling",
    }
)
# Properties that an update can retain, by the member of a configuration's variant that they begin with.
# DataCaptureConfig is a property that the service does not retain yet: the next configuration carries it.
PROPERTIES = {"InitialInstanceCount": "DesiredInstanceCount", "InitialVariantWeight": "DesiredWeight"}
SHOWN_CHARACTERS = 200


def with_carried_members(
    request: Mapping[str, Any], serving: Mapping[str, Any] | None, endpoint_name: str
) -> dict[str, Any]:
    """The request of the next configuration with what others set in the one in service.

    The same again when the configuration in service is the one that such a request made.

    :param request: of `CreateEndpointConfig`, with one variant
    :param serving: description of the configuration in service; None where there is none, or it was deleted

    Raises:
        InputError: naming a member that cannot be carried over, its value, and what to do.
    """
    if serving is None:
        return dict(request)
    (variant,) = request["ProductionVariants"]
    if obstacle := next(_obstacles(variant, serving), None):
        name, (reason, other_way) = serving["EndpointConfigName"], obstacle
        raise InputError(
            f"endpoint {endpoint_name} serves configuration {name}, {reason}",
            hint=f"Choose another endpoint_name, or {other_way}.",
        )
    (before,) = serving["ProductionVariants"]
    carried = _given(before, CARRIED_VARIANT_MEMBERS | INSTANCE_TYPE_MEMBERS)
    if provisioned := _provisioned(before):
        carried["ServerlessConfig"] = {**variant["ServerlessConfig"], "ProvisionedConcurrency": provisioned}
    return {**request, **_given(serving, CARRIED_MEMBERS), "ProductionVariants": [{**variant, **carried}]}


def _obstacles(variant: Mapping[str, Any], serving: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Why the next configuration cannot keep what this one has, and what to do instead: ends of sentences."""
    first = "first update the endpoint to a configuration"
    for member, value in _given(serving, REFUSED_MEMBERS).items():
        yield f"whose {member}={_shown(value)} no deployment of this pipeline can keep.", f"{first} without {member}"
    only = f"{first} with {variant['VariantName']} as its only variant"
    before, *others = serving["ProductionVariants"]
    if others:
        names = ", ".join(found["VariantName"] for found in serving["ProductionVariants"])
        yield f"whose ProductionVariants are {names}: this pipeline deploys one.", only
        return
    if before["VariantName"] != variant["VariantName"]:
        yield f"whose VariantName={before['VariantName']} clients may name; it would be {variant['VariantName']}.", only
    for member, value in _given(before, REFUSED_VARIANT_MEMBERS).items():
        yield (
            f"whose variant's {member}={_shown(value)} no deployment of this pipeline can keep.",
            f"{first} without {member}",
        )
    kind, asked = _kind(before), _kind(variant)
    if kind != asked:
        yield (
            f"which is of serving={kind}: SageMaker makes no endpoint of serving={asked} of it.",
            f"set serving={kind}",
        )
        return
    largest = variant.get("ServerlessConfig", {}).get("MaxConcurrency", 0)
    if (provisioned := _provisioned(before)) > largest:
        yield (
            f"whose ProvisionedConcurrency={provisioned} is more than serverless_max_concurrency={largest}.",
            "raise serverless_max_concurrency",
        )
    if before.get("InstanceType") != variant.get("InstanceType"):
        for member, value in _given(before, INSTANCE_TYPE_MEMBERS).items():
            yield (
                f"whose variant's {member}={_shown(value)} was chosen for InstanceType={before.get('InstanceType')} "
                f"and may not suit serving_instance_type={variant['InstanceType']}.",
                f"{first} without {member}",
            )


def _kind(variant: Mapping[str, Any]) -> str:
    return "serverless" if variant.get("ServerlessConfig") else "instance"


def _provisioned(variant: Mapping[str, Any]) -> int:
    """Containers of a serverless variant that somebody keeps warm; no setting of ours does."""
    return int((variant.get("ServerlessConfig") or {}).get("ProvisionedConcurrency") or 0)


def _given(members: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    """The named members that say something, in order; descriptions also hold empty and false ones that nobody set."""
    return {name: members[name] for name in sorted(names) if members.get(name)}


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def retained_properties(serving: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Members of `UpdateEndpoint` that leave instance counts and weights as autoscaling or a person set them.

    A count or weight that the two configurations differ in was changed on purpose, and is not retained.

    :param serving: description of the configuration in service, or of the endpoint where that one was deleted: it says
        the variants' names, and nothing that anybody changed
    :param wanted: description of the configuration asked for
    """
    before, after = _variants(serving), _variants(wanted)
    # Nobody scales a serverless variant by instances, and it is the only one.
    if before.keys() != after.keys() or any("ServerlessConfig" in variant for variant in after.values()):
        return {}
    changed = [
        property_type
        for member, property_type in PROPERTIES.items()
        if any(member in old and old[member] != after[name].get(member) for name, old in before.items())
    ]
    excluded = [{"VariantPropertyType": property_type} for property_type in changed]
    return {"RetainAllVariantProperties": True} | ({"ExcludeRetainedVariantProperties": excluded} if excluded else {})


def _variants(description: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Variants by name; an endpoint that never came into being has none."""
    return {variant["VariantName"]: variant for variant in description.get("ProductionVariants", ())}
