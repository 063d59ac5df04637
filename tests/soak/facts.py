"""Looks at what runs and endpoints are like once a round has ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sagemaker_pca.endpoints.records import DeploymentRecord
from sagemaker_pca.report.document import RunReport, Verdict
from sagemaker_pca.run import tasks
from sagemaker_pca.run.locations import RunFiles, profile_job_name, run_name, split_s3_uri
from tests.airflow_api import DagRun
from tests.pipeline_process import BUCKET, PipelineClient
from tests.run_plans import DAG_ID, DEPLOYMENT_ID
from tests.soak.invariants import EndpointFacts, RunFacts, UserAction

ROW = [0.01, 0.02, 0.03, 0.04]


def run_facts(
    client: PipelineClient, run: DagRun, settings: Mapping[str, Any], actions: tuple[UserAction, ...]
) -> RunFacts:
    """What a run left."""
    name = run_name(DEPLOYMENT_ID, DAG_ID, run.run_id)
    files = RunFiles(BUCKET, name, client.endpoint_name)
    document = find_object(client, files.report_json_uri)
    report = RunReport.read(document, files.report_json_uri) if document else None
    deployment = report.deployment if report and report.run.verdict is Verdict.PROMOTED else None
    record = find_object(client, files.deployment_record_uri)
    states = run.task_states()
    return RunFacts(
        run_name=name,
        endpoint=client.endpoint_name,
        state=run.state(),
        planned=states[tasks.PREFLIGHT] == "success" and tasks.PREFLIGHT not in {task for _, task in actions},
        verdict=report.run.verdict if report else None,
        reason=report.run.reason if report else "",
        jobs={
            ("processing", name): jobs(client, "processing", name),
            ("profile", profile_job_name(name)): jobs(client, "processing", profile_job_name(name)),
            ("training", name): jobs(client, "training", name),
        },
        stops_jobs=settings.get("stop_jobs_on_kill", True),
        user_actions=actions,
        promoted_config=deployment.endpoint_config_name if deployment else None,
        listed_at=DeploymentRecord.read(record, files.deployment_record_uri).listed_at if record else None,
    )


def endpoint_facts(client: PipelineClient) -> EndpointFacts:
    """What an endpoint is like."""
    name = client.endpoint_name
    files = RunFiles(BUCKET, "", name)
    promotion, lease = find_object(client, files.promoted_uri), find_object(client, files.lease_uri)
    listed = client.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"endpoints/{name}/training/").get("Contents", ())
    claims = [find_object(client, f"s3://{BUCKET}/{item['Key']}") for item in listed]
    try:
        endpoint = client.sagemaker.describe_endpoint(EndpointName=name)
    except client.sagemaker.exceptions.ClientError:
        endpoint = {}
    return EndpointFacts(
        name=name,
        status=endpoint.get("EndpointStatus"),
        serving_config=endpoint.get("EndpointConfigName"),
        answers=answers(client),
        promotion=json.loads(promotion)["endpoint_config_name"] if promotion else None,
        lease_holder=json.loads(lease)["holder"] if lease else None,
        claims=tuple(json.loads(claim)["holder"] for claim in claims if claim),
    )


def answers(client: PipelineClient) -> bool:
    """Whether the endpoint projects a row."""
    try:
        return bool(client.project([ROW]))
    except client.runtime.exceptions.ClientError:
        return False


def jobs(client: PipelineClient, kind: str, base_name: str) -> dict[str, str]:
    """Status of all attempts of a job, by name."""
    stem = f"{kind.capitalize()}Job"
    pages = client.sagemaker.get_paginator(f"list_{kind}_jobs").paginate(NameContains=base_name)
    found = {job[f"{stem}Name"]: str(job[f"{stem}Status"]) for page in pages for job in page[f"{stem}Summaries"]}
    return {
        name: status
        for name, status in found.items()
        if name == base_name or name.removeprefix(f"{base_name}-").isdecimal()
    }


def find_object(client: PipelineClient, uri: str) -> bytes | None:
    """Content of an object, None where there is none."""
    bucket, key = split_s3_uri(uri)
    try:
        content: bytes = client.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except client.s3.exceptions.NoSuchKey:
        return None
    return content
