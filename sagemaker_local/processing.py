"""Processing jobs: inputs into containers, the entry point on every host, outputs back to S3."""

from collections.abc import Mapping
from typing import Any

from sagemaker_local import images
from sagemaker_local.container import Container, ContainerRoot
from sagemaker_local.exceptions import JobFailedError, ResourceInUseError, UnsupportedError, ValidationError
from sagemaker_local.identity import role_environment
from sagemaker_local.job_runner import Ending, Job, milliseconds_since_epoch
from sagemaker_local.log_stream import LogStream
from sagemaker_local.object_store import ObjectStore, shard
from sagemaker_local.resources import Kind, as_given, now, pick

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
_EXIT_MESSAGE_BYTES = 1024
_WITHOUT_MOUNTS = (
    "This platform has no private mount namespaces: /opt/ml is replaced in entry point, arguments and environment, but "
    "a path written inside a script is not. Pass such paths as arguments."
)


def describe_new(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description a CreateProcessingJob request begins with; raises for what cannot be carried out."""
    _command(request["AppSpecification"])
    for processing_input in request.get("ProcessingInputs", ()):
        _check_input(processing_input)
    for output in request.get("ProcessingOutputConfig", {}).get("Outputs", ()):
        if "S3Output" not in output:
            raise UnsupportedError("sagemaker_local carries out S3Output only, not FeatureStoreOutput.")
        _check_local_path(output["S3Output"].get("LocalPath", ""))
    description = as_given(request)
    description.setdefault("StoppingCondition", {"MaxRuntimeInSeconds": 86_400})
    description["ProcessingJobStatus"] = "InProgress"
    return description


def _check_input(processing_input: Mapping[str, Any]) -> None:
    s3_input = processing_input.get("S3Input")
    if s3_input is None:
        raise UnsupportedError("sagemaker_local carries out S3Input only, not DatasetDefinition.")
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

    def work(self) -> None:
        """Download, run, upload."""
        self.advance(ProcessingStartTime=now())
        account_id, region_name = self.arn.split(":")[4], self.arn.split(":")[3]
        store = ObjectStore(account_id, region_name)
        roots = [self._prepare(store, index) for index in range(len(self._hosts))]
        containers = [self._start(root, host) for root, host in zip(roots, self._hosts, strict=True)]
        ending = self.watch(containers, self.settings.processing_stop_grace_seconds)
        exit_message = _exit_message(roots)
        exit_codes = [container.exit_code for container in containers]
        if ending is Ending.EXITED and any(exit_codes):
            self.finish("Failed", FailureReason=_failure_reason(containers), ExitMessage=exit_message)
            return
        if not self.abandoned:
            self._upload(store, roots)
        self.finish("Completed" if ending is Ending.EXITED else "Stopped", ExitMessage=exit_message)

    def finish(self, status: str, **members: Any) -> None:
        """Enter a terminal state."""
        self.advance(ProcessingJobStatus=status, ProcessingEndTime=now(), **members)

    @property
    def _hosts(self) -> list[str]:
        count = self.description["ProcessingResources"]["ClusterConfig"]["InstanceCount"]
        return [f"algo-{number}" for number in range(1, count + 1)]

    def _prepare(self, store: ObjectStore, host_index: int) -> ContainerRoot:
        """Make one host's /opt/ml: inputs, output directories, configuration."""
        root = ContainerRoot(self.directory / self._hosts[host_index])
        for processing_input in self.description.get("ProcessingInputs", ()):
            s3_input = processing_input["S3Input"]
            objects = store.resolve(s3_input["S3Uri"], s3_input.get("S3DataType", "S3Prefix"))
            distribution = s3_input.get("S3DataDistributionType", "FullyReplicated")
            directory = root.path(s3_input["LocalPath"])
            directory.mkdir(parents=True, exist_ok=True)
            for item in shard(objects, host_index, len(self._hosts), distribution):
                store.download(item, directory)
        for output in self._outputs:
            root.path(output["LocalPath"]).mkdir(parents=True, exist_ok=True)
        root.write_json("/opt/ml/config/processingjobconfig.json", self._configuration())
        root.write_json(
            "/opt/ml/config/resourceconfig.json", {"current_host": self._hosts[host_index], "hosts": self._hosts}
        )
        root.path("/opt/ml/output").mkdir(exist_ok=True)
        return root

    def _start(self, root: ContainerRoot, host: str) -> Container:
        account_id, region_name = self.arn.split(":")[4], self.arn.split(":")[3]
        stream = f"{self.name}/{host}-{milliseconds_since_epoch()}"
        log = LogStream(account_id, region_name, "/aws/sagemaker/ProcessingJobs", stream)
        environment = {
            **role_environment(self.description["RoleArn"], region_name),
            "PROCESSING_JOB_NAME": self.name,
            "PROCESSING_JOB_ARN": self.arn,
            **self.description.get("Environment", {}),
        }
        container = Container(
            root,
            _command(self.description["AppSpecification"]),
            environment,
            log,
            memory_bytes=self.settings.job_memory_bytes,
            private_mounts=self.settings.private_mounts,
        )
        if not container.sees_opt_ml:
            log.write(_WITHOUT_MOUNTS)
        return container

    def _upload(self, store: ObjectStore, roots: list[ContainerRoot]) -> None:
        for root in roots:
            for output in self._outputs:
                store.upload_directory(root.path(output["LocalPath"]), output["S3Uri"])

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


def _failure_reason(containers: list[Container]) -> str:
    exit_code = next(container.exit_code for container in containers if container.exit_code)
    reason = f"AlgorithmError: See job logs for more information, exit code: {exit_code}"
    return reason if containers[0].sees_opt_ml else f"{reason}. {_WITHOUT_MOUNTS}"


def _exit_message(roots: list[ContainerRoot]) -> str | None:
    """Return what the hosts left in /opt/ml/output/message; other text than UTF-8 fails the job."""
    files = [root.path("/opt/ml/output/message") for root in roots]
    content = b"".join(file.read_bytes() for file in files if file.is_file())
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JobFailedError("ClientError: The exit message of the job is not UTF-8 encoded.") from error
    return text.encode()[:_EXIT_MESSAGE_BYTES].decode("utf-8", errors="ignore") or None
