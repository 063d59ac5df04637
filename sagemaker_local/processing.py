"""Processing jobs: inputs into containers, the entry point on every host, outputs back to S3."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sagemaker_local import images
from sagemaker_local.container import Container, ContainerRoot
from sagemaker_local.exceptions import JobFailedError, ResourceInUseError, UnsupportedError, ValidationError
from sagemaker_local.job import Ending, Job
from sagemaker_local.object_store import regular_files, shard
from sagemaker_local.resources import Kind, Resource, as_given, now, pick, require_unique
from sagemaker_local.settings import Settings

PROCESSING_JOB = Kind(
    noun="ProcessingJob",
    arn_type="processing-job",
    missing="Could not find requested job with name: {name}",
    duplicate=(
        "Job name must be unique within an AWS account and region, and a job with this name already exists ({arn})"
    ),
    duplicate_error=ResourceInUseError,
    default_sort_order="Ascending",
)
_CONTINUOUS_SECONDS = 1.0
_EXIT_MESSAGE_BYTES = 1024
_WITHOUT_MOUNTS = (
    "This platform has no private mount namespaces: /opt/ml is replaced in entry point, arguments and environment, but "
    "a path written inside a script is not. Pass such paths as arguments."
)


def describe_new(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description a CreateProcessingJob request begins with; raises for what cannot be carried out."""
    _command(request["AppSpecification"])
    inputs = request.get("ProcessingInputs", ())
    outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", ())
    require_unique("input", [processing_input["InputName"] for processing_input in inputs])
    require_unique("output", [output["OutputName"] for output in outputs])
    for processing_input in inputs:
        _check_input(processing_input)
    for output in outputs:
        if "S3Output" not in output or output.get("AppManaged"):
            raise UnsupportedError("sagemaker_local carries out S3Output only, not FeatureStoreOutput or AppManaged.")
        _check_local_path(output["S3Output"].get("LocalPath", ""))
    description = as_given(request)
    description.setdefault("StoppingCondition", {"MaxRuntimeInSeconds": 86_400})
    description["ProcessingJobStatus"] = "InProgress"
    return description


def _check_input(processing_input: Mapping[str, Any]) -> None:
    s3_input = processing_input.get("S3Input")
    if s3_input is None or processing_input.get("AppManaged"):
        raise UnsupportedError("sagemaker_local carries out S3Input only, not DatasetDefinition or AppManaged.")
    if s3_input.get("S3InputMode", "File") != "File" or s3_input.get("S3CompressionType", "None") != "None":
        raise UnsupportedError("sagemaker_local carries out S3InputMode File without compression only.")
    _check_local_path(s3_input.get("LocalPath", ""))


def _check_local_path(local_path: str) -> None:
    if not local_path.startswith("/opt/ml/processing/") or ".." in local_path.split("/"):
        raise ValidationError(
            f"LocalPath '{local_path}' is not valid. "
            "Local paths of inputs and outputs must be below /opt/ml/processing/."
        )


def _command(specification: Mapping[str, Any]) -> list[str]:
    return images.processing_command(
        specification["ImageUri"],
        specification.get("ContainerEntrypoint", ()),
        specification.get("ContainerArguments", ()),
    )


