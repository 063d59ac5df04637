"""The template's policies against what the pipeline really asks of AWS: all of it, and nothing beyond."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.deployed_stack import AIRFLOW_POLICIES, DeployedStack, Statement
from tests.policy_evaluator import Question, is_allowed
from tests.slow.infra.recorded_dags import ENDPOINTS, PIPELINE, RAW_DATA, TRANSFORM, AskedCall, Recording

# The recording runs the pipeline five times.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

POLICIES = {
    PIPELINE: ["PipelinePolicy"],
    RAW_DATA: ["RawDataPolicy", "RawDataEventsPolicy"],
    TRANSFORM: ["BatchTransformPolicy"],
    ENDPOINTS: ["EndpointsPolicy"],
}
# What each statement is there for: a step that fails without it.
NEEDED_BY = {
    ("PipelinePolicy", "ProcessingJobs"): "pca_pipeline.start_processing",
    ("PipelinePolicy", "TrainingJobs"): "pca_pipeline.start_training",
    ("PipelinePolicy", "Models"): "pca_pipeline.create_model",
    ("PipelinePolicy", "EndpointConfigs"): "pca_pipeline.create_endpoint_config",
    ("PipelinePolicy", "DeployConfigs"): "pca_pipeline.deploy_endpoint",
    ("PipelinePolicy", "TheEndpoint"): "pca_pipeline.roll_back",
    ("PipelinePolicy", "ListEndpoints"): "pca_pipeline.finish_deployment",
    ("PipelinePolicy", "SeeWhatEndpointsServe"): "pca_pipeline.wait_for_endpoint",
    ("PipelinePolicy", "TagAndRecognize"): "pca_pipeline.start_processing",
    ("PipelinePolicy", "PassRoles"): "pca_pipeline.start_training",
    ("PipelinePolicy", "ListFiles"): "pca_pipeline.stage_inputs",
    ("PipelinePolicy", "LookIntoRawData"): "pca_pipeline.stage_inputs",
    ("PipelinePolicy", "KeepRunsAndRecords"): "pca_pipeline.evaluate_model",
    ("PipelinePolicy", "GiveLeaseBack"): "pca_pipeline.finish_deployment",
    ("PipelinePolicy", "ReadJobLogs"): "pca_pipeline.wait_for_training",
    ("RawDataPolicy", "ListRawData"): "pca_raw_data.notice_change",
    ("RawDataEventsPolicy", "ReceiveReports"): "pca_raw_data.watcher",
    ("BatchTransformPolicy", "BatchProcessingJobs"): "pca_batch_transform.start_processing",
    ("BatchTransformPolicy", "TransformJobs"): "pca_batch_transform.start_transform",
    ("BatchTransformPolicy", "TransformModels"): "pca_batch_transform.delete_model",
    ("BatchTransformPolicy", "TagAndRecognizeBatchJobs"): "pca_batch_transform.start_transform",
    ("BatchTransformPolicy", "FindModelInService"): "pca_batch_transform.preflight",
    ("BatchTransformPolicy", "LookAtModel"): "pca_batch_transform.preflight",
    ("BatchTransformPolicy", "PassProcessingRole"): "pca_batch_transform.start_processing",
    ("BatchTransformPolicy", "ListBatchFiles"): "pca_batch_transform.stage_inputs",
    ("BatchTransformPolicy", "LookIntoBatchData"): "pca_batch_transform.stage_inputs",
    ("BatchTransformPolicy", "ReadModels"): "pca_batch_transform.check_projections",
    ("BatchTransformPolicy", "KeepBatchRuns"): "pca_batch_transform.stage_inputs",
    ("BatchTransformPolicy", "ReadBatchJobLogs"): "pca_batch_transform.wait_for_transform",
    ("EndpointsPolicy", "ListTheInventory"): "sagemaker_endpoints.plan",
    ("EndpointsPolicy", "DescribeTheInventory"): "sagemaker_endpoints.delete",
    ("EndpointsPolicy", "DeleteWhatThePipelineMade"): "sagemaker_endpoints.delete",
    ("EndpointsPolicy", "ListDeployments"): "sagemaker_endpoints.plan",
    ("EndpointsPolicy", "ReadDeployments"): "sagemaker_endpoints.plan",
    ("EndpointsPolicy", "StartWithConfigs"): "sagemaker_endpoints.start",
    ("EndpointsPolicy", "StartStoppedEndpoint"): "sagemaker_endpoints.start",
    ("EndpointsPolicy", "RememberStops"): "sagemaker_endpoints.stop",
    ("EndpointsPolicy", "ForgetStops"): "sagemaker_endpoints.delete",
    ("EndpointsPolicy", "KeepReports"): "sagemaker_endpoints.report",
    ("ProcessingPolicy", "ListInputs"): "pca_pipeline.training",
    ("ProcessingPolicy", "ReadInputs"): "pca_pipeline.features",
    ("ProcessingPolicy", "WriteResults"): "pca_pipeline.training",
    ("ServingPolicy", "ReadArtifacts"): "pca_pipeline.deployment",
}
# What the embedded service does without asking: its containers come from no registry, and log and measure for free.
# Key and VPC are not in the recorded stack: nothing here encrypts, and jobs have no network of their own.
NOT_EXERCISED = {
    ("ProcessingPolicy", "WriteJobLogs"),
    ("ServingPolicy", "WriteEndpointLogs"),
    ("ContainerPolicy", "WriteInstanceMetrics"),
    ("ContainerPolicy", "SignInToRegistry"),
    ("ContainerPolicy", "PullImages"),
}
# Read of others on purpose: nothing is deleted that any endpoint uses, or any deployment may return to. And an endpoint
# that is deleted is forgotten as a stopped one.
SEEN_OF_OTHERS = {
    (PIPELINE, "sagemaker:DescribeEndpoint"),
    (PIPELINE, "sagemaker:DescribeEndpointConfig"),
    (ENDPOINTS, "sagemaker:DescribeEndpoint"),
    (ENDPOINTS, "sagemaker:DescribeEndpointConfig"),
    (ENDPOINTS, "sagemaker:DescribeModel"),
    (ENDPOINTS, "sagemaker:ListTags"),
    (ENDPOINTS, "s3:GetObject"),
    (ENDPOINTS, "s3:DeleteObject"),
}


def policies_of(actor: str, stack: DeployedStack) -> list[str]:
    """The policies of a DAG's identity, or of an execution role."""
    return POLICIES.get(actor) or stack.role_policies[actor]


