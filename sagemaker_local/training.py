"""Training jobs with the built-in PCA: channels in, one process per host, model.tar.gz out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sagemaker_local import images
from sagemaker_local.archives import pack
from sagemaker_local.container import Container, ContainerRoot
from sagemaker_local.exceptions import (
    JobFailedError,
    ResourceInUseError,
    UnsupportedError,
    ValidationError,
    refuse_members,
    require_members,
)
from sagemaker_local.job import Ending, Job
from sagemaker_local.object_store import ObjectStore, decompress, regular_files, shard
from sagemaker_local.resources import Kind, as_given, now, pick, require_unique
from sagemaker_local.state_lock import STATE_LOCK

TRAINING_JOB = Kind(
    noun="TrainingJob",
    arn_type="training-job",
    missing="Requested resource not found.",
    duplicate=(
        "Training job names must be unique within an AWS account and region, and a training job with this name already "
        "exists ({arn})"
    ),
    duplicate_error=ResourceInUseError,
    default_sort_order="Ascending",
    status_filter_after_paging=True,
)
_UNSUPPORTED = (
    "CheckpointConfig",
    "ModelPackageConfig",
    "RemoteDebugConfig.EnableRemoteDebug",
    "ResourceConfig.InstanceGroups",
    "ResourceConfig.TrainingPlanArn",
    "ServerlessJobConfig",
    "SessionChainingConfig",
)
_FAILURE_PREFIXES = {
    1: ("AlgorithmError", "Algorithm Error: "),
    2: ("ClientError", "Customer Error: "),
    3: ("InternalServerError", "Platform Error: "),
}
_FAILURE_CHARACTERS = 1024


def describe_new(request: Mapping[str, Any], store: ObjectStore) -> dict[str, Any]:
    """Return the description a CreateTrainingJob request begins with; raises for what cannot be carried out."""
    require_members(request, "AlgorithmSpecification", "InputDataConfig", "ResourceConfig", "StoppingCondition")
    refuse_members(request, *_UNSUPPORTED)
    specification = request["AlgorithmSpecification"]
    if "TrainingImage" not in specification:
        raise UnsupportedError("sagemaker_local trains with AlgorithmSpecification.TrainingImage only.")
    if specification.get("MetricDefinitions"):
        raise ValidationError(
            "You can't override the metric definitions for Amazon SageMaker algorithms. Please retry the request "
            "without specifying metric definitions."
        )
    if request["OutputDataConfig"].get("CompressionType") == "NONE":
        raise UnsupportedError("sagemaker_local writes model artifacts as tar.gz only, not uncompressed.")
    images.training_command(specification["TrainingImage"])
    require_members(request["ResourceConfig"], "InstanceType", "InstanceCount", path="resourceConfig.")
    require_unique("channel", [channel["ChannelName"] for channel in request["InputDataConfig"]])
    for channel in request["InputDataConfig"]:
        source = channel["DataSource"].get("S3DataSource", {})
        is_wrapped = channel.get("RecordWrapperType") == "RecordIO"
        if source.get("S3DataType") not in ("S3Prefix", "ManifestFile") or is_wrapped:
            raise UnsupportedError(
                "sagemaker_local reads channels with an S3DataSource of S3Prefix or ManifestFile, unwrapped."
            )
        store.require_objects(channel["DataSource"]["S3DataSource"])
    description = as_given(request)
    for channel in description["InputDataConfig"]:
        channel.setdefault("CompressionType", "None")
        channel.setdefault("RecordWrapperType", "None")
    description["OutputDataConfig"].setdefault("KmsKeyId", "")
    # The SDK reads them of every job; how far the real PCA has any is not public.
    description["AlgorithmSpecification"].setdefault("MetricDefinitions", [])
    description["StoppingCondition"].setdefault("MaxRuntimeInSeconds", 86_400)
    for flag in ("EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining"):
        description.setdefault(flag, False)
    output = request["OutputDataConfig"]["S3OutputPath"].rstrip("/")
    artifact = f"{output}/{request['TrainingJobName']}/output/model.tar.gz"
    started = now()
    return description | {
        "TrainingJobStatus": "InProgress",
        "SecondaryStatus": "Starting",
        "ModelArtifacts": {"S3ModelArtifacts": artifact},
        "SecondaryStatusTransitions": [
            {"Status": "Starting", "StartTime": started, "StatusMessage": "Starting the training job"}
        ],
    }


class TrainingJob(Job):
    """A training job whose hosts really compute."""

    log_group = "/aws/sagemaker/TrainingJobs"

    def work(self) -> None:
        """Download, train, upload."""
        self.enter("Starting", "Preparing the instances for training")
        self.advance(TrainingStartTime=now())
        self.enter("Downloading", "Downloading input data")
        roots = self.prepare_hosts()
        self.enter("Training", "Training image download completed. Training in progress.")
        ending, failed = self.run_containers(roots, self.settings.training_stop_grace_seconds)
        if ending is Ending.EXITED and failed:
            raise JobFailedError(_failure_reason(failed))
        if not self.abandoned:
            self.enter("Uploading", "Uploading generated training model")
            self._upload(roots)
        self._finish_after(ending)

    def _finish_after(self, ending: Ending) -> None:
        if ending is Ending.EXITED:
            self.finish("Completed")
        elif ending is Ending.TIMED_OUT:
            self.finish("Stopped", secondary_status="MaxRuntimeExceeded")
        else:
            self.finish("Stopped")

    def ask_to_stop(self) -> None:
        """Enter Stopping and let the worker end the job."""
        self.enter("Stopping", "Stopping the training job")
        super().ask_to_stop()

    def enter(self, secondary_status: str, message: str) -> None:
        """Tell a secondary state; a new message within the same state replaces the old one."""
        with STATE_LOCK:
            if self.status == "Stopping" and secondary_status in ("Downloading", "Training"):
                return  # the Stop came first
            transitions = self.description["SecondaryStatusTransitions"]
            if transitions[-1]["Status"] == secondary_status:
                transitions[-1]["StatusMessage"] = message
            else:
                transitions[-1]["EndTime"] = now()
                transitions.append({"Status": secondary_status, "StartTime": now(), "StatusMessage": message})
            self.change(SecondaryStatus=secondary_status)

    def finish(self, status: str, secondary_status: str = "", **members: Any) -> None:
        """Enter a terminal state."""
        messages = {"Completed": "Training job completed", "Stopped": "Training job stopped"}
        message = str(members.get("FailureReason", "Training job failed"))
        with STATE_LOCK:
            self.enter(secondary_status or status, messages.get(status, message))
            ended = now()
            self.description["SecondaryStatusTransitions"][-1]["EndTime"] = ended
            started = self.description.get("TrainingStartTime")
            if started is not None:
                seconds = max(1, round((ended - started).total_seconds()))
                self.change(TrainingEndTime=ended, TrainingTimeInSeconds=seconds, BillableTimeInSeconds=seconds)
            self.change(TrainingJobStatus=status, **members)

    @property
    def instance_count(self) -> int:
        """How many hosts the job has."""
        return int(self.description["ResourceConfig"]["InstanceCount"])

    def prepare(self, root: ContainerRoot, host_index: int) -> None:
        """Lay down one host's channels and configuration."""
        for channel in self.description["InputDataConfig"]:
            self._download_channel(root, channel, host_index)
        for directory in ("/opt/ml/model", "/opt/ml/output/data", "/opt/ml/checkpoints"):
            root.directory_at(directory)
        config = "/opt/ml/input/config"
        root.write_json(f"{config}/hyperparameters.json", self.description.get("HyperParameters", {}))
        root.write_json(f"{config}/inputdataconfig.json", self._input_data_configuration())
        root.write_json(f"{config}/resourceconfig.json", self._resource_configuration(self.hosts[host_index]))

    def command(self) -> Sequence[str]:
        """Return what the container runs."""
        return images.training_command(self.description["AlgorithmSpecification"]["TrainingImage"])

    def environment(self) -> dict[str, str]:
        """Return the container's environment; the exchange directory is how the hosts of a job meet."""
        exchange = self.directory / "exchange"
        exchange.mkdir(exist_ok=True)
        return {
            **images.algorithm_environment(),
            "TRAINING_JOB_NAME": self.name,
            "TRAINING_JOB_ARN": self.arn,
            **self.description.get("Environment", {}),
            "SAGEMAKER_DATA_PATH": "/opt/ml",
            "SAGEMAKER_LOCAL_EXCHANGE_DIR": str(exchange),
        }

    def _download_channel(self, root: ContainerRoot, channel: Mapping[str, Any], host_index: int) -> None:
        source = channel["DataSource"]["S3DataSource"]
        objects = self.store.resolve(source["S3Uri"], source["S3DataType"])
        distribution = source.get("S3DataDistributionType", "FullyReplicated")
        directory = root.directory_at(f"/opt/ml/input/data/{channel['ChannelName']}")
        decode = decompress if channel.get("CompressionType") == "Gzip" else bytes
        for item in shard(objects, host_index, self.instance_count, distribution):
            self.store.download(item, directory, decode)

    def _input_data_configuration(self) -> dict[str, Any]:
        mode = self.description["AlgorithmSpecification"]["TrainingInputMode"]
        configuration: dict[str, Any] = {}
        for channel in self.description["InputDataConfig"]:
            source = channel["DataSource"]["S3DataSource"]
            configuration[channel["ChannelName"]] = {
                **pick(channel, "ContentType"),
                "TrainingInputMode": channel.get("InputMode", mode),
                "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
                "RecordWrapperType": channel.get("RecordWrapperType", "None"),
            }
        return configuration

    def _resource_configuration(self, host: str) -> dict[str, Any]:
        instance_type = self.description["ResourceConfig"]["InstanceType"]
        group = {"instance_group_name": "homogeneousCluster", "instance_type": instance_type, "hosts": self.hosts}
        return {
            "current_host": host,
            "current_instance_type": instance_type,
            "current_group_name": "homogeneousCluster",
            "hosts": self.hosts,
            "instance_groups": [group],
            "network_interface_name": "eth0",
        }

    def _upload(self, roots: list[ContainerRoot]) -> None:
        artifact = self.description["ModelArtifacts"]["S3ModelArtifacts"]
        models = [root.path("/opt/ml/model") for root in roots]
        if any(regular_files(directory) for directory in models):
            self.store.write(artifact, pack(models))
        outputs = [root.path("/opt/ml/output/data") for root in roots]
        if any(regular_files(directory) for directory in outputs):
            self.store.write(str(artifact).replace("model.tar.gz", "output.tar.gz"), pack(outputs))


def _failure_reason(failed: Container) -> str:
    """Return the failing host's /opt/ml/output/failure under the prefix that its exit code means."""
    exit_code = failed.exit_code or 0
    prefix, own_prefix = _FAILURE_PREFIXES.get(exit_code, _FAILURE_PREFIXES[1])
    text = _failure_text(failed.root.path("/opt/ml/output/failure")).removeprefix(own_prefix)
    return f"{prefix}: {text or 'See job logs for more information'}, exit code: {exit_code}"


def _failure_text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")[:_FAILURE_CHARACTERS].strip() if path.is_file() else ""
