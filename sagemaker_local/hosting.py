"""Models, endpoint configurations and endpoints: their descriptions, and an endpoint's way through its states."""

import logging
import shutil
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sagemaker_local import images
from sagemaker_local.archives import unpack
from sagemaker_local.exceptions import (
    JobFailedError,
    ResourceLimitExceededError,
    UnsupportedError,
    ValidationError,
    refuse_members,
)
from sagemaker_local.invocation_metrics import VariantMetrics, publish
from sagemaker_local.log_stream import LogStream
from sagemaker_local.object_store import ObjectStore, split_s3_uri
from sagemaker_local.pca_algorithm.serve import Predictor
from sagemaker_local.resources import Kind, Resource, as_given, now, pick, require_unique
from sagemaker_local.service import Service
from sagemaker_local.state_lock import STATE_LOCK

log = logging.getLogger(__name__)

_Outcome = Callable[[str], Mapping[str, Any]]

MODEL = Kind(
    noun="Model",
    arn_type="model",
    missing='Could not find model "{arn}".',
    duplicate='Cannot create already existing model "{arn}".',
)
ENDPOINT_CONFIG = Kind(
    noun="EndpointConfig",
    arn_type="endpoint-config",
    missing='Could not find endpoint configuration "{arn}".',
    duplicate='Cannot create already existing endpoint configuration "{arn}".',
)
ENDPOINT = Kind(
    noun="Endpoint",
    arn_type="endpoint",
    missing='Could not find endpoint "{arn}".',
    duplicate='Cannot create already existing endpoint "{arn}".',
)
_UNSUPPORTED_CONFIG = ("DataCaptureConfig", "AsyncInferenceConfig", "ExplainerConfig", "ShadowProductionVariants")
_UNSUPPORTED_VARIANT = ("ServerlessConfig", "ManagedInstanceScaling", "RoutingConfig", "CapacityReservationConfig")


def describe_new_model(request: Mapping[str, Any], store: ObjectStore) -> dict[str, Any]:
    """Return a model's description; raises for containers that cannot be served here."""
    containers = [*request.get("Containers", ()), *filter(None, [request.get("PrimaryContainer")])]
    if len(containers) != 1:
        raise UnsupportedError("sagemaker_local serves models with one container: give PrimaryContainer.")
    container = containers[0]
    if "Image" not in container or "ModelDataSource" in container or container.get("Mode") == "MultiModel":
        raise UnsupportedError(
            "sagemaker_local serves containers with Image and ModelDataUrl in SingleModel mode only."
        )
    images.require_pca(container["Image"], "a model")
    if not request.get("ExecutionRoleArn"):
        raise ValidationError(
            "1 validation error detected: Value null at 'executionRoleArn' failed to satisfy constraint: Member must "
            "not be null"
        )
    if "ModelDataUrl" in container:
        store.require_model_data(container["ModelDataUrl"])
    description = as_given(request)
    given = container_of(description)
    given.setdefault("Mode", "SingleModel")
    given.setdefault("Environment", {})
    return description | {"EnableNetworkIsolation": bool(request.get("EnableNetworkIsolation"))}


def container_of(model: Mapping[str, Any]) -> dict[str, Any]:
    """Return the one container of a model's description."""
    container: dict[str, Any] = model["PrimaryContainer"] if "PrimaryContainer" in model else model["Containers"][0]
    return container


def limit_exceeded(usage: str, limit: int, asked: int) -> ResourceLimitExceededError:
    """Return the error of a request for more instances than the settings allow."""
    return ResourceLimitExceededError(
        f"The account-level service limit 'Number of instances for {usage}' is {limit} Instances, with current "
        f"utilization of 0 Instances and a request delta of {asked} Instances. Please contact AWS support to request "
        "an increase for this limit."
    )