def denied(recording: Recording, policy: str = "", changed: list[Statement] | None = None) -> Iterator[AskedCall]:
    """Recorded calls that the policies deny, one of them with other statements."""
    stack = recording.stack
    policies = stack.policies if changed is None else {**stack.policies, policy: changed}
    for call in recording.calls:
        statements = [item for name in policies_of(call.actor, stack) for item in policies[name]]
        if not is_allowed(statements, call.question):
            yield call


def without(recording: Recording, policy: str, sid: str) -> list[Statement]:
    """A policy's statements but one."""
    statements = recording.stack.policies[policy]
    rest = [statement for statement in statements if statement["Sid"] != sid]
    assert len(rest) == len(statements) - 1
    return rest


def test_everything_that_is_asked_for_is_allowed(recording: Recording) -> None:
    assert sorted({str(call) for call in denied(recording)}) == []


def test_all_dags_and_both_roles_were_recorded(recording: Recording) -> None:
    assert {call.actor for call in recording.calls} == {*POLICIES, *recording.stack.trust}


@pytest.mark.parametrize(("statement", "step"), NEEDED_BY.items(), ids=[sid for _, sid in NEEDED_BY])
def test_a_step_fails_without_the_statement(recording: Recording, statement: tuple[str, str], step: str) -> None:
    policy, sid = statement
    failing = {call.step for call in denied(recording, policy, without(recording, policy, sid))}

    assert step in failing, f"{sid} is not needed by {step}, but by {sorted(failing) or 'nothing'}"


def test_every_statement_is_needed_by_a_step_or_known_not_to_be_exercised(recording: Recording) -> None:
    stack = recording.stack
    checked = {policy for actor in (*POLICIES, *stack.trust) for policy in policies_of(actor, stack)}
    there = {(policy, statement["Sid"]) for policy in checked for statement in stack.policies[policy]}

    assert there == NEEDED_BY.keys() | NOT_EXERCISED


def smaller_versions(statement: Statement) -> Iterator[tuple[str, Statement]]:
    """The statement without one of its actions, resources, or values of a condition; and without which."""
    for element in ("Action", "Resource"):
        for value in as_list(statement[element]):
            yield value, {**statement, element: [item for item in as_list(statement[element]) if item != value]}
    for operator, keys in statement.get("Condition", {}).items():
        for key, values in keys.items():
            for value in as_list(values):
                fewer = {**keys, key: [item for item in as_list(values) if item != value]}
                yield f"{key} {value}", {**statement, "Condition": {**statement["Condition"], operator: fewer}}


def as_list(value: Any) -> list[Any]:
    """A policy element as the list that it stands for."""
    return value if isinstance(value, list) else [value]


def test_every_action_resource_and_condition_value_is_used(recording: Recording) -> None:
    unused = []
    for policy, sid in NEEDED_BY:
        (statement,) = (item for item in recording.stack.policies[policy] if item["Sid"] == sid)
        others = without(recording, policy, sid)
        # What it does not allow by itself cannot be denied for want of a part of it.
        its_calls = [call for call in recording.calls if is_allowed([statement], call.question)]
        its_recording = replace(recording, calls=its_calls)
        for what, smaller in smaller_versions(statement):
            if not any(denied(its_recording, policy, [*others, smaller])):
                unused.append(f"{policy} {sid}: {what}")

    assert unused == []


