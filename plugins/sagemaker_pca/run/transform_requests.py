"""The requests of a batch transform, as boto3 takes them: plan and inputs in, dicts out. Pure."""

from __future__ import annotations

from typing import Any

from sagemaker_pca.run.attempts import tag_list
from sagemaker_pca.run.plan import StagedInputs, TransformPlan
from sagemaker_pca.run.service_requests import (
    FEATURES_DIR,
    STATS_DIR,
    csv_line,
    job_over_raw_files,
    model,
    processing_input,
    processing_output,
    raw_inputs,
    script_arguments,
)

MODEL_DIR = "/opt/ml/processing/input/model"
MODEL_NAME = "model.npz"
SCORES_DIR = "/opt/ml/processing/output/scores"


def transform_arguments(plan: TransformPlan) -> list[str]:
    """Arguments of the processing script that follow from the settings of the model and of the transform."""
    transform = plan.transform
    if not transform.is_scored:
        return script_arguments(plan.config)
    return [
        *script_arguments(plan.config),
        f"--scores-format={transform.output.removeprefix('scored-')}",
        f"--window-rows={transform.window_rows}",
        *([f"--id-columns={csv_line(transform.id_columns)}"] if transform.id_columns else []),
    ]


def transform_processing_job(plan: TransformPlan, inputs: StagedInputs) -> dict[str, Any]:
    """Raw CSV → features for the transform job, or scored rows, for which no other job is needed.

    The model comes along either way: a gap takes its mean.
    """
    name, files = plan.run_name, plan.files
    if plan.transform.is_scored:
        option, output = f"--scores-dir={SCORES_DIR}", processing_output("scores", files.scores_uri(name), SCORES_DIR)
    else:
        option = f"--features-dir={FEATURES_DIR}"
        output = processing_output("features", files.features_uri(name), FEATURES_DIR)
    return job_over_raw_files(
        plan,
        name,
        arguments=[f"--model={MODEL_DIR}/{MODEL_NAME}", option],
        inputs=[*raw_inputs(plan, inputs), processing_input("model", str(inputs.model_uri), MODEL_DIR)],
        outputs=[output, processing_output("stats", files.stats_uri(name), STATS_DIR)],
    )


def transform_model(plan: TransformPlan) -> dict[str, Any]:
    """The chosen model's artifact → model of this run: a transform job reads and writes under its model's role.

    The role of served models may only read artifacts.
    """
    return {**model(plan, plan.artifact_uri), "ExecutionRoleArn": plan.processing_role_arn}


def transform_job(plan: TransformPlan, features_uri: str, model_name: str) -> dict[str, Any]:
    """Features → projections, one output object per feature file."""
    transform = plan.transform
    return {
        "TransformJobName": plan.run_name,
        "ModelName": model_name,
        "BatchStrategy": "MultiRecord",
        "MaxPayloadInMB": transform.max_payload_mb,
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": features_uri}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        "TransformOutput": {
            "S3OutputPath": plan.files.transform_output_uri(plan.run_name),
            "Accept": "application/jsonlines",
            "AssembleWith": "Line",
        },
        "TransformResources": {
            "InstanceType": transform.instance_type,
            "InstanceCount": transform.instance_count,
        },
        "Tags": tag_list(plan.tags),
    }
