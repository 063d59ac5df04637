"""Endpoint configurations and endpoints: their descriptions, and an endpoint's way through its states."""

import logging
import shutil
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends

from sagemaker_local.archives import unpack
from sagemaker_local.exceptions import (
    JobFailedError,
    ValidationError,
    refuse_members,
)
from sagemaker_local.invocation_metrics import VariantMetrics, publish
from sagemaker_local.log_stream import LogStream
from sagemaker_local.object_store import ObjectStore, split_s3_uri
from sagemaker_local.pca_algorithm.serve import Predictor
from sagemaker_local.resources import Kind, Resource, as_given, pick, require_unique
from sagemaker_local.serverless import Containers, is_serverless
from sagemaker_local.service import Service
from sagemaker_local.settings import Settings
from sagemaker_local.state_lock import STATE_LOCK
from sagemaker_local.variants import complete_variant, require_traffic

log = logging.getLogger(__name__)

_Outcome = Callable[[str], Mapping[str, Any]]

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
_UNSUPPORTED_CONFIG = ("AsyncInferenceConfig", "ExplainerConfig", "ShadowProductionVariants")
_SECONDS_BETWEEN_LOOKS_AT_ALARMS = 0.1


def describe_new_endpoint_config(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return an endpoint configuration's description; raises for what cannot be carried out."""
    refuse_members(request, *_UNSUPPORTED_CONFIG)
    description = as_given(request)
    require_unique("variant", [variant["VariantName"] for variant in description["ProductionVariants"]])
    for variant in description["ProductionVariants"]:
        complete_variant(variant, description)
    require_traffic(variant["InitialVariantWeight"] for variant in description["ProductionVariants"])
    return description | {"EnableNetworkIsolation": bool(request.get("EnableNetworkIsolation"))}


def describe_new_endpoint(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return an endpoint's description before anything of it is there."""
    return pick(request, "EndpointName", "EndpointConfigName") | {"EndpointStatus": "Creating"}


@dataclass(frozen=True)
class ServedVariant:
    """What one variant of an endpoint answers with."""

    name: str
    weight: float
    predictor: Predictor
    metrics: VariantMetrics
    containers: Containers | None = None  # of a serverless variant


class Endpoint(Resource):
    """An endpoint and what its variants serve with right now."""

    def __init__(self, resource: Resource, settings: Settings) -> None:
        super().__init__(resource.kind, resource.name, resource.arn, resource.description, resource.tags)
        self._settings = settings
        # Replaced as a whole: an invocation, which takes no lock, sees the old variants or the new ones.
        self.served: dict[str, ServedVariant] = {}

    def serve(self, predictors: Mapping[str, Predictor]) -> None:
        """Answer with these predictors and the description's weights from now on; variants that stay keep metrics."""
        self.publish_metrics()
        before = self.served
        variants = {item["VariantName"]: item for item in self.description["ProductionVariants"]}
        self.served = {
            name: ServedVariant(
                name,
                variants[name]["CurrentWeight"],
                predictor,
                before[name].metrics if name in before else VariantMetrics(),
                self._containers(variants[name], predictor),
            )
            for name, predictor in predictors.items()
        }

    def _containers(self, variant: Mapping[str, Any], predictor: Predictor) -> Containers | None:
        """A serverless variant's containers: new ones where it is to answer with another model or in another size."""
        if not is_serverless(variant):
            return None
        config, served = variant["CurrentServerlessConfig"], self.served.get(variant["VariantName"])
        if served and served.containers and served.predictor is predictor and served.containers.config == config:
            return served.containers
        return Containers(config, self._settings.serverless_cold_start_seconds, self._settings.serverless_idle_seconds)

    @property
    def predictors(self) -> dict[str, Predictor]:
        """What the variants answer with right now; empty before the endpoint is first in service."""
        return {name: variant.predictor for name, variant in self.served.items()}

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
    """Brings an endpoint to a configuration in the background, or back to where it was.

    `policy` is the DeploymentConfig. Its alarms are watched from the beginning until the old models would be let go.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        variants: list[dict[str, Any]],
        models: Mapping[str, Mapping[str, Any]],
        service: Service,
        policy: Mapping[str, Any],
    ) -> None:
        self._endpoint = endpoint
        self._variants = variants
        self._models = models  # by variant; as they were when the deployment was asked for
        self._service = service
        rollback = policy.get("AutoRollbackConfiguration") or {}
        self._alarm_names = [alarm["AlarmName"] for alarm in rollback.get("Alarms") or ()]
        self._baking_seconds = min(_baking_seconds(policy), service.settings.endpoint_baking_seconds)

    def start(self, fault: str, on_success: Mapping[str, Any], on_failure: _Outcome) -> None:
        """Deploy in a thread; the members to set depend on the outcome."""
        threading.Thread(target=self._run, args=(fault, on_success, on_failure), daemon=True).start()

    def _run(self, fault: str, on_success: Mapping[str, Any], on_failure: _Outcome) -> None:
        before, variants = self._endpoint.predictors, pick(self._endpoint.description, "ProductionVariants")
        try:
            predictors = self._bring_up(fault) or before
            if before:
                # As on AWS, the new models answer while the old ones are kept for a way back.
                self._settle(predictors, pick(on_success, "ProductionVariants"))
                self._wait(self._baking_seconds)
        except JobFailedError as error:
            self._take_back(before, variants, on_failure(str(error)))
        except Exception:
            log.exception("%s could not be deployed", self._endpoint.arn)
            why = "Request to service failed. If failure persists after retry, contact support."
            self._take_back(before, variants, on_failure(why))
        else:
            self._settle(predictors, on_success)

    def _bring_up(self, fault: str) -> dict[str, Predictor]:
        """Return what the variants are to answer with, empty where that does not change."""
        delay = self._service.faults.take("delay_endpoint", subject=self._endpoint.name)
        self._wait(self._service.settings.endpoint_creating_seconds + (delay.seconds if delay else 0))
        if failure := self._service.faults.take(fault, subject=self._endpoint.name):
            raise JobFailedError(failure.reason)
        predictors = {variant["VariantName"]: self._load(variant["VariantName"]) for variant in self._variants}
        return {} if self._service.faults.take("keep_old_model", subject=self._endpoint.name) else predictors

    def _take_back(
        self, before: Mapping[str, Predictor], variants: Mapping[str, Any], members: Mapping[str, Any]
    ) -> None:
        if before:  # else the endpoint is new, and there is no way back
            self._settle(before, {**variants, "EndpointStatus": "RollingBack"})
            time.sleep(self._service.settings.endpoint_creating_seconds)
        self._settle(before, members)

    def _settle(self, predictors: Mapping[str, Predictor], members: Mapping[str, Any]) -> None:
        with STATE_LOCK:
            self._endpoint.change(**members)
            self._endpoint.serve(predictors)

    def _wait(self, seconds: float) -> None:
        """Wait under the eyes of the alarms, which are looked at once at least; raises JobFailedError for them."""
        until = time.monotonic() + seconds
        self._require_quiet_alarms()
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _SECONDS_BETWEEN_LOOKS_AT_ALARMS))
            self._require_quiet_alarms()

    def _require_quiet_alarms(self) -> None:
        with STATE_LOCK:
            known = cloudwatch_backends[self._endpoint.account_id][self._endpoint.region_name].alarms
            states = {name: known[name].state_value if name in known else None for name in self._alarm_names}
        # An alarm that does not exist guards nothing. What the service makes of it, and its wording, is not public.
        for state, says in ((None, "do not exist"), ("ALARM", "are in ALARM state")):
            if names := [name for name, found in states.items() if found == state]:
                raise JobFailedError(f"The following CloudWatch alarms {says}: {', '.join(names)}")

    def _load(self, variant_name: str) -> Predictor:
        model = self._models[variant_name]
        container = model["PrimaryContainer"]
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


def _baking_seconds(policy: Mapping[str, Any]) -> float:
    """How long a DeploymentConfig keeps the old models at least: each of its waits once, however many steps it has."""
    blue_green, rolling = policy.get("BlueGreenUpdatePolicy") or {}, policy.get("RollingUpdatePolicy") or {}
    routing = blue_green.get("TrafficRoutingConfiguration") or rolling
    return float(routing.get("WaitIntervalInSeconds", 0) + (blue_green.get("TerminationWaitInSeconds") or 0))


def data_capture_summary(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return DescribeEndpoint's DataCaptureConfig for a configuration's, None without one; nothing is captured."""
    given = config.get("DataCaptureConfig")
    if not given:
        return None
    enabled = bool(given.get("EnableCapture", True))
    return {
        "EnableCapture": enabled,
        "CaptureStatus": "Started" if enabled else "Stopped",
        "CurrentSamplingPercentage": given["InitialSamplingPercentage"],
        # The service answers with a key in any case, empty where none was given: the member is required.
        "KmsKeyId": "",
        **pick(given, "DestinationS3Uri", "KmsKeyId"),
    }
