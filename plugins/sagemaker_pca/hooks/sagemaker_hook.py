"""SageMaker resources: created exactly once, described as plain JSON, stopped, tagged, deleted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from sagemaker_pca.endpoints.carry_over import retained_properties
from sagemaker_pca.endpoints.ownership import is_managed
from sagemaker_pca.exceptions import JobFailedError
from sagemaker_pca.hooks.errors import is_already_there, is_missing
from sagemaker_pca.hooks.objects import S3ObjectsHook
from sagemaker_pca.resource_kinds import ENDPOINT, ENDPOINT_CONFIG, MODEL, ResourceKind
from sagemaker_pca.run.attempts import (
    FINGERPRINT_TAG,
    StartedResource,
    attempt_names,
    fingerprint,
    for_attempt,
    tag_list,
    with_tags,
)
from sagemaker_pca.run.jobs import is_usable
from sagemaker_pca.run.plan import DEPLOYMENT_TAG


class SageMakerPcaHook(S3ObjectsHook):
    """The provider's hook with transactions on top: whatever is asked for twice is there once."""

    def start_or_adopt(self, kind: ResourceKind, request: Mapping[str, Any]) -> StartedResource:
        """Create a job or resource exactly once, however often and by however many callers this is called.

        Creating comes first: the service itself then decides which of two racing callers was first, and a create
        whose answer was lost is found again by its name.

        Raises:
            JobFailedError: when all attempt names are taken by failed or different jobs.
        """
        digest = fingerprint(request)
        request = with_tags(request, {FINGERPRINT_TAG: digest})
        base_name = str(request[kind.name_key])
        for attempt, name in attempt_names(base_name):
            try:
                answer = self._create(kind, for_attempt(request, kind.name_key, name))
            except ClientError as error:
                if not is_already_there(error):
                    raise
            else:
                self.log.info("Created %s %s", kind.noun, name)
                return StartedResource(name, answer[kind.arn_key], attempt, adopted=False)
            existing = self.describe(kind, name)
            if is_usable(kind, existing) and self.tags(existing[kind.arn_key]).get(FINGERPRINT_TAG) == digest:
                self.log.info("Adopted %s %s, which is %s", kind.noun, name, kind.status(existing))
                return StartedResource(name, existing[kind.arn_key], attempt, adopted=True)
            self.log.info("%s %s is %s or of another request", kind.noun, name, kind.status(existing))
        raise JobFailedError(
            f"every attempt name of {kind.noun} {base_name} is taken by a failed or different one. "
            f"Delete them, or trigger a new run."
        )

    def _create(self, kind: ResourceKind, request: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(self.conn, f"create_{kind.operation}")(**request)
        return answer

    def describe(self, kind: ResourceKind, name: str) -> dict[str, Any]:
        """Describe a resource; timestamps as ISO text, so that XCom and JSON take it as it is."""
        return plain_json(getattr(self.conn, f"describe_{kind.operation}")(**{kind.name_key: name}))

    def stop_job(self, kind: ResourceKind, name: str) -> None:
        """Ask a job to stop; one that has ended already is left as it is."""
        try:
            getattr(self.conn, f"stop_{kind.operation}")(**{kind.name_key: name})
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationException":
                raise
            self.log.info("%s %s needs no stop: %s", kind.noun, name, error.response["Error"]["Message"])

    def tags(self, arn: str) -> dict[str, str]:
        """Tags of a SageMaker resource."""
        pages = self.conn.get_paginator("list_tags").paginate(ResourceArn=arn)
        return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}

    def find(self, kind: ResourceKind, name: str) -> dict[str, Any] | None:
        """Description of a resource, or None when there is none."""
        try:
            return self.describe(kind, name)
        except ClientError as error:
            if is_missing(error):
                return None
            raise

    def find_endpoint(self, name: str) -> dict[str, Any] | None:
        """Description of an endpoint, or None when there is none."""
        return self.find(ENDPOINT, name)

    def update_and_retain(self, endpoint: Mapping[str, Any], request: Mapping[str, Any]) -> None:
        """Update an endpoint to a request of CreateEndpoint; instance counts and weights that others set stay.

        :param endpoint: its description
        :param request: of CreateEndpoint; its tags, which UpdateEndpoint does not take, are left out
        """
        serving, wanted = endpoint.get("EndpointConfigName"), request["EndpointConfigName"]
        config = self.find(ENDPOINT_CONFIG, serving) if serving else None
        if config is None:
            self.log.warning("Configuration %s, in service, is gone: all that it was changed to is retained", serving)
        # Not visible yet, or gone: that is for the update to say.
        members = retained_properties(config or endpoint, self.find(ENDPOINT_CONFIG, wanted) or {})
        self.log.info("Updating endpoint %s from %s to %s with %s", endpoint["EndpointName"], serving, wanted, members)
        self.conn.update_endpoint(**{key: value for key, value in request.items() if key != "Tags"}, **members)

    def tags_of_config(self, name: str) -> dict[str, str]:
        """Tags of an endpoint configuration, which its endpoint got as well when it was deployed; none of one gone."""
        config = self.find(ENDPOINT_CONFIG, name)
        if config is None:
            return {}
        return {key: tag for key, tag in self.tags(config["EndpointConfigArn"]).items() if key != FINGERPRINT_TAG}

    def take_over_config(self, name: str, deployment_id: str | None) -> None:
        """Make a configuration and its models, where the pipeline of another Airflow made them, this deployment's.

        Else the other one would sweep away what the endpoint may have to return to.
        """
        config = self.find(ENDPOINT_CONFIG, name)
        variants = config["ProductionVariants"] if config else ()
        models = [self.find(MODEL, variant["ModelName"]) for variant in variants if "ModelName" in variant]
        found = [(ENDPOINT_CONFIG, config), *((MODEL, model) for model in models)]
        for arn in (description[kind.arn_key] for kind, description in found if description):
            if deployment_id and is_managed(self.tags(arn)):
                self.add_tags(arn, {DEPLOYMENT_TAG: deployment_id})

    def add_tags(self, arn: str, tags: Mapping[str, str]) -> None:
        """Add tags to a SageMaker resource; those it has under other keys stay."""
        if tags:
            self.conn.add_tags(ResourceArn=arn, Tags=tag_list(tags))

    def endpoint_configs_in_use(self) -> frozenset[str]:
        """Configurations that endpoints serve now, in this account and region."""
        pages = self.conn.get_paginator("list_endpoints").paginate(PaginationConfig={"PageSize": 100})
        names = [endpoint["EndpointName"] for page in pages for endpoint in page["Endpoints"]]
        found = (self.find_endpoint(name) for name in names)
        return frozenset(endpoint["EndpointConfigName"] for endpoint in found if endpoint is not None)

    def delete_if_there(self, operation: str, **name: str) -> None:
        """Delete a resource; gone already is fine."""
        try:
            getattr(self.conn, f"delete_{operation}")(**name)
        except ClientError as error:
            if not is_missing(error):
                raise


def plain_json(answer: Mapping[str, Any]) -> dict[str, Any]:
    """A service answer without its HTTP part, timestamps as ISO text."""
    body = {key: value for key, value in answer.items() if key != "ResponseMetadata"}
    plain: dict[str, Any] = json.loads(json.dumps(body, default=_iso_text))
    return plain


def _iso_text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} {value!r} has no place in JSON")
