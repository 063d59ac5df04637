"""The estate as AWS tells it: lists, the tagging API, descriptions, CloudWatch and the pipeline's records in S3."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from botocore.config import Config
from botocore.exceptions import ClientError

from sagemaker_pca.exceptions import WaitTimeoutError
from sagemaker_pca.job_status import ENDPOINT, ENDPOINT_CONFIG, ResourceKind
from sagemaker_pca.polling import delays
from sagemaker_pca.retry_policy import is_transient
from sagemaker_pca.run_files import RunFiles
from sagemaker_pca.sagemaker_hook import RETRIES, SageMakerPcaHook, is_missing
from sagemaker_pca.sweep.estate import (
    ConfigDetails,
    Deployments,
    EndpointDetails,
    Resource,
    Series,
    Tags,
    Unreadable,
    deployments,
)

T = TypeVar("T")
Answer = Mapping[str, Any]

# The services' own limits: resources a page, ARNs a call, series a call.
LIST_PAGE = 100
TAG_BATCH = 100
METRIC_BATCH = 500
# Reads go out side by side: one after the other, thousands of descriptions would take minutes of waiting for answers.
READERS = 8
# Adaptive mode, as of single requests, slows all readers down at each throttle and takes seconds to recover.
READ_RETRIES = {"mode": "standard", "max_attempts": 10}
DELETION_WAIT_SECONDS = 3600.0


class SageMakerEstateHook(SageMakerPcaHook):
    """Lists, describes and deletes: the :class:`~sagemaker_pca.sweep.estate.Estate` of an account and region.

    A fact that may not be read is :class:`~sagemaker_pca.sweep.estate.Unreadable`. What may pass by itself, such as
    throttling that outlives the retries, is raised: another try reads it.
    """

    def _get_config(self, config: Config | None = None) -> Config:
        merged = super()._get_config(config)
        return merged.merge(Config(retries=READ_RETRIES)) if merged.retries == RETRIES else merged

    @cached_property
    def cloudwatch(self) -> Any:
        """CloudWatch client."""
        return self._client("cloudwatch")

    @cached_property
    def tagging(self) -> Any:
        """Resource Groups Tagging API client."""
        return self._client("resourcegroupstaggingapi")

    # --- resources -----------------------------------------------------------------------------------------------

    def list_resources(self, kind: ResourceKind, since: datetime | None = None) -> list[Resource]:
        """All endpoints, configurations or models, oldest first; one call per hundred.

        :param since: only endpoints changed, or others created, since then
        """
        paginator = self.conn.get_paginator(f"list_{kind.operation}s")
        time_filter = "LastModifiedTimeAfter" if kind is ENDPOINT else "CreationTimeAfter"
        pages = paginator.paginate(
            SortBy="CreationTime",
            SortOrder="Ascending",
            PaginationConfig={"PageSize": LIST_PAGE},
            **({time_filter: since} if since else {}),
        )
        member = f"{kind.name_key.removesuffix('Name')}s"
        return [_resource(kind, item) for page in pages for item in page[member]]

    def find_resource(self, kind: ResourceKind, name: str) -> Resource | None:
        """One endpoint, configuration or model as it is now; None when there is none."""
        description = self._find(kind, name)
        return None if description is None else _resource(kind, description)

    def _find(self, kind: ResourceKind, name: str) -> Answer | None:
        try:
            answer: Answer = getattr(self.conn, f"describe_{kind.operation}")(**{kind.name_key: name})
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        return answer

    def delete_resource(self, kind: ResourceKind, name: str) -> None:
        """Delete an endpoint, configuration or model; gone already is fine."""
        self.delete_if_there(kind.operation, **{kind.name_key: name})

    def wait_until_deleted(
        self, endpoint_name: str, poll_seconds: float, max_wait_seconds: float = DELETION_WAIT_SECONDS
    ) -> None:
        """Wait until an endpoint is gone.

        Raises:
            WaitTimeoutError: when it is still there after the longest wait.
        """
        give_up_at = time.monotonic() + max_wait_seconds
        for delay in delays(poll_seconds):
            endpoint = self.find_endpoint(endpoint_name)
            if endpoint is None:
                return
            if time.monotonic() >= give_up_at:
                raise WaitTimeoutError(
                    f"endpoint {endpoint_name} is still {endpoint['EndpointStatus']} {max_wait_seconds:.0f} s after "
                    "it was asked to go. Look at it in the console; deleting it again does no harm."
                )
            time.sleep(delay)

    # --- facts ---------------------------------------------------------------------------------------------------

    def read_tags(self, arns: Iterable[str]) -> dict[str, Tags]:
        """Tags by ARN, a hundred a call; the tagging API may lag behind by minutes."""
        batches = list(_batches(list(arns), TAG_BATCH))
        answers = self._each(lambda batch: _readable(self._tags_of_batch, batch), batches)
        return {
            arn: found if isinstance(found, Unreadable) else found.get(arn, {})
            for batch, found in zip(batches, answers, strict=True)
            for arn in batch
        }

    def _tags_of_batch(self, arns: Sequence[str]) -> dict[str, dict[str, str]]:
        pages = self.tagging.get_paginator("get_resources").paginate(ResourceARNList=list(arns))
        return {
            item["ResourceARN"]: {tag["Key"]: tag["Value"] for tag in item["Tags"]}
            for page in pages
            for item in page["ResourceTagMappingList"]
        }

    def read_current_tags(self, arn: str) -> Tags:
        """Tags as SageMaker itself has them now."""
        return _readable(self.tags, arn)

    def describe_endpoints(self, names: Iterable[str]) -> dict[str, EndpointDetails | Unreadable]:
        """What only descriptions tell of endpoints; those that are gone are left out."""
        return self._describe(ENDPOINT, names, _endpoint_details)

    def describe_configs(self, names: Iterable[str]) -> dict[str, ConfigDetails | Unreadable]:
        """What only descriptions tell of configurations; those that are gone are left out."""
        return self._describe(ENDPOINT_CONFIG, names, _config_details)

    def _describe(
        self, kind: ResourceKind, names: Iterable[str], details: Callable[[Answer], T]
    ) -> dict[str, T | Unreadable]:
        def read(name: str) -> T | Unreadable | None:
            description = _readable(self._find, kind, name)
            if description is None or isinstance(description, Unreadable):
                return description
            return details(description)

        named = list(names)
        found = zip(named, self._each(read, named), strict=True)
        return {name: item for name, item in found if item is not None}

    def count_invocations(
        self, series: Iterable[Series], start: datetime, end: datetime
    ) -> dict[Series, float | Unreadable | None]:
        """Invocations of endpoint variants between two times, five hundred a call; None where there is no data."""
        batches = list(_batches(list(series), METRIC_BATCH))
        answers = self._each(lambda batch: _readable(self._invocations_of_batch, batch, start, end), batches)
        return {
            one: found if isinstance(found, Unreadable) else found[one]
            for batch, found in zip(batches, answers, strict=True)
            for one in batch
        }

    def _invocations_of_batch(
        self, series: Sequence[Series], start: datetime, end: datetime
    ) -> dict[Series, float | Unreadable | None]:
        period = int((end - start).total_seconds())
        queries = [_invocations_query(f"s{place}", one, period) for place, one in enumerate(series)]
        pages = self.cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries, StartTime=start, EndTime=end
        )
        counts: dict[Series, float | Unreadable | None] = dict.fromkeys(series)
        for result in (result for page in pages for result in page["MetricDataResults"]):
            one = series[int(result["Id"].removeprefix("s"))]
            counts[one] = _with_result(counts[one], result)
        return counts

    def read_deployments(self, bucket: str, endpoint_names: Collection[str], now: datetime) -> Deployments | Unreadable:
        """Leases under way with their records, and the ways back of the named endpoints."""
        return _readable(self._deployments, bucket, endpoint_names, now)

    def _deployments(self, bucket: str, endpoint_names: Collection[str], now: datetime) -> Deployments:
        leases, ways_back = {}, []
        for item in self.list_objects(RunFiles(bucket, "", "").endpoints_uri):
            uri, endpoint_name = f"s3://{bucket}/{item['Key']}", item["Key"].split("/")[1]
            files = RunFiles(bucket, "", endpoint_name)
            if uri == files.lease_uri:
                leases[endpoint_name] = uri
            elif uri in {files.promoted_uri, files.history_uri} and endpoint_name in endpoint_names:
                ways_back.append((endpoint_name, uri))
        found = dict(zip(leases, self._each(self.find_json, leases.values()), strict=True))
        held = {name: lease for name, lease in found.items() if lease is not None}
        ways_back += [
            (name, RunFiles(bucket, lease["holder"], name).deployment_record_uri) for name, lease in held.items()
        ]
        documents = self._each(self.find_json, [uri for _, uri in ways_back])
        named = [(name, document) for (name, _), document in zip(ways_back, documents, strict=True) if document]
        return deployments(held, named, endpoint_names, now)

    def _each(self, read: Callable[[Any], T], items: Iterable[Any]) -> list[T]:
        """Read side by side, in order."""
        _ = self.conn, self.s3  # clients are thread-safe, making them is not
        with ThreadPoolExecutor(READERS) as pool:
            return list(pool.map(read, items))


def _resource(kind: ResourceKind, item: Answer) -> Resource:
    created_at = item["CreationTime"]
    return Resource(
        kind=kind,
        name=item[kind.name_key],
        arn=item[kind.arn_key],
        created_at=created_at,
        changed_at=item.get("LastModifiedTime", created_at) if kind is ENDPOINT else created_at,
        status=item[kind.status_key] if kind.status_key else None,
    )


def _endpoint_details(description: Answer) -> EndpointDetails:
    pending = description.get("PendingDeploymentSummary") or {}
    names = (description.get("EndpointConfigName"), pending.get("EndpointConfigName"))
    variants = [*description.get("ProductionVariants", ()), *description.get("ShadowProductionVariants", ())]
    return EndpointDetails(
        config_names=tuple(dict.fromkeys(name for name in names if name)),
        instance_counts={variant["VariantName"]: variant.get("CurrentInstanceCount") for variant in variants},
    )


def _config_details(description: Answer) -> ConfigDetails:
    variants = [*description.get("ProductionVariants", ()), *description.get("ShadowProductionVariants", ())]
    names = [variant.get("ModelName") for variant in variants]
    return ConfigDetails(
        model_names=tuple(dict.fromkeys(name for name in names if name)),
        instance_types={variant["VariantName"]: variant.get("InstanceType") for variant in variants},
        hosts_components=not all(names),
    )


def _invocations_query(query_id: str, series: Series, period: int) -> dict[str, Any]:
    dimensions = {"EndpointName": series.endpoint_name, "VariantName": series.variant_name}
    metric = {
        "Namespace": "AWS/SageMaker",
        "MetricName": "Invocations",
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
    }
    return {"Id": query_id, "MetricStat": {"Metric": metric, "Period": period, "Stat": "Sum"}}


def _with_result(count: float | Unreadable | None, result: Answer) -> float | Unreadable | None:
    """The count with one page's result added; a series may go on over pages."""
    if isinstance(count, Unreadable) or result["StatusCode"] not in {"Complete", "PartialData"}:
        return Unreadable(f"CloudWatch answers {result['StatusCode']}")
    return sum(result["Values"], count or 0.0) if result["Values"] else count


def _readable(read: Callable[..., T], *arguments: Any) -> T | Unreadable:
    """What is read, or why it may not be; raises what may pass by itself."""
    try:
        return read(*arguments)
    except ClientError as error:
        if is_transient(error):
            raise
        return Unreadable(f"{error.response['Error'].get('Code')}: {error.response['Error'].get('Message')}")


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
