"""The evaluator that the policy tests rest on, against rules of IAM's documentation."""

from __future__ import annotations

from typing import Any

import pytest

from tests.policy_evaluator import Question, UnsupportedPolicyError, is_allowed

MODEL = "arn:aws:sagemaker:us-east-1:123456789012:model/pca-pipeline-a"


def statement(effect: str = "Allow", **elements: Any) -> dict[str, Any]:
    """A statement on everything, but for the given elements."""
    return {"Effect": effect, "Action": "*", "Resource": "*", **elements}


def allowed(given: dict[str, Any], action: str = "sagemaker:CreateModel", resource: str = MODEL, **keys: str) -> bool:
    """Whether a statement alone allows a call with condition keys, `__` for their colons."""
    condition_keys = {key.replace("__", ":"): value for key, value in keys.items()}
    return is_allowed([given], Question(action, resource, condition_keys))


def test_nothing_is_allowed_without_a_statement() -> None:
    assert not is_allowed([], Question("s3:GetObject", "arn:aws:s3:::b/k"))


@pytest.mark.parametrize("order", [1, -1])
def test_an_explicit_deny_wins_in_any_order(order: int) -> None:
    statements = [statement(), statement("Deny", Action="sagemaker:CreateModel")][::order]

    assert not is_allowed(statements, Question("sagemaker:CreateModel", MODEL))
    assert is_allowed(statements, Question("sagemaker:DeleteModel", MODEL))


@pytest.mark.parametrize(
    ("pattern", "holds"),
    [
        ("sagemaker:CreateModel", True),
        ("SageMaker:createmodel", True),
        ("sagemaker:Create*", True),
        ("sagemaker:CreateMode?", True),
        ("sagemaker:CreateModel?", False),
        ("sagemaker:CreateMod", False),
        ("sagemaker:[C]reateModel", False),
    ],
)
def test_actions_match_without_regard_to_case_and_with_two_wildcards(pattern: str, holds: bool) -> None:
    assert allowed(statement(Action=["iam:PassRole", pattern])) is holds


@pytest.mark.parametrize(
    ("pattern", "resource", "holds"),
    [
        ("arn:aws:sagemaker:us-east-1:123456789012:model/pca-pipeline-*", MODEL, True),
        ("arn:aws:sagemaker:us-east-1:123456789012:model/PCA-pipeline-*", MODEL, False),
        ("arn:aws:sagemaker:*:model/pca-pipeline-*", MODEL, False),
        ("arn:aws:sagemaker:*:*:model/*", MODEL, True),
        ("arn:aws:s3:::b/runs/*/served/model.tar.gz", "arn:aws:s3:::b/runs/x/y/served/model.tar.gz", True),
        ("arn:aws:s3:::b/runs.x", "arn:aws:s3:::b/runs-x", False),
        ("arn:aws:logs:r:1:log-group:/a:*", "arn:aws:logs:r:1:log-group:/a:log-stream:s", True),
        ("arn:aws:logs:r:1:log-group:/a:*", "arn:aws:logs:r:1:log-group:/ab:log-stream:s", False),
        ("arn:aws:s3:::b/*", "*", False),
    ],
)
def test_resources_match_segment_by_segment_with_regard_to_case(pattern: str, resource: str, holds: bool) -> None:
    assert allowed(statement(Resource=pattern), resource=resource) is holds


def test_all_conditions_must_hold_and_one_value_of_each_suffices() -> None:
    given = statement(
        Condition={
            "StringEquals": {"aws:SourceAccount": ["1", "2"]},
            "StringLike": {"s3:prefix": ["raw/*", "runs/a-*"]},
        }
    )

    assert allowed(given, aws__SourceAccount="2", s3__prefix="runs/a-b/stats/")
    assert not allowed(given, aws__SourceAccount="3", s3__prefix="runs/a-b/stats/")
    assert not allowed(given, aws__SourceAccount="2", s3__prefix="runs/b")


def test_condition_keys_match_without_regard_to_case_and_values_with_it() -> None:
    given = statement(Condition={"StringEquals": {"IAM:passedToService": "sagemaker.amazonaws.com"}})

    assert allowed(given, iam__PassedToService="sagemaker.amazonaws.com")
    assert not allowed(given, iam__PassedToService="SageMaker.amazonaws.com")


def test_an_absent_key_fails_unless_the_operator_says_if_exists() -> None:
    assert not allowed(statement(Condition={"StringLike": {"s3:prefix": "*"}}))
    assert allowed(statement(Condition={"StringLikeIfExists": {"s3:prefix": "raw/*"}}))
    assert not allowed(statement(Condition={"StringLikeIfExists": {"s3:prefix": "raw/*"}}), s3__prefix="other/")


def test_string_equals_takes_wildcards_literally_and_arn_like_does_not() -> None:
    assert not allowed(statement(Condition={"StringEquals": {"aws:SourceAccount": "*"}}), aws__SourceAccount="1")
    condition = {"ArnLike": {"aws:SourceArn": "arn:aws:sagemaker:us-east-1:1:*"}}
    assert allowed(statement(Condition=condition), aws__SourceArn="arn:aws:sagemaker:us-east-1:1:model/a")
    assert not allowed(statement(Condition=condition), aws__SourceArn="arn:aws:sagemaker:us-east-1:2:model/a")


def test_a_resource_policy_speaks_to_its_principal_only() -> None:
    trust = statement(Principal={"Service": "sagemaker.amazonaws.com"}, Action="sts:AssumeRole")
    question = Question("sts:AssumeRole", "arn:aws:iam::1:role/r", principal={"Service": "sagemaker.amazonaws.com"})

    assert is_allowed([trust], question)
    assert not is_allowed([trust], Question("sts:AssumeRole", "arn:aws:iam::1:role/r", principal={"Service": "ec2"}))
    assert not is_allowed([trust], Question("sts:AssumeRole", "arn:aws:iam::1:role/r"))


@pytest.mark.parametrize(
    "element",
    [
        {"NotAction": "s3:*"},
        {"NotResource": "*"},
        {"Condition": {"NumericLessThan": {"s3:max-keys": "10"}}},
        {"Resource": "arn:aws:s3:::b/${aws:username}/*"},
        {"Condition": {"StringEquals": {"aws:TagKeys": "owner"}}},
    ],
)
def test_what_the_evaluator_does_not_know_is_refused(element: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedPolicyError):
        is_allowed([statement(**element)], Question("s3:GetObject", "*", {"aws:TagKeys": ["owner"]}))
