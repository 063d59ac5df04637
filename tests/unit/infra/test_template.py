"""The CloudFormation template: what linters of templates and of policies say, and that it fits the pipeline."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from cfnlint.api import ManualArgs, lint  # type: ignore[import-untyped]
from cfnlint.decode import decode_str  # type: ignore[import-untyped]
from cloudsplaining.scan.policy_document import PolicyDocument
from policy_sentry.querying.actions import get_action_data

from sagemaker_pca.hooks.clients import CallerIdentity
from sagemaker_pca.run.locations import RunFiles
from sagemaker_pca.run.plan import MANAGED_BY
from sagemaker_pca.settings.pipeline import PcaRunConfig
from tests.deployed_stack import AIRFLOW_POLICIES, TEMPLATE, DeployedStack, Statement
from tests.policy_evaluator import Question, is_allowed

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MANAGED_POLICY_CHARACTERS = 6144
GLOBAL_KEY = re.compile(r"aws:(SecureTransport|SourceAccount|SourceArn|ResourceTag/.+)")

Statements = Iterator[tuple[str, Statement]]


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    """The template, intrinsic functions in their long form."""
    document, _ = decode_str(TEMPLATE.read_text(encoding="utf-8"))
    return dict(document)


def texts(value: Any) -> list[str]:
    """A policy element as the list that it stands for."""
    return value if isinstance(value, list) else [value]


def action_rows(action: str) -> list[dict[str, Any]]:
    """What the service authorization reference says of an action: a row for each type of resource, `*` for the rest."""
    prefix, _, name = action.partition(":")
    found = get_action_data(prefix, name)
    assert found, f"there is no action {action}"
    rows: list[dict[str, Any]] = found[prefix]
    return rows


def test_cfn_lint_has_nothing_to_say_in_several_regions() -> None:
    matches = lint(
        TEMPLATE.read_text(encoding="utf-8"),
        regions=["us-east-1", "eu-central-1", "ap-southeast-1"],
        config=ManualArgs(include_checks=["I"]),
    )

    assert [f"{match.rule.id} {match.message}" for match in matches] == []


def test_the_policy_linter_finds_no_risk(full_stack: DeployedStack) -> None:
    for name, statements in full_stack.policies.items():
        document = PolicyDocument({"Version": "2012-10-17", "Statement": statements})
        assert document.allows_privilege_escalation == [], name
        assert document.allows_data_exfiltration_actions == [], name
        assert document.permissions_management_without_constraints == [], name
        assert document.tagging_actions_without_constraints == [], name
        assert document.service_wildcard == [], name
        # Signing in to a registry is a credential; it opens no repository by itself.
        assert set(document.credentials_exposure) <= {"ecr:GetAuthorizationToken"}, name
        assert set(document.write_actions_without_constraints) <= {"cloudwatch:PutMetricData"}, name


def test_a_wildcard_resource_stands_only_where_aws_offers_no_other(every_statement: Statements) -> None:
    for policy, statement in every_statement:
        if "*" in texts(statement["Resource"]):
            for action in texts(statement["Action"]):
                formats = {row["resource_arn_format"] for row in action_rows(action)}
                assert formats == {"*"}, f"{policy} {statement['Sid']}: {action} takes {formats - {'*'}}"


def test_actions_are_spelled_out_and_exist(every_statement: Statements) -> None:
    for policy, statement in every_statement:
        for action in texts(statement["Action"]):
            assert "*" not in action, f"{policy} {statement['Sid']}: {action}"
            assert action in {row["action"] for row in action_rows(action)}


def test_every_condition_key_is_known_to_every_action_under_it(every_statement: Statements) -> None:
    for policy, statement in every_statement:
        keys = [key for condition in statement.get("Condition", {}).values() for key in condition]
        for action in texts(statement["Action"]):
            known = {key for row in action_rows(action) for key in row["condition_keys"]}
            unknown = [key for key in keys if key not in known and not GLOBAL_KEY.fullmatch(key)]
            assert unknown == [], f"{policy} {statement['Sid']}: {action}"


def test_statements_have_names_of_their_own(every_statement: Statements) -> None:
    names = [(policy, statement["Sid"]) for policy, statement in every_statement]

    assert len(set(names)) == len(names)


def test_policies_fit_iams_limit(full_stack: DeployedStack) -> None:
    for name, statements in full_stack.policies.items():
        assert len(json.dumps(statements, separators=(",", ":"))) < MANAGED_POLICY_CHARACTERS - 100, name


def test_the_pipelines_defaults_find_what_the_template_makes(stack: DeployedStack) -> None:
    defaults = PcaRunConfig()
    here = CallerIdentity("123456789012", "aws", "us-east-1")
    bucket = stack.outputs["BucketName"]
    raw_files = RunFiles(bucket, "", "").default_raw_data_uri.removeprefix("s3://")
    endpoint = f"arn:aws:sagemaker:us-east-1:123456789012:endpoint/{defaults.endpoint_name}"
    pipeline = stack.policies["PipelinePolicy"]

    assert bucket == here.default_bucket
    assert stack.outputs["ProcessingRoleArn"].endswith(f":role/{defaults.processing_role}")
    assert stack.outputs["ServingRoleArn"].endswith(f":role/{defaults.serving_role}")
    for policy in (stack.policies["ProcessingPolicy"], pipeline):
        assert is_allowed(policy, Question("s3:GetObject", f"arn:aws:s3:::{raw_files}a.csv"))
        assert not is_allowed(policy, Question("s3:PutObject", f"arn:aws:s3:::{raw_files}a.csv"))
    listing = Question("s3:ListBucket", f"arn:aws:s3:::{bucket}", {"s3:prefix": raw_files.removeprefix(f"{bucket}/")})
    assert is_allowed(pipeline, listing)
    assert is_allowed(pipeline, Question("sagemaker:InvokeEndpoint", endpoint))


@pytest.mark.parametrize(("tag", "deleted"), [(MANAGED_BY, True), ("somebody-else", False), (None, False)])
def test_the_endpoints_dag_deletes_only_what_the_pipeline_made(
    stack: DeployedStack, tag: str | None, deleted: bool
) -> None:
    keys = {} if tag is None else {"aws:ResourceTag/managed-by": tag}
    for kind, name in (("Endpoint", "endpoint"), ("EndpointConfig", "endpoint-config"), ("Model", "model")):
        question = Question(f"sagemaker:Delete{kind}", f"arn:aws:sagemaker:us-east-1:123456789012:{name}/any", keys)
        assert is_allowed(stack.policies["EndpointsPolicy"], question) is deleted


def test_what_is_optional_is_allowed_only_when_asked_for(stack: DeployedStack, full_stack: DeployedStack) -> None:
    actions = {action for items in stack.policies.values() for item in items for action in texts(item["Action"])}

    assert full_stack.policies.keys() - stack.policies.keys() == {
        "AutoScalingPolicy",
        "KeyPolicy",
        "NetworkPolicy",
        "RawDataEventsPolicy",
        "RollBackAlarmsPolicy",
    }
    assert not {action for action in actions if action.startswith(("application-autoscaling:", "kms:", "ec2:", "sqs:"))}


def test_alarms_are_watched_in_the_served_models_name_and_no_others(full_stack: DeployedStack) -> None:
    serving = full_stack.statements(*full_stack.role_policies[full_stack.outputs["ServingRoleArn"]])
    alarm = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:{}"
    assert is_allowed(serving, Question("cloudwatch:DescribeAlarms", alarm.format("pca-errors")))
    assert not is_allowed(serving, Question("cloudwatch:DescribeAlarms", alarm.format("billing")))


def test_scaling_ends_for_endpoints_alone(full_stack: DeployedStack) -> None:
    target = "arn:aws:application-autoscaling:us-east-1:123456789012:scalable-target/0a1b"
    for namespace, allowed in (("sagemaker", True), ("ecs", False)):
        keys = {"application-autoscaling:service-namespace": namespace}
        question = Question("application-autoscaling:DeregisterScalableTarget", target, keys)
        assert is_allowed(full_stack.policies["AutoScalingPolicy"], question) is allowed


def test_the_serving_role_may_do_nothing_to_the_bucket_but_read(full_stack: DeployedStack) -> None:
    serving = full_stack.statements(*full_stack.role_policies[full_stack.outputs["ServingRoleArn"]])

    assert {action for item in serving for action in texts(item["Action"]) if action.startswith("s3:")} == {
        "s3:GetObject"
    }


def test_only_the_queue_is_read_from_and_only_by_the_dag_that_looks(full_stack: DeployedStack) -> None:
    queue = f"arn:aws:sqs:us-east-1:123456789012:{full_stack.outputs['RawDataEventsQueueUrl'].rpartition('/')[2]}"
    for policy, statements in full_stack.policies.items():
        for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage"):
            assert is_allowed(statements, Question(action, queue)) is (policy == "RawDataEventsPolicy")
            assert not is_allowed(statements, Question(action, f"{queue}2"))


def test_only_the_bucket_reports_to_the_queue_and_only_over_tls(template: dict[str, Any]) -> None:
    resources = template["Resources"]
    reports, no_tls = resources["RawDataEventsQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    has_name, named, default_name = resources["Bucket"]["Properties"]["BucketName"]["Fn::If"]

    assert reports["Principal"] == {"Service": "s3.amazonaws.com"}
    assert reports["Action"] == "sqs:SendMessage"
    assert reports["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    arn = "arn:${AWS::Partition}:s3:::"
    assert reports["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::If"] == [
        has_name,
        {"Fn::Sub": f"{arn}${{{named['Ref']}}}"},
        {"Fn::Sub": f"{arn}{default_name['Fn::Sub']}"},
    ]
    assert (no_tls["Effect"], no_tls["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert resources["RawDataEventsQueue"]["Properties"]["SqsManagedSseEnabled"] is True


def test_the_bucket_reports_raw_files_only_and_only_when_asked_to(template: dict[str, Any]) -> None:
    condition, configured, otherwise = template["Resources"]["Bucket"]["Properties"]["NotificationConfiguration"][
        "Fn::If"
    ]
    configurations = configured["QueueConfigurations"]

    assert (condition, otherwise) == ("HasRawDataEvents", {"Ref": "AWS::NoValue"})
    assert {item["Event"] for item in configurations} == {"s3:ObjectCreated:*", "s3:ObjectRemoved:*"}
    for item in configurations:
        assert item["Filter"]["S3Key"]["Rules"] == [{"Name": "prefix", "Value": {"Ref": "RawDataPrefix"}}]


def test_the_key_is_used_through_s3_only_and_by_both_roles(full_stack: DeployedStack) -> None:
    statements, key = full_stack.policies["KeyPolicy"], "arn:aws:kms:us-east-1:123456789012:key/ab-1"
    through_s3, through_ebs = ({"kms:ViaService": f"{name}.us-east-1.amazonaws.com"} for name in ("s3", "ec2"))

    assert is_allowed(statements, Question("kms:Decrypt", key, through_s3))
    assert not is_allowed(statements, Question("kms:Decrypt", key, through_ebs))
    assert not is_allowed(statements, Question("kms:Decrypt", f"{key}2", through_s3))
    assert all("KeyPolicy" in policies for policies in full_stack.role_policies.values())


def test_interfaces_are_made_in_the_vpc_only(full_stack: DeployedStack) -> None:
    arn = "arn:aws:ec2:us-east-1:123456789012"
    question = Question("ec2:CreateNetworkInterface", f"{arn}:subnet/subnet-1", {"ec2:Vpc": f"{arn}:vpc/vpc-0a1b"})
    elsewhere = Question(question.action, question.resource, {"ec2:Vpc": f"{arn}:vpc/vpc-0a1c"})

    assert is_allowed(full_stack.policies["NetworkPolicy"], question)
    assert not is_allowed(full_stack.policies["NetworkPolicy"], elsewhere)


def test_the_bucket_refuses_requests_without_tls_whoever_asks(template: Mapping[str, Any]) -> None:
    policy = template["Resources"]["BucketPolicy"]["Properties"]["PolicyDocument"]
    (deny,) = policy["Statement"]
    arn = "arn:aws:s3:::b"
    resources = [arn if item == {"Fn::GetAtt": ["Bucket", "Arn"]} else f"{arn}/*" for item in deny["Resource"]]
    statements = [{"Effect": "Allow", "Action": "*", "Resource": "*"}, {**deny, "Resource": resources}]

    assert {"Fn::Sub": "${Bucket.Arn}/*"} in deny["Resource"]
    for resource, action in ((arn, "s3:ListBucket"), (f"{arn}/runs/a", "s3:GetObject")):
        for secure, allowed in (("true", True), ("false", False)):
            assert is_allowed(statements, Question(action, resource, {"aws:SecureTransport": secure})) is allowed


def test_the_bucket_is_private_encrypted_versioned_and_outlives_the_stack(template: Mapping[str, Any]) -> None:
    bucket = template["Resources"]["Bucket"]
    properties = bucket["Properties"]
    by_s3 = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    _, with_key, without_key = rule["Fn::If"]

    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert without_key == by_s3
    assert with_key["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == {"Ref": "KmsKeyArn"}
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"


def test_no_lifecycle_rule_takes_an_artifact_from_a_live_endpoint(template: Mapping[str, Any]) -> None:
    rules = template["Resources"]["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    classes = [step["StorageClass"] for rule in rules for step in rule.get("Transitions", ())]

    assert {rule.get("Prefix") for rule in rules} == {"runs/", "endpoints/", None}
    assert not [rule["Id"] for rule in rules if rule.keys() & {"ExpirationInDays", "ExpirationDate", "Expiration"}]
    # An archived object is not there for a container that starts.
    assert set(classes) <= {"STANDARD_IA", "INTELLIGENT_TIERING"}


def test_airflows_policies_are_outputs_to_attach(stack: DeployedStack) -> None:
    assert {f"{name}Arn" for name in AIRFLOW_POLICIES} <= stack.outputs.keys()
