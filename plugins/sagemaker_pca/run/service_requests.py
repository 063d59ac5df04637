"""The requests of a run, as boto3 takes them: plan and inputs in, dicts out. Pure.

Members: botocore's service model; the PCA image's: its hyperparameter page in the SageMaker developer guide.
"""

from __future__ import annotations

from math import ceil
from typing import Any

from sagemaker_pca.run.attempts import tag_list
from sagemaker_pca.run.locations import profile_job_name
from sagemaker_pca.run.plan import RunPlan, StagedInputs
from sagemaker_pca.settings.pipeline import PcaRunConfig

CODE_DIR = "/opt/ml/processing/input/code"
RAW_DIR = "/opt/ml/processing/input/raw"
PROFILE_DIR = "/opt/ml/processing/input/profile"
FEATURES_DIR = "/opt/ml/processing/output/features"
STATS_DIR = "/opt/ml/processing/output/stats"
CODE_FOLDER = "processing"
ARGUMENTS_NAME = "arguments.txt"
VARIANT_NAME = "AllTraffic"
PART_ROWS = 250_000
# 80 MB of float64: of very many columns fewer rows are kept than the setting says, of 10,000 as few as quantiles take.
SAMPLED_NUMBERS = 10_000_000
# Consecutive rows, for the report's signals.
LEADING_ROWS = 500
BAKING_SECONDS = 300

FEATURE_CONTENT_TYPES = {
    # Without label_size=0 the algorithm takes the first column for a label.
    "csv": "text/csv;label_size=0",
    "recordio": "application/x-recordio-protobuf",
}


def script_arguments(config: PcaRunConfig) -> list[str]:
    """Arguments of the processing script that follow from the settings, without its directories.

    They travel in a file, one a line: SageMaker allows 256 characters per argument, too few for many column names.
    """
    return [
        f"--feature-columns={csv_line(config.feature_columns)}",
        f"--delimiter={config.delimiter}",
        f"--decimal={config.decimal}",
        f"--missing-values={config.missing_values}",
        f"--on-bad-rows={config.on_bad_rows}",
        f"--max-bad-fraction={config.max_bad_fraction}",
        f"--scaling={config.scaling}",
        f"--output-format={config.feature_format}",
        # Training hosts share feature files out among them: as many at a time as there are hosts, alike in size.
        f"--part-rows={ceil(PART_ROWS / config.training_instance_count)}",
        f"--part-hosts={config.training_instance_count}",
        f"--sample-rows={max(min(config.sample_rows, SAMPLED_NUMBERS // config.feature_dim), config.smoke_test_rows)}",
        f"--leading-rows={LEADING_ROWS}",
        *(["--newlines-in-cells"] if config.newlines_in_cells else []),
    ]


def csv_line(names: tuple[str, ...]) -> str:
    """Names as one CSV line, so that a name may hold a comma."""
    return ",".join('"' + name.replace('"', '""') + '"' if {",", '"'} & set(name) else name for name in names)


def profile_job(plan: RunPlan, inputs: StagedInputs) -> dict[str, Any]:
    """Raw CSV → the moments of every host: what the hosts of the processing job need to know of each other's rows."""
    name = profile_job_name(plan.run_name)
    return job_over_raw_files(
        plan,
        name,
        arguments=["--profile-only"],
        inputs=raw_inputs(plan, inputs),
        outputs=[processing_output("stats", plan.files.stats_uri(name), STATS_DIR)],
    )


def processing_job(plan: RunPlan, inputs: StagedInputs, profile_uri: str | None = None) -> dict[str, Any]:
    """Raw CSV → features and moments.

    :param profile_uri: what the run's profile job wrote, where the run has one
    """
    name, files = plan.run_name, plan.files
    arguments, job_inputs = [f"--features-dir={FEATURES_DIR}"], raw_inputs(plan, inputs)
    if profile_uri is not None:
        arguments.append(f"--moments-dir={PROFILE_DIR}")
        job_inputs.append(processing_input("profile", profile_uri, PROFILE_DIR))
    outputs = [
        processing_output("features", files.features_uri(name), FEATURES_DIR),
        processing_output("stats", files.stats_uri(name), STATS_DIR),
    ]
    return job_over_raw_files(plan, name, arguments=arguments, inputs=job_inputs, outputs=outputs)


def job_over_raw_files(
    plan: RunPlan,
    name: str,
    *,
    arguments: list[str],
    inputs: list[dict[str, Any]],
    outputs: list[dict[str, Any]],
) -> dict[str, Any]:
    """A processing job of the run's own code over its raw files."""
    config = plan.config
    return {
        "ProcessingJobName": name,
        "RoleArn": plan.processing_role_arn,
        "AppSpecification": {
            "ImageUri": plan.processing_image,
            "ContainerEntrypoint": ["python3", f"{CODE_DIR}/{CODE_FOLDER}"],
            "ContainerArguments": [
                f"@{CODE_DIR}/{ARGUMENTS_NAME}",
                f"--input-dir={RAW_DIR}",
                f"--stats-dir={STATS_DIR}",
                # Both are the script's defaults; named here, they also hold where the container's root is elsewhere.
                "--resource-config=/opt/ml/config/resourceconfig.json",
                "--message-dir=/opt/ml/output",
                *arguments,
            ],
        },
        "ProcessingInputs": inputs,
        "ProcessingOutputConfig": {"Outputs": outputs},
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": config.processing_instance_count,
                "InstanceType": config.processing_instance_type,
                "VolumeSizeInGB": config.processing_volume_gb,
            }
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": config.max_runtime_seconds},
        **({"NetworkConfig": _vpc_config(config)} if config.vpc_config else {}),
        "Tags": tag_list(plan.tags),
    }


