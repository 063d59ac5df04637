"""Weights and instance counts of an endpoint's variants: as configured, retained by an update, or changed by hand."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sagemaker_local.exceptions import UnsupportedError, ValidationError, refuse_members
from sagemaker_local.resources import Resource, now
from sagemaker_local.serverless import check_serverless, is_serverless

_UNSUPPORTED = ("ManagedInstanceScaling", "RoutingConfig", "CapacityReservationConfig")


def complete_variant(variant: dict[str, Any], config: Mapping[str, Any]) -> None:
    """Give a variant of a configuration its defaults; raises for what it may not have or cannot be carried out."""
    refuse_members(variant, *_UNSUPPORTED)
    if "ModelName" not in variant:
        raise UnsupportedError(
            "sagemaker_local does not carry out inference components: give each variant a ModelName."
        )
    if "ServerlessConfig" in variant:
        check_serverless(variant, config)
    elif "InstanceType" not in variant or "InitialInstanceCount" not in variant:
        raise ValidationError(
            f"One or more of InstanceType, InitialInstanceCount are missing for variant {variant['VariantName']}. "
            "Both are required for a variant with a model."
        )
    variant.setdefault("InitialVariantWeight", 1.0)


def require_traffic(weights: Iterable[float]) -> None:
    """Raise ValidationError where no variant would get any traffic."""
    if sum(weights) <= 0:
        raise ValidationError("At least one production variant must have a weight greater than 0.")


def variant_summaries(
    variants: list[dict[str, Any]], containers: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return DescribeEndpoint's ProductionVariants for the variants of a configuration."""
    return [
        {
            "VariantName": variant["VariantName"],
            "DeployedImages": [
                {
                    "SpecifiedImage": containers[variant["VariantName"]]["Image"],
                    "ResolvedImage": containers[variant["VariantName"]]["Image"],
                    "ResolutionTime": now(),
                }
            ],
            "CurrentWeight": variant["InitialVariantWeight"],
            "DesiredWeight": variant["InitialVariantWeight"],
            **_capacity(variant),
        }
        for variant in variants
    ]


def _capacity(variant: Mapping[str, Any]) -> dict[str, Any]:
    # That a serverless variant counts 0 instances was seen in answers of the service; it is not documented.
    count = variant.get("InitialInstanceCount", 0)
    found: dict[str, Any] = {"CurrentInstanceCount": count, "DesiredInstanceCount": count}
    if "ServerlessConfig" in variant:
        found |= {f"{which}ServerlessConfig": dict(variant["ServerlessConfig"]) for which in ("Current", "Desired")}
    return found


def retain_variant_properties(
    variants: list[dict[str, Any]], endpoint: Resource, excluded: Sequence[Mapping[str, str]]
) -> None:
    """Carry the endpoint's current weights and instance counts over to variants of the same name."""
    excluded_types = {item["VariantPropertyType"] for item in excluded}
    current = {item["VariantName"]: item for item in endpoint.description["ProductionVariants"]}
    for variant in variants:
        before = current.get(variant["VariantName"], variant)
        if "DesiredWeight" not in excluded_types:
            variant["CurrentWeight"] = variant["DesiredWeight"] = before["DesiredWeight"]
        if "DesiredInstanceCount" not in excluded_types:
            variant["CurrentInstanceCount"] = variant["DesiredInstanceCount"] = before["DesiredInstanceCount"]


def reweighted_variants(endpoint: Resource, changes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the endpoint's variants with the desired weights and counts; raises for unknown or repeated names."""
    variants: list[dict[str, Any]] = endpoint.describe()["ProductionVariants"]
    by_name = {variant["VariantName"]: variant for variant in variants}
    seen: set[str] = set()
    for change in changes:
        name = change["VariantName"]
        if name in seen:
            raise ValidationError(f'The variant name "{name}" was non-unique within the request.')
        if name not in by_name:
            raise ValidationError(
                f'The variant name(s) "{name}" is/are not present within endpoint configuration '
                f'"{endpoint.description["EndpointConfigName"]}".'
            )
        seen.add(name)
        refuse_members(change, "ServerlessUpdateConfig")
        if "DesiredInstanceCount" in change and is_serverless(by_name[name]):
            raise ValidationError(f'The serverless variant "{name}" has no instances.')
        for member, given in (("Weight", "DesiredWeight"), ("InstanceCount", "DesiredInstanceCount")):
            if given in change:
                by_name[name][f"Current{member}"] = by_name[name][f"Desired{member}"] = change[given]
    require_traffic(variant["DesiredWeight"] for variant in variants)
    return variants