class ProcessingJob(Job):
    """A processing job whose containers really run."""

    log_group = "/aws/sagemaker/ProcessingJobs"

    def __init__(self, resource: Resource, settings: Settings) -> None:
        super().__init__(resource, settings)
        self._next_upload = 0.0
        self._uploaded: dict[Path, tuple[int, int]] = {}

    def work(self) -> None:
        """Download, run, upload."""
        self.advance(ProcessingStartTime=now())
        roots = self.prepare_hosts()
        ending, failed = self.run_containers(roots, self.settings.processing_stop_grace_seconds)
        exit_message = _exit_message(roots)
        if ending is Ending.EXITED and failed:
            # What the service uploads of a failed job is not public: nothing, here.
            self.finish("Failed", FailureReason=_failure_reason(failed), ExitMessage=exit_message)
            return
        if not self.abandoned:
            self._upload(roots, ("EndOfJob", "Continuous"))
        self.finish("Completed" if ending is Ending.EXITED else "Stopped", ExitMessage=exit_message)

    def finish(self, status: str, **members: Any) -> None:
        """Enter a terminal state."""
        self.advance(ProcessingJobStatus=status, ProcessingEndTime=now(), **members)

    @property
    def instance_count(self) -> int:
        """How many hosts the job has."""
        return int(self.description["ProcessingResources"]["ClusterConfig"]["InstanceCount"])

    def prepare(self, root: ContainerRoot, host_index: int) -> None:
        """Lay down one host's inputs, output directories and configuration."""
        for processing_input in self.description.get("ProcessingInputs", ()):
            s3_input = processing_input["S3Input"]
            objects = self.store.resolve(s3_input["S3Uri"], s3_input.get("S3DataType", "S3Prefix"))
            distribution = s3_input.get("S3DataDistributionType", "FullyReplicated")
            directory = root.directory_at(s3_input["LocalPath"])
            for item in shard(objects, host_index, self.instance_count, distribution):
                self.store.download(item, directory)
        for output in self._outputs:
            root.directory_at(output["LocalPath"])
        root.directory_at("/opt/ml/output")
        root.write_json("/opt/ml/config/processingjobconfig.json", self._configuration())
        resources = {"current_host": self.hosts[host_index], "hosts": self.hosts}
        root.write_json("/opt/ml/config/resourceconfig.json", resources)

    def command(self) -> Sequence[str]:
        """Return what the container runs."""
        return _command(self.description["AppSpecification"])

    def environment(self) -> dict[str, str]:
        """Return the container's environment."""
        given = self.description.get("Environment", {})
        return {"PROCESSING_JOB_NAME": self.name, "PROCESSING_JOB_ARN": self.arn, **given}

    def while_running(self, roots: Sequence[ContainerRoot]) -> None:
        """Upload what has changed in Continuous outputs, once a second."""
        if time.monotonic() > self._next_upload:
            self._upload(roots, ("Continuous",))
            self._next_upload = time.monotonic() + _CONTINUOUS_SECONDS

    def _upload(self, roots: Sequence[ContainerRoot], modes: Sequence[str]) -> None:
        for root in roots:
            for output in self._outputs:
                if output["S3UploadMode"] in modes:
                    self._upload_changes(root.path(output["LocalPath"]), output["S3Uri"])

    def _upload_changes(self, directory: Path, uri: str) -> None:
        for path in regular_files(directory):
            version = (path.stat().st_mtime_ns, path.stat().st_size)
            if self._uploaded.get(path) != version:
                self.store.write(f"{uri.rstrip('/')}/{path.relative_to(directory).as_posix()}", path.read_bytes())
                self._uploaded[path] = version

    @property
    def _outputs(self) -> list[dict[str, Any]]:
        outputs = self.description.get("ProcessingOutputConfig", {}).get("Outputs", ())
        return [output["S3Output"] for output in outputs]

    def _configuration(self) -> dict[str, Any]:
        """Return processingjobconfig.json, where absent values are an explicit null."""
        description = self.description
        specification = description["AppSpecification"]
        return {
            "ProcessingJobArn": self.arn,
            "ProcessingJobName": self.name,
            "AppSpecification": {
                "ImageUri": specification["ImageUri"],
                "ContainerEntrypoint": specification.get("ContainerEntrypoint"),
                "ContainerArguments": specification.get("ContainerArguments"),
            },
            "Environment": description.get("Environment"),
            "ProcessingInputs": [_input_configuration(item) for item in description.get("ProcessingInputs", ())],
            "ProcessingOutputConfig": {
                "Outputs": [
                    {"OutputName": item["OutputName"], "S3Output": pick(item["S3Output"], *item["S3Output"])}
                    for item in description.get("ProcessingOutputConfig", {}).get("Outputs", ())
                ],
                "KmsKeyId": description.get("ProcessingOutputConfig", {}).get("KmsKeyId"),
            },
            "ProcessingResources": {
                "ClusterConfig": {"VolumeKmsKeyId": None, **description["ProcessingResources"]["ClusterConfig"]}
            },
            "RoleArn": description["RoleArn"],
            "StoppingCondition": description["StoppingCondition"],
        }


def _input_configuration(processing_input: Mapping[str, Any]) -> dict[str, Any]:
    defaults = {
        "S3DataDistributionType": "FullyReplicated",
        "S3InputMode": "File",
        "S3CompressionType": "None",
        "S3DownloadMode": "StartOfJob",  # in the file of real jobs, though not in the API
    }
    return {"InputName": processing_input["InputName"], "S3Input": defaults | processing_input["S3Input"]}


def _failure_reason(container: Container) -> str:
    reason = f"AlgorithmError: See job logs for more information, exit code: {container.exit_code}"
    return reason if container.sees_opt_ml else f"{reason}. {_WITHOUT_MOUNTS}"


def _exit_message(roots: list[ContainerRoot]) -> str | None:
    """Return what the hosts left in /opt/ml/output/message; other text than UTF-8 fails the job."""
    files = [root.path("/opt/ml/output/message") for root in roots]
    content = b"".join(file.read_bytes() for file in files if file.is_file())
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JobFailedError("ClientError: The exit message of the job is not UTF-8 encoded.") from error
    return text.encode()[:_EXIT_MESSAGE_BYTES].decode("utf-8", errors="ignore") or None
