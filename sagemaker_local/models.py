"""The state of SageMaker in one account and region: moto's backend, with jobs and endpoints that really run."""

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from functools import partial
from typing import Any, ClassVar

from sagemaker_local import batch_transform, hosting, processing, training
from sagemaker_local.batch_transform import TRANSFORM_JOB, TransformJob
from sagemaker_local.cloudformation import TemplateResources
from sagemaker_local.exceptions import (
    ResourceInUseError,
    SageMakerError,
    ValidationError,
    limit_exceeded,
)
from sagemaker_local.hosting import ENDPOINT, ENDPOINT_CONFIG, Deployment, Endpoint
from sagemaker_local.job import TERMINAL_STATUSES, Job
from sagemaker_local.listing import list_page
from sagemaker_local.object_store import ObjectStore
from sagemaker_local.processing import PROCESSING_JOB, ProcessingJob
from sagemaker_local.resources import Kind, Resource, now
from sagemaker_local.served_models import MODEL, describe_new_model, served_model
from sagemaker_local.serverless import check_served_model, check_serverless_change
from sagemaker_local.service import Service
from sagemaker_local.training import TRAINING_JOB, TrainingJob
from sagemaker_local.variants import retain_variant_properties, reweighted_variants, variant_summaries

KINDS = (MODEL, ENDPOINT_CONFIG, ENDPOINT, PROCESSING_JOB, TRAINING_JOB, TRANSFORM_JOB)
_MAX_TAGS = 50
_Describe = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class LocalSageMakerBackend(TemplateResources):
    """SageMaker of one account and region. Every method is called under STATE_LOCK."""

    service: ClassVar[Service]

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._stores: dict[str, MutableMapping[str, Resource]] = {kind.noun: {} for kind in KINDS}
        # moto's tagging and search read these attributes.
        vars(self).update(
            _models=self._stores["Model"],
            endpoint_configs=self._stores["EndpointConfig"],
            endpoints=self._stores["Endpoint"],
            processing_jobs=self._stores["ProcessingJob"],
            training_jobs=self._stores["TrainingJob"],
            transform_jobs=self._stores["TransformJob"],
        )

    # -- every kind

    def add(self, kind: Kind, request: Mapping[str, Any], describe: _Describe) -> Resource:
        """Return a new resource, not stored yet; raises the kind's error for a name that is taken, before all else."""
        name = request[kind.name_field]
        arn = kind.arn(name, self.account_id, self.region_name)
        if any(taken.lower() == name.lower() for taken in self._stores[kind.noun]):
            raise kind.duplicate_error(kind.duplicate.format(name=name, arn=arn))
        description = describe(request)
        created = now()
        times = {kind.arn_field: arn, "CreationTime": created, "LastModifiedTime": created}
        tags = _checked_tags(request.get("Tags", ()), "")
        return Resource(kind, name, arn, {**description, **times}, tags)

    def get(self, kind: Kind, request: Mapping[str, Any]) -> Resource:
        """Return the resource that a request names; raises the kind's error for a name that is unknown."""
        name = request[kind.name_field]
        resource = self._stores[kind.noun].get(name)
        if resource is None:
            arn = kind.arn(name, self.account_id, self.region_name)
            raise ValidationError(kind.missing.format(name=name, arn=arn))
        return resource

    def describe(self, kind: Kind, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a Describe call."""
        return self.get(kind, request).describe()

    @property
    def resources(self) -> list[Resource]:
        """Everything that there is, of all kinds."""
        return [resource for store in self._stores.values() for resource in store.values()]

    def summaries(self, kind: Kind, request: Mapping[str, Any]) -> tuple[list[dict[str, Any]], str | None]:
        """Return one page of summaries and the token of the next page."""
        return list_page(self._stores[kind.noun].values(), kind, request)

    # -- jobs

    def start_processing_job(self, request: Mapping[str, Any]) -> dict[str, str]:
        """Start a processing job."""
        resource = self.add(PROCESSING_JOB, request, processing.describe_new)
        return self._start(ProcessingJob, resource)

    def start_training_job(self, request: Mapping[str, Any]) -> dict[str, str]:
        """Start a training job."""
        resource = self.add(TRAINING_JOB, request, partial(training.describe_new, store=self.object_store))
        return self._start(TrainingJob, resource)

    def start_transform_job(self, request: Mapping[str, Any]) -> dict[str, str]:
        """Start a batch transform with a model as it is now."""
        model = self._served_model(request)
        describe = partial(batch_transform.describe_new, store=self.object_store)
        resource = self.add(TRANSFORM_JOB, request, describe)
        return self._start(TransformJob, resource, model["PrimaryContainer"], model["ExecutionRoleArn"])

    def _start(self, job_type: Callable[..., Job], resource: Resource, *model: Any) -> dict[str, str]:
        settings = self.service.settings
        job = job_type(resource, settings, *model)
        if job.instance_count > settings.max_instances_per_job:
            usage = f"{job.kind.arn_type.replace('-', ' ')} usage"
            raise limit_exceeded(usage, settings.max_instances_per_job, job.instance_count)
        self._stores[job.kind.noun][job.name] = job
        self.service.jobs.start(job, self.service.new_directory())
        return {job.kind.arn_field: job.arn}

    @property
    def object_store(self) -> ObjectStore:
        """S3 as the jobs of this account see it."""
        return ObjectStore(self.account_id, self.region_name)

    def stop(self, kind: Kind, request: Mapping[str, Any]) -> None:
        """Ask a job to stop; raises ValidationError when it has ended already."""
        job = self.get(kind, request)
        if not isinstance(job, Job) or job.status in TERMINAL_STATUSES:
            raise ValidationError(_rejected(kind, job))
        if job.status == "InProgress":
            job.ask_to_stop()

    def delete_job(self, kind: Kind, request: Mapping[str, Any]) -> None:
        """Forget a job that has ended, so that its name is free again."""
        job = self.get(kind, request)
        if job.status not in TERMINAL_STATUSES:
            raise ResourceInUseError(_rejected(kind, job))
        del self._stores[kind.noun][job.name]

    # -- hosting

    def keep_model(self, request: Mapping[str, Any]) -> dict[str, str]:
        """Keep a model."""
        describe = partial(describe_new_model, store=self.object_store)
        return self._keep(self.add(MODEL, request, describe))

    def keep_endpoint_config(self, request: Mapping[str, Any]) -> dict[str, str]:
        """Keep an endpoint configuration whose models exist."""
        resource = self.add(ENDPOINT_CONFIG, request, hosting.describe_new_endpoint_config)
        for variant in (variants := resource.description["ProductionVariants"]):
            check_served_model(variant, self.describe(MODEL, variant))
        self._require_within_limit(variant.get("InitialInstanceCount", 0) for variant in variants)
        return self._keep(resource)

    def _require_within_limit(self, instance_counts: Iterable[int]) -> None:
        limit, largest = self.service.settings.max_instances_per_endpoint, max(instance_counts)
        if largest > limit:
            raise limit_exceeded("endpoint usage", limit, largest)

    def _keep(self, resource: Resource) -> dict[str, str]:
        self._stores[resource.kind.noun][resource.name] = resource
        return {resource.kind.arn_field: resource.arn}

    def delete(self, kind: Kind, request: Mapping[str, Any]) -> None:
        """Forget a model or a configuration, in use or not."""
        del self._stores[kind.noun][self.get(kind, request).name]

    def deploy_endpoint(self, request: Mapping[str, Any]) -> dict[str, str]:
        """Begin to bring up an endpoint."""
        endpoint = Endpoint(self.add(ENDPOINT, request, hosting.describe_new_endpoint), self.service.settings)
        deployment, variants = self._deployment(endpoint, request, request.get("DeploymentConfig") or {})
        endpoint.change(ProductionVariants=variants, DataCaptureConfig=self._data_capture(request))
        answer = self._keep(endpoint)
        deployment.start(
            "fail_endpoint",
            {"EndpointStatus": "InService"},
            lambda why: {"EndpointStatus": "Failed", "FailureReason": why},
        )
        return answer

    def redeploy_endpoint(self, request: Mapping[str, Any]) -> dict[str, str]:
        """Begin to bring an endpoint to another configuration; where that fails the old one goes on serving."""
        endpoint = self._endpoint_to_update(request)
        policy = request.get("DeploymentConfig") or {}
        if not policy and request.get("RetainDeploymentConfig"):
            policy = endpoint.description.get("LastDeploymentConfig", policy)
        deployment, variants = self._deployment(endpoint, request, policy)
        if request["EndpointConfigName"] == endpoint.description["EndpointConfigName"]:
            # The service asks for another configuration; its wording is not public.
            raise ValidationError(
                f'Cannot update endpoint "{endpoint.arn}" to endpoint configuration "{request["EndpointConfigName"]}", '
                "which it is using already. Create a new endpoint configuration."
            )
        check_serverless_change(endpoint.description["ProductionVariants"], variants, policy)
        if request.get("RetainAllVariantProperties"):
            retain_variant_properties(variants, endpoint, request.get("ExcludeRetainedVariantProperties", ()))
        config_name = request["EndpointConfigName"]
        endpoint.change(
            EndpointStatus="Updating",
            FailureReason=None,
            PendingDeploymentSummary={"EndpointConfigName": config_name, "StartTime": now()},
        )
        in_service = {"EndpointStatus": "InService", "PendingDeploymentSummary": None}
        reached = {
            **in_service,
            "EndpointConfigName": config_name,
            "ProductionVariants": variants,
            "DataCaptureConfig": self._data_capture(request),
        }
        if policy:
            endpoint.log(
                variants[0]["VariantName"], "DeploymentConfig is carried out all at once, whatever it asks for."
            )
            reached["LastDeploymentConfig"] = policy
        deployment.start("fail_update", reached, lambda why: {**in_service, "FailureReason": why})
        return {"EndpointArn": endpoint.arn}

    def reweight_endpoint(self, request: Mapping[str, Any]) -> dict[str, str]:
        """Begin to change variants' weights and instance counts."""
        endpoint = self._endpoint_to_update(request)
        variants = reweighted_variants(endpoint, request["DesiredWeightsAndCapacities"])
        self._require_within_limit(variant["DesiredInstanceCount"] for variant in variants)
        endpoint.change(EndpointStatus="Updating")
        deployment = Deployment(endpoint, [], {}, self.service, policy={})
        reached = {"EndpointStatus": "InService", "ProductionVariants": variants}
        deployment.start("fail_update", reached, lambda why: {"EndpointStatus": "InService", "FailureReason": why})
        return {"EndpointArn": endpoint.arn}

    def remove_endpoint(self, request: Mapping[str, Any]) -> None:
        """Remove an endpoint; its configuration and model stay."""
        endpoint = self._endpoint(request)
        endpoint.require_idle()
        endpoint.publish_metrics()
        del self._stores["Endpoint"][endpoint.name]

    def _endpoint(self, request: Mapping[str, Any]) -> Endpoint:
        endpoint = self.get(ENDPOINT, request)
        if not isinstance(endpoint, Endpoint):
            raise TypeError(f"{endpoint.arn} is not an endpoint")
        return endpoint

    def _endpoint_to_update(self, request: Mapping[str, Any]) -> Endpoint:
        endpoint = self._endpoint(request)
        endpoint.require_idle()
        if endpoint.status == "Failed":
            raise ValidationError(
                f'Cannot update endpoint "{endpoint.arn}" in status Failed. Delete the endpoint and create it again.'
            )
        return endpoint

    def _deployment(
        self, endpoint: Endpoint, request: Mapping[str, Any], policy: Mapping[str, Any]
    ) -> tuple[Deployment, list[dict[str, Any]]]:
        config = self.get(ENDPOINT_CONFIG, request)
        variants = config.describe()["ProductionVariants"]
        models = {item["VariantName"]: self._served_model(item) for item in variants}
        containers = {name: model["PrimaryContainer"] for name, model in models.items()}
        deployment = Deployment(endpoint, variants, models, self.service, policy)
        return deployment, variant_summaries(variants, containers)

    def _served_model(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return served_model(self.describe(MODEL, request), self.describe_model_package)

    def _data_capture(self, request: Mapping[str, Any]) -> dict[str, Any] | None:
        return hosting.data_capture_summary(self.describe(ENDPOINT_CONFIG, request))

    # -- tags

    def add_tags(self, arn: str, tags: list[dict[str, str]]) -> list[dict[str, str]]:
        """Set tags; a tag with a key that is there already replaces it."""
        resource = self._get_resource_from_arn(arn)
        given = {tag["Key"]: tag for tag in tags}
        kept = [tag for tag in resource.tags if tag["Key"] not in given]
        resource.tags = _checked_tags([*kept, *given.values()], arn)
        return list(resource.tags)

    def _get_resource_from_arn(self, arn: str) -> Any:
        resource_type, _, name = arn.split(":", 5)[-1].partition("/")
        for store in self._stores.values():
            for resource in store.values():
                if resource.arn.lower() == arn.lower():
                    return resource
        found = None if resource_type in {kind.arn_type for kind in KINDS} else super()._get_resource_from_arn(arn)
        if found is None:
            raise ValidationError(f"Could not find {resource_type} with name {name}")
        return found


def _rejected(kind: Kind, job: Resource) -> str:
    noun = kind.arn_type.replace("-", " ")
    return f"The request was rejected because the {noun} is in status {job.status}."


def _checked_tags(tags: Any, arn: str) -> list[dict[str, str]]:
    checked = [dict(tag) for tag in tags]
    if len({tag["Key"] for tag in checked}) != len(checked):
        raise ValidationError("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    if len(checked) > _MAX_TAGS:
        raise SageMakerError("ResourceLimitExceeded", f"{arn} would have more than {_MAX_TAGS} tags.")
    return checked