def describe_new_endpoint_config(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return an endpoint configuration's description; raises for what cannot be carried out."""
    refuse_members(request, *_UNSUPPORTED_CONFIG)
    description = as_given(request)
    require_unique("variant", [variant["VariantName"] for variant in description["ProductionVariants"]])
    for variant in description["ProductionVariants"]:
        _complete_variant(variant)
    _require_traffic(variant["InitialVariantWeight"] for variant in description["ProductionVariants"])
    return description | {"EnableNetworkIsolation": bool(request.get("EnableNetworkIsolation"))}


def describe_new_endpoint(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return an endpoint's description before anything of it is there."""
    return pick(request, "EndpointName", "EndpointConfigName") | {"EndpointStatus": "Creating"}


def _complete_variant(variant: dict[str, Any]) -> None:
    refuse_members(variant, *_UNSUPPORTED_VARIANT)
    if "ModelName" not in variant:
        raise UnsupportedError(
            "sagemaker_local does not carry out inference components: give each variant a ModelName."
        )
    if "InstanceType" not in variant or "InitialInstanceCount" not in variant:
        raise ValidationError(
            f"One or more of InstanceType, InitialInstanceCount are missing for variant {variant['VariantName']}. "
            "Both are required for a variant with a model."
        )
    variant.setdefault("InitialVariantWeight", 1.0)


def _require_traffic(weights: Iterable[float]) -> None:
    if sum(weights) <= 0:
        raise ValidationError("At least one production variant must have a weight greater than 0.")


@dataclass(frozen=True)
class ServedVariant:
    """What one variant of an endpoint answers with."""

    name: str
    weight: float
    predictor: Predictor
    metrics: VariantMetrics


class Endpoint(Resource):
    """An endpoint and what its variants serve with right now."""

    def __init__(self, resource: Resource) -> None:
        super().__init__(resource.kind, resource.name, resource.arn, resource.description, resource.tags)
        # Replaced as a whole: an invocation, which takes no lock, sees the old variants or the new ones.
        self.served: dict[str, ServedVariant] = {}

    def serve(self, predictors: Mapping[str, Predictor]) -> None:
        """Answer with these predictors and the description's weights from now on; variants that stay keep metrics."""
        self.publish_metrics()
        before = self.served
        weights = {item["VariantName"]: item["CurrentWeight"] for item in self.description["ProductionVariants"]}
        self.served = {
            name: ServedVariant(
                name, weights[name], predictor, before[name].metrics if name in before else VariantMetrics()
            )
            for name, predictor in predictors.items()
        }

    def publish_metrics(self) -> None:
        """Put what the variants have measured into CloudWatch."""
        for variant in self.served.values():
            publish(self.account_id, self.region_name, self.name, variant.name, variant.metrics)

    def log(self, variant_name: str, line: str) -> None:
        """Write a line to the log of a variant's (only) instance."""
        instance = f"i-{zlib.crc32(f'{self.arn}/{variant_name}'.encode()):017x}"
        group = f"/aws/sagemaker/Endpoints/{self.name}"
        LogStream(self.account_id, self.region_name, group, f"{variant_name}/{instance}").write(line)

    def require_idle(self) -> None:
        """Raise ValidationError while the endpoint is on its way to another state."""
        if self.status in ("Creating", "Updating", "RollingBack", "SystemUpdating", "Deleting"):
            raise ValidationError(f'Cannot update in-progress endpoint "{self.arn}".')


class Deployment:
    """Brings an endpoint to a configuration in the background, or back to where it was."""

    def __init__(
        self,
        endpoint: Endpoint,
        variants: list[dict[str, Any]],
        models: Mapping[str, Mapping[str, Any]],
        service: Service,
    ) -> None:
        self._endpoint = endpoint
        self._variants = variants
        self._models = models  # by variant; as they were when the deployment was asked for
        self._service = service

    def start(self, fault: str, on_success: Mapping[str, Any], on_failure: _Outcome) -> None:
        """Deploy in a thread; the members to set depend on the outcome."""
        threading.Thread(target=self._run, args=(fault, on_success, on_failure), daemon=True).start()

    def _run(self, fault: str, on_success: Mapping[str, Any], on_failure: _Outcome) -> None:
        delay = self._service.faults.take("delay_endpoint", subject=self._endpoint.name)
        time.sleep(self._service.settings.endpoint_creating_seconds + (delay.seconds if delay else 0))
        try:
            if failure := self._service.faults.take(fault, subject=self._endpoint.name):
                raise JobFailedError(failure.reason)
            predictors = {variant["VariantName"]: self._load(variant["VariantName"]) for variant in self._variants}
        except JobFailedError as error:
            self._settle({}, on_failure(str(error)))
        except Exception:
            log.exception("%s could not be deployed", self._endpoint.arn)
            self._settle({}, on_failure("Request to service failed. If failure persists after retry, contact support."))
        else:
            self._settle(predictors, on_success)

    def _settle(self, predictors: dict[str, Predictor], members: Mapping[str, Any]) -> None:
        with STATE_LOCK:
            self._endpoint.change(**members)
            served = {name: variant.predictor for name, variant in self._endpoint.served.items()}
            self._endpoint.serve(predictors or served)

    def _load(self, variant_name: str) -> Predictor:
        model = self._models[variant_name]
        container = container_of(model)
        directory = self._service.new_directory()
        try:
            if "ModelDataUrl" in container:
                role_arn = model["ExecutionRoleArn"]
                store = ObjectStore(self._endpoint.account_id, self._endpoint.region_name, role_arn)
                archive = store.read(*split_s3_uri(container["ModelDataUrl"]))
                unpack(archive, directory, self._service.settings.unpacked_archive_bytes)
            predictor = Predictor.load(directory, container["Environment"])
            self._endpoint.log(variant_name, "Model loaded.")
            return predictor
        except JobFailedError:
            raise
        except Exception as error:
            self._endpoint.log(variant_name, str(error))
            raise JobFailedError(
                f"The primary container for production variant {variant_name} did not pass the ping health check. "
                f"Please check CloudWatch logs for this endpoint. {error}"
            ) from error
        finally:
            shutil.rmtree(directory, ignore_errors=True)


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
            "CurrentInstanceCount": variant["InitialInstanceCount"],
            "DesiredInstanceCount": variant["InitialInstanceCount"],
        }
        for variant in variants
    ]


def retain_variant_properties(
    variants: list[dict[str, Any]], endpoint: Endpoint, excluded: Sequence[Mapping[str, str]]
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


def reweighted_variants(endpoint: Endpoint, changes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
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
        for member, given in (("Weight", "DesiredWeight"), ("InstanceCount", "DesiredInstanceCount")):
            if given in change:
                by_name[name][f"Current{member}"] = by_name[name][f"Desired{member}"] = change[given]
    _require_traffic(variant["DesiredWeight"] for variant in variants)
    return variants