def _vpc_config(config: PcaRunConfig) -> dict[str, Any]:
    return {"VpcConfig": config.vpc_config} if config.vpc_config else {}


def raw_inputs(plan: RunPlan, inputs: StagedInputs) -> list[dict[str, Any]]:
    """The code and the raw files, whole ones shared out among hosts."""
    distribution = _distribution(plan.config.processing_instance_count)
    return [
        processing_input("code", inputs.code_uri, CODE_DIR),
        processing_input("raw", inputs.manifest_uri, RAW_DIR, data_type="ManifestFile", distribution=distribution),
    ]


def processing_input(
    name: str, uri: str, path: str, *, data_type: str = "S3Prefix", distribution: str = "FullyReplicated"
) -> dict[str, Any]:
    """What each host finds in a folder before the job begins."""
    source = {"S3Uri": uri, "LocalPath": path, "S3DataType": data_type, "S3InputMode": "File"}
    return {"InputName": name, "S3Input": {**source, "S3DataDistributionType": distribution}}


def processing_output(name: str, uri: str, path: str) -> dict[str, Any]:
    """What becomes of a folder when the job has ended."""
    return {"OutputName": name, "S3Output": {"S3Uri": uri, "LocalPath": path, "S3UploadMode": "EndOfJob"}}


def _distribution(instance_count: int) -> str:
    return "ShardedByS3Key" if instance_count > 1 else "FullyReplicated"


def training_job(plan: RunPlan, features_uri: str, num_components: int, mini_batch_size: int) -> dict[str, Any]:
    """Features → model artifact."""
    config = plan.config
    return {
        "TrainingJobName": plan.run_name,
        "RoleArn": plan.processing_role_arn,
        "AlgorithmSpecification": {"TrainingImage": plan.pca_image, "TrainingInputMode": "File"},
        "HyperParameters": _hyperparameters(config, num_components, mini_batch_size),
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "ContentType": FEATURE_CONTENT_TYPES[config.feature_format],
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": features_uri,
                        "S3DataDistributionType": _distribution(config.training_instance_count),
                    }
                },
            }
        ],
        "OutputDataConfig": {"S3OutputPath": plan.files.training_output_uri},
        "ResourceConfig": {
            "InstanceCount": config.training_instance_count,
            "InstanceType": config.training_instance_type,
            "VolumeSizeInGB": config.training_volume_gb,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": config.max_runtime_seconds},
        **_vpc_config(config),
        "Tags": tag_list(plan.tags),
    }


def _hyperparameters(config: PcaRunConfig, num_components: int, mini_batch_size: int) -> dict[str, str]:
    """All values are strings on the wire."""
    values = {
        "feature_dim": config.feature_dim,
        "num_components": num_components,
        "mini_batch_size": mini_batch_size,
        "algorithm_mode": config.algorithm_mode,
        "subtract_mean": str(config.subtract_mean).lower(),
    }
    if config.algorithm_mode == "randomized":
        values["extra_components"] = config.extra_components
    return {name: str(value) for name, value in values.items()}


def model(plan: RunPlan, artifact_uri: str) -> dict[str, Any]:
    """Artifact → model that an endpoint can serve."""
    return {
        "ModelName": plan.run_name,
        "PrimaryContainer": {"Image": plan.pca_image, "ModelDataUrl": artifact_uri},
        "ExecutionRoleArn": plan.serving_role_arn,
        **_vpc_config(plan.config),
        "Tags": tag_list(plan.tags),
    }


def endpoint_config(plan: RunPlan, model_name: str) -> dict[str, Any]:
    """Model → configuration of the endpoint; a new one for every run, since configurations are immutable."""
    return {
        "EndpointConfigName": plan.run_name,
        "ProductionVariants": [
            {
                "VariantName": VARIANT_NAME,
                "ModelName": model_name,
                **_capacity(plan.config),
                "InitialVariantWeight": 1.0,
            }
        ],
        "Tags": tag_list(plan.tags),
    }


def _capacity(config: PcaRunConfig) -> dict[str, Any]:
    if config.is_serverless:
        size = {
            "MemorySizeInMB": 1024 * config.serverless_memory_gb,
            "MaxConcurrency": config.serverless_max_concurrency,
        }
        return {"ServerlessConfig": size}
    return {"InstanceType": config.serving_instance_type, "InitialInstanceCount": config.serving_instance_count}


def endpoint(plan: RunPlan, config_name: str) -> dict[str, Any]:
    """Configuration → endpoint, as CreateEndpoint takes it; an update leaves out what UpdateEndpoint does not take."""
    request: dict[str, Any] = {
        "EndpointName": plan.config.endpoint_name,
        "EndpointConfigName": config_name,
        "Tags": tag_list(plan.tags),
    }
    if deployment_config := _deployment_config(plan.config):
        request["DeploymentConfig"] = deployment_config
    return request


def _deployment_config(config: PcaRunConfig) -> dict[str, Any] | None:
    """How the endpoint is brought to its configuration; alarms are watched while old instances are kept.

    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
    """
    if not config.roll_back_alarms:
        return config.deployment_config
    policy = config.deployment_config or {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0},
            "TerminationWaitInSeconds": BAKING_SECONDS,
        }
    }
    alarms = [{"AlarmName": name} for name in config.roll_back_alarms]
    return {**policy, "AutoRollbackConfiguration": {"Alarms": alarms}}
