"""What the backend keeps: named resources, each with the answer of its Describe call."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.utilities.utils import get_partition

from sagemaker_local.exceptions import SageMakerError, ValidationError


@dataclass(frozen=True)
class Kind:
    """A kind of resource and the wording of its errors; `{name}` and `{arn}` are filled in."""

    noun: str  # as in CreateTrainingJob
    arn_type: str
    missing: str
    duplicate: str
    duplicate_error: type[SageMakerError] = ValidationError
    default_sort_order: str = "Descending"
    status_filter_after_paging: bool = False

    @property
    def name_field(self) -> str:
        """The member that holds the name in requests and answers."""
        return f"{self.noun}Name"

    @property
    def arn_field(self) -> str:
        """The member that holds the ARN in answers."""
        return f"{self.noun}Arn"

    @property
    def status_field(self) -> str:
        """The member that holds the state in answers."""
        return f"{self.noun}Status"

    def arn(self, name: str, account_id: str, region_name: str) -> str:
        """Return the ARN of a resource of this kind."""
        partition = get_partition(region_name)
        return f"arn:{partition}:sagemaker:{region_name}:{account_id}:{self.arn_type}/{name.lower()}"


@dataclass
class Resource:
    """One resource; `arn` and `tags` are also what moto's tagging API reads."""

    kind: Kind
    name: str
    arn: str
    description: dict[str, Any]
    tags: list[dict[str, str]] = field(default_factory=list)

    @property
    def account_id(self) -> str:
        """The account that owns the resource."""
        return self.arn.split(":")[4]

    @property
    def region_name(self) -> str:
        """The region of the resource."""
        return self.arn.split(":")[3]

    @property
    def status(self) -> str:
        """The resource's state; empty for kinds without one."""
        return str(self.description.get(self.kind.status_field, ""))

    def describe(self) -> dict[str, Any]:
        """Return a copy of the Describe answer that later changes leave alone."""
        return copy.deepcopy(self.description)

    def change(self, **members: Any) -> None:
        """Set members of the description; None removes one. Bumps LastModifiedTime."""
        self.description.update(members, LastModifiedTime=now())
        for name in [name for name, value in members.items() if value is None]:
            del self.description[name]


def now() -> datetime:
    """Return the current time in the service's precision, milliseconds."""
    current = datetime.now(UTC)
    return current.replace(microsecond=current.microsecond // 1000 * 1000)


def require_unique(noun: str, names: Sequence[str]) -> None:
    """Raise ValidationError where a name occurs twice."""
    if len(set(names)) != len(names):
        raise ValidationError(f"Duplicate {noun} names are not allowed: {', '.join(names)}.")


def as_given(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a deep copy of what a Create request says of its resource: everything but the tags."""
    return {name: copy.deepcopy(value) for name, value in request.items() if name != "Tags" and value is not None}


def pick(request: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return a deep copy of the named members that a request gives."""
    return {name: copy.deepcopy(request[name]) for name in names if request.get(name) is not None}
