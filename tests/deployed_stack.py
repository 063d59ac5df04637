"""The CloudFormation template carried out: its policies with every name filled in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).resolve().parent.parent / "infra" / "sagemaker_pca.yaml"
# Whoever deploys the stack attaches these to Airflow's identity.
AIRFLOW_POLICIES = ("PipelinePolicy", "RawDataPolicy", "EndpointsPolicy", "BatchTransformPolicy")

Statement = dict[str, Any]


@dataclass(frozen=True)
class DeployedStack:
    """What a deployed template gives.

    :param outputs: the stack's outputs
    :param policies: statements, by the policy's logical name
    :param role_policies: by role ARN, the policies it has
    :param trust: by role ARN, who may assume it
    """

    outputs: dict[str, str]
    policies: dict[str, list[Statement]]
    role_policies: dict[str, list[str]]
    trust: dict[str, list[Statement]]

    def statements(self, *policies: str) -> list[Statement]:
        """All statements of some policies."""
        return [statement for policy in policies for statement in self.policies[policy]]


def deploy(client: Callable[[str], Any], **parameters: str) -> DeployedStack:
    """Deploy the template into an account that has none of it yet.

    :param client: makes a boto3 client of a service
    :param parameters: parameters of the template
    """
    cloudformation, iam = client("cloudformation"), client("iam")
    cloudformation.create_stack(
        StackName="sagemaker-pca",
        TemplateBody=TEMPLATE.read_text(encoding="utf-8"),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    stack = cloudformation.describe_stacks(StackName="sagemaker-pca")["Stacks"][0]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    managed = {arn: key.removesuffix("Arn") for key, arn in outputs.items() if key.endswith("PolicyArn")}
    policies = {name: _managed_policy(iam, arn) for arn, name in managed.items()}
    role_policies, trust = {}, {}
    for arn in (arn for key, arn in outputs.items() if key.endswith("RoleArn")):
        role = arn.rpartition("/")[2]
        inline = dict(_inline_policies(iam, role))
        attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        policies |= inline
        role_policies[arn] = [*inline, *(managed[policy["PolicyArn"]] for policy in attached)]
        trust[arn] = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]["Statement"]
    return DeployedStack(outputs, policies, role_policies, trust)


def _managed_policy(iam: Any, arn: str) -> list[Statement]:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    statements: list[Statement] = document["Statement"]
    return statements


def _inline_policies(iam: Any, role: str) -> Iterator[tuple[str, list[Statement]]]:
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        yield name, iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]
