"""Documents that outlive the code which wrote them: model cards, records of deployments, reports. Pure."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from sagemaker_pca.exceptions import InputError


class VersionedDocument(BaseModel):
    """A document with the version of its schema; members that this code does not know are passed over.

    A new optional member is no new version. A member whose meaning changes, or that goes, is.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    newest_version: ClassVar[int] = 1
    schema_version: int = 1

    @classmethod
    def read(cls, text: str | bytes, what: str) -> Self:
        """The document in a JSON text.

        Raises:
            InputError: when it is none, or one of a version that this code does not know.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            problems = "; ".join(map(_problem, error.errors()[:3]))
            raise InputError(f"{what} cannot be read as a {cls.__name__}: {problems}.") from None

    @model_validator(mode="before")
    @classmethod
    def is_known(cls, members: Any) -> Any:
        """Refuse a version that a later release wrote, before anything else is said about its members."""
        version = members.get("schema_version", 1) if isinstance(members, dict) else 1
        if isinstance(version, int) and not 1 <= version <= cls.newest_version:
            raise ValueError(
                f"schema_version={version} is not among 1 to {cls.newest_version}, which this release reads. "
                "Read it with the release that wrote it"
            )
        return members


def _problem(error: Any) -> str:
    place, message = ".".join(map(str, error["loc"])), str(error["msg"]).removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
