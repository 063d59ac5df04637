"""Decides as IAM does whether statements allow what is asked: explicit deny, else allow, else deny.

Holds exactly what the project's template uses, and refuses a policy with anything else in it. Written here because no
library decides about one request: IAM's own simulator needs an account, moto allows whatever a condition says, and
policy-sentry and cloudsplaining, which other tests use, tell what a policy holds and which actions exist.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Statement = Mapping[str, Any]
_ELEMENTS = frozenset({"Sid", "Effect", "Principal", "Action", "Resource", "Condition"})


class UnsupportedPolicyError(Exception):
    """A policy says something that this evaluator does not know."""


@dataclass(frozen=True)
class Question:
    """What is asked.

    :param condition_keys: keys of the request, by name; values as text
    :param principal: who asks, as a resource policy names it, such as `{"Service": "sagemaker.amazonaws.com"}`
    """

    action: str
    resource: str
    condition_keys: Mapping[str, str | list[str]] = field(default_factory=dict)
    principal: Mapping[str, str] | None = None


def is_allowed(statements: Iterable[Statement], question: Question) -> bool:
    """Whether the statements together allow it."""
    effects = {statement["Effect"] for statement in statements if applies(statement, question)}
    return "Allow" in effects and "Deny" not in effects


def applies(statement: Statement, question: Question) -> bool:
    """Whether a statement says anything about the question."""
    if unknown := statement.keys() - _ELEMENTS:
        raise UnsupportedPolicyError(f"{statement.get('Sid')} has {', '.join(sorted(unknown))}")
    if "${" in str(statement):
        raise UnsupportedPolicyError(f"{statement.get('Sid')} has a policy variable")
    return (
        any(_matches(pattern.lower(), question.action.lower()) for pattern in _list(statement["Action"]))
        # A trust policy's resource is the role it belongs to.
        and any(_matches_arn(pattern, question.resource) for pattern in _list(statement.get("Resource", "*")))
        and _matches_principal(statement.get("Principal"), question.principal)
        and all(
            _condition_holds(operator, key, _list(values), question)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _matches(pattern: str, text: str) -> bool:
    """`*` is any run of characters, `?` any one."""
    parts = (".*" if part == "*" else "." if part == "?" else re.escape(part) for part in re.split(r"([*?])", pattern))
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def _matches_arn(pattern: str, arn: str) -> bool:
    """Segment by segment: a wildcard does not reach over the colons before the resource part.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
    """
    patterns, segments = pattern.split(":", 5), arn.split(":", 5)
    if pattern == "*":
        return True
    return len(patterns) == len(segments) and all(map(_matches, patterns, segments))


def _matches_principal(principal: Any, asking: Mapping[str, str] | None) -> bool:
    if principal is None or principal == "*":
        return True
    return asking is not None and any(asking.get(kind) in _list(names) for kind, names in principal.items())


def _condition_holds(operator: str, key: str, values: list[str], question: Question) -> bool:
    """Any of the values; a key that the request has not fails, unless the operator ends in IfExists."""
    name = operator.removesuffix("IfExists")
    matches = _OPERATORS.get(name)
    if matches is None:
        raise UnsupportedPolicyError(f"condition operator {operator}")
    present = {known.lower(): value for known, value in question.condition_keys.items()}
    if key.lower() not in present:
        return operator != name
    given = present[key.lower()]
    if not isinstance(given, str):
        raise UnsupportedPolicyError(f"{operator} on {key}, which has several values, without ForAllValues")
    return any(matches(value, given) for value in values)


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": str.__eq__,
    "StringLike": _matches,
    "ArnEquals": _matches_arn,  # the same as ArnLike
    "ArnLike": _matches_arn,
    "Bool": lambda value, given: value.lower() == given.lower(),
}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