OTHERS = {
    "/pca-pipeline-": "/other-pipeline-",
    "/pca-batch-transform-": "/other-batch-",
    "endpoint/endpoint-policies": "endpoint/other-endpoint",
    "endpoints/endpoint-policies/": "endpoints/other-endpoint/",
    "endpoints/abandoned/": "endpoints/other-endpoint/",
    "endpoint-deletions/": "other-reports/",
    "/raw-policies/": "/other-raw/",
    "/batch-policies/": "/other-batch/",
    "role/sagemaker-pca-": "role/other-",
    "/aws/sagemaker/": "/aws/lambda/",
    ":sagemaker-pca-RawDataEventsQueue-": ":other-queue-",
}


def of_another_pipeline(question: Question) -> Question:
    """The same question about what another pipeline in the account would have."""
    resource = question.resource
    for own, other in OTHERS.items():
        resource = resource.replace(own, other)
    if question.action == "s3:ListBucket":
        resource = "arn:aws:s3:::other-bucket"
    keys = {key: value for key, value in question.condition_keys.items() if not key.startswith("aws:ResourceTag/")}
    assert resource != question.resource, f"{question.resource} is not renamed"
    return replace(question, resource=resource, condition_keys=keys)


def test_nothing_is_allowed_on_another_pipelines_resources(recording: Recording) -> None:
    stack = recording.stack
    allowed = {
        (call.actor, call.question.action)
        for call in recording.calls
        if call.question.resource != "*"
        and is_allowed(stack.statements(*policies_of(call.actor, stack)), of_another_pipeline(call.question))
    }

    assert allowed == SEEN_OF_OTHERS


@pytest.mark.parametrize("prefix", ["runs/other-pipeline-", "runs/", "endpoints/", "other-raw/", ""])
def test_other_prefixes_of_the_bucket_are_not_listed(recording: Recording, prefix: str) -> None:
    stack = recording.stack
    question = Question("s3:ListBucket", f"arn:aws:s3:::{stack.outputs['BucketName']}", {"s3:prefix": prefix})
    listing = {
        actor
        for actor in (*POLICIES, *stack.trust)
        if is_allowed(stack.statements(*policies_of(actor, stack)), question)
    }

    assert listing == ({ENDPOINTS} if prefix == "endpoints/" else set())


def test_roles_are_passed_to_sagemaker_only(recording: Recording) -> None:
    statements = recording.stack.statements(*AIRFLOW_POLICIES)
    for role in recording.stack.trust:
        for service, passed in (("sagemaker.amazonaws.com", True), ("ec2.amazonaws.com", False)):
            question = Question("iam:PassRole", role, {"iam:PassedToService": service})
            assert is_allowed(statements, question) is passed
        assert not is_allowed(statements, Question("iam:PassRole", role))


def test_roles_are_assumed_by_sagemaker_for_this_account_and_region_only(recording: Recording) -> None:
    job = "arn:aws:sagemaker:us-east-1:123456789012:training-job/pca-pipeline-a"
    here = {"aws:SourceAccount": "123456789012", "aws:SourceArn": job}
    foreign = {"aws:SourceAccount": "210987654321", "aws:SourceArn": job.replace("123456789012", "210987654321")}
    elsewhere = {**here, "aws:SourceArn": job.replace("us-east-1", "eu-west-1")}
    sagemaker, ec2 = {"Service": "sagemaker.amazonaws.com"}, {"Service": "ec2.amazonaws.com"}
    for role, trust in recording.stack.trust.items():
        assert is_allowed(trust, Question("sts:AssumeRole", role, here, sagemaker))
        assert not is_allowed(trust, Question("sts:AssumeRole", role, here, ec2))
        assert not is_allowed(trust, Question("sts:AssumeRole", role, foreign, sagemaker))
        assert not is_allowed(trust, Question("sts:AssumeRole", role, elsewhere, sagemaker))
        assert not is_allowed(trust, Question("sts:AssumeRole", role, {}, sagemaker))


def test_the_serving_role_reads_artifacts_and_does_nothing_else_to_the_bucket(recording: Recording) -> None:
    stack = recording.stack
    statements = stack.statements(*stack.role_policies[stack.outputs["ServingRoleArn"]])
    questions = [call.question for call in recording.calls if call.question.action.startswith("s3:")]
    allowed = [question for question in questions if is_allowed(statements, question)]

    assert {question.action for question in allowed} == {"s3:GetObject"}
    assert {question.resource.rpartition("/")[2] for question in allowed} == {"model.tar.gz"}


def test_transforms_act_under_the_processing_role(recording: Recording) -> None:
    written = {
        call.actor
        for call in recording.calls
        if call.question.action == "s3:PutObject" and "/projections/" in call.question.resource
        if "/runs/pca-batch-transform-" in call.question.resource
    }

    assert written == {recording.stack.outputs["ProcessingRoleArn"]}
