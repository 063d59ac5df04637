"""Every setting of a run: its default, range, help and section, defined once; here those of deploying and waiting.

The trigger form, validation, the table in docs/settings.md and the run report are all made from `PcaRunConfig`.
Owns no locations (`run.locations`) and no requests (`run.service_requests`).
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import model_validator

from sagemaker_pca.settings import patterns
from sagemaker_pca.settings.layers import (
    NOTHING,
    Given,
    Resolved,
    as_document,
    execution_setting,
    resolve_layers,
    serving_setting,
)
from sagemaker_pca.settings.model import ModelSettings


class PcaRunConfig(ModelSettings):
    """The settings of one run, validated as a whole."""

    endpoint_name: str = serving_setting(
        "pca-endpoint", "Deployment", "Endpoint to create or update.", pattern=patterns.RESOURCE_NAME, max_length=63
    )
    serving: Literal["instance", "serverless"] = serving_setting(
        "instance",
        "Deployment",
        "Endpoint on instances, paid by the hour, or serverless, paid by use: its first call after a while waits for a "
        "container. An endpoint stays of its kind.",
    )
    serving_instance_type: str = serving_setting(
        "ml.m5.large", "Deployment", "Instance type behind the endpoint.", pattern=patterns.INSTANCE_TYPE
    )
    serving_instance_count: int = serving_setting(1, "Deployment", "Instances behind the endpoint.", ge=1, le=100)
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariantServerlessConfig.html
    serverless_memory_gb: int = serving_setting(
        2, "Deployment", "Memory of each container of a serverless endpoint, in GB.", ge=1, le=6
    )
    serverless_max_concurrency: int = serving_setting(
        5, "Deployment", "Calls that a serverless endpoint answers at once; more are throttled.", ge=1, le=200
    )
    # How the change is made, not what is in service after it.
    deployment_config: dict[str, Any] | None = as_document(
        "DeploymentConfig",
        execution_setting(
            None, "Deployment", "DeploymentConfig of UpdateEndpoint (blue/green or rolling), passed on as it is."
        ),
    )
    roll_back_alarms: tuple[patterns.AlarmName, ...] = execution_setting(
        (),
        "Deployment",
        "CloudWatch alarms at which SageMaker itself takes an update back. Without a deployment_config it watches them "
        "for five minutes before it ends what served before.",
        max_length=patterns.MOST_ALARMS,
    )
    stopped_endpoint: Literal["refuse", "deploy"] = execution_setting(
        "refuse",
        "Deployment",
        "What a run does whose endpoint was stopped: end before any job, or create the endpoint with its new model.",
    )
    take_over_endpoint: bool = execution_setting(
        False,
        "Deployment",
        "Deploy to an endpoint that this pipeline did not make, whoever owns it, and own it from then on.",
    )
    # Who decides and when makes no other model.
    deployment_approval: bool = execution_setting(
        False,
        "Deployment",
        "Wait for a person to approve the new model in Airflow before it is deployed; of a model that the quality gate "
        "refuses they are asked too.",
        of_deployment=True,
    )
    approval_hours: float = execution_setting(
        72, "Deployment", "Hours to wait for that answer.", gt=0, le=24 * 30, of_deployment=True
    )
    approval_default: Literal["reject", "approve"] = execution_setting(
        "reject",
        "Deployment",
        "What becomes of a model that nobody answered about in time; a refused one is rejected in any case.",
    )
    lease_wait_seconds: int = execution_setting(
        1800,
        "Deployment",
        "How long to wait while another run deploys to the same endpoint.",
        ge=0,
        le=86_400,
        of_deployment=True,
    )
    keep_superseded: int = execution_setting(
        3, "Deployment", "Superseded configurations and models to keep for a manual roll-back.", ge=1, le=100
    )
    smoke_test_rows: int = execution_setting(
        20, "Deployment", "Raw rows sent through the endpoint and compared with the artifact.", ge=1, le=1000
    )

    # Who may read the raw data makes no other model of it; a role that may not, fails the job.
    processing_role: str = execution_setting(
        "sagemaker-pca-processing",
        "Security",
        "IAM role of processing and training jobs: a name, or an ARN.",
        pattern=patterns.ROLE,
        of_deployment=True,
    )
    serving_role: str = serving_setting(
        "sagemaker-pca-serving",
        "Security",
        "IAM role of the served model: a name, or an ARN.",
        pattern=patterns.ROLE,
        of_deployment=True,
    )
    vpc_config: dict[str, list[str]] | None = as_document(
        "VpcConfig",
        serving_setting(
            None,
            "Security",
            'VPC of jobs and endpoint, which needs a way to S3: {"Subnets": ["subnet-…"], '
            '"SecurityGroupIds": ["sg-…"]}.',
            of_deployment=True,
        ),
    )
    # Tags decide nothing here: a run on unchanged data renews them too.
    owner: str = execution_setting(
        "sagemaker-pca",
        "Security",
        "Tag `owner` of everything the run creates.",
        # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Tag.html
        pattern=r"^[a-zA-Z0-9 _.:/=+@-]+$",
        max_length=256,
        of_deployment=True,
    )
    expires_after_days: int | None = execution_setting(
        None,
        "Security",
        "Days after which a sweep may delete the endpoint (tag `expires-at`). Unset: never.",
        ge=1,
        le=3650,
    )

    max_runtime_seconds: int = execution_setting(
        3600, "Waiting", "Longest run of a job before it is stopped.", ge=60, le=432_000, of_deployment=True
    )
    poll_seconds: float = execution_setting(
        15,
        "Waiting",
        "Seconds between two looks at a job or endpoint; grows slowly while it runs.",
        ge=0.1,
        le=300,
        of_deployment=True,
    )
    stop_jobs_on_kill: bool = execution_setting(
        True,
        "Waiting",
        "Stop the SageMaker job when its wait is marked failed or runs out of time.",
        of_deployment=True,
    )
    job_logs: bool = execution_setting(
        True, "Waiting", "Copy the jobs' own log lines into the task log.", of_deployment=True
    )

    @model_validator(mode="after")
    def settings_agree(self) -> Self:
        """Refuse settings that contradict each other."""
        if self.roll_back_alarms and "AutoRollbackConfiguration" in (self.deployment_config or {}):
            raise ValueError(
                "deployment_config has an AutoRollbackConfiguration, and roll_back_alarms makes one. Give one of them."
            )
        if self.processing_image_uri is None:
            patterns.refuse_old_sklearn(self.sklearn_version)
        if problem := self._not_serverless:
            raise ValueError(problem)
        return self

    @property
    def is_serverless(self) -> bool:
        """Whether the endpoint has no instances."""
        return self.serving == "serverless"

    @property
    def _not_serverless(self) -> str | None:
        """What SageMaker would refuse of a serverless endpoint, after the jobs; None where nothing is known."""
        if not self.is_serverless:
            return None
        if self.vpc_config:
            return (
                "serving=serverless cannot have a vpc_config: SageMaker runs no serverless endpoint in a VPC. "
                "Set serving=instance, or leave vpc_config unset."
            )
        policy = self.deployment_config or {}
        routing = (policy.get("BlueGreenUpdatePolicy") or {}).get("TrafficRoutingConfiguration") or {}
        if policy.get("RollingUpdatePolicy") or routing.get("Type") == "CANARY":
            how = "RollingUpdatePolicy" if policy.get("RollingUpdatePolicy") else "CANARY"
            return (
                f"deployment_config has {how}, and SageMaker updates no serverless endpoint so. Set ALL_AT_ONCE, or "
                "leave deployment_config unset."
            )
        return None

    @property
    def why_no_profile(self) -> str | None:
        """Why the processing job needs no profile job before it; None where it does."""
        if self.scaling == "none" and self.missing_values != "mean":
            return f"No profile needed: scaling={self.scaling} and missing_values={self.missing_values} take no means."
        if self.processing_instance_count == 1:
            return "No profile needed: one host finds the means of the whole data by itself."
        return None


def resolve(run: Given, pipeline: Given, deployment: Given = NOTHING) -> Resolved[PcaRunConfig]:
    """The settings of a run of the pipeline, with where each comes from: see `layers.resolve_layers`."""
    return resolve_layers(PcaRunConfig, run, pipeline, deployment)
