"""Batch transform jobs: a model over every object of an input, one output object each."""

from collections.abc import Mapping, Sequence
from typing import Any

from sagemaker_local import images, record_joining
from sagemaker_local.archives import unpack
from sagemaker_local.container import ContainerRoot
from sagemaker_local.exceptions import JobFailedError, ResourceInUseError, UnsupportedError, ValidationError
from sagemaker_local.job import Ending, Job
from sagemaker_local.object_store import ObjectStore, decompress, shard, split_s3_uri
from sagemaker_local.resources import Kind, Resource, as_given, now
from sagemaker_local.settings import Settings

TRANSFORM_JOB = Kind(
    noun="TransformJob",
    arn_type="transform-job",
    missing="Could not find requested job with name: {name}",
    duplicate=(
        "Job name must be unique within an AWS account and region, and a job with this name already exists ({arn})"
    ),
    duplicate_error=ResourceInUseError,
)
_MAX_PAYLOAD_MB = 100
_STRATEGIES = {"MultiRecord": "MULTI_RECORD", "SingleRecord": "SINGLE_RECORD"}
_STOP_GRACE_SECONDS = 5  # nothing of a stopped transform is kept


def describe_new(request: Mapping[str, Any], store: ObjectStore) -> dict[str, Any]:
    """Return the description a CreateTransformJob request begins with; raises for what cannot be carried out."""
    if request.get("DataCaptureConfig"):
        raise UnsupportedError("sagemaker_local does not carry out DataCaptureConfig.")
    record_joining.check(request)
    transform_input = request["TransformInput"]
    source = transform_input["DataSource"]["S3DataSource"]
    if source["S3DataType"] not in ("S3Prefix", "ManifestFile") or transform_input.get("SplitType") == "TFRecord":
        raise UnsupportedError(
            "sagemaker_local transforms S3Prefix or ManifestFile, split by None, Line or RecordIO, and nothing else."
        )
    _check_payload_limits(request)
    store.require_objects(source)
    return as_given(request) | {"TransformJobStatus": "InProgress"}


def _check_payload_limits(request: Mapping[str, Any]) -> None:
    payload, concurrent = request.get("MaxPayloadInMB", 6), request.get("MaxConcurrentTransforms") or 1
    if payload == 0:
        raise UnsupportedError(
            "MaxPayloadInMB=0 streams payloads in chunks, which the built-in algorithms do not support."
        )
    if payload * concurrent > _MAX_PAYLOAD_MB:
        raise ValidationError(
            f"MaxPayloadInMB ({payload}) multiplied by MaxConcurrentTransforms ({concurrent}) must not exceed "
            f"{_MAX_PAYLOAD_MB} MB."
        )


class TransformJob(Job):
    """A batch transform whose hosts really compute. One request at a time, whatever MaxConcurrentTransforms says."""

    log_group = "/aws/sagemaker/TransformJobs"

    def __init__(self, resource: Resource, settings: Settings, container: Mapping[str, Any], role_arn: str) -> None:
        super().__init__(resource, settings)
        self._container = container  # of the model, as it was when the job was created
        self._role_arn = role_arn

    def work(self) -> None:
        """Download, transform, upload what succeeded."""
        self.advance(TransformStartTime=now())
        roots = self.prepare_hosts()
        ending, failed = self.run_containers(roots, _STOP_GRACE_SECONDS)
        if ending is not Ending.EXITED:
            self.finish("Stopped")
            return
        output_path = self.description["TransformOutput"]["S3OutputPath"]
        for root in roots:
            self.store.upload_directory(root.path("/opt/ml/output/data"), output_path)
        if failed:
            raise JobFailedError("ClientError: See job logs for more information")
        self.finish("Completed")

    def finish(self, status: str, **members: Any) -> None:
        """Enter a terminal state."""
        self.advance(TransformJobStatus=status, TransformEndTime=now(), **members)

    @property
    def instance_count(self) -> int:
        """How many hosts the job has."""
        return int(self.description["TransformResources"]["InstanceCount"])

    @property
    def role_arn(self) -> str:
        """The model's role: a transform has none of its own."""
        return self._role_arn

    def prepare(self, root: ContainerRoot, host_index: int) -> None:
        """Lay down the model, this host's objects, and what is to be done with them."""
        archive = self.store.read(*split_s3_uri(self._container["ModelDataUrl"]))
        unpack(archive, root.directory_at("/opt/ml/model"), self.settings.unpacked_archive_bytes)
        given = self.description["TransformInput"]
        source = given["DataSource"]["S3DataSource"]
        objects = self.store.resolve(source["S3Uri"], source["S3DataType"])
        mine = shard(objects, host_index, self.instance_count, "ShardedByS3Key")
        decode = decompress if given.get("CompressionType") == "Gzip" else bytes
        for item in mine:
            self.store.download(item, root.directory_at("/opt/ml/input/data"), decode)
        root.directory_at("/opt/ml/output/data")
        names = [{"name": f"{item.bucket}/{item.key}", "path": item.relative_path} for item in mine]
        root.write_json("/opt/ml/transform.json", {"objects": names, **self._instructions()})

    def command(self) -> Sequence[str]:
        """Return what the container runs."""
        return images.transform_command()

    def environment(self) -> dict[str, str]:
        """Return the container's environment."""
        return {**images.algorithm_environment(), **self._model_environment()}

    def _instructions(self) -> dict[str, Any]:
        given, output = self.description["TransformInput"], self.description["TransformOutput"]
        return {
            "split": given.get("SplitType", "None"),
            "content_type": given.get("ContentType"),
            "accept": output.get("Accept"),
            "assemble": output.get("AssembleWith", "None"),
            "strategy": _STRATEGIES[self.description.get("BatchStrategy", "MultiRecord")],
            "data_processing": self.description.get("DataProcessing", {}),
            "max_payload_mb": self.description.get("MaxPayloadInMB", 6),
            "environment": self._model_environment(),
        }

    def _model_environment(self) -> dict[str, str]:
        """Return what the image sees; the last three only where the caller set them."""
        given = self.description
        environment = {"SAGEMAKER_BATCH": "true"}
        if "MaxPayloadInMB" in given:
            environment["SAGEMAKER_MAX_PAYLOAD_IN_MB"] = str(given["MaxPayloadInMB"])
        if "BatchStrategy" in given:
            environment["SAGEMAKER_BATCH_STRATEGY"] = _STRATEGIES[given["BatchStrategy"]]
        if "MaxConcurrentTransforms" in given:
            environment["SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"] = str(given["MaxConcurrentTransforms"])
        return {**self._container.get("Environment", {}), **given.get("Environment", {}), **environment}
